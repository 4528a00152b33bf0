"""Whether a user may be rotated."""

from __future__ import annotations

import datetime
import os
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from custom_resources.contract.names import ServiceUser
from custom_resources.contract.outcomes import Reason
from custom_resources.contract.stacks import STABLE, ServiceStack
from custom_resources.contract.usage import Deployment, ServiceDeployment, Task, refers
from custom_resources.rotation import is_paused
from custom_resources.rotation.rotate.guard import Facts, Refusal, refusal

NOW = datetime.datetime(2026, 11, 1, 3, 0, tzinfo=datetime.UTC)
SETTLING = datetime.timedelta(seconds=300)
LONG_AGO = NOW - datetime.timedelta(days=14)
BLUE, GREEN = (ServiceUser("shop", "orders", colour) for colour in ("blue", "green"))
STACK = ServiceStack(
    "arn:aws:cloudformation:eu-central-1:1:stack/shop-service-orders/1",
    "UPDATE_COMPLETE",
    {"ActiveUser": "blue"},
)
DONE = Deployment("d1", "COMPLETED", running=2, desired=2, refers=False)
QUIET = Facts(
    stack=STACK,
    deployments=(DONE,),
    service_deployments=(ServiceDeployment("s1", "SUCCESSFUL", LONG_AGO),),
    primary_updated=LONG_AGO,
    tasks=(),
    now=NOW,
)
STATUSES = [
    "CREATE_IN_PROGRESS",
    "CREATE_FAILED",
    "ROLLBACK_IN_PROGRESS",
    "ROLLBACK_FAILED",
    "ROLLBACK_COMPLETE",
    "DELETE_IN_PROGRESS",
    "DELETE_FAILED",
    "UPDATE_IN_PROGRESS",
    "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS",
    "UPDATE_FAILED",
    "UPDATE_ROLLBACK_IN_PROGRESS",
    "UPDATE_ROLLBACK_FAILED",
    "REVIEW_IN_PROGRESS",
    "UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS",
    "IMPORT_IN_PROGRESS",
    "IMPORT_ROLLBACK_IN_PROGRESS",
    "IMPORT_ROLLBACK_FAILED",
]


def refused(facts: Facts, user: ServiceUser = GREEN, *, paused: bool = False) -> Refusal:
    answer = refusal(facts, user, SETTLING, paused=paused)
    assert answer is not None
    return answer


def test_the_idle_user_of_a_quiet_service_may_be_rotated() -> None:
    assert refusal(QUIET, GREEN, SETTLING) is None


def test_the_active_user_may_not_and_that_lasts() -> None:
    answer = refused(QUIET, BLUE)

    assert str(answer).startswith("Refused to rotate the user blue of orders: it is the active")
    assert answer.lasting


@pytest.mark.parametrize("status", STATUSES)
@pytest.mark.parametrize("user", [BLUE, GREEN])
def test_a_stack_in_any_other_state_forbids_both_and_that_passes(
    status: str, user: ServiceUser
) -> None:
    answer = refused(replace(QUIET, stack=replace(STACK, status=status)), user)

    assert f"shop-service-orders is in {status}" in str(answer)
    assert not answer.lasting


@pytest.mark.parametrize("status", sorted(STABLE))
def test_a_stable_stack_forbids_nothing(status: str) -> None:
    assert refusal(replace(QUIET, stack=replace(STACK, status=status)), GREEN, SETTLING) is None


@pytest.mark.parametrize(
    ("facts", "reason"),
    [
        (replace(QUIET, stack=replace(STACK, parameters={})), Reason.NO_ACTIVE_USER),
        (replace(QUIET, stack=replace(STACK, status="UPDATE_IN_PROGRESS")), Reason.STACK),
        (
            replace(QUIET, stack=replace(STACK, status="UPDATE_IN_PROGRESS"), sessions=1),
            Reason.STACK,
        ),
        (replace(QUIET, deployments=(replace(DONE, refers=True),)), Reason.DEPLOYMENT),
        (replace(QUIET, sessions=2), Reason.SESSION),
    ],
)
def test_a_refusal_counts_for_the_weightiest_of_its_reasons(facts: Facts, reason: Reason) -> None:
    assert refused(facts).reason is reason
    assert refused(facts, paused=True).reason is Reason.PAUSED


