"""Rotation and activation: schedules, rights of the two functions, what becomes of a message."""

from __future__ import annotations

import ast
import datetime
import re
from pathlib import Path
from typing import Any

import pytest

from custom_resources.contract.names import metrics_namespace
from custom_resources.contract.outcomes import ROLLED_BACK
from custom_resources.contract.usage import SETTLING_SECONDS
from custom_resources.rotation import metrics
from tests.unit.templates.templates import ACCOUNT, ALARM, FOLDER, REGION, Stack, load, of_type
from tests.unit.templates.test_deployment_role import as_list

RESOURCES = Stack("rotation", {"Platform": "shop"}).resources
SERVICE = {"Platform": "shop", "Name": "orders", "HostName": "orders.example.com"}
AT = f"{REGION}:{ACCOUNT}"
SECRETS = f"arn:aws:secretsmanager:{AT}:secret:shop/*/db/*"
STACKS = f"arn:aws:cloudformation:{AT}:stack/shop-service-*/*"
HOLDERS = [f"arn:aws:ecs:{AT}:service/shop/*", f"arn:aws:ecs:{AT}:task/shop/*"]
# boto3: SERVICE.operation( or SERVICE.get_paginator("operation")
CALL = r'\b_?(ecs|secretsmanager|cloudformation)\.(?:get_paginator\("(\w+)"\)|(\w+)\()'
FUNCTIONS = FOLDER.parent
LONGEST_ECS_UPDATE = datetime.timedelta(hours=36)  # of an AWS::ECS::Service (CloudFormation)


def service(**given: str) -> dict[str, Any]:
    """The resources of a service with some parameters beside the plainest."""
    return Stack("service", SERVICE | given).resources


def rights(function: str) -> dict[str, list[str]]:
    """What a function's role allows: action -> resources."""
    found: dict[str, list[str]] = {}
    for policy in RESOURCES[f"{function}Role"]["Properties"]["Policies"]:
        for statement in policy["PolicyDocument"]["Statement"]:
            for action in as_list(statement["Action"]):
                if statement["Effect"] == "Allow":
                    found.setdefault(action, []).extend(as_list(statement["Resource"]))
    return found


def own_rights(function: str) -> dict[str, list[str]]:
    """The same without what Lambda itself asks of the role: logs and network interfaces."""
    return {
        action: resources
        for action, resources in rights(function).items()
        if not action.startswith(("logs:", "ec2:"))
    }


def properties(key: str) -> dict[str, Any]:
    """The properties of a resource of the rotation stack."""
    found: dict[str, Any] = RESOURCES[key]["Properties"]
    return found


@pytest.mark.parametrize(
    ("key", "secret", "day"),
    [("BlueRotation", "<BlueSecret>", "1"), ("GreenRotation", "<GreenSecret>", "15")],
)
def test_each_user_is_rotated_once_a_month_by_the_platforms_function(
    key: str, secret: str, day: str
) -> None:
    schedule = service(RotationHour="22", RotationFunctionArn="arn:rotate")[key]["Properties"]
    assert schedule["SecretId"] == secret
    assert schedule["RotationLambdaARN"] == "arn:rotate"
    assert schedule["RotationRules"] == {
        "ScheduleExpression": f"cron(0 22 {day} * ? *)",
        "Duration": "2h",
    }


@pytest.mark.parametrize("key", ["BlueRotation", "GreenRotation"])
def test_no_schedule_rotates_when_it_is_made_or_changed(key: str) -> None:
    assert service()[key]["Properties"]["RotateImmediatelyOnUpdate"] is False


@pytest.mark.parametrize("key", ["BlueRotation", "GreenRotation"])
def test_a_schedule_waits_for_the_user_it_rotates_and_is_never_there_without_it(key: str) -> None:
    assert load("service")["Resources"][key]["DependsOn"] == "DatabaseAndUsers"
    for given in ({"Database": "false"}, {"DatabaseUsers": "blue"}, {"Rotation": "false"}):
        assert key not in service(**given)


