"""What AWS may leave out of an answer is never taken for granted.

botocore's models say which members of an answer are required; nearly none is. Reading any other one
as `answer["Member"]` is a KeyError on the day it is absent, so each that is read like that stands
here with the reason why it is always there. Whatever isn't here is read by `.get`.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import botocore.session
from botocore import xform_name

ROOT = Path(__file__).parents[2]
ROOMS = ("custom_resources", "plugins")
SERVICES = (
    *("acm", "cloudformation", "cloudwatch", "dynamodb", "ec2", "ecr", "ecs", "elbv2", "iam"),
    *("lambda", "logs", "rds", "route53", "s3", "secretsmanager", "service-quotas", "ssm", "sts"),
)

ALWAYS_THERE = {
    "the list that the operation is for; empty, never absent": {
        *("Items", "Limits", "MetricAlarms", "Parameters", "Rules", "SecretList", "StackEvents"),
        *("StackResourceSummaries", "StackSummaries", "Stacks", "Summaries", "TagList"),
        *("Versions", "containerDefinitions", "events", "imageDetails", "serviceDeployments"),
        *("DBClusterSnapshots", "DBClusters", "DBInstances", "services", "taskArns", "tasks"),
    },
    "the one thing that the operation is for; without it AWS answers with an error": {
        *("Account", "Arn", "Parameter", "RandomPassword", "StackResourceDetail", "TemplateBody"),
        "taskDefinition",
        *("Item",),  # DynamoDB leaves it out, and the read is behind `if "Item" in`
    },
    "what identifies the thing that is listed": {
        *("AlarmName", "DBClusterIdentifier", "DBClusterSnapshotIdentifier", "Id", "Key", "Name"),
        "DBInstanceIdentifier",
        *("OperationId", "OutputKey", "ParameterKey", "arn", "logGroupName"),
        *("StackId", "StackName"),
        *("Version", "VersionId", "id", "imageDigest", "name", "serviceDeploymentArn", "taskArn"),
        *("taskDefinitionArn",),
    },
    "required of a stack event; of an operation event (DescribeEvents) it is optional": {
        *("EventId", "Timestamp"),
    },
    "a state that the thing has from its first moment on": {
        *("Priority", "Status", "lastStatus", "status"),
    },
    "a number that is 0 at the least, and its JSON says so": {
        *("desiredCount", "pendingCount", "runningCount"),
    },
    "the other half of a pair, one of which makes no sense alone": {
        *("Max", "OutputValue", "Value", "message", "timestamp"),
    },
    "the type's own member: an attribute value has exactly one": {"N", "S"},
    "what a change of a change set says in any case": {"Action", "ResourceChange", "Target"},
    "read behind a condition that it is there": {
        *("KmsKeyId", "ParameterValue", "exitCode", "finishedAt", "reason", "stoppedAt"),
    },
}
# What looks at variables calls nothing in AWS.
WITHOUT_ANSWERS = (
    "plugins/action/variables.py",
    "plugins/plugin_utils/computed.py",
    "plugins/plugin_utils/stack_options.py",
    "plugins/plugin_utils/variable",
)
# Names that a member of some answer has too, read from something that is none of AWS's answers.
NOT_ANSWERS = {
    ("custom_resources/listener_priority/decisions.py", "Conditions"): "our own property",
    ("custom_resources/listener_priority/listener.py", "Type"): "required of an action",
    ("custom_resources/listener_priority/reservations.py", "Conditions"): "behind `if` in our item",
    ("custom_resources/database/restoring.py", "properties"): "our own event",
    ("custom_resources/notices/decisions.py", "clusterArn"): "an event of EventBridge",
    ("custom_resources/notices/decisions.py", "detail"): "an event of EventBridge",
    ("custom_resources/notices/decisions.py", "startedBy"): "an event of EventBridge",
    ("custom_resources/rotation/activate/function.py", "detail"): "an event of EventBridge",
    (
        "custom_resources/rotation/rotate/function.py",
        "ClientRequestToken",
    ): "our own event",
    ("custom_resources/rotation/rotate/user.py", "host"): "a secret's own JSON",
    ("custom_resources/rotation/rotate/user.py", "port"): "a secret's own JSON",
    (
        "custom_resources/shared/aws.py",
        "Error",
    ): "of a ClientError, not of a function's environment",
    ("custom_resources/shared/aws.py", "Code"): "of a ClientError",
    ("custom_resources/rotation/activate/activation.py", "Timestamp"): "required of a StackEvent",
    ("custom_resources/shared/cloudformation.py", "LogicalResourceId"): "CloudFormation's request",
    ("custom_resources/shared/delivery.py", "LogicalResourceId"): "our own answer",
    ("custom_resources/shared/request.py", "LogicalResourceId"): "CloudFormation's request",
    ("plugins/plugin_utils/change_details.py", "LogicalResourceId"): "a change names its resource",
    ("plugins/plugin_utils/changes.py", "LogicalResourceId"): "a change names its resource",
    ("plugins/plugin_utils/changes.py", "ParameterValue"): "our own request, where it has one",
    ("plugins/plugin_utils/changes.py", "ResourceType"): "a change names its resource's type",
    ("plugins/plugin_utils/changes.py", "Tags"): "our own request, where it has them",
    ("plugins/action/stack.py", "action"): "our own dictionary",
    ("plugins/plugin_utils/preview.py", "action"): "our own dictionary",
    ("plugins/plugin_utils/preview.py", "properties"): "our own dictionary",
    ("plugins/plugin_utils/preview.py", "type"): "our own dictionary",
    ("plugins/plugin_utils/changes.py", "action"): "our own dictionary",
    ("plugins/plugin_utils/changes.py", "properties"): "our own dictionary",
    ("plugins/plugin_utils/changes.py", "type"): "our own dictionary",
    ("plugins/plugin_utils/deployment_rules.py", "timeout"): "an option of the role",
    ("plugins/plugin_utils/draft.py", "capabilities"): "an option of the task",
    ("plugins/plugin_utils/draft.py", "tags"): "an option of the task",
    ("plugins/plugin_utils/gate.py", "LogicalResourceId"): "a change names its resource",
    ("plugins/plugin_utils/gate.py", "ResourceType"): "a change names its resource's type",
    ("plugins/action/exec.py", "command"): "an option of the task",
    ("plugins/action/restore.py", "drop"): "an option of the task",
    ("plugins/action/restore.py", "image"): "an option of the task",
    ("plugins/plugin_utils/last_snapshot.py", "SnapshotCreateTime"): "of one that is available",
    ("plugins/plugin_utils/restore.py", "DBClusterParameterGroup"): "each cluster has one",
    ("plugins/plugin_utils/restore.py", "DBInstanceClass"): "each instance has one",
    ("plugins/plugin_utils/restore.py", "DBSubnetGroup"): "each cluster in a VPC has one",
    ("plugins/plugin_utils/restore.py", "DatabaseName"): "an output of the service's stack",
    ("plugins/plugin_utils/restore.py", "Port"): "each cluster has one",
    ("plugins/plugin_utils/restore.py", "VpcSecurityGroupId"): "what is listed",
    ("plugins/plugin_utils/restore.py", "VpcSecurityGroups"): "each cluster in a VPC has some",
    ("plugins/plugin_utils/restore.py", "executionRoleArn"): "a service with secrets has one",
    ("plugins/plugin_utils/restore.py", "image"): "an option of the task",
    ("plugins/plugin_utils/restore.py", "logConfiguration"): "each service's container has one",
    ("plugins/plugin_utils/restore.py", "options"): "of that",
    ("plugins/plugin_utils/restore_calls.py", "Payload"): "of a call that waits for its answer",
    ("plugins/plugin_utils/history.py", "image"): "our own dictionary",
    ("plugins/plugin_utils/history.py", "revision"): "our own dictionary",
    ("plugins/plugin_utils/history.py", "tags"): "our own dictionary",
    ("plugins/plugin_utils/outdated.py", "version"): "our own dictionary",
    ("plugins/plugin_utils/rollback_plan.py", "Command"): "the template's",
    ("plugins/plugin_utils/status.py", "alarms"): "our own dictionary",
    ("plugins/plugin_utils/status.py", "monitoring"): "our own dictionary",
    ("plugins/plugin_utils/status_table.py", "alarms"): "our own dictionary",
    ("plugins/plugin_utils/status_table.py", "image"): "our own dictionary",
    ("plugins/plugin_utils/status_table.py", "tags"): "our own dictionary",
    ("plugins/plugin_utils/verify.py", "secrets"): "an option of the role",
    ("plugins/plugin_utils/verify_route.py", "overrides"): "an option of the role",
    ("plugins/plugin_utils/status_table.py", "monitoring"): "our own dictionary",
    ("plugins/plugin_utils/status_table.py", "version"): "our own dictionary",
    ("plugins/plugin_utils/teardown_calls.py", "tags"): "what ListTagsForResource is for",
    ("plugins/plugin_utils/teardown_remains.py", "type"): "our own dictionary",
    ("plugins/plugin_utils/versions.py", "version"): "our own pattern's group",
}


@cache
def operations() -> dict[str, list[Any]]:
    """The operations of the services in use, by the names of their methods."""
    session = botocore.session.get_session()
    found: dict[str, list[Any]] = {}
    for service in SERVICES:
        model = session.get_service_model(service)
        for name in model.operation_names:
            found.setdefault(xform_name(name), []).append(model.operation_model(name))
    return found


def parsed() -> Iterator[tuple[str, ast.Module]]:
    for room in ROOMS:
        for path in sorted((ROOT / room).rglob("*.py")):
            yield str(path.relative_to(ROOT)), ast.parse(path.read_text())


def named(tree: ast.Module) -> Iterator[str]:
    """Operations that a module calls, or gives the name of to something that calls them."""
    for node in ast.walk(tree):
        name = getattr(node, "attr", None) or getattr(node, "value", None)
        if isinstance(name, str) and name in operations():
            yield name


def optional_members(shape: Any, seen: set[str]) -> Iterator[str]:
    """Members that the structures of an answer may lack."""
    if shape is None or shape.name in seen:
        return
    seen.add(shape.name)
    if shape.type_name == "structure":
        yield from set(shape.members) - set(shape.required_members)
        for member in shape.members.values():
            yield from optional_members(member, seen)
    elif shape.type_name in {"list", "map"}:
        inner = shape.member if shape.type_name == "list" else shape.value
        yield from optional_members(inner, seen)


@cache
def optional() -> frozenset[str]:
    """Members that an answer to any call of ours may lack."""
    called = {name for _, tree in parsed() for name in named(tree)}
    return frozenset(
        member
        for name in called
        for model in operations()[name]
        for member in optional_members(model.output_shape, set())
    )


def taken_for_granted() -> Iterator[tuple[str, str, int]]:
    """File, name and line of every `x["Name"]` whose name is an optional member's."""
    for path, tree in parsed():
        for node in ast.walk(tree):
            if (
                isinstance(node, ast.Subscript)
                and isinstance(node.ctx, ast.Load)
                and isinstance(node.slice, ast.Constant)
                and node.slice.value in optional()
            ):
                yield path, str(node.slice.value), node.lineno


def test_nothing_that_aws_may_leave_out_is_taken_for_granted() -> None:
    known = set().union(*ALWAYS_THERE.values())
    found = [
        f"{path}:{line} {name}"
        for path, name, line in taken_for_granted()
        if name not in known
        and (path, name) not in NOT_ANSWERS
        and not path.startswith(WITHOUT_ANSWERS)
    ]
    assert not found, "read them with .get, or say in ALWAYS_THERE why they are always there"


def test_the_members_of_a_stack_event_are_optional() -> None:
    assert {"PhysicalResourceId", "ResourceStatus", "ClientRequestToken"} <= optional()
    assert "StackStatus" not in optional()