def test_the_active_users_refusal_counts_as_that() -> None:
    assert refused(replace(QUIET, sessions=2), BLUE).reason is Reason.ACTIVE_USER


def test_a_stack_that_has_no_active_user_forbids_it() -> None:
    answer = refused(replace(QUIET, stack=replace(STACK, parameters={})))

    assert "has no parameter ActiveUser" in str(answer)
    assert answer.lasting


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"rollout_state": "IN_PROGRESS"}, "deployment d1 is IN_PROGRESS"),
        ({"rollout_state": "FAILED"}, "deployment d1 is FAILED"),
        ({"rollout_state": "FAILED", "running": 0}, "deployment d1 is FAILED"),
        ({"rollout_state": "FAILED", "desired": 0}, "deployment d1 is FAILED"),
        ({"refers": True}, "deployment d1 starts tasks with its secret"),
        ({"refers": True, "running": 0, "desired": 0}, "deployment d1 starts tasks with"),
    ],
)
def test_a_deployment_forbids_it_while_it_may_have_tasks(
    changed: dict[str, object], said: str
) -> None:
    answer = refused(replace(QUIET, deployments=(replace(DONE, **changed),)))  # type: ignore[arg-type]

    assert said in str(answer)
    assert not answer.lasting


def test_a_failed_deployment_without_tasks_is_ignored() -> None:
    dead = Deployment("d0", "FAILED", running=0, desired=0, refers=True)

    assert refusal(replace(QUIET, deployments=(DONE, dead)), GREEN, SETTLING) is None


@pytest.mark.parametrize(
    "status",
    ["PENDING", "IN_PROGRESS", "STOP_REQUESTED", "ROLLBACK_REQUESTED", "ROLLBACK_IN_PROGRESS"],
)
def test_an_unfinished_service_deployment_forbids_it(status: str) -> None:
    unfinished = (*QUIET.service_deployments, ServiceDeployment("s2", status, None))
    answer = refused(replace(QUIET, service_deployments=unfinished))

    assert f"service deployment s2 is {status}" in str(answer)


@pytest.mark.parametrize(
    "status", ["SUCCESSFUL", "STOPPED", "ROLLBACK_SUCCESSFUL", "ROLLBACK_FAILED"]
)
def test_a_finished_service_deployment_forbids_nothing_once_it_has_settled(status: str) -> None:
    ended = (ServiceDeployment("s2", status, NOW - SETTLING),)

    assert refusal(replace(QUIET, service_deployments=ended), GREEN, SETTLING) is None


@given(st.integers(min_value=-30, max_value=299))
def test_a_deployment_that_ended_within_the_settling_time_forbids_it(seconds: int) -> None:
    ended = ServiceDeployment("s2", "SUCCESSFUL", NOW - datetime.timedelta(seconds=seconds))
    deployments = (*QUIET.service_deployments, ended)
    answer = refused(replace(QUIET, service_deployments=deployments))

    assert "300 s must pass" in str(answer)


def test_where_ecs_lists_no_service_deployment_the_primary_deployments_change_counts() -> None:
    facts = replace(QUIET, service_deployments=(), primary_updated=NOW)

    assert "300 s must pass" in str(refused(facts))
    assert refusal(replace(facts, primary_updated=LONG_AGO), GREEN, SETTLING) is None


def test_a_task_and_a_session_forbid_it_and_are_named() -> None:
    task = Task("0123abcd", "family:migrate", "DEACTIVATING")
    answer = refused(replace(QUIET, tasks=(task,), sessions=2))

    said = str(answer)
    assert "task 0123abcd (family:migrate) is DEACTIVATING and refers to its secret" in said
    assert "the database has open sessions of it (2)" in said
    assert said.endswith("or rotate it once that has ended.")


