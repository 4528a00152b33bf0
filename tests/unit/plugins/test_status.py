"""What status.yml's table shows."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.quayside.fargate.custom_resources.contract import names
from ansible_collections.quayside.fargate.plugins.plugin_utils import outdated, services
from ansible_collections.quayside.fargate.plugins.plugin_utils.errors import StackError
from ansible_collections.quayside.fargate.plugins.plugin_utils.status_alarms import sort_alarms
from ansible_collections.quayside.fargate.plugins.plugin_utils.status_table import table
from tests.unit.templates.templates import of_type

USER = {
    "secret": "shop/orders/db/blue",
    "last_rotation": "2026-11-01T03:00:07+00:00",
    "next_rotation": "2026-12-01T04:59:59+00:00",
    "unfinished_rotation": None,
}


def service(**different: Any) -> dict[str, Any]:
    return {
        "service": "orders",
        "stack": "shop-service-orders",
        "status": "UPDATE_COMPLETE",
        "template": "service",
        "version": "1.1.0",
        "monitoring": {"stack": "shop-monitoring-orders", "version": "1.1.0"},
        "why": None,
        "active_user": "blue",
        "rotation": True,
        "users": {"blue": USER, "green": USER},
        "deployment": None,
        "alarms": [],
        **different,
    }


def lines(*services: dict[str, Any], platform_alarms: tuple[str, ...] = ()) -> list[str]:
    status = {
        "services": services,
        "stacks": [],
        "platform_alarms": list(platform_alarms),
        "warnings": [],
    }
    rows: list[str] = table(status)
    return rows


def test_the_heads_stand_above_their_columns() -> None:
    head, row, _ = lines(service())
    assert row[head.index("active") :].startswith("blue")
    assert row[head.index("blue next") :].startswith("2026-12-01 04:59")


def test_a_service_without_a_database_has_no_user() -> None:
    _, row, _ = lines(service(active_user=None, users={}))
    assert row.split()[3:] == ["-"] * 7


def test_what_watches_a_service_shows_beside_it_if_its_version_is_another() -> None:
    _, row, _ = lines(service(monitoring={"version": "1.0.9"}))
    assert "UPDATE_COMPLETE  1.1.0, monitoring 1.0.9  blue" in row
    for same in ({"version": "1.1.0"}, {"version": None}, None):
        assert "monitoring" not in lines(service(monitoring=same))[1]


def test_a_service_whose_stack_is_changed_is_moving() -> None:
    _, row, _ = lines(service(active_user=None, status="UPDATE_IN_PROGRESS"))
    assert "UPDATE_IN_PROGRESS  1.1.0    moving" in row


def test_a_service_whose_rollback_failed_has_a_user_that_nobody_knows() -> None:
    _, row, why, _ = lines(
        service(active_user=None, status="UPDATE_ROLLBACK_FAILED", why="UPDATE failed with X.")
    )
    assert "UPDATE_ROLLBACK_FAILED  1.1.0    unknown" in row
    assert why == "orders: UPDATE_ROLLBACK_FAILED, UPDATE failed with X."


def test_a_rotation_that_was_begun_and_not_finished_shows() -> None:
    _, row, _ = lines(service(users={"blue": {**USER, "unfinished_rotation": "v"}, "green": USER}))
    assert row.count("unfinished") == 1


def test_a_deployment_shows_its_tasks_and_those_that_failed() -> None:
    deployment = {"id": "ecs-svc/1", "running": 1, "desired": 2, "failed": 3}
    _, row, _ = lines(service(deployment=deployment))
    assert "1/2 tasks, 3 failed" in row


def test_alarms_of_the_service_and_of_the_platform_are_told_apart() -> None:
    _, row, last = lines(service(alarms=["cpu"]), platform_alarms=("shop-rotate-errors",))
    assert row.endswith("cpu")
    assert last == "alarms of the platform: shop-rotate-errors"


def alarm_names(template: str, **names: str) -> list[str]:
    """Return what a template calls its alarms."""
    found = []
    for alarm in of_type(template, "AWS::CloudWatch::Alarm").values():
        name = alarm["Properties"]["AlarmName"]["Fn::Sub"]
        for key, value in {"Platform": "shop", **names}.items():
            name = name.replace(f"${{{key}}}", value)
        found.append(name)
    return found


def test_every_alarm_of_the_templates_is_the_platforms_or_its_services() -> None:
    platform = [
        *alarm_names("support"),
        *alarm_names("rds"),
        *alarm_names("rotation"),
        *alarm_names("load_balancer", Name="public"),
    ]
    service = alarm_names("service_monitoring", Name="orders")
    own, ringing = sort_alarms(platform + service, "shop", ["orders"])
    assert own == platform
    assert ringing == {"orders": [it.removeprefix("shop-service-orders-") for it in service]}
    assert len(own) > 10
    assert len(service) > 2


def test_alarms_of_platforms_and_applications_that_are_called_alike_are_left_out() -> None:
    others = [
        "shop-two-rotate-errors",
        "shop-two-rds-cpu",
        "shop-two-load-balancer-public-5xx",
        "shop-two-service-orders-cpu",
        "shop-checkout-latency",
        "shop-service-rds-cpu",  # of the platform shop-service
    ]
    assert sort_alarms(others, "shop", ["orders"]) == ([], {})


def test_an_alarm_of_a_service_isnt_that_of_one_whose_name_it_goes_on_from() -> None:
    ringing = ["shop-service-orders-cpu", "shop-service-orders-eu-queue"]
    found = {"orders": ["cpu"], "orders-eu": ["queue"]}
    assert sort_alarms(ringing, "shop", ["orders", "orders-eu"]) == ([], found)


def test_a_platform_without_services_has_a_head_all_the_same() -> None:
    assert len(lines()) == 2


STACK = {"stack": "shop-rds", "status": "UPDATE_COMPLETE", "template": "rds", "version": "1.1.0"}
ROLES = Path(__file__).parents[3] / "roles"


def test_the_platforms_own_stacks_have_a_table_of_their_own() -> None:
    old = {**STACK, "stack": "shop-cluster", "template": None, "version": "before 1.1.0"}
    never = {**STACK, "stack": "shop-support", "template": None, "version": None}
    status = {"services": [], "stacks": [old, STACK, never], "platform_alarms": [], "warnings": []}
    assert table(status)[1:5] == [
        "stack         template  version",
        "shop-cluster  -         before 1.1.0",
        "shop-rds      rds       1.1.0",
        "shop-support  -         -",
    ]


def described(**outputs: str) -> dict[str, Any]:
    return {"Outputs": [{"OutputKey": key, "OutputValue": it} for key, it in outputs.items()]}


def test_a_stack_tells_its_template_and_version_by_its_outputs() -> None:
    told = outdated.origin(described(Template="rds", Version="1.2.0", Platform="shop"))
    assert told == {"template": "rds", "version": "1.2.0"}


def test_a_stack_without_the_outputs_is_from_before_and_one_that_never_stood_is_not() -> None:
    assert outdated.origin(described(Platform="shop"))["version"] == "before 1.1.0"
    assert outdated.origin({}) == {"template": None, "version": None}


def test_each_stack_that_is_behind_or_ahead_has_one_sentence() -> None:
    versions = {"old": "before 1.1.0", "behind": "1.1.9", "same": "1.10.0", "ahead": "1.10.1"}
    stacks: list[dict[str, Any]] = [{"stack": name, "version": it} for name, it in versions.items()]
    stacks.append({"stack": "never", "version": None})
    assert outdated.behind(stacks, "1.10.0") == [
        "Stack old is from before 1.1.0, and this collection is 1.10.0.",
        "Stack behind is from 1.1.9, and this collection is 1.10.0.",
    ]
    assert outdated.ahead(stacks, "1.10.0") == [
        "Stack ahead is from 1.10.1, newer than this collection, 1.10.0."
    ]


def test_that_none_is_behind_is_said_too() -> None:
    status = {"platform": "shop", "collection": "1.1.0", "outdated": [], "newer": []}
    assert outdated.lines(status) == ["All stacks of shop that were asked for are from 1.1.0."]
    outdated.refuse(status)


def test_stacks_that_are_behind_are_a_failure_if_that_is_asked() -> None:
    status = {"platform": "shop", "collection": "1.1.0", "outdated": ["a", "b"]}
    with pytest.raises(StackError, match=r"^Behind 1\.1\.0: 2 of the stacks of shop\. Upgrade"):
        outdated.refuse(status)


def stacks_of_roles() -> list[str]:
    """Names of the stacks that the roles deploy, on platform shop."""
    texts = (path.read_text() for path in ROLES.glob("*/tasks/*.yml"))
    tasks = "".join(texts).split("quayside.fargate.stack:")[1:]
    names = {re.findall(r'^ +name: "(.+)"$', task, re.MULTILINE)[0] for task in tasks}
    assert len(names) >= 7
    return sorted(
        re.sub(r"{{ .+? }}", "some", re.sub(r"^{{ .+?platform }}", "shop", name)) for name in names
    )


@pytest.mark.parametrize("name", stacks_of_roles())
def test_every_stack_of_a_role_is_the_platforms_own_or_a_services(name: str) -> None:
    is_own = services.own_stacks([name], "shop") == [name]
    assert is_own != name.startswith(names.stack_prefix("shop"))


def test_stacks_of_platforms_and_applications_that_are_called_alike_are_not_its_own() -> None:
    others = ["shop-two-network", "shop-checkout", "shop-service-rds", "shopping-rds"]
    assert services.own_stacks(others, "shop") == []
