"""What CloudFormation's handlers call for the resources of the templates, and on what.

Source of the calls: the `handlers` of the resource schemas, which cfn-lint carries.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

from tests.permissions import actions
from tests.permissions.exceptions import READS_LEFT_OUT, REMOVED, WRITES_FOR, WRITES_LEFT_OUT
from tests.unit.templates.templates import ACCOUNT, REGION, Stack, handler_permissions

ANY = "*"  # the resource of an action that takes none, or that is known by an id of AWS's own
PARAMETERS = {
    "Platform": "shop",
    "Name": "orders",
    "ClusterName": "shop",
    "HostedZoneId": "Z1",
    "AlarmTopicArn": f"arn:aws:sns:{REGION}:{ACCOUNT}:shop-alarms",
    "ArtifactsBucket": f"shop-artifacts-{ACCOUNT}-{REGION}",
    "DatabaseFunctionArn": f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:shop-database",
    "ListenerArn": (
        f"arn:aws:elasticloadbalancing:{REGION}:{ACCOUNT}:listener/app/shop-public/12/34"
    ),
    "ListenerPriorityFunctionArn": (
        f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:shop-listener-priority"
    ),
    "PasswordFunctionArn": f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:shop-password",
    "RotationFunctionArn": f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:shop-rotate",
    "WebAclArn": f"arn:aws:wafv2:{REGION}:{ACCOUNT}:regional/webacl/shop/1234",
}


@dataclass(frozen=True)
class Need:
    """One action that a handler calls for one resource.

    Args:
        template: its name.
        resource: the logical id.
        kind: the resource's type.
        action: of IAM.
        arn: of what it is called on; ``*`` where that is nothing, or has no name of ours.
    """

    template: str
    resource: str
    kind: str
    action: str
    arn: str


def is_left_out(kind: str, action: str) -> bool:
    """Whether a handler of the type doesn't come to the action with the properties that are set."""
    return not {action, f"{kind} {action}"}.isdisjoint(
        READS_LEFT_OUT.keys() | WRITES_LEFT_OUT.keys()
    )


def of(templates: Iterable[str], **parameters: str) -> Iterator[Need]:
    """Yield what the handlers call for all resources that the templates can have."""
    for template in templates:
        stack = Stack(template, PARAMETERS | parameters)
        for key, resource in stack.template["Resources"].items():
            kind = resource["Type"]
            if not kind.startswith("AWS::"):
                yield Need(template, key, kind, "lambda:InvokeFunction", _function(stack, resource))
                continue
            properties = stack.resolve(resource.get("Properties", {})) or {}
            for action in called_for(kind):
                guard = WRITES_FOR.get(f"{kind} {action}")
                if not is_left_out(kind, action) and (
                    guard is None or guard in resource["Properties"]
                ):
                    for arn in _targets(kind, action, properties, stack):
                        yield Need(template, key, kind, action, arn)


def of_removal(template: str) -> Iterator[Need]:
    """Yield what the handlers call to delete what a template no longer has (REMOVED)."""
    groups = [
        f"arn:aws:logs:{_AT}:log-group:{it['Properties']['LogGroupName']}"
        for it in Stack(template, PARAMETERS).resources.values()
        if it["Type"] == "AWS::Logs::LogGroup"
    ]
    for kind in (kind for name, kind in REMOVED if name == template):
        for action in handler_permissions(kind, "read", "delete"):
            for arn in groups:
                yield Need(template, "", kind, action, arn)


@cache
def called_for(kind: str) -> tuple[str, ...]:
    """Return what a type's handlers may call, with what those calls ask of their caller besides."""
    handlers = handler_permissions(kind)
    called = {action for action in handlers if not is_left_out(kind, action)}
    return tuple(sorted(handlers | {it for action in called for it in actions.dependents(action)}))


def _function(stack: Stack, resource: Any) -> str:
    return str(stack.resolve(resource["Properties"]["ServiceToken"]))


def _targets(kind: str, action: str, properties: Any, stack: Stack) -> list[str]:
    patterns = actions.resource_patterns(action)
    own = _own(kind, properties, stack)
    others = _others(stack).get(action, [])
    fitting = [arn for arn in own + others if any(it.fullmatch(arn) for it in patterns)]
    return fitting or [ANY]


