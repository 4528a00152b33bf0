"""rotate.yml, repair.yml and status.yml, as people run them."""

from __future__ import annotations

import json
import re
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg2
import pytest

from release import version
from tests.e2e.platform import ROOT, Platform
from tests.e2e.typed import type_aws

VERSION = version.current()
SERVICE, STACK = "payroll", "shop-service-payroll"
NAMED = {"service_platform": "shop", "service_name": SERVICE}
OTHER = {"blue": "green", "green": "blue"}
PATIENCE = 60  # seconds
LONGEST_RUN = 120  # seconds of a playbook that has nothing to wait for any more
LINES_OF_A_FLIP = 15
SECRETS_MANAGERS_ATTEMPTS = 5  # of one RotateSecret, on the local AWS


class Payroll:
    """A service whose image fails or hangs as the user that its playbook names."""

    def __init__(self, platform: Platform, image: str) -> None:
        self.platform = platform
        self.variables = platform.service(
            SERVICE, image, service_health_check_grace_period_seconds=600
        )

    def deploy(self, **environment: str) -> None:
        """Deploy it with an environment."""
        self.platform.play(
            "playbooks/service.yml", **self.variables, service_environment=environment
        )

    def rotate(self, *options: str, **variables: Any) -> str:
        """Run rotate.yml, which must succeed; return its output."""
        return self.platform.play("playbooks/rotate.yml", *options, **NAMED, **variables)

    @property
    def active(self) -> str:
        """The active user."""
        return self.platform.outputs(STACK)["ActiveUser"]

    @property
    def status(self) -> str:
        """The stack's status."""
        cloudformation = self.platform.aws.client("cloudformation")
        return str(cloudformation.describe_stacks(StackName=STACK)["Stacks"][0]["StackStatus"])

    def login(self, user: str) -> dict[str, Any]:
        """What a user's secret holds."""
        self.platform.aws.settle()
        value = self.platform.aws.client("secretsmanager").get_secret_value(
            SecretId=f"shop/{SERVICE}/db/{user}"
        )
        return dict(json.loads(value["SecretString"]))

    def run_task_as_idle(self) -> str:
        """Run a task by hand that names the idle user's secret; return its id."""
        ecs = self.platform.aws.client("ecs")
        secret = f"shop/{SERVICE}/db/{OTHER[self.active]}"
        container = {
            "name": "by-hand",
            "image": self.variables["service_image"],
            "environment": [{"name": "SECRET", "value": secret}],
        }
        definition = ecs.register_task_definition(
            family="by-hand",
            networkMode="awsvpc",
            requiresCompatibilities=["FARGATE"],
            cpu="256",
            memory="512",
            containerDefinitions=[container],
        )["taskDefinition"]["taskDefinitionArn"]
        (task,) = ecs.run_task(cluster="shop", taskDefinition=definition, launchType="FARGATE")[
            "tasks"
        ]
        self.platform.aws.settle()
        return str(task["taskArn"].rpartition("/")[2])

    def refusals(self, reason: str) -> list[str]:
        """What rotate refused for a reason."""
        logs = self.platform.aws.client("logs")
        pages = logs.get_paginator("filter_log_events").paginate(
            logGroupName="/aws/lambda/shop-rotate", filterPattern=f'"{reason}"'
        )
        lines = [event["message"] for page in pages for event in page["events"]]
        return [line for line in lines if '"outcome": "refused"' in line]

    def rotate_errors(self, since: float) -> float:
        """How often rotate failed since a moment, which is what its alarm counts."""
        found = self.platform.aws.client("cloudwatch").get_metric_statistics(
            Namespace="AWS/Lambda",
            MetricName="Errors",
            Dimensions=[{"Name": "FunctionName", "Value": "shop-rotate"}],
            StartTime=since,
            EndTime=time.time() + 60,
            Period=3600,
            Statistics=["Sum"],
        )
        return float(sum(it["Sum"] for it in found["Datapoints"]))

    def passwords(self) -> dict[str, str]:
        """Both users' passwords."""
        return {user: self.login(user)["password"] for user in OTHER}


