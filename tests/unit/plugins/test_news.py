"""What a deployment says is new: names, images and sizes, and no value."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.quayside.fargate.plugins.plugin_utils import (
    news,
    overlays,
    stack_options,
    template,
)
from tests.unit.templates.templates import FOLDER

PLAIN = template.load((FOLDER / "service.yml").read_text("utf-8"))
CANARY = "canary-5b2e"


def laid(environment: dict[str, str], secrets: dict[str, str] | None = None) -> dict[str, Any]:
    scaling = {"max": 0, "schedules": []}
    values = {"environment": environment, "secrets": secrets or {}, "scaling": scaling}
    return dict(overlays.overlay(PLAIN, stack_options.overlay("service", values)))


def told(new: dict[str, str], before: Any = PLAIN, after: Any = PLAIN) -> list[str]:
    old = {
        "Image": "reg.test/orders@sha256:1",
        "Cpu": "256",
        "HostName": "a.test",
        "ActiveUser": "",
    }
    return list(news.of(before, after, old, {**old, **new}, "service"))


def test_sizes_are_told_with_their_values_and_other_options_by_their_names() -> None:
    changed = {"Cpu": "512", "HostName": CANARY, "Route": "false", "SecretArns": CANARY}
    assert told(changed) == ["cpu 256 -> 512", "host_name", "route"]


def test_what_did_not_change_and_what_came_with_its_default_is_nothing_new() -> None:
    assert told({"StopTimeoutSeconds": "30"}) == []


def test_variables_and_secrets_are_told_by_their_names() -> None:
    before = laid({"GREETING": CANARY, "OLD": CANARY, "SAME": CANARY}, {"KEY": "arn:a"})
    after = laid({"GREETING": "x", "NEW": CANARY, "SAME": CANARY}, {"KEY": "arn:b"})
    found = told({}, before, after)
    assert found == ["environment GREETING changed, NEW new, OLD gone", "secrets KEY changed"]


def test_another_version_of_the_template_is_told() -> None:
    before = {**PLAIN, "Outputs": {"Version": {"Value": "1.0.0"}}}
    now = PLAIN["Outputs"]["Version"]["Value"]
    assert told({}, before) == [f"version of Quayside 1.0.0 -> {now}"]


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        (
            f"123456789012.dkr.ecr.eu-central-1.amazonaws.com/shop/orders@sha256:{'a' * 64}",
            f"123456789012.dkr.ecr.eu-central-1.amazonaws.com/shop/orders@sha256:{'b' * 64}",
            "orders sha256:aaaaaaaaaaaa -> sha256:bbbbbbbbbbbb",
        ),
        ("reg.test:5000/orders:v1", "reg.test:5000/orders:v2", "orders v1 -> v2"),
        ("orders", "orders:v2", "orders latest -> v2"),
        (
            "reg.test/orders:v1",
            "other.test/orders:v1",
            "reg.test/orders v1 -> other.test/orders v1",
        ),
    ],
)
def test_an_image_is_told_short(before: str, after: str, said: str) -> None:
    assert news.image(before, after) == said
