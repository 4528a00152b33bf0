"""What a service's parameters make of its stack."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.templates.templates import Stack, load

PLAIN = {"Platform": "shop", "Name": "order-book", "HostName": "orders.example.com"}
DATABASE = {
    "NamedDatabase",
    "BlueSecret",
    "GreenSecret",
    "BlueSecretAttachment",
    "GreenSecretAttachment",
    "DatabaseAndUsers",
    "ActiveUserParameter",
    "ExecutionRole",
    "BlueRotation",
    "GreenRotation",
}
ROTATION = {"BlueRotation", "GreenRotation"}
GREEN = {"GreenSecret", "GreenSecretAttachment"} | ROTATION
ROUTE = {"TargetGroup", "ListenerPriority", "ListenerRule"}
DNS = {"DnsRecordA", "DnsRecordAaaa"}
SCALING = {"ScalableTarget", "ScalingPolicy"}
ALWAYS = {"Key", "KeyAlias", "LogGroup", "TaskRole", "TaskDefinition", "Service"}


def service(**given: str) -> Stack:
    """A service with some parameters beside the plainest."""
    return Stack("service", PLAIN | given)


def container(stack: Stack) -> dict[str, Any]:
    """The container definition of a service."""
    task = stack.resources["TaskDefinition"]["Properties"]
    (definition,) = task["ContainerDefinitions"]
    return dict(definition)


def variables(stack: Stack) -> dict[str, Any]:
    """Environment variables of the container."""
    return {it["Name"]: it["Value"] for it in container(stack)["Environment"]}


def secrets(stack: Stack) -> dict[str, str]:
    """Secrets of the container."""
    return {it["Name"]: it["ValueFrom"] for it in container(stack)["Secrets"]}


@pytest.mark.parametrize(
    ("given", "resources"),
    [
        ({}, ALWAYS | DATABASE | ROUTE),
        ({"Database": "false"}, ALWAYS | ROUTE),
        ({"Route": "false"}, ALWAYS | DATABASE),
        ({"Database": "false", "Route": "false"}, ALWAYS),
        ({"DatabaseUsers": "blue"}, ALWAYS | DATABASE - GREEN | ROUTE),
        ({"Rotation": "false"}, ALWAYS | DATABASE - ROTATION | ROUTE),
        ({"HostedZoneId": "Z1"}, ALWAYS | DATABASE | ROUTE | DNS),
        ({"HostedZoneId": "Z1", "Route": "false"}, ALWAYS | DATABASE),
        ({"MaxCount": "4"}, ALWAYS | DATABASE | ROUTE | SCALING),
        ({"Database": "false", "SecretArns": "arn"}, ALWAYS | ROUTE | {"ExecutionRole"}),
        ({"Database": "false", "ParameterArns": "arn"}, ALWAYS | ROUTE | {"ExecutionRole"}),
    ],
)
def test_a_service_has_what_its_parameters_ask_for(
    given: dict[str, str], resources: set[str]
) -> None:
    assert service(**given).resources.keys() == resources


@pytest.mark.parametrize(
    ("active", "users", "secret"),
    [
        ("blue", "blue-green", "<BlueSecret>"),
        ("green", "blue-green", "<GreenSecret>"),
        ("blue", "blue", "<BlueSecret>"),
    ],
)
def test_name_and_password_come_from_the_active_users_one_secret(
    active: str, users: str, secret: str
) -> None:
    stack = service(ActiveUser=active, DatabaseUsers=users)
    assert secrets(stack) == {
        "DB_USERNAME": f"{secret}:username::",
        "DB_PASSWORD": f"{secret}:password::",
    }
    assert variables(stack)["DB_SECRET_ARN"] == secret
    assert variables(stack)["DB_ACTIVE_USER"] == active
    assert stack.resources["ActiveUserParameter"]["Properties"]["Value"] == active
    assert stack.resources["DatabaseAndUsers"]["Properties"]["ActiveUser"] == active


def test_a_flip_changes_the_user_and_nothing_else() -> None:
    blue, green = (service(ActiveUser=user).resources for user in ("blue", "green"))
    changed = {key for key in blue if blue[key] != green[key]}
    assert changed == {"DatabaseAndUsers", "ActiveUserParameter", "TaskDefinition"}


def test_tasks_wait_for_the_proof_of_their_users_login() -> None:
    """The task definition takes the database's name from the custom resource."""
    assert variables(service())["DB_NAME"] == "<DatabaseAndUsers.Database>"


def test_a_service_without_a_database_hears_nothing_of_one() -> None:
    stack = service(Database="false")
    assert variables(stack) == {"PORT": "8080"}
    assert secrets(stack) == {}


def test_without_a_name_the_database_is_called_as_the_service_with_underscores() -> None:
    resources = service().resources
    assert resources["DatabaseAndUsers"]["Properties"]["Database"] == "order_book"
    secret = resources["GreenSecret"]["Properties"]["GenerateSecretString"]
    assert secret["SecretStringTemplate"] == '{"username": "order_book_green"}'
    named = service(DatabaseName="books").resources["DatabaseAndUsers"]["Properties"]
    assert named["Database"] == "books"


@pytest.mark.parametrize(
    ("given", "count"),
    [
        ({}, None),
        ({"DesiredCount": "3"}, "3"),
        ({"DesiredCount": "3", "MaxCount": "5"}, None),
        ({"MaxCount": "5"}, None),
    ],
)
def test_the_number_of_tasks_is_sent_only_when_given_and_not_scaled(
    given: dict[str, str], count: str | None
) -> None:
    assert service(**given).resources["Service"]["Properties"].get("DesiredCount") == count


