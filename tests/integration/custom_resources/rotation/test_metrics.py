"""What a rotation and its flip tell CloudWatch, as CloudWatch has it in the end."""

from __future__ import annotations

import datetime
import json
import secrets
import time
from collections.abc import Callable, Iterator

import pytest

from custom_resources.rotation.activate import function as activate
from custom_resources.rotation.rotate.function import NotRotatedError
from local_aws.control import LocalAws
from tests.integration.custom_resources.rotation.world import PLATFORM, RotatedService

Metrics = Callable[[], dict[tuple[str, ...], float]]
GROUP = "/tests/metrics"


@pytest.fixture
def measured(aws: LocalAws, log_lines: list[str]) -> Iterator[Metrics]:
    """The metrics of the platform that come of all that is logged: the greatest value of each by
    its name and dimensions. They have a namespace of their own: CloudWatch forgets none, and those
    of the test before are of the same minute."""
    logs, cloudwatch = aws.client("logs"), aws.client("cloudwatch")
    logs.create_log_group(logGroupName=GROUP)
    logs.create_log_stream(logGroupName=GROUP, logStreamName="all")
    begin = datetime.datetime.now(datetime.UTC)
    told, alone = f"Quayside/{PLATFORM}", f"Quayside/{secrets.token_hex(8)}"

    def greatest(metric: dict[str, object]) -> float:
        points = cloudwatch.get_metric_statistics(
            Namespace=metric["Namespace"],
            MetricName=metric["MetricName"],
            Dimensions=metric["Dimensions"],
            StartTime=begin - datetime.timedelta(seconds=1),
            EndTime=datetime.datetime.now(datetime.UTC) + datetime.timedelta(minutes=1),
            Period=86400,
            Statistics=["Maximum"],
        )["Datapoints"]
        return max((float(it["Maximum"]) for it in points), default=-1)

    def ask() -> dict[tuple[str, ...], float]:
        now = int(time.time() * 1000)
        events = [{"timestamp": now, "message": line.replace(told, alone)} for line in log_lines]
        logs.put_log_events(logGroupName=GROUP, logStreamName="all", logEvents=events)
        found = cloudwatch.list_metrics(Namespace=alone)["Metrics"]
        return {
            (it["MetricName"], *sorted(d["Value"] for d in it["Dimensions"])): value
            for it in found
            if (value := greatest(it)) >= 0
        }

    yield ask
    logs.delete_log_group(logGroupName=GROUP)


def test_a_rotation_and_its_flip_are_counted_from_begin_to_end(
    service: RotatedService, measured: Metrics
) -> None:
    version = service.rotate("green")
    message = service.message("green", version)
    assert not service.activate(message)
    service.settle()
    assert service.activate(message)

    assert measured() == {
        ("RotationsBegun",): 1,
        ("RotationsFinished",): 1,
        ("FlipsBegun",): 1,
        ("FlipsFinished",): 1,
    }


def test_a_refusal_is_counted_by_its_reason(service: RotatedService, measured: Metrics) -> None:
    version = service.begin("blue")
    with pytest.raises(NotRotatedError, match="it is the active user"):
        service.steps("blue", version)

    assert measured() == {("RotationsRefused",): 1, ("RotationsRefused", "active user"): 1}


def test_the_sweep_tells_how_old_passwords_are(
    service: RotatedService, measured: Metrics, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PASSWORD_AGE_PER_SERVICE", "true")
    later = datetime.datetime.now(datetime.UTC) + datetime.timedelta(days=20)
    activate.run({"sweep": True}, service.activate_clients(), later)
    found = measured()

    assert found["OverdueSecrets",] == 0
    for dimensions in ((), ("blue",), ("green",)):
        assert found["PasswordAgeDays", *dimensions] == pytest.approx(20, abs=0.5)
    assert found["PasswordAgeDays", *sorted((service.name, "green"))] == pytest.approx(20, abs=0.5)


def test_no_line_that_becomes_a_metric_has_a_secret_in_it(
    service: RotatedService, measured: Metrics, log_lines: list[str]
) -> None:
    passwords = [(service.value(it) or {})["password"] for it in ("blue", "green")]
    service.rotate("green")
    passwords.append((service.value("green") or {})["password"])
    activate.run({"sweep": True}, service.activate_clients(), datetime.datetime.now(datetime.UTC))
    lines = [it for it in log_lines if '"_aws"' in it]

    assert measured()
    known = {"_aws", "User", "Reason", "Service"}
    for line in lines:
        document = json.loads(line)
        assert all(isinstance(it, int | float) for key, it in document.items() if key not in known)
    told = "".join(lines)
    assert not [it for it in [*passwords, *service.verifiers().values()] if it in told]
