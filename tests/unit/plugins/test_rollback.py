"""Which revision a rollback goes back to, its note, and what it says."""

from __future__ import annotations

import datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.quayside.fargate.custom_resources.contract.names import Service
from ansible_collections.quayside.fargate.plugins.plugin_utils import (
    overlays,
    rollback,
    rollback_note,
    rollback_revisions,
    template,
)
from ansible_collections.quayside.fargate.plugins.plugin_utils.errors import StackError
from ansible_collections.quayside.fargate.plugins.plugin_utils.rollback_plan import Plan
from ansible_collections.quayside.fargate.plugins.plugin_utils.rollback_revisions import Revision

ARN = "arn:aws:ecs:eu-central-1:123456789012:task-definition/"
MOMENT = datetime.datetime(2026, 11, 29, 4, 50, 12, tzinfo=datetime.UTC)


def revision(number: int, family: str = "shop-orders") -> Revision:
    return Revision(f"{ARN}{family}:{number}", finished=MOMENT)


def due(succeeded: list[int], running: int, **which: int | None) -> list[int]:
    """Return the numbers of the candidates."""
    listed = [revision(number) for number in succeeded]
    wanted = {"before": None, "wanted": None, **which}
    found = rollback_revisions.candidates(
        listed, revision(running), wanted["before"], wanted["wanted"]
    )
    return [it.number for it in found]


def test_the_newest_that_succeeded_and_does_not_run_comes_first() -> None:
    assert due([9, 8, 6, 6, 5], 9) == [8, 6, 5]


def test_after_a_rollback_the_next_one_goes_on_and_not_back_to_what_was_undone() -> None:
    assert due([10, 9, 8, 6], 10, before=8) == [6]
    assert due([10, 9], 10, before=8) == []


def test_a_named_one_may_be_newer_than_what_runs() -> None:
    assert due([10, 9, 8], 10, before=8, wanted=9) == [9]
    assert due([10, 9, 8], 10, wanted=7) == []


def test_a_revision_of_another_task_definition_is_none_to_go_back_to() -> None:
    other = revision(8, "shop-billing")
    assert [*rollback_revisions.candidates([other], revision(9), None, None)] == []


@given(st.lists(st.integers(1, 30)), st.integers(1, 30), st.none() | st.integers(1, 30))
def test_each_candidate_is_named_once_and_never_the_one_that_runs(
    succeeded: list[int], running: int, before: int | None
) -> None:
    found = due(succeeded, running, before=before)
    assert len(found) == len({*found})
    assert running not in found
    assert {*found} <= {*succeeded}


@pytest.mark.parametrize("wanted", ["7", "shop-orders:7", f"{ARN}shop-orders:7"])
def test_a_revision_is_named_by_its_number_its_name_or_its_arn(wanted: str) -> None:
    assert rollback_revisions.named(wanted, "shop-orders") == 7


def test_without_a_name_none_is_meant() -> None:
    assert rollback_revisions.named("", "shop-orders") is None


@pytest.mark.parametrize(
    ("wanted", "why"),
    [
        ("shop-billing:7", "of the task definition shop-billing, and the service runs shop-orders"),
        ("latest", "the number of a revision of the task definition shop-orders is due"),
        ("0", "the number of a revision"),
        ("-1", "the number of a revision"),
        ("7.5", "the number of a revision"),
    ],
)
def test_what_is_no_revision_of_the_service_is_refused(wanted: str, why: str) -> None:
    with pytest.raises(StackError, match=why):
        rollback_revisions.named(wanted, "shop-orders")


def test_a_named_revision_that_did_not_succeed_is_refused_with_those_that_did() -> None:
    said = str(rollback_revisions.not_among(7, [revision(9), revision(5)], revision(9)))
    assert "no deployment of shop-orders:7 that succeeded" in said
    assert said.endswith("those that did: 5, 9.")


def test_where_there_is_nothing_to_go_back_to_a_rollback_before_is_told() -> None:
    running, note = revision(10), {"From": "shop-orders:9", "To": "shop-orders:8"}
    plain = str(rollback_revisions.nothing("shop-service-orders", running, {}))
    assert "nothing to go back to" in plain
    assert "A rollback" not in plain
    said = str(rollback_revisions.nothing("shop-service-orders", running, note))
    assert "A rollback went from shop-orders:9 back to shop-orders:8 already" in said


def service_revision(**members: Any) -> dict[str, Any]:
    return {"taskDefinition": f"{ARN}shop-orders:7", **members}


def test_what_ecs_tells_of_a_revision_is_optional() -> None:
    """No member of ServiceRevision and ContainerImage is required by botocore's model."""
    assert Revision.of({}, None) is None
    assert Revision.of(service_revision(), None) == Revision(f"{ARN}shop-orders:7")
    images = [{"containerName": "app", "image": "x:1"}, {"imageDigest": "sha256:1"}]
    found = Revision.of(service_revision(containerImages=images), MOMENT)
    assert found == Revision(f"{ARN}shop-orders:7", {"app": "x:1"}, {}, MOMENT)