def test_a_service_without_a_route_has_no_load_balancer_and_no_grace_period() -> None:
    properties = service(Route="false").resources["Service"]["Properties"]
    assert properties["LoadBalancers"] == []
    assert "HealthCheckGracePeriodSeconds" not in properties


def test_ecs_waits_for_the_rule_that_leads_to_the_target_group() -> None:
    tags = service().resources["Service"]["Properties"]["Tags"]
    assert tags == [{"Key": "quayside:listener-rule", "Value": "<ListenerRule>"}]


def test_with_secrets_a_service_starts_under_its_own_role_and_else_under_the_clusters() -> None:
    own = service().resources["TaskDefinition"]["Properties"]
    assert own["ExecutionRoleArn"] == "<ExecutionRole.Arn>"
    shared = service(Database="false", TaskExecutionRoleArn="arn:shared").resources
    assert shared["TaskDefinition"]["Properties"]["ExecutionRoleArn"] == "arn:shared"


def policies(stack: Stack, role: str) -> dict[str, list[Any]]:
    """The resources that a role's policies are about, by policy."""
    return {
        policy["PolicyName"]: [it["Resource"] for it in policy["PolicyDocument"]["Statement"]]
        for policy in stack.resources[role]["Properties"]["Policies"]
    }


def test_a_service_reads_its_own_secrets_and_those_it_was_given() -> None:
    stack = service(SecretArns="arn:a,arn:b", ParameterArns="arn:p", SecretKeyArns="arn:k")
    execution = policies(stack, "ExecutionRole")
    assert execution["read-own-database-secrets"][0] == ["<BlueSecret>", "<GreenSecret>"]
    assert execution["read-secrets"] == [["arn:a", "arn:b"]]
    assert execution["read-parameters"] == [["arn:p"]]
    assert execution["decrypt-secrets"] == [["arn:k"]]
    blue = policies(service(DatabaseUsers="blue"), "ExecutionRole")
    assert blue["read-own-database-secrets"][0] == ["<BlueSecret>"]


def test_an_application_may_do_nothing_but_read_its_own_passwords() -> None:
    assert policies(service(Database="false"), "TaskRole") == {}
    assert "ManagedPolicyArns" not in service().resources["TaskRole"]["Properties"]
    assert policies(service(), "TaskRole").keys() == {"read-own-database-secrets"}


def test_policies_of_the_application_are_a_parameter() -> None:
    role = service(TaskRolePolicyArns="arn:one,arn:two").resources["TaskRole"]["Properties"]
    assert role["ManagedPolicyArns"] == ["arn:one", "arn:two"]


def test_a_shell_in_the_container_is_off_unless_asked_for() -> None:
    assert service().resources["Service"]["Properties"]["EnableExecuteCommand"] == "false"
    assert "execute-command" in policies(service(ExecuteCommand="true"), "TaskRole")


def refusals(given: dict[str, str]) -> list[str]:
    """What CloudFormation says of parameters before it does anything."""
    stack = Stack("service", given)
    return [
        assertion["AssertDescription"]
        for rule in load("service")["Rules"].values()
        if stack.holds(rule.get("RuleCondition"))
        for assertion in rule["Assertions"]
        if not stack.holds(assertion["Assert"])
    ]


COMPLETE = PLAIN | {
    "ListenerArn": "arn:listener",
    "ListenerPriorityFunctionArn": "arn:function",
    "DatabaseHost": "host",
    "DatabaseClusterIdentifier": "cluster",
    "DatabaseAdminPasswordParameter": "/shop/rds/admin-password",
    "DatabaseFunctionArn": "arn:function",
    "DatabaseFunctionRoleArn": "arn:role",
    "RotationFunctionArn": "arn:function",
    "RotationFunctionRoleArn": "arn:role",
}


@pytest.mark.parametrize("missing", sorted(COMPLETE.keys() - {"Platform", "Name"}))
def test_what_a_route_or_a_database_needs_is_asked_for_by_name(missing: str) -> None:
    (refusal,) = refusals(COMPLETE | {missing: ""})
    assert refusal.startswith(f"{missing} is empty: give ")


@pytest.mark.parametrize(
    "given",
    [
        COMPLETE,
        COMPLETE | {"ActiveUser": "green"},
        PLAIN | {"HostName": "", "Route": "false", "Database": "false"},
        COMPLETE | {"Rotation": "false", "RotationFunctionArn": "", "RotationFunctionRoleArn": ""},
        COMPLETE | {"DatabaseUsers": "blue", "RotationFunctionArn": ""},
    ],
)
def test_what_fits_together_is_taken(given: dict[str, str]) -> None:
    assert refusals(given) == []


def test_green_is_not_active_where_there_is_no_green() -> None:
    (refusal,) = refusals(COMPLETE | {"DatabaseUsers": "blue", "ActiveUser": "green"})
    assert "move to blue" in refusal


@pytest.mark.parametrize("given", [{}, {"DatabaseName": "books"}])
def test_what_refuses_another_name_comes_before_the_secrets_that_would_change_with_it(
    given: dict[str, str],
) -> None:
    resources = service(**given).resources
    for secret in ("BlueSecret", "GreenSecret"):
        assert resources[secret]["DependsOn"] == "NamedDatabase"
    name = resources["NamedDatabase"]["Properties"]["Name"]
    assert name == resources["DatabaseAndUsers"]["Properties"]["Database"]
