"""What a role's variables lay over its template, and whether its stack is protected."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.quayside.fargate.plugins.plugin_utils.stack_options import (
    beside,
    overlay,
    termination_protection,
)
from tests.unit.templates.templates import load


def values(**different: Any) -> dict[str, Any]:
    nothing: dict[str, Any] = {"environment": {}, "secrets": {}, "overrides": {}}
    return {**nothing, "scaling": {"schedules": []}, **different}


def containers(laid_over: dict[str, Any]) -> list[dict[str, Any]]:
    task = laid_over["Resources"]["TaskDefinition"]
    definitions: list[dict[str, Any]] = task["Properties"]["ContainerDefinitions"]
    return definitions


def test_environment_and_secrets_are_the_templates_containers() -> None:
    (laid_over,) = containers(
        overlay("service", values(environment={"MODE": "fast"}, secrets={"KEY": "arn:key"}))
    )
    assert laid_over["Environment"] == [{"Name": "MODE", "Value": "fast"}]
    assert laid_over["Secrets"] == [{"Name": "KEY", "ValueFrom": "arn:key"}]
    assert [laid_over["Name"]] == [it["Name"] for it in containers(load("service"))]


def test_a_service_without_either_lays_nothing_over_its_container() -> None:
    overrides = {"Resources": {"LogGroup": {"DeletionPolicy": "Retain"}}}
    assert overlay("service", values()) == {}
    assert overlay("service", values(overrides=overrides)) == overrides


def test_overrides_come_behind_and_take_nothing_away() -> None:
    own = {"Name": "app", "User": "1000"}
    group = {"LogGroup": {"DeletionPolicy": "Retain"}}
    task = {"TaskDefinition": {"Properties": {"ContainerDefinitions": [own], "Family": "x"}}}
    laid_over = overlay(
        "service",
        values(environment={"MODE": "fast"}, overrides={"Resources": {**task, **group}}),
    )
    assert [it["Name"] for it in containers(laid_over)] == ["app", "app"]
    assert containers(laid_over)[1] == own
    assert laid_over["Resources"]["TaskDefinition"]["Properties"]["Family"] == "x"
    assert laid_over["Resources"]["LogGroup"] == group["LogGroup"]


def test_what_is_laid_over_any_other_template_are_the_overrides() -> None:
    assert overlay("rds", {"overrides": {"Outputs": {}}}) == {"Outputs": {}}
    assert overlay("", {}) == {}


@pytest.mark.parametrize("wanted", [True, False])
def test_a_stack_is_protected_as_its_variable_says(wanted: bool) -> None:
    given = {"termination_protection": wanted}
    assert termination_protection("rds", given, ()) is wanted
    assert termination_protection("service", {**given, "state": "present"}, ()) is wanted


def test_a_default_does_not_lift_the_protection_of_what_is_deleted() -> None:
    gone = {"termination_protection": False, "state": "absent"}
    assert termination_protection("service", gone, ["service_name"]) is None
    assert termination_protection("service", gone, ["service_termination_protection"]) is False


def test_the_stack_beside_a_services_takes_its_outputs_and_asks_nothing_twice() -> None:
    named = {"platform": "shop", "name": "orders"}
    told = beside("service", named, {"service_name"}, {"shop-support": "words"})
    assert told["parameters_from"] == ["shop-support", "shop-service-orders"]
    assert told["any_version"] == ["shop-service-orders"]
    assert {"service_name", "service_team", "service_tags"} <= set(told["given"])
    assert "service_monitoring_overrides" not in told["given"]
    assert beside("rds", named, (), ()) == {}
