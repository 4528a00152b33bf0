"""What became of a service, made of a stack's events and ECS's deployments."""

from __future__ import annotations

import datetime
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.quayside.fargate.custom_resources.contract.stacks import began_by, token
from ansible_collections.quayside.fargate.plugins.plugin_utils import history

STACK = "arn:aws:cloudformation:eu-central-1:123456789012:stack/shop-service-orders/1"
BEGIN = datetime.datetime(2026, 11, 29, 4, 0, tzinfo=datetime.UTC)


def at(seconds: float) -> datetime.datetime:
    return BEGIN + datetime.timedelta(seconds=seconds)


def event(seconds: float, status: str, token: str = "", **members: Any) -> dict[str, Any]:
    """An event of the stack itself, unless members say else."""
    return {
        "StackId": STACK,
        "PhysicalResourceId": STACK,
        "ResourceStatus": status,
        "Timestamp": at(seconds),
        **({"ClientRequestToken": token} if token else {}),
        **members,
    }


def failure(seconds: float) -> dict[str, Any]:
    return event(
        seconds,
        "UPDATE_FAILED",
        PhysicalResourceId="orders",
        LogicalResourceId="Service",
        ResourceType="AWS::ECS::Service",
        ResourceStatusReason="ECS Deployment Circuit Breaker was triggered.",
    )


def update(seconds: float, token: str, *statuses: str) -> list[dict[str, Any]]:
    """The events of an update, each a second after the one before."""
    first = event(seconds, "UPDATE_IN_PROGRESS", token)
    rest = [event(seconds + more, it, token) for more, it in enumerate(statuses, 1)]
    return [first, *rest]


DONE = ("UPDATE_COMPLETE_CLEANUP_IN_PROGRESS", "UPDATE_COMPLETE")
BACK = ("UPDATE_ROLLBACK_IN_PROGRESS", "UPDATE_ROLLBACK_COMPLETE")


def operations(*listed: dict[str, Any]) -> list[history.Operation]:
    return list(history.operations(reversed(listed)))


@pytest.mark.parametrize(
    ("begun", "kind"),
    [
        (token("v1"), "flip"),
        ("deployment-1", "deployment"),
        ("rollback-1", "rollback"),
        ("repair-1", "repair"),
        ("Console-UpdateStack-1", "update"),
        ("", "update"),
    ],
)
def test_the_token_tells_what_began_an_operation(begun: str, kind: str) -> None:
    (found,) = operations(*update(0, begun, *DONE))
    assert (found.kind, found.token) == (kind, begun)
    assert began_by(begun) == (kind if kind != "update" else "")


@pytest.mark.parametrize(
    ("statuses", "result", "seconds"),
    [
        (DONE, history.SUCCEEDED, 2),
        (DONE[:1], history.UNDER_WAY, None),
        ((), history.UNDER_WAY, None),
        (BACK, history.BACK, 2),
        (BACK[:1], history.UNDER_WAY, None),
        ((BACK[0], "UPDATE_ROLLBACK_FAILED"), history.FAILED, 2),
        ((BACK[0], "UPDATE_ROLLBACK_FAILED", *BACK), history.BACK, 4),
        (("UPDATE_FAILED",), history.FAILED, 1),
    ],
)
def test_how_it_ended_and_after_how_long(
    statuses: tuple[str, ...], result: str, seconds: float | None
) -> None:
    (found,) = operations(*update(0, "deployment-1", *statuses))
    assert (found.result, found.seconds) == (result, seconds)


def test_why_it_failed_is_the_first_cause_and_what_succeeded_has_none() -> None:
    begun, back, end = update(0, "deployment-1", *BACK)
    (found,) = operations(begun, failure(0.5), back, end)
    assert found.why == "Service (AWS::ECS::Service): ECS Deployment Circuit Breaker was triggered"
    begun, clean, end = update(0, "deployment-1", *DONE)
    (found,) = operations(begun, failure(0.5), clean, end)
    assert found.why == ""
    (found,) = operations(*update(0, "deployment-1", *BACK))
    assert found.why == "no event tells why"


def test_the_newest_comes_first_and_a_part_of_an_older_one_is_none() -> None:
    older = update(0, "deployment-1", *DONE)[1:]
    made = operations(*older, *update(10, "flip-1", *DONE), *update(20, "rollback-1", *DONE))
    assert [it.kind for it in made] == ["rollback", "flip"]


def test_a_creation_is_one_and_a_change_set_alone_is_none() -> None:
    shell = event(0, "REVIEW_IN_PROGRESS")
    created = [event(1, "CREATE_IN_PROGRESS", "deployment-1"), event(9, "CREATE_COMPLETE")]
    (found,) = operations(shell, *created)
    assert (found.kind, found.result, found.seconds) == ("deployment", history.SUCCEEDED, 8)
    (found,) = operations(*(it | {"ClientRequestToken": ""} for it in created))
    assert found.kind == "creation"


def test_no_more_events_are_asked_for_than_so_many_operations_have() -> None:
    listed = [*update(0, "", *DONE), *update(10, "", *DONE), *update(20, "", *DONE)][::-1]
    asked = iter(listed)
    assert len(history.newest(asked, 2)) == 6
    assert len([*asked]) == 3


def brief(seconds: float, status: str = "SUCCESSFUL", **members: Any) -> dict[str, Any]:
    arn = f"revision-{seconds}"
    known = {"createdAt": at(seconds), "status": status, "targetServiceRevisionArn": arn}
    return {**known, "finishedAt": at(seconds + 5), **members}


