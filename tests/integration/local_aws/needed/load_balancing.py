"""Probes of Elastic Load Balancing."""

from __future__ import annotations

from typing import Any

from tests.integration.local_aws.needed.probing import Aws, deploy, outputs, refused, shows


def listener(aws: Aws, name: str) -> tuple[str, str]:
    """Return the ARNs of a new load balancer and of its listener."""
    elb = aws.client("elbv2")
    made = elb.create_load_balancer(Name=name, Subnets=["subnet-1", "subnet-2"])
    balancer = str(made["LoadBalancers"][0]["LoadBalancerArn"])
    answer = {"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "404"}}
    made = elb.create_listener(
        LoadBalancerArn=balancer, Protocol="HTTP", Port=80, DefaultActions=[answer]
    )
    return balancer, str(made["Listeners"][0]["ListenerArn"])


def target_group(aws: Aws, name: str) -> str:
    """Return the ARN of a new target group of addresses."""
    made = aws.client("elbv2").create_target_group(
        Name=name, Protocol="HTTP", Port=80, VpcId="vpc-00000000", TargetType="ip"
    )
    return str(made["TargetGroups"][0]["TargetGroupArn"])


def rule(aws: Aws, to: str, **more: Any) -> Any:
    """Create a rule of a listener."""
    gone = {"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "410"}}
    host = {"Field": "host-header", "HostHeaderConfig": {"Values": ["example.com"]}}
    options = {"Priority": 1, "Conditions": [host], "Actions": [gone], **more}
    return aws.client("elbv2").create_rule(ListenerArn=to, **options)["Rules"][0]


@shows("load_balancing.rules")
def the_query_of_a_rule_is_shown_as_it_was_given(aws: Aws) -> bool:
    _, arn = listener(aws, "queries")
    pairs = [{"Key": "version", "Value": "1"}]
    query = {"Field": "query-string", "QueryStringConfig": {"Values": pairs}}
    (condition,) = rule(aws, arn, Conditions=[query])["Conditions"]
    return bool(condition.get("QueryStringConfig", {}).get("Values") == pairs)


@shows("load_balancing.tags")
def a_rule_of_a_template_has_its_tags(aws: Aws) -> bool:
    _, arn = listener(aws, "tagged")
    properties = {
        "ListenerArn": arn,
        "Priority": 1,
        "Conditions": [{"Field": "host-header", "HostHeaderConfig": {"Values": ["example.com"]}}],
        "Actions": [{"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "410"}}],
        "Tags": [{"Key": "service", "Value": "orders"}],
    }
    rule = {"Type": "AWS::ElasticLoadBalancingV2::ListenerRule", "Properties": properties}
    deploy(aws, "tagged", {"Rule": rule})
    elb = aws.client("elbv2")
    (made,) = (it for it in elb.describe_rules(ListenerArn=arn)["Rules"] if not it["IsDefault"])
    (told,) = elb.describe_tags(ResourceArns=[made["RuleArn"]])["TagDescriptions"]
    return {"Key": "service", "Value": "orders"} in told["Tags"]


@shows("load_balancing.refusals")
def a_load_balancer_that_is_protected_is_not_deleted(aws: Aws) -> bool:
    balancer, _ = listener(aws, "protected")
    elb = aws.client("elbv2")
    elb.modify_load_balancer_attributes(
        LoadBalancerArn=balancer,
        Attributes=[{"Key": "deletion_protection.enabled", "Value": "true"}],
    )
    code = refused(lambda: elb.delete_load_balancer(LoadBalancerArn=balancer))
    return code == "OperationNotPermitted"


@shows("load_balancing.target_groups")
def an_action_that_forwards_says_to_which_target_group(aws: Aws) -> bool:
    _, arn = listener(aws, "forwarding")
    group = target_group(aws, "target")
    action = {"Type": "forward", "ForwardConfig": {"TargetGroups": [{"TargetGroupArn": group}]}}
    made = rule(aws, arn, Actions=[action])
    (found,) = aws.client("elbv2").describe_rules(RuleArns=[made["RuleArn"]])["Rules"]
    return bool(found["Actions"][0].get("TargetGroupArn") == group)


@shows("load_balancing.health")
def a_target_at_which_nobody_listens_is_not_healthy(aws: Aws) -> bool:
    group = target_group(aws, "silent")
    elb = aws.client("elbv2")
    elb.register_targets(TargetGroupArn=group, Targets=[{"Id": "127.0.0.1", "Port": 1}])
    (found,) = elb.describe_target_health(TargetGroupArn=group)["TargetHealthDescriptions"]
    return bool(found["TargetHealth"]["State"] != "healthy")


@shows("load_balancing.target_groups")
def cloudwatch_knows_a_target_group_by_its_full_name(aws: Aws) -> bool:
    group = {
        "Type": "AWS::ElasticLoadBalancingV2::TargetGroup",
        "Properties": {"Name": "named", "Port": 80, "Protocol": "HTTP", "VpcId": "vpc-00000000"},
    }
    name = {"Fn::GetAtt": ["Group", "TargetGroupFullName"]}
    deploy(aws, "naming", {"Group": group}, Outputs={"Name": {"Value": name}})
    return outputs(aws, "naming")["Name"].startswith("targetgroup/named/")


@shows("load_balancing.refusals")
def a_health_check_ends_before_the_next_begins(aws: Aws) -> bool:
    elb = aws.client("elbv2")
    group = target_group(aws, "hasty")
    times = {"HealthCheckIntervalSeconds": 5, "HealthCheckTimeoutSeconds": 6}
    return bool(refused(lambda: elb.modify_target_group(TargetGroupArn=group, **times)))


@shows("load_balancing.certificates")
def the_certificates_of_a_listener_are_told(aws: Aws) -> bool:
    _, arn = listener(aws, "certificates")
    elb = aws.client("elbv2")
    return not refused(lambda: elb.describe_listener_certificates(ListenerArn=arn))
