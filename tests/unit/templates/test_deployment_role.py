"""The role that service stacks are deployed with: narrowed to what is a service's."""

from __future__ import annotations

import fnmatch
import json
from collections.abc import Callable, Iterator
from typing import Any

import botocore.session
import pytest

from tests.unit.templates.templates import (
    ACCOUNT,
    PSEUDO_PARAMETERS,
    REGION,
    Stack,
    load,
)

FUNCTIONS = {
    "DatabaseFunctionArn": "database",
    "ListenerPriorityFunctionArn": "listener-priority",
}
PLATFORM = {"Platform": "shop"} | FUNCTIONS
SERVICE = PLATFORM | {"Name": "orders", "ClusterName": "shop", "AlarmTopicArn": "topic"}
ROUTE = {"LoadBalancerFullName": "app/x/1", "TargetGroupFullName": "targetgroup/x/1"}
MOST_BYTES = 10_240  # of all inline policies of a role, white space not counted (IAM quotas)

# Changes that IAM can't narrow to a resource (Service Authorization Reference).
WITHOUT_RESOURCE = {
    "ecs:DeregisterTaskDefinition": "takes no resource",
    "logs:CreateLogDelivery": "takes no resource",
    "logs:DeleteIndexPolicy": "takes no resource; an index holds no line",
    "logs:DeleteQueryDefinition": "takes no resource",
    "logs:PutIndexPolicy": "takes no resource; an index holds no line",
    "logs:PutQueryDefinition": "takes no resource",
    "kms:CreateKey": "takes no resource; by the platform's tag",
    "kms:TagResource": "a key that is being created has no name yet; by the platform's tag",
}


def as_list(value: Any) -> list[str]:
    """An Action or a Resource as the list that it may also be."""
    return value if isinstance(value, list) else [value]


def role_statements() -> list[dict[str, Any]]:
    """The statements of the role's policies, resolved for the platform `shop`."""
    role = Stack("deployment_role", PLATFORM).resources["CloudFormationRole"]["Properties"]
    policies = [policy["PolicyDocument"]["Statement"] for policy in role["Policies"]]
    return [statement for statements in policies for statement in statements]


def key_statements() -> list[dict[str, Any]]:
    """The statements of a service key's policy that are for this role."""
    key = Stack("service", SERVICE).resources["Key"]["Properties"]["KeyPolicy"]["Statement"]
    return [statement for statement in key if statement["Sid"].startswith("Deployment")]


def covers(pattern: str, action: str) -> bool:
    """Whether an action of a policy covers another one; IAM knows no upper and lower case."""
    return fnmatch.fnmatchcase(action.lower(), pattern.lower())


def grants(action: str, arn: str) -> bool:
    """Whether a statement of the role allows `action` on `arn`, conditions left aside."""
    return any(
        covers(pattern, action) and fnmatch.fnmatchcase(arn, resource)
        for statement in role_statements()
        for pattern in as_list(statement["Action"])
        for resource in as_list(statement["Resource"])
    )


def test_what_changes_something_is_narrowed_to_resources() -> None:
    reads = ("Describe", "Get", "List")
    unnarrowed = {
        action
        for statement in role_statements()
        for action in as_list(statement["Action"])
        if "*" in as_list(statement["Resource"]) and not action.split(":")[1].startswith(reads)
    }
    assert unnarrowed == WITHOUT_RESOURCE.keys()