def test_a_window_ends_with_its_day_by_default() -> None:
    parameters = load("service")["Parameters"]
    hours = int(parameters["RotationDuration"]["Default"].removesuffix("h"))
    assert parameters["RotationHour"]["Default"] + hours <= 24


def test_a_services_key_lets_the_rotation_function_in_while_there_is_a_rotation() -> None:
    def statements(**given: str) -> dict[str, Any]:
        policy = service(RotationFunctionRoleArn="arn:role", **given)["Key"]["Properties"]
        return {it["Sid"]: it for it in policy["KeyPolicy"]["Statement"]}

    sid = "RotationFunctionWritesTheSecrets"
    assert statements()[sid]["Condition"]["ArnEquals"] == {"aws:PrincipalArn": "arn:role"}
    assert statements()[sid]["Condition"]["StringEquals"] == {
        "kms:CallerAccount": ACCOUNT,
        "kms:ViaService": f"secretsmanager.{REGION}.amazonaws.com",
    }
    assert sid not in statements(Rotation="false")
    assert sid not in statements(DatabaseUsers="blue")


def test_a_repair_and_limits_are_sent_only_once_asked_for() -> None:
    """So that a function of before hears of no property that it doesn't know."""
    assert not [it for it in service()["DatabaseAndUsers"]["Properties"] if "Repair" in it]
    assert not {"StatementTimeoutSeconds", "ConnectionLimit"} & set(
        service()["DatabaseAndUsers"]["Properties"]
    )
    repaired = service(RepairNumber="2", RepairOwnership="true")["DatabaseAndUsers"]["Properties"]
    assert (repaired["Repair"], repaired["RepairOwnership"]) == ("2", "true")


def test_the_rotate_function_may_change_secrets_of_services_and_look_who_holds_them() -> None:
    assert own_rights("RotateFunction") == {
        "secretsmanager:DescribeSecret": [SECRETS],
        "secretsmanager:GetSecretValue": [SECRETS],
        "secretsmanager:PutSecretValue": [SECRETS],
        "secretsmanager:UpdateSecretVersionStage": [SECRETS],
        "secretsmanager:GetRandomPassword": ["*"],
        "cloudformation:DescribeStacks": [STACKS],
        "ecs:DescribeServices": HOLDERS,
        "ecs:DescribeTasks": HOLDERS,
        "ecs:ListServiceDeployments": HOLDERS,
        "ecs:ListTasks": ["*"],
        "ecs:DescribeTaskDefinition": ["*"],
    }


def imported(path: Path, found: set[Path]) -> set[Path]:
    """A file of the functions, and all that it imports of them."""
    if path in found or not path.is_file():
        return found
    found.add(path)
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module:
            start = path.parent if node.level else FUNCTIONS
            module = start.joinpath(*node.module.split("."))
            for name in (module, *(module / alias.name for alias in node.names)):
                imported(name.with_suffix(".py"), found)
    return found


def code_of(package: str) -> str:
    """A function's code."""
    handler = FUNCTIONS / "custom_resources" / "rotation" / package / "function.py"
    return "".join(path.read_text() for path in imported(handler, set()))


def called(package: str) -> set[str]:
    """The IAM actions of the calls that stand in a function's code."""
    found = re.findall(CALL, code_of(package))
    return {
        f"{service}:{''.join(word.title() for word in (paged or plain).split('_'))}"
        for service, paged, plain in found
        if plain not in ("get_paginator", "exceptions")
    }


@pytest.mark.parametrize("name", ["rotate", "activate"])
def test_a_role_allows_what_its_function_calls_and_nothing_else(name: str) -> None:
    allowed = {it for it in own_rights(f"{name.title()}Function") if not it.startswith("sqs:")}
    assert called(name) == allowed  # sqs: Lambda itself takes from the queue


def test_it_looks_at_the_tasks_of_its_own_platform_alone() -> None:
    for policy in properties("RotateFunctionRole")["Policies"]:
        for statement in policy["PolicyDocument"]["Statement"]:
            if "ecs:ListTasks" in as_list(statement["Action"]):
                cluster = f"arn:aws:ecs:{AT}:cluster/shop"
                assert statement["Condition"] == {"ArnEquals": {"ecs:cluster": cluster}}


