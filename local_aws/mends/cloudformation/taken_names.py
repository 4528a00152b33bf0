"""Names that are taken.

Wrong upstream: a template's resource takes over, without a word, what has its name already.
Source: answers recorded on AWS in LocalStack's public tests; aws/aws-cdk-cli issue 1000 for the
sentence; the primary identifiers of the types' schemas.
Last needed: ministack 1.5.33.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ministack.core.responses import get_region
from ministack.services import (
    alb,
    cloudwatch,
    cloudwatch_logs,
    dynamodb,
    ecr,
    ecs,
    eventbridge,
    iam,
    kms,
    lambda_svc,
    rds,
    s3,
    sns,
    sqs,
    ssm,
)
from ministack.services.cloudformation import stacks

from local_aws import schemas
from local_aws.mending import Layer, Mending

Properties = dict[str, Any]
Exists = Callable[[str, Properties], bool]

# The property that names a resource, and whether that name is taken.
_NAMED: dict[str, tuple[str, Exists]] = {
    "AWS::CloudWatch::Alarm": ("AlarmName", lambda name, _: name in cloudwatch._alarms),
    "AWS::CloudWatch::Dashboard": (
        "DashboardName",
        lambda name, _: name in cloudwatch._dashboards,
    ),
    "AWS::DynamoDB::Table": ("TableName", lambda name, _: name in dynamodb._tables),
    "AWS::ECR::Repository": ("RepositoryName", lambda name, _: name in ecr._repositories),
    "AWS::ECS::Cluster": (
        "ClusterName",
        lambda name, _: (ecs._clusters.get(name) or {}).get("status") == "ACTIVE",
    ),
    "AWS::ElasticLoadBalancingV2::LoadBalancer": (
        "Name",
        lambda name, _: any(each["LoadBalancerName"] == name for each in alb._lbs.values()),
    ),
    "AWS::ElasticLoadBalancingV2::TargetGroup": (
        "Name",
        lambda name, _: any(each["TargetGroupName"] == name for each in alb._tgs.values()),
    ),
    "AWS::Events::Rule": (
        "Name",
        lambda name, p: (
            eventbridge._rule_key(name, p.get("EventBusName") or "default") in eventbridge._rules
        ),
    ),
    "AWS::IAM::Role": ("RoleName", lambda name, _: name in iam._roles),
    "AWS::KMS::Alias": ("AliasName", lambda name, _: kms._alias_arn(name) in kms._aliases),
    "AWS::Lambda::Function": ("FunctionName", lambda name, _: name in lambda_svc._functions),
    "AWS::Logs::LogGroup": ("LogGroupName", lambda name, _: name in cloudwatch_logs._log_groups),
    "AWS::RDS::DBCluster": ("DBClusterIdentifier", lambda name, _: name in rds._clusters),
    "AWS::RDS::DBInstance": ("DBInstanceIdentifier", lambda name, _: name in rds._instances),
    "AWS::RDS::DBSubnetGroup": (
        "DBSubnetGroupName",
        lambda name, _: name.lower() in rds._subnet_groups,
    ),
    "AWS::RDS::DBClusterParameterGroup": (
        "DBClusterParameterGroupName",
        lambda name, _: name in rds._db_cluster_param_groups,
    ),
    "AWS::S3::Bucket": ("BucketName", lambda name, _: name in s3._buckets),
    "AWS::SNS::Topic": (
        "TopicName",
        lambda name, _: any(arn.rsplit(":", 1)[-1] == name for arn in sns._topics),
    ),
    "AWS::SQS::Queue": ("QueueName", lambda name, _: name in sqs._queue_name_to_url),
    "AWS::SSM::Parameter": ("Name", lambda name, _: name in ssm._parameters),
}


def install(mending: Mending) -> None:
    """Refuse a name that is taken, where a type's handler would."""
    mending.around(stacks, "_provision_resource", _create_resource, layer=Layer.VALIDATION)
    mending.around(stacks, "_update_resource", _update_resource, layer=Layer.VALIDATION)


def _create_resource(
    upstream: Any, kind: str, logical_id: str, properties: Properties, stack: str
) -> Any:
    _refuse_taken(kind, properties)
    return upstream(kind, logical_id, properties, stack)


def _update_resource(
    upstream: Any, kind: str, made: str, old: Properties, new: Properties, *rest: Any
) -> Any:
    if _name(kind, old) != _name(kind, new):
        _refuse_taken(kind, new)
    return upstream(kind, made, old, new, *rest)


def conflict(kind: str, properties: Properties, before: Properties) -> str | None:
    """Return what early validation says of a resource's name, or None.

    It knows only names that are the type's primary identifier.

    Args:
        before: the properties of the resource that the stack has already; empty for a new one.
    """
    name = _name(kind, properties)
    is_identifier = name and schemas.identifier(kind, get_region()) == _NAMED[kind][0]
    if not is_identifier or name == _name(kind, before) or not _is_taken(kind, properties):
        return None
    return _sentence(kind, name)


def _refuse_taken(kind: str, properties: Properties) -> None:
    if _is_taken(kind, properties):
        sentence = _sentence(kind, _name(kind, properties))
        raise ValueError(
            f'Resource handler returned message: "{sentence}" (HandlerErrorCode: AlreadyExists)'
        )


def _sentence(kind: str, name: str) -> str:
    return f"Resource of type '{kind}' with identifier '{name}' already exists."


def _name(kind: str, properties: Properties) -> str:
    named = _NAMED.get(kind)
    name = properties.get(named[0]) if named else None
    return name if isinstance(name, str) else ""


def _is_taken(kind: str, properties: Properties) -> bool:
    name = _name(kind, properties)
    return bool(name) and _NAMED[kind][1](name, properties)
