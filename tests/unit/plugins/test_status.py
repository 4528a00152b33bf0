"""What status.yml's table shows."""

from __future__ import annotations

import datetime
import re
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.quayside.fargate.custom_resources.contract import names
from ansible_collections.quayside.fargate.plugins.plugin_utils import outdated, services
from ansible_collections.quayside.fargate.plugins.plugin_utils.errors import StackError
from ansible_collections.quayside.fargate.plugins.plugin_utils.status_alarms import (
    Ringing,
    sort_alarms,
)
from ansible_collections.quayside.fargate.plugins.plugin_utils.status_table import (
    shortened,
    table,
)
from tests.unit.templates.templates import of_type

USER = {
    "secret": "shop/orders/db/blue",
    "last_rotation": "2026-11-01T03:00:07+00:00",
    "next_rotation": "2026-12-01T04:59:59+00:00",
    "unfinished_rotation": None,
}
REGISTRY = "000000000000.dkr.ecr.eu-central-1.amazonaws.com"
DIGEST = "sha256:" + "0123456789abcdef" * 4
LAST = {
    "id": "1",
    "at": "2026-11-28T14:03:10+00:00",
    "finished": "2026-11-28T14:04:55+00:00",
    "result": "ok",
    "reason": None,
    "by": "ci/build-7",
}


def service(**different: Any) -> dict[str, Any]:
    return {
        "service": "orders",
        "state": "ok",
        "stack": "shop-service-orders",
        "status": "UPDATE_COMPLETE",
        "template": "service",
        "version": "1.1.0",
        "behind": False,
        "monitoring": {"stack": "shop-monitoring-orders", "version": "1.1.0"},
        "why": None,
        "url": "https://orders.example.com/",
        "image": {
            "reference": f"{REGISTRY}/orders@{DIGEST}",
            "repository": "orders",
            "tags": ["1.4.2", "latest"],
            "digest": DIGEST,
        },
        "tasks": {"running": 2, "desired": 2, "pending": 0},
        "active_user": "blue",
        "rotation": True,
        "users": {"blue": USER, "green": USER},
        "deployment": None,
        "last_deployment": LAST,
        "alarms": [],
        **different,
    }


def lines(*services: dict[str, Any], **different: Any) -> list[str]:
    status = {
        "platform": "shop",
        "services": services,
        "stacks": [],
        "platform_alarms": [],
        "ringing": [],
        "warnings": [],
        "left_out": [],
        **different,
    }
    rows: list[str] = table(status)
    return rows


def cells(head: str, row: str) -> dict[str, str]:
    """Return a row's cells by their heads, which stand at least two blanks apart."""
    heads = [*re.finditer(r"\S+(?: \S+)*", head)]
    ends = [it.start() for it in heads[1:]] + [None]
    return {it[0]: row[it.start() : end].strip() for it, end in zip(heads, ends, strict=True)}


def test_a_service_has_a_row_with_all_that_is_to_be_seen_first() -> None:
    head, row, *_ = lines(service())
    assert cells(head, row) == {
        "service": "orders",
        "state": "ok",
        "tasks": "2/2",
        "image": "1.4.2 0123456",
        "deployed (UTC)": "2026-11-28 14:03 ok",
        "by": "ci/build-7",
        "user": "blue",
        "version": "1.1.0",
        "url": "https://orders.example.com/",
    }


def test_a_service_that_has_nothing_yet_has_dashes() -> None:
    nothing = {"url": None, "image": None, "tasks": None, "last_deployment": None, "version": None}
    head, row, *_ = lines(service(**nothing), service())
    told = cells(head, row)
    assert {told[it] for it in ("tasks", "image", "deployed (UTC)", "by", "version", "url")} == {
        "-"
    }


def test_without_any_database_or_any_maker_their_columns_are_left_out() -> None:
    head, *_ = lines(service(active_user=None, users={}, last_deployment={**LAST, "by": None}))
    assert "user" not in head
    assert " by " not in head


def test_a_repository_shows_if_it_is_not_called_as_the_service_is() -> None:
    image = {"reference": "x", "repository": "team/base", "tags": ["7"], "digest": DIGEST}
    head, row, *_ = lines(service(image=image))
    assert cells(head, row)["image"] == "base:7 0123456"


def test_long_names_are_cut_so_that_a_row_has_120_columns_and_both_ends() -> None:
    name = "a-service-whose-name-is-long-1"
    long = service(
        service=name,
        version="before 1.1.0",
        behind=True,
        url="https://a-service-whose-name-is-long-1.eu-central-1.platform.example.com/",
        last_deployment={**LAST, "result": "rolled back", "by": "deploys-services/pipeline-17"},
        image={**service()["image"], "tags": ["2026.11.28-1403-gab12cd3"]},
    )
    head, row, other, *_ = lines(long, service())
    assert {len(it) <= 120 for it in (head, row, other)} == {True}
    told = cells(head, row)
    assert re.fullmatch(r"a-serv.*\.\..*long-1", told["service"])
    assert told["deployed (UTC)"] == "2026-11-28 14:03 not ok"
    assert re.fullmatch(r"orders.*\.\..*3456", told["image"])
    assert cells(head, other)["service"] == "orders"


def test_a_text_is_cut_only_if_it_is_too_long() -> None:
    assert shortened("orders", 6) == "orders"
    assert shortened("payments-eu", 8) == "pay..-eu"


def test_a_version_that_is_behind_says_so() -> None:
    head, row, *_ = lines(service(version="1.0.9", behind=True))
    assert cells(head, row)["version"] == "1.0.9 (behind)"


