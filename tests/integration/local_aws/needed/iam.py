"""Probes of IAM."""

from __future__ import annotations

import json

from tests.integration.local_aws.needed.probing import Aws, refused, shows
from tests.integration.local_aws.support import TRUST


@shows("iam.permissions")
def a_simulation_finds_the_policies_of_a_role_with_a_path(aws: Aws) -> bool:
    iam = aws.client("iam")
    made = iam.create_role(RoleName="pathed", Path="/team/", AssumeRolePolicyDocument=TRUST)
    statement = {"Effect": "Allow", "Action": "s3:ListAllMyBuckets", "Resource": "*"}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    iam.put_role_policy(RoleName="pathed", PolicyName="one", PolicyDocument=policy)
    answer = iam.simulate_principal_policy(
        PolicySourceArn=made["Role"]["Arn"], ActionNames=["s3:ListAllMyBuckets"]
    )
    (result,) = answer["EvaluationResults"]
    return bool(result["EvalDecision"] == "allowed")


@shows("iam.roles")
def a_trust_policy_says_whom_it_trusts(aws: Aws) -> bool:
    create = aws.client("iam").create_role
    statement = {"Effect": "Allow", "Action": "sts:AssumeRole"}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    code = refused(lambda: create(RoleName="trusting", AssumeRolePolicyDocument=policy))
    return code == "MalformedPolicyDocument"


@shows("iam.roles")
def the_role_of_ecs_is_called_as_on_aws(aws: Aws) -> bool:
    create = aws.client("iam").create_service_linked_role
    return bool(
        create(AWSServiceName="ecs.amazonaws.com")["Role"]["RoleName"] == "AWSServiceRoleForECS"
    )


@shows("iam.identity")
def not_every_account_number_is_root(aws: Aws) -> bool:
    stranger = {"aws_access_key_id": "111122223333", "aws_secret_access_key": "any"}
    sts = aws.client("sts", **stranger)
    return bool(refused(sts.get_caller_identity))


@shows("iam.conditions")
def a_policy_on_one_service_lets_it_be_described(aws: Aws) -> bool:
    aws.client("ecs").create_cluster(clusterName="watched")
    iam = aws.client("iam")
    iam.create_user(UserName="watcher")
    statement = {
        "Effect": "Allow",
        "Action": "ecs:DescribeServices",
        "Resource": "arn:aws:ecs:eu-central-1:000000000000:service/watched/*",
    }
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    iam.put_user_policy(UserName="watcher", PolicyName="one", PolicyDocument=policy)
    key = iam.create_access_key(UserName="watcher")["AccessKey"]
    ecs = aws.client(
        "ecs",
        aws_access_key_id=key["AccessKeyId"],
        aws_secret_access_key=key["SecretAccessKey"],
    )
    return not refused(lambda: ecs.describe_services(cluster="watched", services=["any"]))


@shows("iam.conditions")
def a_service_deployment_is_told_to_who_may_see_its_service_too(aws: Aws) -> bool:
    iam = aws.client("iam")
    iam.create_user(UserName="half")
    key = iam.create_access_key(UserName="half")["AccessKey"]
    ecs = aws.client(
        "ecs",
        aws_access_key_id=key["AccessKeyId"],
        aws_secret_access_key=key["SecretAccessKey"],
    )
    deployment = "arn:aws:ecs:eu-central-1:000000000000:service-deployment/watched/any/1"
    service = "arn:aws:ecs:eu-central-1:000000000000:service/watched/any"

    def told(*resources: str) -> bool:
        action = "ecs:DescribeServiceDeployments"
        statement = {"Effect": "Allow", "Action": action, "Resource": resources}
        policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        iam.put_user_policy(UserName="half", PolicyName="one", PolicyDocument=policy)
        ask = ecs.describe_service_deployments
        return refused(lambda: ask(serviceDeploymentArns=[deployment])) != "AccessDeniedException"

    return [told(deployment), told(service), told(deployment, service)] == [False, False, True]