def wait_until(question: Callable[[], bool]) -> None:
    """Ask until the answer is yes."""
    end = time.monotonic() + PATIENCE
    while not question():
        assert time.monotonic() < end
        time.sleep(0.1)


def told_until(playbook: subprocess.Popen[str], text: str | None = None) -> str:
    """Read what a playbook prints up to the line that has a text; without one to its good end.

    One that takes longer than LONGEST_RUN is ended, and what it printed is the failure.
    """
    assert playbook.stdout
    bound = threading.Timer(LONGEST_RUN, playbook.kill)
    bound.start()
    read = ""
    for line in playbook.stdout:
        read += line
        if text and text in line:
            break
    bound.cancel()
    assert text in read if text else playbook.wait(PATIENCE) == 0, read
    return read


def can_log_in(login: dict[str, Any]) -> bool:
    try:
        psycopg2.connect(
            host=login["host"],
            port=login["port"],
            user=login["username"],
            password=login["password"],
            dbname=SERVICE,
        ).close()
    except psycopg2.OperationalError:
        return False
    return True


@pytest.fixture(scope="module")
def payroll(platform: Platform, hello_image: str) -> Iterator[Payroll]:
    made = Payroll(platform, hello_image)
    made.deploy()
    yield made
    platform.play(
        "playbooks/service.yml",
        **{**made.variables, "service_state": "absent", "service_database_deletion": "Drop"},
    )


def test_rotate_moves_the_service_to_the_idle_user_and_says_so(payroll: Payroll) -> None:
    active, before = payroll.active, payroll.passwords()
    output = payroll.rotate("-v")
    idle, after = OTHER[active], payroll.passwords()
    assert re.search(rf"{idle} is active now, after [\d.]+ s", output), output
    for told in ("createSecret: created", "finishSecret: finished", "flip begun"):
        assert told in output, f"{told!r} isn't shown in\n{output}"
    assert payroll.active == idle
    assert {user for user in OTHER if after[user] != before[user]} == {idle}


def test_rotating_all_leaves_no_password_from_before(payroll: Payroll) -> None:
    active, before = payroll.active, {user: payroll.login(user) for user in OTHER}
    output = payroll.rotate(all=True)
    assert f"{active} may be in use, waiting: " in output  # tasks drain, and the flip has to settle
    assert payroll.active == active
    for user, login in before.items():
        assert not can_log_in(login), f"the old password of {user} still logs in"
        assert can_log_in(payroll.login(user))


def test_no_password_is_shown(payroll: Payroll) -> None:
    before = payroll.passwords()
    output = payroll.rotate()
    for password in {*before.values(), *payroll.passwords().values()}:
        assert password not in output


def test_a_flip_that_fails_is_told_with_its_reason_and_the_next_one_works(
    payroll: Payroll,
) -> None:
    active = payroll.active
    payroll.deploy(FAILS_AS=OTHER[active])
    output = payroll.platform.play_in_vain("playbooks/rotate.yml", **NAMED)
    assert f"wasn't moved to {OTHER[active]}" in output
    assert "Circuit Breaker" in output
    assert payroll.active == active
    payroll.deploy()
    payroll.rotate()
    assert payroll.active == OTHER[active]


def test_a_flip_that_hangs_is_aborted_and_the_service_keeps_its_user(payroll: Payroll) -> None:
    active = payroll.active
    payroll.deploy(HANGS_AS=OTHER[active])
    rotating = payroll.platform.start_playbook("playbooks/rotate.yml", **NAMED)
    wait_until(lambda: payroll.status == "UPDATE_IN_PROGRESS")
    output = payroll.rotate(abort=True)
    assert "the flip is cancelled" in output
    assert f"{active} is active, the stack is UPDATE_ROLLBACK_COMPLETE" in " ".join(output.split())
    told, _ = rotating.communicate(timeout=60)
    assert rotating.returncode != 0
    assert f"{active} stays active" in " ".join(told.split())
    payroll.deploy()


