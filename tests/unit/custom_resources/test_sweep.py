"""A sweep over many services, what it does when its time is over, and who hears what it tells."""

from __future__ import annotations

import ast
import datetime
import inspect
import logging
import math
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Callable
from itertools import count
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.exceptions import ClientError, ReadTimeoutError

from custom_resources.contract import outcomes
from custom_resources.contract.stacks import token
from custom_resources.rotation.activate import function
from custom_resources.rotation.activate.activation import Activation
from custom_resources.rotation.activate.secret import Clients
from custom_resources.rotation.activate.sweep import Sweep
from local_aws.embedded_metrics import read
from tests.unit.templates.templates import Stack

NOW = datetime.datetime(2026, 11, 15, 9, 0, tzinfo=datetime.UTC)
CALL_SECONDS = 0.004
ROTATION = Stack("rotation", {"Platform": "shop"}).resources


class Aws:
    """Secrets Manager and CloudFormation of a platform whose services are all well.

    Args:
        services: how many.
        on_stack: called with the name of each stack that is asked for.
    """

    def __init__(self, services: int, on_stack: Callable[[str], None] = lambda _: None) -> None:
        self.services = services
        self.calls: Counter[str] = Counter()
        self._on_stack = on_stack
        self._lock = threading.Lock()

    def _called(self, name: str) -> None:
        time.sleep(CALL_SECONDS)
        with self._lock:
            self.calls[name] += 1

    def get_paginator(self, name: str) -> Aws:
        self._called(name)
        return self

    def paginate(self, **_: Any) -> list[dict[str, Any]]:
        names = [
            {"Name": f"shop/s{n:04}/db/{user}"}
            for n in range(self.services)
            for user in ("blue", "green")
        ]
        return [{"SecretList": names}]

    def describe_secret(self, **request: Any) -> dict[str, Any]:
        self._called("describe_secret")
        rotated = {"v1": ["AWSCURRENT", "ROTATED"]}
        made = {"v1": ["AWSCURRENT"]}
        labels = rotated if request["SecretId"].endswith("green") else made
        return {"VersionIdsToStages": labels, "CreatedDate": NOW, "LastRotatedDate": NOW}

    def list_secret_version_ids(self, **_: Any) -> dict[str, Any]:
        self._called("list_secret_version_ids")
        return {"Versions": [{"VersionId": "v1", "CreatedDate": NOW}]}

    def describe_stacks(self, **request: Any) -> dict[str, Any]:
        self._called("describe_stacks")
        self._on_stack(request["StackName"])
        parameters = [{"ParameterKey": "ActiveUser", "ParameterValue": "green"}]
        stack = {"StackId": "arn:stack/s/1", "StackStatus": "UPDATE_COMPLETE"}
        return {"Stacks": [stack | {"Parameters": parameters}]}


def sweep(
    aws: Aws, now: datetime.datetime = NOW, until: float = math.inf, *, each_age: bool = False
) -> dict[str, int]:
    return Sweep("shop", Activation(Clients(aws, aws), now), until, each_age=each_age).run()


@pytest.mark.parametrize("services", [1, 300])
def test_six_calls_a_service_side_by_side(services: int) -> None:
    aws = Aws(services)
    began = time.monotonic()
    assert sweep(aws) == {}
    took = time.monotonic() - began

    assert aws.calls.total() == 6 * services + 1
    if services > 1:
        assert took < aws.calls.total() * CALL_SECONDS / 3  # one after the other they'd take all


