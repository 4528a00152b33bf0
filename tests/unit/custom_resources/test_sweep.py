"""A sweep over many services, and what it does when its time is over."""

from __future__ import annotations

import datetime
import threading
import time
from collections import Counter
from collections.abc import Callable
from itertools import count
from types import SimpleNamespace
from typing import Any

import pytest

from custom_resources.rotation.activate.activation import Activation
from custom_resources.rotation.activate.secret import Clients
from custom_resources.rotation.activate.sweep import Sweep

NOW = datetime.datetime(2026, 11, 15, 9, 0, tzinfo=datetime.UTC)
CALL_SECONDS = 0.004


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


def sweep(aws: Aws, now: datetime.datetime = NOW, **until: float) -> dict[str, int]:
    return Sweep("shop", Activation(Clients(aws, aws), now), **until).run()


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