def test_another_update_than_a_flip_is_not_aborted(payroll: Payroll) -> None:
    hanging = payroll.variables | {"service_environment": {"HANGS_AS": payroll.active}}
    deploying = payroll.platform.start_playbook("playbooks/service.yml", **hanging)
    wait_until(lambda: payroll.status == "UPDATE_IN_PROGRESS")
    output = payroll.platform.play_in_vain("playbooks/rotate.yml", **NAMED, abort=True)
    assert "by another operation than a flip; nothing was cancelled" in " ".join(output.split())
    assert payroll.status == "UPDATE_IN_PROGRESS"
    cloudformation = payroll.platform.aws.client("cloudformation")
    cloudformation.cancel_update_stack(StackName=STACK)
    deploying.communicate(timeout=60)
    payroll.deploy()


def test_a_rotation_right_after_a_deployment_waits_until_that_has_settled(
    payroll: Payroll,
) -> None:
    """It was refused again and again, and an alarm rang."""
    set_rotation(payroll.platform, "SettlingSeconds", "30")
    before, since = payroll.refusals("refused"), time.time()
    payroll.deploy(CHANGED=str(since))
    output = payroll.rotate()
    lines = [line for line in output.splitlines() if "may be in use" in line]
    (waiting,) = [line for line in lines if "has to settle until" in line]
    assert re.search(r"until \d\d:\d\d:\d\d UTC$", waiting)
    assert len([line for line in output.splitlines() if line.strip()]) <= LINES_OF_A_FLIP, output
    assert payroll.refusals("refused") == before
    assert payroll.rotate_errors(since) == 0
    set_rotation(payroll.platform, "SettlingSeconds", "2")


def test_a_task_that_was_started_by_hand_is_waited_for_before_a_rotation_is_begun(
    payroll: Payroll,
) -> None:
    idle, task = OTHER[payroll.active], payroll.run_task_as_idle()
    rotating = payroll.platform.start_playbook("playbooks/rotate.yml", **NAMED)
    assert task in told_until(rotating, f"{idle} may be in use, waiting: task").splitlines()[-1]
    payroll.platform.aws.client("ecs").stop_task(cluster="shop", task=task)
    told_until(rotating)
    assert payroll.refusals(task) == []
    assert payroll.active == idle


def test_a_refusal_that_passes_is_waited_for_and_told_once(payroll: Payroll) -> None:
    """Sessions are what the playbook can't see before."""
    idle, reason = OTHER[payroll.active], "the database has open sessions of it (1)"
    login = payroll.login(idle)
    session = psycopg2.connect(
        host=login["host"],
        port=login["port"],
        user=login["username"],
        password=login["password"],
        dbname=SERVICE,
    )
    rotating = payroll.platform.start_playbook("playbooks/rotate.yml", **NAMED)
    # As often Secrets Manager tries here by itself; and then until it is asked again, as an attempt
    # that is late would find the session closed.
    again = "an earlier rotation isn't finished: it goes on"
    wait_until(lambda: len(payroll.refusals(reason)) >= SECRETS_MANAGERS_ATTEMPTS)
    output = told_until(rotating, again)
    session.close()
    output += told_until(rotating)
    assert output.count(reason) == 1
    assert output.count("the alarm shop-rotate-errors rings meanwhile") == 1
    assert output.count(again) == 1
    assert f"{idle} is active now" in output
    assert payroll.active == idle


def test_on_a_paused_platform_nothing_is_rotated(payroll: Payroll) -> None:
    active, before = payroll.active, payroll.passwords()
    set_rotation(payroll.platform, "Paused", "true")
    output = payroll.platform.play_in_vain("playbooks/rotate.yml", **NAMED)
    assert "Rotation is paused on the platform shop" in " ".join(output.split())
    assert (payroll.active, payroll.passwords()) == (active, before)
    set_rotation(payroll.platform, "Paused", "false")
    payroll.rotate()
    assert payroll.active == OTHER[active]


def set_rotation(platform: Platform, parameter: str, value: str) -> None:
    """Deploy the rotation stack with another value of a parameter."""
    cloudformation = platform.aws.client("cloudformation")
    (stack,) = cloudformation.describe_stacks(StackName="shop-rotation")["Stacks"]
    names = {it["ParameterKey"] for it in stack["Parameters"]} - {parameter}
    cloudformation.update_stack(
        StackName="shop-rotation",
        UsePreviousTemplate=True,
        Parameters=[
            *({"ParameterKey": name, "UsePreviousValue": True} for name in names),
            {"ParameterKey": parameter, "ParameterValue": value},
        ],
        Capabilities=["CAPABILITY_IAM", "CAPABILITY_NAMED_IAM"],
    )
    cloudformation.get_waiter("stack_update_complete").wait(
        StackName="shop-rotation", WaiterConfig={"Delay": 1}
    )


