"""What Custom::ListenerPriority decides."""

from __future__ import annotations

import pytest
from botocore.session import Session
from botocore.stub import Stubber
from hypothesis import given
from hypothesis import strategies as st

from custom_resources.listener_priority import listener
from custom_resources.listener_priority.decisions import (
    HIGHEST,
    LOWEST,
    ListenerPriorityProperties,
    choose,
)
from custom_resources.shared.failure import Failure

ARN = "arn:aws:elasticloadbalancing:eu-central-1:000000000000:listener/app/public/1/2"
TAKEN = st.sets(st.integers(LOWEST, 200))


@given(taken=TAKEN)
def test_the_first_attempt_takes_the_lowest_gap(taken: set[int]) -> None:
    chosen = choose(taken, 0)

    assert chosen not in taken
    assert set(range(LOWEST, chosen or 0)) <= taken


@given(taken=TAKEN, attempt=st.integers(0, 12))
def test_a_later_attempt_stays_among_the_lowest_gaps(taken: set[int], attempt: int) -> None:
    chosen = choose(taken, attempt)

    assert chosen is not None
    assert chosen not in taken
    assert LOWEST <= chosen <= HIGHEST
    assert len(set(range(LOWEST, chosen)) - taken) < 4**attempt


def test_the_last_priority_is_found_and_then_none() -> None:
    assert choose(set(range(LOWEST, HIGHEST)), 3) == HIGHEST
    assert choose(set(range(LOWEST, HIGHEST + 1)), 0) is None


@pytest.mark.parametrize(
    "arn",
    [
        "",
        "arn:aws:x",
        ARN.replace("listener/app", "loadbalancer/app"),
        ARN.replace("listener/app", "listener/net"),
    ],
)
def test_anything_but_the_arn_of_an_application_listener_is_refused(arn: str) -> None:
    with pytest.raises(Failure, match="Property ListenerArn is "):
        ListenerPriorityProperties.of({"ListenerArn": arn})


@pytest.mark.parametrize("partition", ["aws", "aws-cn", "aws-us-gov"])
def test_every_partition_has_listeners(partition: str) -> None:
    arn = ARN.replace("aws", partition, 1)

    assert ListenerPriorityProperties.of({"ListenerArn": arn}).listener_arn == arn


# The local AWS knows neither of these answers.


def test_a_listener_that_is_gone_is_named() -> None:
    elbv2 = Session().create_client("elbv2", "eu-central-1")
    with Stubber(elbv2) as answers:
        answers.add_client_error("describe_rules", "ListenerNotFound")
        with pytest.raises(Failure, match=f"There is no listener {ARN}"):
            listener.priorities(elbv2, ARN)


def test_the_accounts_own_quota_counts() -> None:
    elbv2 = Session().create_client("elbv2", "eu-central-1")
    limits = [
        {"Name": "target-groups", "Max": "3000"},
        {"Name": "rules-per-application-load-balancer", "Max": "200"},
    ]
    with Stubber(elbv2) as answers:
        answers.add_response("describe_account_limits", {"Limits": limits})
        assert listener.rule_quota(elbv2) == 200