def _own(kind: str, properties: Any, stack: Stack) -> list[str]:
    return [f"arn:aws:{arn}" for arn in _ARNS[kind](properties, stack)] if kind in _ARNS else []


def _others(stack: Stack) -> dict[str, list[str]]:
    """What handlers need beside the resource that they make, by action."""
    service = stack.parameters.get("Name")
    paths = {"service": f"service/{service}", "network": "network"}
    paths["restore"] = paths["service"]  # its task starts as the service's do
    paths["service_monitoring"] = f"logs/{service}"
    where = paths.get(stack.name, "functions")
    bucket = f"arn:aws:s3:::{PARAMETERS['ArtifactsBucket']}"
    return {
        "elasticloadbalancing:CreateListener": [
            f"arn:aws:elasticloadbalancing:{_AT}:loadbalancer/app/shop-public/12"
        ],
        "elasticloadbalancing:CreateRule": [f"arn:aws:{_LISTENER}"],
        "iam:PassRole": [f"arn:aws:iam::{ACCOUNT}:role/shop/{where}/a-role"],
        "iam:GetRole": [f"arn:aws:iam::{ACCOUNT}:role/shop/{where}/a-role"],
        "iam:CreateServiceLinkedRole": [
            f"arn:aws:iam::{ACCOUNT}:role/aws-service-role/{_LINKED[stack.name]}/AWSServiceRole"
        ],
        "lambda:InvokeFunction": [stack.parameters.get("RotationFunctionArn", "")],
        "s3:GetObject": [f"{bucket}/functions/a-zip"],
        "s3:GetObjectVersion": [f"{bucket}/functions/a-zip"],
    }


_LINKED = {
    "network": "delivery.logs.amazonaws.com",
    "support": "dynamodb.amazonaws.com",
    "deployment_role": "none",
    "cluster": "ecs.amazonaws.com",
    "load_balancer": "elasticloadbalancing.amazonaws.com",
    "rds": "rds.amazonaws.com",
    "restore": "rds.amazonaws.com",
    "rotation": "none",
    "service": "ecs.application-autoscaling.amazonaws.com",
    "service_monitoring": "none",
}

_AT = f"{REGION}:{ACCOUNT}"
_LISTENER = f"elasticloadbalancing:{_AT}:listener/app/shop-public/12/34"
_SECRET = f"secretsmanager:{_AT}:secret:"


def _function_of(properties: Any, stack: Stack) -> list[str]:
    """The function that a mapping, a permission or an invocation configuration is about."""
    key = properties["FunctionName"].strip("<>").removesuffix(".Arn")
    name = stack.resolve(stack.template["Resources"][key]["Properties"]["FunctionName"])
    return [f"lambda:{_AT}:function:{name}"]


def _log_group_of(properties: Any, stack: Stack) -> list[str]:
    if "LogGroupName" in stack.template["Parameters"]:  # the stack beside a service's is told it
        return [f"logs:{_AT}:log-group:/shop/{stack.parameters['Name']}"]
    key = properties["LogGroupName"].strip("<>")
    name = stack.resolve(stack.template["Resources"][key]["Properties"]["LogGroupName"])
    return [f"logs:{_AT}:log-group:{name}"]


def _secret_of(properties: Any, stack: Stack) -> list[str]:
    key = properties["SecretId"].strip("<>")
    name = stack.resolve(stack.template["Resources"][key]["Properties"]["Name"])
    return [f"{_SECRET}{name}-AbCdEf"]


def _scalable_target(_properties: Any, stack: Stack) -> list[str]:
    service = stack.parameters["Name"]
    return [
        f"application-autoscaling:{_AT}:scalable-target/1234",
        f"cloudwatch:{_AT}:alarm:TargetTracking-service/shop/{service}-AlarmHigh",
    ]


def _hosted_zone(properties: Any, _stack: Stack) -> list[str]:
    return [f"route53:::hostedzone/{properties['HostedZoneId']}", "route53:::change/C1"]