def test_what_watches_a_service_is_named_if_its_version_is_another() -> None:
    watching = {"stack": "shop-monitoring-orders", "version": "1.0.9"}
    said = "orders: what watches it, shop-monitoring-orders, is from 1.0.9."
    assert said in lines(service(monitoring=watching))
    for same in ({"version": "1.1.0"}, {"version": None}, None):
        assert not [it for it in lines(service(monitoring=same)) if "watches" in it]


def test_a_service_whose_stack_is_changed_is_moving_and_its_status_is_told() -> None:
    head, row, *rest = lines(service(active_user=None, status="UPDATE_IN_PROGRESS"))
    assert cells(head, row)["user"] == "moving"
    assert "orders: UPDATE_IN_PROGRESS." in rest


def test_a_service_whose_rollback_failed_has_a_user_that_nobody_knows_and_says_why() -> None:
    failed = service(active_user=None, status="UPDATE_ROLLBACK_FAILED", why="UPDATE failed with X.")
    head, row, *rest = lines(failed)
    assert cells(head, row)["user"] == "unknown"
    assert "orders: UPDATE_ROLLBACK_FAILED, UPDATE failed with X." in rest


def test_a_deployment_that_was_rolled_back_says_why() -> None:
    last = {**LAST, "result": "rolled back", "reason": "the circuit breaker was triggered."}
    assert (
        "orders: its deployment of 2026-11-28 14:03 is rolled back: the circuit breaker was "
        "triggered." in lines(service(last_deployment=last))
    )


def test_what_aws_tells_obeys_no_terminal() -> None:
    """A reason has the text of PostgreSQL or of a container in it."""
    said = lines(service(status="UPDATE_ROLLBACK_FAILED", why="It said \x1b[2J\x9b1A\u202eno."))
    assert "orders: UPDATE_ROLLBACK_FAILED, It said \\x1b[2J\\x9b1A\\u202eno." in said
    status = {"platform": "shop", "collection": "1.1.0", "outdated": ["From \x1b[2J."], "newer": []}
    assert outdated.lines(status) == ["From \\x1b[2J."]


def test_tasks_of_the_running_deployment_that_failed_are_counted() -> None:
    deployment = {"id": "ecs-svc/1", "running": 1, "desired": 2, "failed": 3}
    said = "orders: 3 tasks of the deployment that runs have failed."
    assert said in lines(service(deployment=deployment))


def test_a_rotation_that_was_begun_and_not_finished_is_told() -> None:
    users = {"blue": {**USER, "unfinished_rotation": "v"}, "green": USER}
    said = [it for it in lines(service(users=users)) if "rotation" in it]
    assert said == ["orders: a rotation of its user blue was begun and isn't finished."]


def test_alarms_have_a_table_of_their_own() -> None:
    since = "2026-11-29T03:00:00+00:00"
    ringing = [
        {"service": None, "alarm": "shop-rotate-errors", "since": since},
        {"service": "orders", "alarm": "cpu", "since": since},
    ]
    _, _, blank, head, own, theirs, *_ = lines(service(), ringing=ringing)
    assert blank == ""
    assert cells(head, own) == {
        "alarm": "shop-rotate-errors",
        "of": "platform shop",
        "since (UTC)": "2026-11-29 03:00",
    }
    assert cells(head, theirs)["of"] == "orders"
    assert "No alarm rings." in lines(service())


def test_warnings_and_what_is_left_out_stand_last() -> None:
    assert lines(service(), warnings=["A."], left_out=["Left out: b."])[-2:] == [
        "A.",
        "Left out: b.",
    ]


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


def test_when_each_alarm_began_to_ring_is_told_beside_its_name() -> None:
    since = datetime.datetime(2026, 11, 29, 3, tzinfo=datetime.UTC)
    names = ["shop-rds-cpu", "shop-service-orders-cpu", "shop-service-other-cpu"]
    alarms = [{"AlarmName": it, "StateUpdatedTimestamp": since} for it in names]
    ringing = Ringing.of(alarms, "shop", ["orders", "other"])
    assert ringing.entries("shop", ["orders"]) == [
        {"service": None, "alarm": "shop-rds-cpu", "since": "2026-11-29T03:00:00+00:00"},
        {"service": "orders", "alarm": "cpu", "since": "2026-11-29T03:00:00+00:00"},
    ]


def test_that_there_is_no_service_is_said() -> None:
    assert lines() == ["There is no service.", "", "No alarm rings."]


STACK = {"stack": "shop-rds", "status": "UPDATE_COMPLETE", "version": "1.1.0", "behind": False}
ROLES = Path(__file__).parents[3] / "roles"


def test_the_platforms_own_stacks_have_a_table_of_their_own() -> None:
    old = {**STACK, "stack": "shop-cluster", "version": "before 1.1.0", "behind": True}
    never = {**STACK, "stack": "shop-support", "version": None}
    assert lines(stacks=[old, STACK, never])[:4] == [
        "stack         status           version",
        "shop-cluster  UPDATE_COMPLETE  before 1.1.0",
        "shop-rds      UPDATE_COMPLETE  1.1.0",
        "shop-support  UPDATE_COMPLETE  -",
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


@pytest.mark.parametrize(
    ("version", "is_behind"),
    [("1.0.9", True), ("before 1.1.0", True), ("1.1.0", False), (None, False)],
)
def test_one_stack_is_behind_or_not(version: str | None, is_behind: bool) -> None:
    assert outdated.is_behind({"version": version}, "1.1.0") is is_behind


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
