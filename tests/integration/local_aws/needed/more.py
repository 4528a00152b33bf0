"""Probes of what else the mends mend, beside the first one of each."""

from __future__ import annotations

import json

from tests.integration.local_aws.needed.ecs import service
from tests.integration.local_aws.needed.functions import in_template
from tests.integration.local_aws.needed.load_balancing import listener, rule, target_group
from tests.integration.local_aws.needed.probing import (
    REGION,
    Aws,
    at_rest,
    change_set,
    deploy,
    outputs,
    refused,
    shows,
)
from tests.integration.local_aws.support import TRUST, zipped

TOPIC = {"Type": "AWS::SNS::Topic"}


@shows("load_balancing.refusals")
def a_priority_is_used_once(aws: Aws) -> bool:
    _, arn = listener(aws, "priorities")
    rule(aws, arn)
    return refused(lambda: rule(aws, arn)) == "PriorityInUse"


@shows("load_balancing.refusals")
def an_unknown_rule_leaves_all_priorities_as_they_are(aws: Aws) -> bool:
    _, arn = listener(aws, "places")
    one, two = rule(aws, arn), rule(aws, arn, Priority=2)
    wanted = [
        {"RuleArn": one["RuleArn"], "Priority": 3},
        {"RuleArn": "arn:aws:elasticloadbalancing:eu-central-1:000000000000:none", "Priority": 1},
    ]
    elb = aws.client("elbv2")
    code = refused(lambda: elb.set_rule_priorities(RulePriorities=wanted))
    (found,) = elb.describe_rules(RuleArns=[two["RuleArn"]])["Rules"]
    (first,) = elb.describe_rules(RuleArns=[one["RuleArn"]])["Rules"]
    return code == "RuleNotFound" and (first["Priority"], found["Priority"]) == ("1", "2")


@shows("load_balancing.refusals")
def the_quota_of_rules_is_told(aws: Aws) -> bool:
    limits = aws.client("elbv2").describe_account_limits()["Limits"]
    return {"Name": "rules-per-application-load-balancer", "Max": "100"} in limits


@shows("load_balancing.rules")
def a_priority_is_at_most_fifty_thousand(aws: Aws) -> bool:
    _, arn = listener(aws, "highest")
    return bool(refused(lambda: rule(aws, arn, Priority=50001)))


@shows("load_balancing.rules")
def a_rule_has_one_condition_of_a_kind(aws: Aws) -> bool:
    _, arn = listener(aws, "kinds")
    host = {"Field": "host-header", "HostHeaderConfig": {"Values": ["example.com"]}}
    return bool(refused(lambda: rule(aws, arn, Conditions=[host, host])))


@shows("secrets.secrets")
def the_secret_of_a_template_does_not_overwrite_another(aws: Aws) -> bool:
    manager = aws.client("secretsmanager")
    manager.create_secret(Name="kept", SecretString="first")
    properties = {"Name": "kept", "SecretString": "second"}
    secret = {"Type": "AWS::SecretsManager::Secret", "Properties": properties}
    deploy(aws, "overwriting", {"Secret": secret})
    return bool(manager.get_secret_value(SecretId="kept")["SecretString"] == "first")


@shows("secrets.secrets")
def a_secret_is_generated_as_asked(aws: Aws) -> bool:
    wanted = {"ExcludePunctuation": True, "ExcludeUppercase": True, "PasswordLength": 200}
    properties = {"Name": "generated", "GenerateSecretString": wanted}
    secret = {"Type": "AWS::SecretsManager::Secret", "Properties": properties}
    deploy(aws, "generating", {"Secret": secret})
    value = aws.client("secretsmanager").get_secret_value(SecretId="generated")["SecretString"]
    return value.isalnum() and value == value.lower() and len(value) == 200


@shows("secrets.secrets")
def the_ref_of_a_secret_is_its_arn(aws: Aws) -> bool:
    secret = {"Type": "AWS::SecretsManager::Secret", "Properties": {"Name": "referred"}}
    deploy(aws, "referring", {"Secret": secret}, Outputs={"Ref": {"Value": {"Ref": "Secret"}}})
    return outputs(aws, "referring")["Ref"].startswith("arn:")