@pytest.mark.parametrize(
    ("image", "pinned"),
    [
        ("registry.test:5000/shop/orders:v1", "registry.test:5000/shop/orders@sha256:1"),
        ("orders", "orders@sha256:1"),
        ("orders@sha256:9", "orders@sha256:9"),
    ],
)
def test_a_tag_is_taken_for_what_it_named_then(image: str, pinned: str) -> None:
    definition = {"containerDefinitions": [{"name": "app", "image": image}]}
    known = Revision(f"{ARN}shop-orders:7", digests={"app": "sha256:1"})
    found = rollback_revisions.pinned(definition, known)
    assert found["containerDefinitions"] == [{"name": "app", "image": pinned}]
    assert rollback_revisions.pinned(definition, revision(7)) == definition


def test_the_note_is_read_back_from_the_template_that_it_is_laid_over() -> None:
    note = rollback_note.made(("shop-orders:9", "shop-orders:8"), MOMENT, ["image a -> b"], [])
    laid = overlays.overlay(
        {"Metadata": {"Quayside": {"Fixed": {}}}, "Resources": {}},
        Plan(parameters={"Image": "b"}).overlay("TaskDefinition", note),
    )
    document = template.load(template.dump(laid))
    assert rollback_note.of(document) == note
    assert document["Metadata"]["Quayside"]["Fixed"] == {}
    assert rollback_note.before(note) == 8
    assert rollback_note.told(note) == (
        "A rollback was in between: at 2026-11-29T04:50:12Z it went from shop-orders:9 back to "
        "what shop-orders:8 was (image a -> b). From now on the service is as its playbook says."
    )


def test_a_second_rollback_replaces_the_note_of_the_first() -> None:
    first = rollback_note.made(("shop-orders:9", "shop-orders:8"), MOMENT, ["a", "b"], [])
    first["Parameters"] = [["Cpu", "512", "256"]]
    second = rollback_note.made(("shop-orders:10", "shop-orders:6"), MOMENT, ["c"], [])
    document = overlays.overlay({"Resources": {}}, Plan().overlay("T", first))
    assert rollback_note.of(overlays.overlay(document, Plan().overlay("T", second))) == second


@pytest.mark.parametrize(
    "document", [{}, {"Metadata": None}, {"Metadata": {"Quayside": {"Rollback": "by hand"}}}]
)
def test_a_template_without_a_note_has_none(document: dict[str, Any]) -> None:
    assert rollback_note.of(document) == {}
    assert rollback_note.told({}) == ""
    assert rollback_note.before({}) is None


def way(plan: Plan, active: str = "green") -> rollback.Way:
    return rollback.Way(revision(9), revision(8), plan, {}, active, [])


def test_the_way_back_is_said_with_what_stays() -> None:
    plan = Plan(parameters={"Cpu": "256"}, told=["cpu 512 -> 256"], follows=["DB_HOST"])
    assert [*rollback.told(Service("shop", "orders"), way(plan))] == [
        "shop/orders: back from shop-orders:9 to what shop-orders:8 was (deployed 2026-11-29 "
        "04:50:12 UTC), and the user green stays.",
        "  cpu 512 -> 256",
        "  DB_HOST: not as it was, since the stack's own parameters say it",
    ]
    assert [*rollback.told(Service("shop", "orders"), way(Plan()))] == [
        "shop/orders: shop-orders:8 is what runs; nothing changes."
    ]


def test_what_stands_in_the_end_is_said() -> None:
    result = {"outputs": {"ActiveUser": "green"}, "status": "UPDATE_COMPLETE", "seconds": 12.1}
    said = rollback.ended(Service("shop", "orders"), way(Plan()), result)
    assert "it runs what shop-orders:8 was; the stack is UPDATE_COMPLETE after 12.1 s." in said
    assert "green is active" in said
    assert "active" not in rollback.ended(Service("shop", "orders"), way(Plan(), ""), result)


GIVEN = {"Cpu": "1024", "Memory": "2048", "SecretKeyArns": ""}


def noted(parameters: list[list[str]]) -> dict[str, Any]:
    note = rollback_note.made(("shop-orders:9", "shop-orders:8"), MOMENT, [], parameters)
    return dict(note)


def test_what_parameters_were_before_rollbacks_is_known_of_one_after_another() -> None:
    first = rollback_note.changed({}, GIVEN, {"Cpu": "512", "SecretKeyArns": "arn"})
    assert first == [["Cpu", "1024", "512"], ["SecretKeyArns", "", "arn"]]
    now = {**GIVEN, "Cpu": "512", "SecretKeyArns": "arn"}
    assert rollback_note.values_before(noted(first), now) == {"Cpu": "1024", "SecretKeyArns": ""}
    second = rollback_note.changed(noted(first), now, {"Cpu": "256"})
    assert second == [["Cpu", "1024", "256"], ["SecretKeyArns", "", "arn"]]
    last = rollback_note.changed(noted(first), now, {"Cpu": "1024"})
    assert last == [["SecretKeyArns", "", "arn"]]


def test_what_somebody_changed_after_a_rollback_is_not_the_rollbacks() -> None:
    note = noted([["Cpu", "1024", "512"]])
    assert rollback_note.values_before(note, {**GIVEN, "Cpu": "4096"}) == {}
    assert rollback_note.values_before({"Parameters": {"Cpu": "by hand"}}, GIVEN) == {}