def test_a_deployment_of_ecs_belongs_to_the_operation_that_it_came_with() -> None:
    made = operations(*update(0, "deployment-1", *DONE), *update(10, "flip-1", *BACK))
    # What takes an update back is a second deployment of the same one.
    found = history.joined(made, [brief(11.5), brief(10.5, "ROLLBACK_SUCCESSFUL"), brief(1)])
    assert [(it.kind, it.service_revision) for it in found] == [
        ("flip", "revision-10.5"),
        ("deployment", "revision-1"),
    ]


def test_one_right_before_an_operation_or_right_after_it_is_not_its_own() -> None:
    made = operations(*update(0, "deployment-1", *DONE), *update(4, "rollback-1", *DONE))
    found = history.joined(made, [brief(it) for it in (4.5, 3.999, 2.001, 1)])
    assert [(it.kind, it.service_revision) for it in found] == [
        ("rollback", "revision-4.5"),
        ("service deployment", "revision-3.999"),
        ("service deployment", "revision-2.001"),
        ("deployment", "revision-1"),
    ]


def test_one_that_no_operation_brought_is_told_as_it_is() -> None:
    made = operations(*update(0, "deployment-1", *DONE))
    stopped = brief(60, "STOPPED", statusReason="by hand")
    running = brief(70, "IN_PROGRESS")
    del running["finishedAt"]
    found = history.joined(made, [running, stopped, brief(50), brief(-10)])
    assert [(it.kind, it.result, it.seconds, it.why) for it in found] == [
        ("service deployment", history.UNDER_WAY, None, ""),
        ("service deployment", history.STOPPED, 5, "by hand"),
        ("service deployment", history.SUCCEEDED, 5, ""),
        ("deployment", history.SUCCEEDED, 2, ""),
    ]


def call(name: str | None, parameters: Any) -> dict[str, Any]:
    """An event of CloudTrail."""
    told = {"Username": name} if name else {}
    return {**told, "CloudTrailEvent": json.dumps({"requestParameters": parameters})}


def test_who_began_an_operation_is_known_by_its_token() -> None:
    told = [
        call("anna", {"stackName": "x", "clientRequestToken": "rollback-1"}),
        call("pipeline", {"ClientRequestToken": "deployment-1"}),
        call(None, {"clientRequestToken": "flip-1"}),
        call("bert", None),
        {"Username": "carl", "CloudTrailEvent": "cut off"},
        {"Username": "dora"},
    ]
    assert history.names_by_token(told) == {"rollback-1": "anna", "deployment-1": "pipeline"}


def told() -> list[dict[str, Any]]:
    back = [*update(0, "deployment-1", *BACK)]
    made = operations(back[0], failure(0.5), *back[1:], *update(3600, "rollback-1", *DONE))
    digest = f"sha256:{'a' * 64}"
    image = history.Image(f"1.test/shop/orders@{digest}", digest, ["v7", "stable"])
    return [
        history.entry(made[0], "shop-orders:9", image, "anna"),
        history.entry(made[1], None, None, None),
    ]


def test_a_table_has_a_line_for_each_and_says_below_why() -> None:
    head, *lines = history.table(told())
    assert head.split("  ")[0] == "begun (UTC)"
    assert lines == [
        "2026-11-29 05:00:00  rollback    succeeded    2        shop-orders:9  "
        "orders:v7,stable sha256:aaaaaaaaaaaa  anna",
        "2026-11-29 04:00:00  deployment  rolled back  2        -              "
        "-                                     -",
        "2026-11-29 04:00:00 deployment rolled back: Service (AWS::ECS::Service): ECS Deployment "
        "Circuit Breaker was triggered",
    ]


def test_a_terminal_obeys_nothing_of_what_others_wrote_and_each_reason_stays_on_its_line() -> None:
    entries = told()
    entries[0]["who"] = "an\x1b[2Jna"
    entries[1]["why"] = "ERROR: \x1b]0;title\x07 \u202egnirts\nforged line"
    text = "\n".join(history.table(entries))
    assert not {"\x1b", "\x07", "\u202e"} & {*text}
    assert "an\\x1b[2Jna" in text
    assert history.table(entries)[-1].endswith(
        "rolled back: ERROR: \\x1b]0;title\\x07 \\u202egnirts forged line"
    )


def test_a_column_that_nobody_can_fill_is_left_out() -> None:
    assert "who" not in history.table(told()[1:])[0]
    assert "who" in history.table(told())[0]


def test_an_entry_is_json() -> None:
    entry = told()[0]
    assert json.loads(json.dumps(entry)) == entry
    assert entry["begun"] == "2026-11-29T05:00:00+00:00"


kinds = st.sampled_from(["deployment-1", "flip-1", "rollback-1", "repair-1", ""])


@given(st.lists(st.tuples(kinds, st.sampled_from([DONE, BACK, ("UPDATE_FAILED",)]))))
def test_each_update_is_one_operation(updates: list[tuple[str, tuple[str, ...]]]) -> None:
    listed = [
        it
        for number, (begun, statuses) in enumerate(updates)
        for it in update(number * 60, begun, *statuses)
    ]
    made = operations(*listed)
    assert [it.token for it in made] == [begun for begun, _ in reversed(updates)]
    assert all(it.ended for it in made)