def test_there_is_nothing_to_abort_when_no_flip_is_under_way(payroll: Payroll) -> None:
    output = payroll.rotate(abort=True)
    assert "no flip is under way" in output
    assert re.search(r"changed=0\b", output)


def test_repair_sets_a_password_that_nobody_knows_to_the_secrets(payroll: Payroll) -> None:
    login = payroll.login(payroll.active)
    connection = psycopg2.connect(
        host=login["host"],
        port=login["port"],
        user=login["username"],
        password=login["password"],
        dbname="postgres",
        options="-c role=none",
    )
    with connection, connection.cursor() as cursor:
        cursor.execute(f"ALTER ROLE {login['username']} PASSWORD 'lost'")
    assert not can_log_in(login)
    output = payroll.platform.play("playbooks/repair.yml", **NAMED)
    assert "database and secrets agree" in " ".join(output.split())
    assert can_log_in(payroll.login(payroll.active))


@pytest.mark.parametrize("which", ["active", "idle"])
def test_repair_mends_a_user_whose_secret_was_put_by_hand(payroll: Payroll, which: str) -> None:
    user = payroll.active if which == "active" else OTHER[payroll.active]
    payroll.platform.aws.client("secretsmanager").put_secret_value(
        SecretId=f"shop/{SERVICE}/db/{user}",
        SecretString=json.dumps(payroll.login(user) | {"password": "put-by-hand"}),
    )
    assert not can_log_in(payroll.login(user))
    output = " ".join(payroll.platform.play("playbooks/repair.yml", **NAMED).split())
    assert f"{SERVICE}_{user} has the password of its secret again" in output
    assert ("replace them" in output) == (which == "active")
    assert "put-by-hand" not in output
    assert can_log_in(payroll.login(user))


def test_repair_names_what_the_admin_made_and_gives_it_to_the_owner_role_on_a_word(
    payroll: Payroll,
) -> None:
    aws, login = payroll.platform.aws, payroll.login(payroll.active)
    admin = aws.client("ssm").get_parameter(Name="/shop/rds/admin-password", WithDecryption=True)
    made = psycopg2.connect(
        host=login["host"],
        port=login["port"],
        user=payroll.platform.outputs("shop-rds")["DatabaseAdminUsername"],
        password=admin["Parameter"]["Value"],
        dbname=SERVICE,
    )
    with made, made.cursor() as cursor:
        cursor.execute('CREATE TABLE "brought in" AS SELECT 7 AS id')
    refused = payroll.platform.play_in_vain("playbooks/repair.yml", **NAMED)
    assert 'table public."brought in"' in " ".join(refused.replace("\\", "").split())
    typed = payroll.platform.play_in_vain("playbooks/repair.yml", **NAMED, ownership="payrol")
    assert "Nothing was repaired." in typed
    output = payroll.platform.play("playbooks/repair.yml", **NAMED, ownership=SERVICE)
    assert f"{SERVICE}_owner was given 1 table" in " ".join(output.split())
    user = psycopg2.connect(
        host=login["host"],
        port=login["port"],
        user=login["username"],
        password=payroll.login(payroll.active)["password"],
        dbname=SERVICE,
    )
    with user, user.cursor() as cursor:
        cursor.execute('DROP TABLE "brought in"')


def test_status_shows_the_service_as_a_table(payroll: Payroll) -> None:
    output = payroll.platform.play("playbooks/status.yml", service_platform="shop")
    (row,) = [line for line in output.splitlines() if line.startswith(f"{SERVICE} ")]
    assert payroll.active in row.split()
    assert "deployed (UTC)" in output