def test_the_activate_function_reads_no_password_and_touches_stacks_of_services_alone() -> None:
    assert own_rights("ActivateFunction") == {
        "sqs:DeleteMessage": ["<ActivationQueue.Arn>"],
        "sqs:GetQueueAttributes": ["<ActivationQueue.Arn>"],
        "sqs:ReceiveMessage": ["<ActivationQueue.Arn>"],
        "cloudformation:DescribeStackEvents": [STACKS],
        "cloudformation:DescribeStackResource": [STACKS],
        "cloudformation:DescribeStacks": [STACKS],
        "cloudformation:UpdateStack": [STACKS],
        "secretsmanager:DescribeSecret": [SECRETS],
        "secretsmanager:GetSecretValue": [SECRETS],  # without a key: only whether there is a value
        "secretsmanager:ListSecretVersionIds": [SECRETS],
        "secretsmanager:UpdateSecretVersionStage": [SECRETS],
        "secretsmanager:ListSecrets": ["*"],
    }


IN_VPC = [("support", "DatabaseFunction"), ("rotation", "RotateFunction")]


@pytest.mark.parametrize(("stack", "function"), IN_VPC)
def test_lambda_alone_makes_network_interfaces_with_the_roles_in_the_vpc(
    stack: str, function: str
) -> None:
    resources = Stack(stack, {"Platform": "shop"}).resources
    made = resources[f"{function}Role"]["Properties"]["Policies"]
    policies = {it["PolicyName"]: it for it in made}
    allow, deny = policies["attach-to-vpc"]["PolicyDocument"]["Statement"]
    assert (allow["Effect"], deny["Effect"]) == ("Allow", "Deny")
    assert all(action.startswith("ec2:") for action in allow["Action"])
    assert deny["Action"] == "ec2:*"
    own = f"arn:aws:lambda:{AT}:function:{resources[function]['Properties']['FunctionName']}"
    assert deny["Condition"] == {"ArnEquals": {"lambda:SourceFunctionArn": own}}


@pytest.mark.parametrize(("stack", "function"), IN_VPC)
def test_a_role_in_the_vpc_goes_after_the_group_that_waits_for_its_network_interfaces(
    stack: str, function: str
) -> None:
    functions = of_type(stack, "AWS::Lambda::Function").items()
    assert [key for key, it in functions if "VpcConfig" in it["Properties"]] == [function]
    resources = load(stack)["Resources"]
    assert resources["FunctionSecurityGroup"]["DependsOn"] == f"{function}Role"
    group = {"Fn::GetAtt": ["FunctionSecurityGroup", "GroupId"]}
    assert resources[function]["Properties"]["VpcConfig"]["SecurityGroupIds"] == [group]


def test_the_rotate_function_alone_is_let_into_the_database_while_it_is_there() -> None:
    ingress = properties("DatabaseIngress")
    assert ingress["GroupId"] == "<DatabaseSecurityGroupId>"
    assert ingress["SourceSecurityGroupId"] == "<FunctionSecurityGroup.GroupId>"
    assert (ingress["FromPort"], ingress["ToPort"]) == ("<DatabasePort>", "<DatabasePort>")
    assert load("rotation")["Resources"]["RotateFunction"]["DependsOn"] == "DatabaseIngress"


def test_secrets_manager_may_call_the_rotate_function_for_this_account() -> None:
    permission = properties("RotateFunctionPermission")
    assert permission["FunctionName"] == "<RotateFunction.Arn>"
    assert permission["Principal"] == "secretsmanager.amazonaws.com"
    assert permission["SourceAccount"] == ACCOUNT


def test_what_reaches_the_database_is_in_the_vpc_and_what_does_not_is_outside() -> None:
    assert "VpcConfig" in properties("RotateFunction")
    assert "VpcConfig" not in properties("ActivateFunction")


