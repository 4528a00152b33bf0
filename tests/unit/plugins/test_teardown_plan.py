"""Which stacks a teardown deletes, in which order, and what it refuses."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from ansible_collections.quayside.fargate.plugins.plugin_utils.errors import StackError
from ansible_collections.quayside.fargate.plugins.plugin_utils.platform_stacks import (
    KINDS,
    Kind,
    is_platform,
)
from ansible_collections.quayside.fargate.plugins.plugin_utils.teardown_plan import (
    Plan,
    is_own,
    plan,
    refuse_unconfirmed,
)
from tests.unit.plugins.test_platform_stacks import own_names, platforms, stack


def described(
    name: str, platform: str | None = "shop", status: str = "UPDATE_COMPLETE", **told: str
) -> dict[str, Any]:
    """Return a stack as DescribeStacks has it, with its outputs."""
    given = [] if platform is None else [{"ParameterKey": "Platform", "ParameterValue": platform}]
    return {
        "StackName": name,
        "StackId": f"arn:aws:cloudformation:eu-central-1:123456789012:stack/{name}/id",
        "StackStatus": status,
        "Parameters": given,
        "Outputs": [{"OutputKey": key, "OutputValue": value} for key, value in told.items()],
    }


def shell(name: str) -> dict[str, Any]:
    return described(name, None, "REVIEW_IN_PROGRESS")


def planned(*stacks: dict[str, Any], platform: str = "shop") -> Plan:
    made: Plan = plan(stacks, platform, delete_data=False, bucket="")
    return made


WHOLE = [described(stack("shop", kind, name)) for kind in KINDS for name in ("orders", "billing")]


def test_stacks_go_before_what_they_stand_on() -> None:
    made = planned(*{it["StackName"]: it for it in reversed(WHOLE)}.values())
    assert made.services == [
        *("shop-restore-billing", "shop-restore-orders"),
        *("shop-monitoring-billing", "shop-monitoring-orders"),
        *("shop-service-billing", "shop-service-orders"),
        "shop-rotation",
    ]
    assert made.protected == ["shop-load-balancer-billing", "shop-load-balancer-orders", "shop-rds"]
    assert made.foundations == [
        *("shop-deployment-billing", "shop-deployment-orders"),
        *("shop-cluster", "shop-support", "shop-network"),
    ]
    assert made.stacks == sorted({it["StackName"] for it in WHOLE})


def test_a_platform_that_is_not_there_has_nothing_to_delete() -> None:
    made = planned(described("other-support", "other"))
    assert (made.stacks, made.unprotect, made.key) == ([], [], "")
    assert made.platforms == ["other"]


@given(platform=platforms, more=own_names, kind=st.sampled_from(KINDS), own=own_names)
def test_what_only_begins_as_the_platforms_name_stays(
    platform: str, more: str, kind: Kind, own: str
) -> None:
    other = f"{platform}-{more}"
    theirs = stack(other, kind, own)
    assert planned(described(theirs, other), platform=platform).stacks == []
    assume(is_platform(other))
    assert not is_own(shell(theirs), platform)


@given(platform=platforms, kind=st.sampled_from(KINDS), own=own_names)
def test_what_was_never_executed_is_one_platforms_at_most(
    platform: str, kind: Kind, own: str
) -> None:
    name = stack(platform, kind, own)
    ends = [at for at, letter in enumerate(name) if letter == "-"]
    assert sum(is_own(shell(name), name[:end]) for end in ends) <= 1


def test_what_was_never_executed_goes_if_only_this_platform_can_have_it() -> None:
    others = [shell("shop-service-network"), shell("shop-load-balancer-a-support"), shell("shop-x")]
    made = planned(shell("shop-service-never"), shell("shop-rds"), *others)
    assert made.stacks == ["shop-rds", "shop-service-never"]


def test_a_nested_stack_goes_with_its_own() -> None:
    nested = described("shop-service-orders-Logs-1A2B") | {"ParentId": "arn"}
    assert planned(described("shop-service-orders"), nested).stacks == ["shop-service-orders"]


def test_a_stack_of_another_name_is_refused_before_anything_goes() -> None:
    with pytest.raises(StackError) as error:
        planned(described("shop-cluster"), described("my-orders"), described("shop-service-"))
    assert str(error.value) == (
        "Nothing was removed: my-orders, shop-service- belongs to the platform shop (parameter "
        "Platform) and isn't named as its stacks are, PLATFORM-service-NAME and so on. Delete it "
        "first: aws cloudformation delete-stack --stack-name my-orders."
    )


@pytest.mark.parametrize(
    ("status", "takes_an_update"),
    [
        ("CREATE_COMPLETE", True),
        ("UPDATE_COMPLETE", True),
        ("UPDATE_ROLLBACK_COMPLETE", True),
        ("UPDATE_IN_PROGRESS", True),  # it is waited for
        ("CREATE_FAILED", False),
        ("ROLLBACK_COMPLETE", False),
        ("ROLLBACK_FAILED", False),
        ("DELETE_FAILED", False),
        ("REVIEW_IN_PROGRESS", False),
    ],
)
def test_the_protection_of_what_takes_no_update_is_not_lifted(
    status: str, takes_an_update: bool
) -> None:
    made = planned(described("shop-rds", status=status), described("shop-cluster"))
    assert made.protected == ["shop-rds"]
    assert made.unprotect == (["shop-rds"] if takes_an_update else [])


def test_the_databases_key_is_the_one_that_their_stack_tells() -> None:
    assert planned(described("shop-rds", DatabaseKeyArn="arn:key")).key == "arn:key"


def test_a_plan_comes_back_out_of_a_tasks_result() -> None:
    made = planned(*WHOLE)
    assert Plan.of({"changed": False, "seconds": 0.1, **made.result()}) == made


def test_a_run_is_confirmed_by_the_name() -> None:
    refuse_unconfirmed("shop", "shop", "")
    refuse_unconfirmed("shop", "shop", "shop")


@pytest.mark.parametrize(
    ("confirm", "delete_data"), [("", ""), ("true", ""), ("shop-a", ""), ("shop", "true")]
)
def test_a_run_that_is_not_confirmed_is_refused(confirm: str, delete_data: str) -> None:
    with pytest.raises(StackError, match=r"-e platform=shop -e confirm=shop \(and -e delete_data"):
        refuse_unconfirmed("shop", confirm, delete_data)


def test_a_name_that_no_platform_has_is_refused_even_if_it_is_confirmed() -> None:
    with pytest.raises(StackError, match=r"^platform is 'shop\.\*', but it must be 2 to 21"):
        refuse_unconfirmed("shop.*", "shop.*", "shop.*")


def test_a_service_whose_logs_are_protected_stops_a_teardown_before_it_begins() -> None:
    kept = described("shop-service-orders", LogDeletionProtection="true")
    free = described("shop-service-billing", LogDeletionProtection="false")
    with pytest.raises(StackError, match="the log group of shop-service-orders is protected"):
        planned(*WHOLE, free, kept)
    assert "shop-service-billing" in planned(*WHOLE, free).services