def test_status_writes_json(payroll: Payroll, tmp_path: Path) -> None:
    payroll.rotate()
    written = tmp_path / "status.json"
    payroll.platform.play("playbooks/status.yml", **NAMED, output=str(written))
    (service,) = json.loads(written.read_text())["services"]
    assert (service["service"], service["active_user"]) == (SERVICE, payroll.active)
    assert service["rotation"] is True
    assert service["users"][payroll.active]["last_rotation"], "it was rotated just now"
    for user in OTHER:
        assert service["users"][user]["next_rotation"]
        assert service["users"][user]["unfinished_rotation"] is None


@pytest.fixture
def old_stack(platform: Platform) -> Iterator[str]:
    """A load balancer's stack of a version that was before this one."""
    cloudformation = platform.aws.client("cloudformation")
    name = f"{platform.name}-load-balancer-old"
    template = {
        "Parameters": {"Platform": {"Type": "String", "Default": platform.name}},
        "Resources": {"Group": {"Type": "AWS::Logs::LogGroup"}},
        "Outputs": {"Template": {"Value": "load_balancer"}, "Version": {"Value": "1.0.7"}},
    }
    cloudformation.create_stack(StackName=name, TemplateBody=json.dumps(template))
    cloudformation.get_waiter("stack_create_complete").wait(StackName=name)
    yield name
    cloudformation.delete_stack(StackName=name)


@pytest.mark.usefixtures("payroll")
def test_status_shows_template_and_version_of_every_stack(
    platform: Platform, tmp_path: Path
) -> None:
    lines = platform.play("playbooks/status.yml", service_platform="shop").splitlines()
    assert [line for line in lines if re.match(rf"{SERVICE} .* {VERSION} ", line)]
    assert [line for line in lines if re.fullmatch(rf"shop-rds +[A-Z]+_COMPLETE +{VERSION}", line)]
    written = tmp_path / "status.json"
    platform.play("playbooks/status.yml", service_platform="shop", output=str(written))
    told = json.loads(written.read_text())
    parts = {
        name for name in platform.stack_names() if not re.search("-(service|monitoring)-", name)
    }
    assert {it["stack"]: it["version"] for it in told["stacks"]} == dict.fromkeys(parts, VERSION)
    (service,) = [it for it in told["services"] if it["service"] == SERVICE]
    assert (service["template"], service["version"]) == ("service", VERSION)
    watching = service["monitoring"]
    assert (watching["stack"], watching["version"]) == (f"shop-monitoring-{SERVICE}", VERSION)


@pytest.mark.usefixtures("payroll")
def test_who_is_behind_is_named_and_fails(platform: Platform, old_stack: str) -> None:
    asked = {"service_platform": "shop", "outdated": True}
    output = platform.play_in_vain("playbooks/status.yml", **asked)
    sentence = f"Stack {old_stack} is from 1.0.7, and this collection is {VERSION}."
    assert [line for line in output.splitlines() if " is from " in line] == [sentence]
    assert f"Behind {VERSION}: 1 of the stacks of shop." in output
    one = platform.play("playbooks/status.yml", **asked, service_name=SERVICE)
    assert f"All stacks of shop that were asked for are from {VERSION}." in one.splitlines()


@pytest.fixture(scope="module")
def broken(platform: Platform, crash_image: str) -> Iterator[str]:
    """A service with a database whose first deployment failed."""
    variables = platform.service("broken", crash_image)
    platform.play_in_vain("playbooks/service.yml", **variables)
    yield "broken"
    platform.play("playbooks/service.yml", **variables, service_state="absent")


def told(platform: Platform, written: Path, **variables: Any) -> dict[str, Any]:
    """Return what status.yml writes of a platform's services, by name."""
    platform.play("playbooks/status.yml", service_platform="shop", output=str(written), **variables)
    return {it["service"]: it for it in json.loads(written.read_text())["services"]}