def test_a_vpc_without_nat_has_what_the_rotate_function_calls() -> None:
    called = {action.split(":")[0] for action in rights("RotateFunction")}
    endpoints = of_type("network", "AWS::EC2::VPCEndpoint").values()
    found = {Stack("network").resolve(it["Properties"]["ServiceName"]) for it in endpoints}
    served = {name.removeprefix(f"com.amazonaws.{REGION}.") for name in found}
    assert called - {"ec2"} <= served  # ec2: Lambda itself calls that, from its own network


def test_what_a_finished_rotation_of_this_platform_moves_is_told() -> None:
    assert properties("ActivationRule")["EventPattern"] == {
        "source": ["aws.secretsmanager"],
        "detail-type": ["Secret Label Updated"],
        "detail": {"labelUpdated": ["ROTATED", "AWSCURRENT"], "name": [{"prefix": "shop/"}]},
    }


def test_a_message_outlives_the_longest_deployment() -> None:
    queue = properties("ActivationQueue")
    tries = queue["RedrivePolicy"]["maxReceiveCount"]
    assert tries * queue["VisibilityTimeout"] * datetime.timedelta(seconds=1) > LONGEST_ECS_UPDATE
    assert queue["MessageRetentionPeriod"] >= datetime.timedelta(days=14).total_seconds()
    assert queue["RedrivePolicy"]["deadLetterTargetArn"] == "<ActivationDeadLetterQueue.Arn>"
    dead = properties("ActivationDeadLetterQueue")
    assert dead["MessageRetentionPeriod"] >= queue["MessageRetentionPeriod"]


def test_a_message_is_tried_again_only_after_its_function_ended() -> None:
    assert (
        properties("ActivateFunction")["Timeout"]
        <= properties("ActivationQueue")["VisibilityTimeout"]
    )