@shows("secrets.secrets")
def a_label_moves_to_the_version_that_is_put_with_it(aws: Aws) -> bool:
    manager = aws.client("secretsmanager")
    manager.create_secret(Name="labelled", SecretString="first")
    for value in ("second", "third"):
        manager.put_secret_value(SecretId="labelled", SecretString=value, VersionStages=["MINE"])
    versions = manager.describe_secret(SecretId="labelled")["VersionIdsToStages"]
    return sum("MINE" in labels for labels in versions.values()) == 1


@shows("secrets.parameters")
def a_parameter_that_there_is_not_is_told_without_a_word(aws: Aws) -> bool:
    ssm = aws.client("ssm")
    try:
        ssm.get_parameter(Name="/none")
    except ssm.exceptions.ParameterNotFound as error:
        return not error.response["Error"].get("Message")
    return False


@shows("iam.permissions")
def a_simulation_looks_at_context_entries(aws: Aws) -> bool:
    iam = aws.client("iam")
    made = iam.create_role(RoleName="passing", AssumeRolePolicyDocument=TRUST)
    statement = {
        "Effect": "Allow",
        "Action": "iam:PassRole",
        "Resource": "*",
        "Condition": {"StringEquals": {"iam:PassedToService": "ecs.amazonaws.com"}},
    }
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    iam.put_role_policy(RoleName="passing", PolicyName="one", PolicyDocument=policy)
    entry = {
        "ContextKeyName": "iam:PassedToService",
        "ContextKeyValues": ["ecs.amazonaws.com"],
        "ContextKeyType": "string",
    }
    (result,) = iam.simulate_principal_policy(
        PolicySourceArn=made["Role"]["Arn"],
        ActionNames=["iam:PassRole"],
        ContextEntries=[entry],
    )["EvaluationResults"]
    return bool(result["EvalDecision"] == "allowed")


@shows("cloudformation.refusals")
def a_stack_that_was_rolled_back_is_not_created_over(aws: Aws) -> bool:
    value = {"Fn::GetAtt": ["Topic", "NoSuchThing"]}
    deploy(aws, "rolled-back", {"Topic": TOPIC}, Outputs={"None": {"Value": value}})
    assert at_rest(aws, "rolled-back") == "ROLLBACK_COMPLETE"
    body = json.dumps({"Resources": {"Topic": TOPIC}})
    create = aws.client("cloudformation").create_stack
    return refused(lambda: create(StackName="rolled-back", TemplateBody=body)) == (
        "AlreadyExistsException"
    )


@shows("cloudformation.templates")
def a_secure_string_stands_in_few_properties_only(aws: Aws) -> bool:
    properties = {"DisplayName": "{{resolve:ssm-secure:/word:1}}"}
    body = json.dumps({"Resources": {"Topic": {**TOPIC, "Properties": properties}}})
    create = aws.client("cloudformation").create_stack
    return bool(refused(lambda: create(StackName="secure", TemplateBody=body)))


@shows("cloudformation.service_roles")
def the_service_role_of_a_stack_is_shown(aws: Aws) -> bool:
    trust = TRUST.replace("lambda.amazonaws.com", "cloudformation.amazonaws.com")
    made = aws.client("iam").create_role(RoleName="serving", AssumeRolePolicyDocument=trust)
    cloudformation = aws.client("cloudformation")
    body = json.dumps({"Resources": {"Topic": TOPIC}})
    arn = made["Role"]["Arn"]
    cloudformation.create_stack(StackName="served", TemplateBody=body, RoleARN=arn)
    at_rest(aws, "served")
    (stack,) = cloudformation.describe_stacks(StackName="served")["Stacks"]
    return bool(stack.get("RoleARN") == arn)


@shows("cloudformation.exports")
def an_export_has_one_owner(aws: Aws) -> bool:
    output = {"Word": {"Value": "any", "Export": {"Name": "owned-word"}}}
    deploy(aws, "owner", {"Topic": TOPIC}, Outputs=output)
    return deploy(aws, "other-owner", {"Topic": TOPIC}, Outputs=output).startswith("ROLLBACK")