@pytest.mark.usefixtures("payroll")
def test_a_service_whose_first_deployment_failed_is_shown_with_its_state_and_why(
    platform: Platform, broken: str, tmp_path: Path
) -> None:
    lines = platform.play("playbooks/status.yml", service_platform="shop").splitlines()
    assert [line for line in lines if re.match(rf"{SERVICE} +(ok|alarm|rolled back) ", line)]
    assert [line for line in lines if re.match(rf"{broken} +failed +- ", line)]
    (why,) = [line for line in lines if line.startswith(f"{broken}: ROLLBACK_COMPLETE, ")]
    assert "Circuit Breaker" in why
    services = told(platform, tmp_path / "status.json")
    assert services[SERVICE]["why"] is None or "ROLLBACK" in services[SERVICE]["status"]
    assert services[broken]["status"] == "ROLLBACK_COMPLETE"
    assert "Circuit Breaker" in services[broken]["why"]
    assert services[broken]["users"] == {}
    assert told(platform, tmp_path / "one.json", service_name=broken) == {broken: services[broken]}


@pytest.mark.parametrize("playbook", ["rotate", "repair"])
def test_a_service_whose_first_deployment_failed_is_left_as_it_is(
    platform: Platform, broken: str, playbook: str
) -> None:
    named = {"service_platform": "shop", "service_name": broken}
    output = " ".join(platform.play_in_vain(f"playbooks/{playbook}.yml", **named).split())
    assert f"Stack shop-service-{broken} is ROLLBACK_COMPLETE" in output
    assert f"shop-service-{broken}" in platform.stack_names()


def test_a_change_set_that_was_never_executed_is_shown_as_that(
    platform: Platform, tmp_path: Path
) -> None:
    cloudformation = platform.aws.client("cloudformation")
    template = {"Resources": {"Group": {"Type": "AWS::Logs::LogGroup"}}}
    cloudformation.create_change_set(
        StackName="shop-service-shell",
        ChangeSetName="first",
        ChangeSetType="CREATE",
        TemplateBody=json.dumps(template),
    )
    cloudformation.create_change_set(
        StackName="shop-load-balancer-shell",
        ChangeSetName="first",
        ChangeSetType="CREATE",
        TemplateBody=json.dumps(template),
    )
    shell = told(platform, tmp_path / "status.json")["shell"]
    assert shell["status"] == "REVIEW_IN_PROGRESS"
    assert "nothing is deployed" in shell["why"]
    output = platform.play("playbooks/status.yml", service_platform="shop")
    assert "Stack shop-load-balancer-shell is REVIEW_IN_PROGRESS." in output.splitlines()
    assert "Stack shop-rds is " not in output
    for name in ("shop-service-shell", "shop-load-balancer-shell"):
        cloudformation.delete_stack(StackName=name)


def test_a_stack_whose_deletion_failed_is_shown(
    platform: Platform, hello_image: str, tmp_path: Path
) -> None:
    variables = platform.service("sticky", hello_image)
    platform.play("playbooks/service.yml", **variables)
    platform.aws.fail("shop-service-sticky", "LogGroup", "DELETE")
    platform.play_in_vain("playbooks/service.yml", **variables, service_state="absent")
    sticky = told(platform, tmp_path / "status.json")["sticky"]
    assert sticky["status"] == "DELETE_FAILED"
    assert "Injected failure" in sticky["why"]
    platform.play("playbooks/service.yml", **variables, service_state="absent")
    assert "sticky" not in told(platform, tmp_path / "status.json")


@pytest.fixture
def stuck(payroll: Payroll) -> Payroll:
    """A service whose deployment failed, and so did the way back."""
    payroll.platform.aws.fail(STACK, "Service", "UPDATE", times=2)
    variables = payroll.variables | {"service_environment": {"TRIED": "once"}}
    payroll.platform.play_in_vain("playbooks/service.yml", **variables)
    assert payroll.status == "UPDATE_ROLLBACK_FAILED"
    return payroll


def test_what_a_stuck_service_is_told_to_type_frees_it(stuck: Payroll, tmp_path: Path) -> None:
    """The message of rotate.yml and of status.yml, typed as it is, and then docs/rotation.md."""
    platform = stuck.platform
    shown = told(platform, tmp_path / "status.json")[SERVICE]
    assert (shown["status"], shown["active_user"]) == ("UPDATE_ROLLBACK_FAILED", None)
    assert "Injected failure" in shown["why"]
    output = " ".join(platform.play_in_vain("playbooks/rotate.yml", **NAMED).split())
    (command,) = set(re.findall(r"(aws cloudformation [a-z-]+ --stack-name [a-z-]+)", output))
    assert documented(command) in (ROOT / "docs" / "rotation.md").read_text()
    type_aws(platform.aws, command)
    wait_until(lambda: stuck.status == "UPDATE_ROLLBACK_COMPLETE")
    stuck.deploy()
    stuck.rotate()


