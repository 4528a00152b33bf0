"""The kinds of data that a service's log group masks, by CloudWatch Logs' own names."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest

from local_aws.mends.logs.identifiers import COUNTRIES, EVERYWHERE, NAMES
from tests.unit.templates.templates import Stack, load

PATTERN = load("service")["Parameters"]["MaskedData"]["AllowedPattern"]
MANAGED = "arn:aws:dataprotection::aws:data-identifier/"
# What a parameter's value may be (CloudFormation quotas), and a policy (PutDataProtectionPolicy).
MOST_BYTES, MOST_CHARACTERS = 4096, 30_720


def group(**given: str) -> dict[str, Any]:
    """The properties of a service's log group."""
    stack = Stack("service", {"Platform": "shop", "Name": "orders", **given})
    return dict(stack.resources["LogGroup"]["Properties"])


def test_every_documented_identifier_is_taken_and_no_other(
    record_property: Callable[[str, object], None],
) -> None:
    """The table, with its source, is local_aws/mends/logs/identifiers.py."""
    record_property("identifiers", len(NAMES))
    assert [name for name in sorted(NAMES) if not re.fullmatch(PATTERN, name)] == []
    countries = {country for listed in COUNTRIES.values() for country in listed.split()}
    others = {f"{name}-{it}" for name in (*COUNTRIES, *EVERYWHERE) for it in countries} | {
        *COUNTRIES
    }
    assert [name for name in sorted(others - NAMES) if re.fullmatch(PATTERN, name)] == []


@pytest.mark.parametrize(
    ("value", "taken"),
    [
        ("", True),
        ("EmailAddress", True),
        ("EmailAddress,TaxId-DE,Name", True),
        ("emailaddress", False),
        ("EmailAddress,", False),
        (",EmailAddress", False),
        ("EmailAddress,,Name", False),
        ("EmailAddress, Name", False),
        ("EmailAddressName", False),
        (f"{MANAGED}EmailAddress", False),
        ("Email", False),
        ("TaxId", False),
        ("TaxId-US", False),
    ],
)
def test_a_list_of_them_is_joined_by_commas(value: str, taken: bool) -> None:
    assert bool(re.search(PATTERN, value)) is taken


def test_without_any_there_is_no_policy() -> None:
    assert "DataProtectionPolicy" not in group()


def test_a_policy_looks_for_the_same_in_both_statements_and_audits_first() -> None:
    kinds = "EmailAddress,CreditCardNumber,Address,IpAddress,TaxId-DE"
    policy = group(MaskedData=kinds)["DataProtectionPolicy"]
    audit, mask = policy["Statement"]
    assert audit["Operation"] == {"Audit": {"FindingsDestination": {}}}
    assert mask["Operation"] == {"Deidentify": {"MaskConfig": {}}}
    wanted = [f"{MANAGED}{kind}" for kind in kinds.split(",")]
    assert audit["DataIdentifier"] == mask["DataIdentifier"] == wanted


def test_all_of_them_at_once_fit_into_a_parameter_and_a_policy() -> None:
    everything = ",".join(sorted(NAMES))
    assert len(everything) <= MOST_BYTES
    assert len(str(group(MaskedData=everything)["DataProtectionPolicy"])) <= MOST_CHARACTERS


def test_findings_go_where_they_are_let_in_and_encrypted() -> None:
    stack = Stack("service", {"Platform": "shop", "Name": "orders", "MaskingAudit": "true"})
    audit = stack.resources["AuditLogGroup"]["Properties"]
    (statement,) = [
        it
        for it in stack.resources["Key"]["Properties"]["KeyPolicy"]["Statement"]
        if it["Sid"] == "CloudWatchEncryptsTheLogs"
    ]
    (groups,) = statement["Condition"]["ArnEquals"].values()
    names = [it.partition(":log-group:")[2] for it in groups]
    assert names == ["/shop/orders", audit["LogGroupName"]]
    cluster = Stack("cluster", {"Platform": "shop", "MaskingAudits": "true"})
    policy = cluster.resources["MaskingAuditDelivery"]["Properties"]
    assert ":log-group:/shop/*/audit:log-stream:*" in policy["PolicyDocument"]


def test_a_platform_takes_none_of_the_accounts_ten_policies_unless_it_is_told_to() -> None:
    kinds = {it["Type"] for it in Stack("cluster", {"Platform": "shop"}).resources.values()}
    assert "AWS::Logs::ResourcePolicy" not in kinds