@shows("cloudformation.change_sets")
def a_change_set_leaves_out_what_a_condition_leaves_out(aws: Aws) -> bool:
    never = {"Never": {"Fn::Equals": ["a", "b"]}}
    resources = {"Topic": TOPIC, "Other": {**TOPIC, "Condition": "Never"}}
    made = change_set(aws, "conditional", resources, Conditions=never, kind="CREATE")
    changed = {it["ResourceChange"]["LogicalResourceId"] for it in made["Changes"]}
    return changed == {"Topic"}


@shows("cloudformation.journal")
def a_stack_tells_its_last_operation(aws: Aws) -> bool:
    deploy(aws, "operated", {"Topic": TOPIC})
    (stack,) = aws.client("cloudformation").describe_stacks(StackName="operated")["Stacks"]
    return bool(stack.get("LastOperations"))


@shows("services.objects")
def a_template_is_taken_by_its_version(aws: Aws) -> bool:
    s3 = aws.client("s3")
    s3.create_bucket(Bucket="versions", CreateBucketConfiguration={"LocationConstraint": REGION})
    s3.put_bucket_versioning(Bucket="versions", VersioningConfiguration={"Status": "Enabled"})
    put = [
        s3.put_object(Bucket="versions", Key="t", Body=json.dumps({"Resources": {name: TOPIC}}))
        for name in ("First", "Second")
    ]
    url = f"{aws.endpoint}/versions/t?versionId={put[0]['VersionId']}"
    cloudformation = aws.client("cloudformation")
    cloudformation.create_stack(StackName="versioned", TemplateURL=url)
    at_rest(aws, "versioned")
    found = cloudformation.describe_stack_resources(StackName="versioned")["StackResources"]
    return [it["LogicalResourceId"] for it in found] == ["First"]


@shows("functions.idle")
def a_template_puts_a_function_into_a_network(aws: Aws) -> bool:
    network = {"SubnetIds": ["subnet-1"], "SecurityGroupIds": ["sg-1"]}
    function = in_template(FunctionName="networked", VpcConfig=network)
    deploy(aws, "networking", {"Function": function})
    found = aws.client("lambda").get_function_configuration(FunctionName="networked")
    return bool((found.get("VpcConfig") or {}).get("SubnetIds") == ["subnet-1"])


@shows("functions.refusals")
def a_function_runs_in_a_runtime_that_there_is(aws: Aws) -> bool:
    role = aws.client("iam").create_role(RoleName="ancient", AssumeRolePolicyDocument=TRUST)
    create = aws.client("lambda").create_function
    code = refused(
        lambda: create(
            FunctionName="ancient",
            Runtime="python3.1",
            Role=role["Role"]["Arn"],
            Handler="function.handler",
            Code={"ZipFile": zipped(function="")},
        )
    )
    return code == "InvalidParameterValueException"


@shows("databases.clusters")
def a_cluster_that_is_protected_is_not_deleted(aws: Aws) -> bool:
    cluster = {
        "Type": "AWS::RDS::DBCluster",
        "Properties": {
            "DBClusterIdentifier": "guarded",
            "Engine": "aurora-postgresql",
            "MasterUsername": "master",
            "MasterUserPassword": "of-the-master",
            "DeletionProtection": True,
            "StorageEncrypted": True,
        },
    }
    deploy(aws, "guarding", {"Cluster": cluster})
    aws.client("cloudformation").delete_stack(StackName="guarding")
    return at_rest(aws, "guarding") == "DELETE_FAILED"


@shows("ecs.refusals")
def a_service_listens_at_a_port_that_its_container_has(aws: Aws) -> bool:
    _, arn = listener(aws, "ports")
    group = target_group(aws, "ports")
    forward = {"Type": "forward", "TargetGroupArn": group}
    rule(aws, arn, Actions=[forward])
    balancer = {"targetGroupArn": group, "containerName": "app", "containerPort": 81}
    return bool(refused(lambda: service(aws, "ports", loadBalancers=[balancer])))