# By type, the ARNs that a resource has, without `arn:aws:`. Types that aren't here are known by ids
# that AWS makes.
_ARNS: dict[str, Callable[[Any, Stack], list[str]]] = {
    "AWS::ApplicationAutoScaling::ScalableTarget": _scalable_target,
    "AWS::ApplicationAutoScaling::ScalingPolicy": _scalable_target,
    "AWS::CloudWatch::Alarm": lambda it, _: [f"cloudwatch:{_AT}:alarm:{it['AlarmName']}"],
    "AWS::CloudWatch::Dashboard": lambda it, _: [
        f"cloudwatch::{ACCOUNT}:dashboard/{it['DashboardName']}"
    ],
    "AWS::DynamoDB::Table": lambda it, _: [f"dynamodb:{_AT}:table/{it['TableName']}"],
    "AWS::ECS::Cluster": lambda it, _: [f"ecs:{_AT}:cluster/{it['ClusterName']}"],
    "AWS::ECS::Service": lambda it, _: [
        f"ecs:{_AT}:service/{it['Cluster']}/{it['ServiceName']}",
        f"ecs:{_AT}:service-deployment/{it['Cluster']}/{it['ServiceName']}/1234",
    ],
    "AWS::ECS::TaskDefinition": lambda it, _: [f"ecs:{_AT}:task-definition/{it['Family']}:1"],
    "AWS::ElasticLoadBalancingV2::Listener": lambda *_: [_LISTENER],
    "AWS::ElasticLoadBalancingV2::ListenerCertificate": lambda *_: [_LISTENER],
    "AWS::ElasticLoadBalancingV2::ListenerRule": lambda *_: [
        f"elasticloadbalancing:{_AT}:listener-rule/app/shop-public/12/34/56"
    ],
    "AWS::ElasticLoadBalancingV2::LoadBalancer": lambda it, _: [
        f"elasticloadbalancing:{_AT}:loadbalancer/app/{it['Name']}/12"
    ],
    "AWS::ElasticLoadBalancingV2::TargetGroup": lambda *_: [
        f"elasticloadbalancing:{_AT}:targetgroup/shop-se-Targe-1234/56"
    ],
    "AWS::Events::Rule": lambda it, _: [f"events:{_AT}:rule/{it['Name']}"],
    "AWS::IAM::Role": lambda it, _: [f"iam::{ACCOUNT}:role{it['Path']}a-role"],
    "AWS::IAM::ServiceLinkedRole": lambda it, _: [
        f"iam::{ACCOUNT}:role/aws-service-role/{it['AWSServiceName']}/AWSServiceRole"
    ],
    "AWS::KMS::Alias": lambda it, _: [f"kms:{_AT}:{it['AliasName']}", f"kms:{_AT}:key/1234"],
    "AWS::KMS::Key": lambda *_: [f"kms:{_AT}:key/1234"],
    "AWS::Lambda::EventInvokeConfig": _function_of,
    "AWS::Lambda::EventSourceMapping": lambda *_: [f"lambda:{_AT}:event-source-mapping:1234"],
    "AWS::Lambda::Function": lambda it, _: [f"lambda:{_AT}:function:{it['FunctionName']}"],
    "AWS::Lambda::Permission": _function_of,
    "AWS::Logs::LogGroup": lambda it, _: [f"logs:{_AT}:log-group:{it['LogGroupName']}"],
    "AWS::Logs::MetricFilter": _log_group_of,
    "AWS::Logs::SubscriptionFilter": _log_group_of,
    "AWS::Route53::RecordSet": _hosted_zone,
    "AWS::SNS::Subscription": lambda *_: [f"sns:{_AT}:shop-alarms"],
    "AWS::SNS::Topic": lambda it, _: [f"sns:{_AT}:{it['TopicName']}"],
    "AWS::SQS::Queue": lambda it, _: [f"sqs:{_AT}:{it['QueueName']}"],
    "AWS::SQS::QueuePolicy": lambda it, stack: [
        f"sqs:{_AT}:{stack.resolve(stack.template['Resources'][key.strip('<>')]['Properties']['QueueName'])}"
        for key in it["Queues"]
    ],
    "AWS::SSM::Parameter": lambda it, _: [f"ssm:{_AT}:parameter{it['Name']}"],
    "AWS::SecretsManager::RotationSchedule": _secret_of,
    "AWS::SecretsManager::Secret": lambda it, _: [f"{_SECRET}{it['Name']}-AbCdEf"],
    "AWS::SecretsManager::SecretTargetAttachment": _secret_of,
    "AWS::WAFv2::WebACLAssociation": lambda it, _: [
        it["WebACLArn"].removeprefix("arn:aws:"),
        f"elasticloadbalancing:{_AT}:loadbalancer/app/shop-public/12",
    ],
}