def test_whom_a_sweep_had_no_time_for_is_among_the_first_of_another_day(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    seen: set[str] = set()
    for day in range(7):
        today = NOW + datetime.timedelta(days=day)
        aws = Aws(70, seen.add)
        clock = SimpleNamespace(monotonic=count().__next__)  # a tick for each service
        monkeypatch.setattr(f"{Sweep.__module__}.time", clock)
        assert sweep(aws, today, until=12) == {"left out": 58}

    assert len(seen) == 70


# --- Whatever it tells as an error rings, of itself or by a metric ---

LONG_AGO = NOW - datetime.timedelta(days=40)
FLIP = {
    "PhysicalResourceId": "arn:stack/s/1",
    "ClientRequestToken": token("v1"),
    "Timestamp": NOW,
}


class Unwell(Aws):
    """A platform with one service, of which some answers are others.

    Args:
        secret: what DescribeSecret answers beside what it says of one that is well, or raises.
        pending: what GetSecretValue raises about a version that a rotation left behind; None if
            there is none.
        stack: what DescribeStacks answers beside.
        events: of the stack, the newest first.
    """

    def __init__(
        self,
        *,
        secret: dict[str, Any] | Exception | None = None,
        pending: Exception | None = None,
        stack: dict[str, Any] | None = None,
        events: list[dict[str, Any]] | None = None,
    ) -> None:
        super().__init__(1)
        self._of_secret = secret or {}
        self._pending = pending
        self._of_stack = stack or {}
        self._events = events or []

    def describe_secret(self, **request: Any) -> dict[str, Any]:
        if isinstance(self._of_secret, Exception):
            raise self._of_secret
        well = super().describe_secret(**request)
        if self._pending:
            well["VersionIdsToStages"]["v2"] = ["AWSPENDING"]
        return well | self._of_secret

    def list_secret_version_ids(self, **_: Any) -> dict[str, Any]:
        versions = [{"VersionId": it, "CreatedDate": LONG_AGO} for it in ("v1", "v2")]
        return {"Versions": versions}

    def get_secret_value(self, **_: Any) -> None:
        assert self._pending
        raise self._pending

    def update_secret_version_stage(self, **_: Any) -> None:
        pass

    def describe_stacks(self, **request: Any) -> dict[str, Any]:
        (stack,) = super().describe_stacks(**request)["Stacks"]
        return {"Stacks": [stack | self._of_stack]}

    def get_paginator(self, name: str) -> Any:
        if name == "describe_stack_events":
            return SimpleNamespace(paginate=lambda **_: [{"StackEvents": self._events}])
        return super().get_paginator(name)


def refused(code: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": code}}, "GetSecretValue")


BLUE = {"Parameters": [{"ParameterKey": "ActiveUser", "ParameterValue": "blue"}]}
FINDINGS = {
    "failed": Unwell(secret=ReadTimeoutError(endpoint_url="https://aws.example")),
    "not activated": Unwell(stack={"StackStatus": "UPDATE_ROLLBACK_FAILED"}),
    "left out": Unwell(),
    "rolled-back": Unwell(
        stack=BLUE,
        events=[
            FLIP | {"ResourceStatus": "UPDATE_ROLLBACK_COMPLETE"},
            FLIP | {"ResourceStatus": "UPDATE_IN_PROGRESS"},
        ],
    ),
    "stuck": Unwell(pending=refused("AccessDeniedException")),
    "overdue": Unwell(
        secret={
            "RotationEnabled": True,
            "RotationLambdaARN": "arn:aws:lambda:eu-central-1:1:function:shop-rotate",
            "LastRotatedDate": LONG_AGO,
        }
    ),
}
QUIET = {
    "unstaged": Unwell(pending=refused("ResourceNotFoundException")),
    "waiting": Unwell(stack={"StackStatus": "UPDATE_IN_PROGRESS"}),
    "active": Unwell(),
}


def told(caplog: pytest.LogCaptureFixture) -> dict[str, str]:
    """The level of each outcome about a service that was logged."""
    lines = [it.msg | {"level": it.levelname} for it in caplog.records if isinstance(it.msg, dict)]
    return {line["outcome"]: line["level"] for line in lines if "secret" in line}


def measured(caplog: pytest.LogCaptureFixture) -> dict[str, list[float]]:
    """The values of each metric without dimensions that was logged."""
    found: dict[str, list[float]] = defaultdict(list)
    for record in caplog.records:
        if record.name == "quayside.metrics":
            for it in read(record.getMessage(), time.time()):
                found[it.name] += () if it.dimensions else it.values
    return found


def rings_by_metric(caplog: pytest.LogCaptureFixture) -> bool:
    """Whether an alarm of the rotation stack that ends with the next good sweep hears a metric."""
    alarms = [ROTATION[key]["Properties"] for key in ("RollbackAlarm", "OverdueAlarm")]
    values = measured(caplog)
    return any(sum(values[it["MetricName"]]) > it["Threshold"] for it in alarms)


def rings(aws: Aws, *, until: float) -> bool:
    """Whether the function raises, which PLATFORM-activate-errors counts."""
    try:
        function.run({"sweep": True}, Clients(aws, aws), NOW, until)
    except function.NotActivatedError:
        return True
    return False


@pytest.mark.parametrize("outcome", sorted(FINDINGS))
def test_an_outcome_that_is_told_as_an_error_rings_one_alarm(
    outcome: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("PLATFORM", "shop")
    caplog.set_level(logging.INFO, logger="quayside")
    raised = rings(FINDINGS[outcome], until=-math.inf if outcome == "left out" else math.inf)

    assert told(caplog)[outcome] == "ERROR"
    assert raised != rings_by_metric(caplog)


@pytest.mark.parametrize("outcome", sorted(QUIET))
def test_what_nobody_has_to_mend_rings_nothing(
    outcome: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("PLATFORM", "shop")
    caplog.set_level(logging.INFO, logger="quayside")

    assert not rings(QUIET[outcome], until=math.inf)
    assert set(told(caplog).values()) <= {"INFO"}
    assert not rings_by_metric(caplog)


def test_a_sweep_tells_how_old_the_oldest_passwords_are(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("PLATFORM", "shop")
    caplog.set_level(logging.INFO, logger="quayside")
    sweep(Unwell(secret={"LastRotatedDate": LONG_AGO}))
    sweep(Unwell(secret={"LastRotatedDate": None, "CreatedDate": NOW}))

    assert measured(caplog)["PasswordAgeDays"] == [40.0, 40.0, 0.0, 0.0]  # blue's, green's


@pytest.mark.parametrize(("switch", "lines"), [("false", 3), ("true", 3 + 2 * 5)])
def test_each_services_ages_are_told_if_the_function_is_told_so(
    switch: str, lines: int, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("PLATFORM", "shop")
    monkeypatch.setenv("PASSWORD_AGE_PER_SERVICE", switch)
    caplog.set_level(logging.INFO, logger="quayside")
    aws = Aws(5)
    function.run({"sweep": True}, Clients(aws, aws), NOW)

    assert len([it for it in caplog.records if it.name == "quayside.metrics"]) == lines


def test_what_a_sweep_could_not_read_has_no_age(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("PLATFORM", "shop")
    caplog.set_level(logging.INFO, logger="quayside")
    assert sweep(FINDINGS["failed"]) == {"failed": 1}
    assert measured(caplog) == {"OverdueSecrets": [0.0]}


class HalfRead(Aws):
    """Of whose first service nothing can be read; the others' passwords are new."""

    def describe_secret(self, **request: Any) -> dict[str, Any]:
        if request["SecretId"] == "shop/s0000/db/blue":
            raise refused("InternalServiceError")
        return super().describe_secret(**request)


def test_a_sweep_that_saw_a_part_tells_no_age_since_the_oldest_may_be_among_the_others(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("PLATFORM", "shop")
    caplog.set_level(logging.INFO, logger="quayside")
    assert sweep(HalfRead(3)) == {"failed": 1}
    assert measured(caplog) == {"OverdueSecrets": [0.0]}


def test_the_last_password_that_goes_ends_the_alarm_on_its_age(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("PLATFORM", "shop")
    caplog.set_level(logging.INFO, logger="quayside")
    assert sweep(Aws(0)) == {}
    assert measured(caplog)["PasswordAgeDays"] == [0.0]


def test_these_are_all_the_outcomes_that_a_sweep_tells_as_errors() -> None:
    """Of those in its source: another one is to be listed here."""
    source = Path(inspect.getfile(Sweep)).read_text(encoding="utf-8")
    tree = ast.parse(source)
    written = {
        it.value if isinstance(it, ast.Constant) else getattr(outcomes, it.id)
        for node in ast.walk(tree)
        if (isinstance(node, ast.Call) and ast.unparse(node.func) == "self._found")
        or (isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "outcome")
        for it in ast.walk(node.args[0] if isinstance(node, ast.Call) else node.value)
        if isinstance(it, ast.Constant) or (isinstance(it, ast.Name) and it.id.isupper())
    }
    assert written - {"unstaged"} == set(FINDINGS)
