"""The bucket that a platform makes: its name, its policy, and that none is forgotten."""

from __future__ import annotations

import pytest

from ansible_collections.quayside.fargate.plugins.plugin_utils.buckets import (
    name,
    policy,
    refuse_forgotten,
)
from ansible_collections.quayside.fargate.plugins.plugin_utils.errors import StackError


def test_the_bucket_is_named_after_platform_account_and_region() -> None:
    assert name("shop", "123456789012", "eu-west-1") == "shop-artifacts-123456789012-eu-west-1"


def test_the_policy_keeps_other_accounts_and_plain_http_out() -> None:
    plain, others = policy("b", "123456789012", "aws-cn")["Statement"]
    for statement in (plain, others):
        assert statement["Effect"] == "Deny"
        assert statement["Resource"] == ["arn:aws-cn:s3:::b", "arn:aws-cn:s3:::b/*"]
    assert plain["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}
    assert others["Condition"] == {
        "StringNotEquals": {"aws:PrincipalAccount": "123456789012"},
        "BoolIfExists": {"aws:PrincipalIsAWSService": "false"},
    }


def test_a_bucket_whose_variable_was_forgotten_is_refused() -> None:
    with pytest.raises(StackError) as error:
        refuse_forgotten("ours", "made", ["support_platform"])
    assert str(error.value) == (
        "support_artifacts_bucket isn't given, and would fall back from ours to made. Nothing was "
        "changed. Give it, or if it is meant, write support_allow: [support_artifacts_bucket]"
    )


@pytest.mark.parametrize(
    ("before", "named"), [("", []), ("made", []), ("ours", ["support_artifacts_bucket"])]
)
def test_a_first_bucket_the_same_one_and_what_is_allowed_are_taken(
    before: str, named: list[str]
) -> None:
    refuse_forgotten(before, "made", named)