@given(st.integers(min_value=-30, max_value=299), st.integers(min_value=300, max_value=3600))
def test_settling_counts_from_the_end_of_the_last_task_however_long_ago_the_deployment_ended(
    seconds: int, earlier: int
) -> None:
    """A deployment with early success ends while its old tasks drain."""
    stopped = [NOW - datetime.timedelta(seconds=it) for it in (seconds, earlier)]
    tasks = tuple(Task(str(it), "service:orders", "STOPPED", it) for it in stopped)
    answer = refused(replace(QUIET, tasks=tasks))

    assert f"stopped at {stopped[0]:%H:%M:%S} UTC, and 300 s must pass" in str(answer)
    assert not answer.lasting
    assert refusal(replace(QUIET, tasks=tasks[1:]), GREEN, SETTLING) is None


def test_a_task_that_drains_forbids_it_however_long_ago_another_one_stopped() -> None:
    old = Task("old", "service:orders", "STOPPED", LONG_AGO)
    draining = Task("draining", "service:orders", "DEPROVISIONING")
    answer = refused(replace(QUIET, tasks=(old, draining)))

    assert "task draining" in str(answer)
    assert "old" not in str(answer)


def test_a_pause_forbids_it_and_says_how_to_end_it() -> None:
    answer = refused(QUIET, paused=True)

    assert "Paused false" in str(answer)
    assert answer.lasting


@given(st.builds(lambda *it: it, st.booleans(), st.integers(0, 3), st.integers(0, 3)))
def test_whatever_else_is_found_the_active_user_is_never_rotated(
    found: tuple[bool, int, int],
) -> None:
    refers_to_it, tasks, sessions = found
    facts = replace(
        QUIET,
        deployments=(replace(DONE, refers=refers_to_it),),
        tasks=tuple(Task(str(n), "service:orders", "RUNNING") for n in range(tasks)),
        sessions=sessions,
    )

    assert refused(facts, BLUE).lasting


ARN = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:shop/orders/db/green"


@pytest.mark.parametrize(
    "text",
    [
        f"{ARN}-a1B2c3",
        f"{ARN}-a1B2c3:password::",
        f"{ARN}-a1B2c3:password:AWSCURRENT:",
        ARN,
        "shop/orders/db/green",
        "aws secretsmanager get-secret-value --secret-id 'shop/orders/db/green'",
        "SECRETS=shop/orders/db/blue,shop/orders/db/green",
    ],
)
def test_a_secret_is_found_by_its_name_and_by_its_arn(text: str) -> None:
    assert refers([{"environment": [{"name": "X", "value": text}]}], GREEN)


@pytest.mark.parametrize(
    "text",
    [
        "shop/orders/db/blue",
        f"{ARN}-too-a1B2c3",
        "shop/orders/db/green2",
        "shop/orders/db/green/old",
        "workshop/orders/db/green",
        "my-shop/orders/db/green",
        "the/shop/orders/db/green",
        "green",
        "",
    ],
)
def test_another_secret_is_not_taken_for_it(text: str) -> None:
    assert not refers([{"secrets": [{"name": "X", "valueFrom": text}]}], GREEN)


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(alphabet="abc/"),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    ),
    st.booleans(),
)
def test_it_is_found_however_deep_it_is(definition: object, hidden: bool) -> None:
    wrapped = {"a": [definition, {"b": [ARN if hidden else "nothing"]}]}

    assert refers(wrapped, GREEN) == hidden


@given(
    st.from_regex(r"[a-z][a-z0-9-]{1,20}", fullmatch=True),
    st.from_regex(r"[a-z][a-z0-9-]{1,29}", fullmatch=True),
    st.sampled_from(["blue", "green"]),
)
def test_a_secrets_name_says_whose_it_is(platform: str, service: str, colour: str) -> None:
    user = ServiceUser(platform, service, colour)

    assert ServiceUser.of(user.secret_name) == user
    assert user.stack_name == f"{platform}-service-{service}"


@pytest.mark.parametrize(
    "name",
    ["", "shop/orders/db/red", "shop/orders/blue", "shop/orders/db/blue/x", "Shop/a/db/blue"],
)
def test_a_secret_of_another_name_is_nobodys(name: str) -> None:
    assert ServiceUser.of(name) is None


@pytest.mark.parametrize(("value", "paused"), [("true", True), ("false", False), (None, False)])
def test_the_pause_switch(value: str | None, paused: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ROTATION_PAUSED", raising=False)
    if value:
        monkeypatch.setitem(os.environ, "ROTATION_PAUSED", value)

    assert is_paused() == paused