def named_resources() -> Iterator[Any]:
    """What service.yml names, with an action on it, and a name like it that isn't a service's."""
    resources = Stack("service", SERVICE | {"MaxCount": "2"}).resources
    alarms = Stack("service_monitoring", SERVICE | ROUTE).resources
    at = f"{REGION}:{ACCOUNT}"

    def properties(key: str) -> dict[str, Any]:
        found: dict[str, Any] = resources[key]["Properties"]
        return found

    def name(key: str) -> str:
        return str(properties(key)["Name"])

    secret, role = f"arn:aws:secretsmanager:{at}:secret:", f"arn:aws:iam::{ACCOUNT}:role"
    parameter, group = f"arn:aws:ssm:{at}:parameter", f"arn:aws:logs:{at}:log-group:"
    key_alias = f"arn:aws:kms:{at}:"
    yield from (
        (f"secretsmanager:{action}", secret + name(key) + "-AbCdEf", secret + other)
        for key in ("BlueSecret", "GreenSecret")
        for action in (
            "CreateSecret",
            "DeleteSecret",
            "GetSecretValue",
            "PutSecretValue",
            "RotateSecret",
        )
        for other in ("shop/orders/api-key-AbCdEf", "shop2/orders/db/blue-AbCdEf")
    )
    yield from (
        (action, parameter + properties("ActiveUserParameter")["Name"], parameter + other)
        for action in ("ssm:PutParameter", "ssm:GetParameters", "ssm:DeleteParameter")
        for other in ("/shop/rds/admin-password", "/shop2/orders/db/active-user")
    )
    yield from (
        (f"iam:{action}", f"{role}{properties(key)['Path']}some-role", f"{role}{other}")
        for key in ("TaskRole", "ExecutionRole")
        for action in ("CreateRole", "PutRolePolicy", "AttachRolePolicy", "PassRole", "DeleteRole")
        for other in ("/admin", "/shop/functions/database", "/shop/cloudformation/deployment")
    )
    yield (
        "logs:CreateLogGroup",
        group + properties("LogGroup")["LogGroupName"],
        f"{group}/aws/lambda/shop-password",
    )
    yield from (
        (f"logs:{action}", f"{group}/shop/orders{own}", f"{group}/shop2/orders{own}")
        for own in ("", "/audit")
        for action in (
            *("CreateLogGroup", "DeleteLogGroup", "PutDataProtectionPolicy", "PutMetricFilter"),
            *("DeleteDataProtectionPolicy", "PutLogGroupDeletionProtection"),
            "PutSubscriptionFilter",
        )
    )
    yield (
        "kms:CreateAlias",
        key_alias + properties("KeyAlias")["AliasName"],
        f"{key_alias}alias/shop-rds",
    )
    yield (
        "ecs:UpdateService",
        f"arn:aws:ecs:{at}:service/shop/{properties('Service')['ServiceName']}",
        f"arn:aws:ecs:{at}:service/other/orders",
    )
    yield (
        "ecs:TagResource",
        f"arn:aws:ecs:{at}:task-definition/{properties('TaskDefinition')['Family']}:1",
        f"arn:aws:ecs:{at}:task-definition/other:1",
    )
    yield from (
        (
            "cloudwatch:PutMetricAlarm",
            f"arn:aws:cloudwatch:{at}:alarm:{alarm['Properties']['AlarmName']}",
            f"arn:aws:cloudwatch:{at}:alarm:shop-rds-cpu",
        )
        for alarm in alarms.values()
    )
    dashboard = f"arn:aws:cloudwatch::{ACCOUNT}:dashboard/"
    shown = Stack("service_monitoring", SERVICE | {"Dashboard": "true"}).resources
    yield from (
        (action, dashboard + shown["ServiceDashboard"]["Properties"]["DashboardName"], other)
        for action in ("cloudwatch:PutDashboard", "cloudwatch:DeleteDashboards")
        for other in (f"{dashboard}shop", f"{dashboard}shop2-service-orders-{REGION}")
    )


@pytest.mark.parametrize(("action", "own", "foreign"), list(named_resources()))
def test_a_service_stacks_resources_are_within_reach_and_others_are_not(
    action: str, own: str, foreign: str
) -> None:
    assert grants(action, own)
    assert not grants(action, foreign)


def test_the_role_manages_keys_only_through_their_own_policies() -> None:
    """An IAM policy on keys would reach the database's, whose loss is the loss of the data."""
    key = f"arn:aws:kms:{REGION}:{ACCOUNT}:key/1234"
    assert not grants("kms:ScheduleKeyDeletion", key)
    assert not grants("kms:PutKeyPolicy", key)
    role = Stack("deployment_role", PLATFORM).resources["CloudFormationRole"]["Properties"]
    for statement in key_statements():
        principals = as_list(statement["Condition"]["ArnLike"]["aws:PrincipalArn"])
        assert set(principals) == {f"arn:aws:iam::{ACCOUNT}:role{role['Path']}*"}
        assert statement["Condition"]["StringEquals"]["kms:CallerAccount"] == ACCOUNT