def test_one_failing_activation_holds_up_no_other() -> None:
    mapping = properties("ActivationMapping")
    assert mapping["BatchSize"] == 1
    assert mapping["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
    assert 2 <= mapping["ScalingConfig"]["MaximumConcurrency"] <= 5


@pytest.mark.parametrize("rule", ["ActivationRule", "SweepRule"])
def test_what_a_rule_can_not_deliver_is_kept(rule: str) -> None:
    (target,) = properties(rule)["Targets"]
    assert target["DeadLetterConfig"] == {"Arn": "<ActivationDeadLetterQueue.Arn>"}
    (statement,) = properties("ActivationDeadLetterQueuePolicy")["PolicyDocument"]["Statement"]
    assert f"<{rule}.Arn>" in statement["Condition"]["ArnEquals"]["aws:SourceArn"]


def test_the_rule_alone_may_send_to_the_queue() -> None:
    (statement,) = properties("ActivationQueuePolicy")["PolicyDocument"]["Statement"]
    assert statement["Principal"] == {"Service": "events.amazonaws.com"}
    assert statement["Condition"] == {"ArnEquals": {"aws:SourceArn": "<ActivationRule.Arn>"}}


def test_a_sweep_looks_after_what_events_lost_once_a_day() -> None:
    rule = properties("SweepRule")
    assert rule["ScheduleExpression"] == "rate(1 day)"
    assert rule["Targets"][0]["Input"] == '{"sweep": true}'
    permission = properties("SweepPermission")
    assert permission["Principal"] == "events.amazonaws.com"
    assert permission["SourceArn"] == "<SweepRule.Arn>"


ALARMS = {
    "RotateFunctionAlarm",
    "ActivateFunctionAlarm",
    "ActivationDeadLetterAlarm",
    "ActivationWaitingAlarm",
    "ActivationAgeAlarm",
    "RollbackAlarm",
    "OverdueAlarm",
    "PasswordAgeAlarm",
    "RotateFunctionThrottleAlarm",
    "ActivateFunctionThrottleAlarm",
}


@pytest.mark.parametrize("alarm", sorted(ALARMS))
def test_an_alarm_of_the_rotation_says_what_to_do_and_where_to_read_more(alarm: str) -> None:
    said = properties(alarm)["AlarmDescription"]
    assert "othing was denied" in said
    assert "docs/alarms/platform.md" in said
    assert re.search(r"log|events|executions", said)
    assert len(said) <= 1024  # PutMetricAlarm


OF_METRICS = {
    "RollbackAlarm": metrics.OF_FLIPS[ROLLED_BACK],
    "OverdueAlarm": metrics.OVERDUE,
    "PasswordAgeAlarm": metrics.AGE,
}


@pytest.mark.parametrize("alarm", sorted(OF_METRICS))
def test_an_alarm_hears_what_the_functions_count(alarm: str) -> None:
    heard = properties(alarm)
    assert heard["Namespace"] == metrics_namespace("shop")
    assert heard["MetricName"] == OF_METRICS[alarm]
    assert "Dimensions" not in heard


def test_no_other_alarm_of_the_rotation_hears_what_nobody_counts() -> None:
    own = {
        key
        for key, it in RESOURCES.items()
        if it["Type"] == ALARM and it["Properties"]["Namespace"].startswith("Quayside/")
    }
    assert own == OF_METRICS.keys()


def test_a_passwords_age_rings_above_so_many_days_or_not_at_all() -> None:
    given = {"Platform": "shop", "AlarmPasswordAgeDays": "20"}
    alarm = Stack("rotation", given).resources["PasswordAgeAlarm"]["Properties"]
    assert (alarm["Threshold"], alarm["Statistic"], alarm["ComparisonOperator"]) == (
        "20",
        "Maximum",
        "GreaterThanThreshold",
    )
    assert alarm["TreatMissingData"] == "ignore"  # between two sweeps it stays as it is
    off = given | {"AlarmPasswordAgeDays": "0"}
    assert "PasswordAgeAlarm" not in Stack("rotation", off).resources


@pytest.mark.parametrize("function", ["RotateFunction", "ActivateFunction"])
def test_a_function_knows_whose_metrics_it_tells(function: str) -> None:
    assert properties(function)["Environment"]["Variables"]["PLATFORM"] == "shop"


def test_the_sweep_is_told_whether_each_services_ages_are_wanted() -> None:
    for given, wanted in (({}, "false"), ({"PasswordAgePerService": "true"}, "true")):
        stack = Stack("rotation", {"Platform": "shop", **given}).resources
        variables = stack["ActivateFunction"]["Properties"]["Environment"]["Variables"]
        assert variables["PASSWORD_AGE_PER_SERVICE"] == wanted


def test_the_rotate_function_is_told_how_long_to_wait_and_whether_to_pause() -> None:
    given = {"Platform": "shop", "SettlingSeconds": "60", "Paused": "true"}
    function = Stack("rotation", given).resources["RotateFunction"]["Properties"]
    variables = function["Environment"]["Variables"]
    assert (variables["SETTLING_SECONDS"], variables["ROTATION_PAUSED"]) == ("60", "true")


def test_whoever_isnt_told_waits_as_long_as_the_template_does_by_default() -> None:
    assert load("rotation")["Parameters"]["SettlingSeconds"]["Default"] == SETTLING_SECONDS


def test_the_activate_function_is_told_whose_secrets_to_sweep_and_whether_to_pause() -> None:
    variables = properties("ActivateFunction")["Environment"]["Variables"]
    assert (variables["PLATFORM"], variables["ROTATION_PAUSED"]) == ("shop", "false")


def test_no_key_lets_the_activate_function_decrypt() -> None:
    roles = {"RotationFunctionRoleArn": "arn:rotate", "DatabaseFunctionRoleArn": "arn:database"}
    statements = service(**roles)["Key"]["Properties"]["KeyPolicy"]
    callers = re.findall(r"'(arn:[^']*cloudformation/[^']*|arn:\w+)'", str(statements["Statement"]))
    assert set(callers) == {
        f"arn:aws:iam::{ACCOUNT}:role/shop/cloudformation/all/*",
        "arn:database",
        "arn:rotate",
    }
    assert not [action for action in rights("ActivateFunction") if action.startswith("kms:")]