def test_a_service_that_is_down_and_stuck_is_started_again_as_the_docs_say(
    stuck: Payroll,
) -> None:
    """Around CloudFormation, with an old revision; the next deployment takes the stack's own."""
    platform = stuck.platform
    page = (ROOT / "docs" / "rotation.md").read_text()
    listing, starting = re.findall(r"^ +(aws ecs .+)$", page, re.MULTILINE)
    (family,) = {it.split(":")[0] for it in re.findall(r"PLATFORM-SERVICE:\w+", starting)}
    assert family in listing
    arns = type_aws(platform.aws, spelled(listing))["taskDefinitionArns"]
    revision = arns[0].rpartition(":")[2]
    type_aws(platform.aws, spelled(starting).replace("REVISION", revision))
    ecs = platform.aws.client("ecs")

    def runs() -> bool:
        (service,) = ecs.describe_services(cluster="shop", services=[SERVICE])["services"]
        primary = next(it for it in service["deployments"] if it["status"] == "PRIMARY")
        return bool(
            primary["taskDefinition"].endswith(f":{revision}")
            and primary["runningCount"] == primary["desiredCount"]
        )

    wait_until(runs)
    assert platform.call(SERVICE, "/health").status == 200
    type_aws(platform.aws, f"aws cloudformation continue-update-rollback --stack-name {STACK}")
    wait_until(lambda: stuck.status == "UPDATE_ROLLBACK_COMPLETE")
    stuck.deploy()
    stuck.rotate()


def spelled(command: str) -> str:
    """Return a command of the docs with this platform's and service's names."""
    return command.replace("PLATFORM", "shop").replace("SERVICE", SERVICE)


def documented(command: str) -> str:
    """Return a command as the docs have it."""
    return command.replace(STACK, "PLATFORM-service-SERVICE")


@pytest.mark.parametrize("playbook", ["rotate", "repair", "status"])
def test_a_platform_that_is_not_there_is_a_sentence_and_a_failure(
    platform: Platform, playbook: str
) -> None:
    named = {"service_platform": "nowhere", "service_name": "orders"}
    output = " ".join(platform.play_in_vain(f"playbooks/{playbook}.yml", **named).split())
    assert f"There is no platform nowhere in {platform.aws.region}" in output
    assert "platforms here: shop" in output


def test_a_platform_that_is_not_there_has_no_empty_table(platform: Platform) -> None:
    output = platform.play_in_vain("playbooks/status.yml", service_platform="nowhere")
    assert "There is no platform nowhere" in " ".join(output.split())
    assert "deployed (UTC)" not in output


def test_the_stacks_of_another_platform_are_no_services_of_this_one(
    platform: Platform, tmp_path: Path
) -> None:
    """The support stack of a platform shop-service is called as a service support of shop is."""
    cloudformation = platform.aws.client("cloudformation")
    template = {
        "Parameters": {"Platform": {"Type": "String"}},
        "Resources": {"Topic": {"Type": "AWS::SNS::Topic"}},
    }
    cloudformation.create_stack(
        StackName="shop-service-support",
        TemplateBody=json.dumps(template),
        Parameters=[{"ParameterKey": "Platform", "ParameterValue": "shop-service"}],
    )
    cloudformation.get_waiter("stack_create_complete").wait(
        StackName="shop-service-support", WaiterConfig={"Delay": 1}
    )
    assert "support" not in told(platform, tmp_path / "status.json")
    cloudformation.delete_stack(StackName="shop-service-support")


@pytest.mark.parametrize("playbook", ["rotate", "repair", "status"])
def test_a_service_that_is_not_there_is_named(platform: Platform, playbook: str) -> None:
    output = platform.play_in_vain(
        f"playbooks/{playbook}.yml", service_platform="shop", service_name="nobody"
    )
    assert "There is no stack shop-service-nobody" in " ".join(output.split()) or (
        "there is no stack shop-service-nobody" in " ".join(output.split())
    )