def test_tasks_and_subscriptions_alone_get_the_roles_that_it_passes() -> None:
    passing = [it for it in role_statements() if "iam:PassRole" in as_list(it["Action"])]
    assert all(as_list(it["Action"]) == ["iam:PassRole"] for it in passing)
    services = [it["Condition"]["StringEquals"]["iam:PassedToService"] for it in passing]
    assert services == ["ecs-tasks.amazonaws.com", "logs.amazonaws.com"]
    (for_streams,) = as_list(passing[1]["Resource"])
    assert for_streams == f"arn:aws:iam::{ACCOUNT}:role/shop/logs/*"
    cluster = load("cluster")["Resources"]["TaskExecutionRole"]["Properties"]
    path = Stack("cluster", PLATFORM).resolve(cluster["Path"])
    assert grants("iam:PassRole", f"arn:aws:iam::{ACCOUNT}:role{path}some-role")


def test_it_calls_the_functions_of_service_stacks_and_no_others() -> None:
    """CloudFormation calls custom resources as the stack's role, and so a rotation's function."""
    called = {"database", "listener-priority"}
    # AWS's own may stand beside it: PLATFORM-rotate-...
    rotating = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:shop-rotate*"
    assert {
        resource
        for statement in role_statements()
        if "lambda:InvokeFunction" in as_list(statement["Action"])
        for resource in as_list(statement["Resource"])
    } == called | {rotating}


def test_what_it_knows_by_a_tag_has_that_tag() -> None:
    """Also for a user who gives the stack no tags."""
    resources = Stack("service", SERVICE).resources
    for key in ("Key", "TargetGroup", "ListenerRule"):
        tags = {tag["Key"]: tag["Value"] for tag in resources[key]["Properties"]["Tags"]}
        assert tags == {"quayside:platform": "shop", "quayside:service": "orders"}


def test_with_a_permissions_boundary_it_makes_no_role_without_one() -> None:
    boundary = f"arn:aws:iam::{ACCOUNT}:policy/boundary"
    bounded_role = Stack("deployment_role", PLATFORM | {"PermissionsBoundaryArn": boundary})
    policies = bounded_role.resources["CloudFormationRole"]["Properties"]["Policies"]
    (roles,) = [it for it in policies if it["PolicyName"] == "roles"]
    bounded = [it for it in roles["PolicyDocument"]["Statement"] if "Condition" in it]
    condition = {"StringEquals": {"iam:PermissionsBoundary": boundary}}
    (creation,) = [it for it in bounded if it["Condition"] == condition]
    assert set(creation["Action"]) == {
        # DetachRolePolicy is none of them: a role from before the boundary couldn't be deleted.
        *("iam:AttachRolePolicy", "iam:CreateRole"),
        *("iam:PutRolePermissionsBoundary", "iam:PutRolePolicy"),
    }
    service = Stack("service", SERVICE | {"PermissionsBoundaryArn": boundary}).resources
    for key in ("TaskRole", "ExecutionRole"):
        assert service[key]["Properties"]["PermissionsBoundary"] == boundary


@pytest.mark.parametrize("partition", botocore.session.get_session().get_available_partitions())
def test_its_policies_fit_into_a_role(
    partition: str, monkeypatch: pytest.MonkeyPatch, record_property: Callable[[str, object], None]
) -> None:
    """With the longest names that AWS and the templates take, in every partition."""
    regions = botocore.session.get_session().get_available_regions("sqs", partition)
    region = max(regions, key=len)
    monkeypatch.setitem(PSEUDO_PARAMETERS, "AWS::Partition", partition)
    monkeypatch.setitem(PSEUDO_PARAMETERS, "AWS::Region", region)
    longest = {"Platform": "p" * 21, "Team": "t" * 10, "ServicePrefix": "s" * 28}
    # IAM API reference, CreatePolicy: a path of 512 characters, a name of 128.
    longest["PermissionsBoundaryArn"] = (
        f"arn:{partition}:iam::{ACCOUNT}:policy/{'p' * 510}/{'b' * 128}"
    )
    function = f"arn:{partition}:lambda:{region}:{ACCOUNT}:function:{'f' * 64}"
    arns = dict.fromkeys(FUNCTIONS, function)
    policies = Stack("deployment_role", longest | arns).resources["CloudFormationRole"][
        "Properties"
    ]["Policies"]
    size = sum(len(json.dumps(it["PolicyDocument"], separators=(",", ":"))) for it in policies)
    record_property("bytes", size)
    assert size <= MOST_BYTES
