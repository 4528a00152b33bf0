"""What a look at a service before its deployment decides."""

from __future__ import annotations

import datetime
from typing import Any

import pytest

from ansible_collections.quayside.fargate.plugins.plugin_utils import (
    doctor,
    routes,
    secret_versions,
    verify,
    verify_image,
    verify_route,
    verify_secrets,
    verify_subnets,
)
from ansible_collections.quayside.fargate.plugins.plugin_utils.doctor_findings import (
    failed,
    warning,
)
from ansible_collections.quayside.fargate.plugins.plugin_utils.secret_references import (
    Reference,
    by_variable,
)
from ansible_collections.quayside.fargate.plugins.plugin_utils.secret_versions import Seen
from tests.permissions import policies
from tests.unit.plugins.test_variable_rules import values as service_values

EARLY, NOON, LATE = (
    datetime.datetime(2026, 11, 29, hour, tzinfo=datetime.UTC) for hour in (1, 12, 23)
)
SECRET = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:stripe-AbCdEf"
PARAMETER = "arn:aws:ssm:eu-central-1:123456789012:parameter/stripe/key"
KEY = "arn:aws:kms:eu-central-1:123456789012:key/0a1b2c3d"
SOURCES = {"SecretArns": SECRET, "ParameterArns": ""}


def test_a_reference_is_read_in_its_parts() -> None:
    assert Reference.of(SECRET) == Reference(SECRET)
    assert Reference.of(f"{SECRET}:token:BLUE:") == Reference(SECRET, "token", "BLUE", "")
    assert Reference.of(f"{SECRET}:::v1") == Reference(SECRET, "", "", "v1")
    assert Reference.of(PARAMETER).names == ("/stripe/key",)
    assert Reference.of("arn:aws:ssm:r:1:parameter/bare").names == ("bare", "/bare")


def test_variables_that_hold_the_same_are_asked_for_once() -> None:
    found = by_variable({"B": SECRET, "A": SECRET, "C": f"{SECRET}:key::"})
    assert found == {Reference(SECRET): ["A", "B"], Reference(SECRET, "key"): ["C"]}


def wanted(
    seen: dict[str, Seen | None],
    before: dict[str, str] | None,
    rolled: datetime.datetime | None = None,
) -> str | None:
    found: str | None = secret_versions.wanted(seen, before, SOURCES, lambda: rolled)
    return found


def test_a_service_without_secrets_of_others_has_no_versions() -> None:
    assert wanted({}, None) == ""
    assert wanted({}, {"SecretVersions": "v1"}) == ""


def had(versions: str) -> dict[str, str]:
    """Return what a service with these secrets was deployed with."""
    return {**SOURCES, "SecretVersions": versions}


@pytest.mark.parametrize("value", ["", "v0", "v0,2"])
def test_what_may_not_be_asked_leaves_the_versions_as_they_are(value: str) -> None:
    assert wanted({"a": None, "b": None}, had(value)) is None


def test_a_secret_that_may_not_be_seen_leaves_the_others_their_versions() -> None:
    hidden: dict[str, Seen | None] = {"a": Seen("v2", NOON), "b": None}
    assert wanted(hidden, None) == "v2,?"
    assert wanted(hidden, had("v1,w1")) == "v2,w1"
    assert wanted(hidden, had("v2,w1")) == "v2,w1"
    assert wanted(hidden, had("v1,?")) == "v2,?"
    assert wanted(hidden, had(""), rolled=EARLY) == "v2,?"
    assert wanted(hidden, had(""), rolled=LATE) == ""
    assert wanted(hidden, had(""), rolled=None) is None


def test_a_secret_that_is_seen_at_last_rolls_nothing_until_it_changes() -> None:
    seen: dict[str, Seen | None] = {"a": Seen("v1", EARLY), "b": Seen("w1", NOON)}
    assert wanted(seen, had("v1,?"), rolled=LATE) == "v1,?"
    assert wanted(seen, had("v1,?"), rolled=None) == "v1,?"
    assert wanted(seen, had("v1,?"), rolled=EARLY) == "v1,w1"
    assert wanted(seen, had("v0,?"), rolled=LATE) == "v1,?"


def test_a_sum_of_versions_stays_while_one_of_them_may_not_be_seen() -> None:
    seen: dict[str, Seen | None] = {f"{it:03}": Seen("v" * 64, NOON) for it in range(80)}
    sum_of_all = wanted(seen, None)
    assert sum_of_all
    assert wanted(seen, had(sum_of_all)) == sum_of_all
    assert wanted({**seen, "007": None}, had(sum_of_all)) is None


def test_a_new_service_and_one_that_has_versions_get_those_of_now() -> None:
    seen: dict[str, Seen | None] = {"b": Seen("2", NOON), "a": Seen("v1", NOON)}
    assert wanted(seen, None) == "v1,2"
    assert wanted(seen, {**SOURCES, "SecretVersions": "v0,2"}) == "v1,2"


def test_a_service_from_before_rolls_only_if_a_secret_changed_since_it_did() -> None:
    seen: dict[str, Seen | None] = {"a": Seen("v1", NOON)}
    for before in (SOURCES, {**SOURCES, "SecretVersions": ""}):
        assert wanted(seen, before, rolled=LATE) == ""
        assert wanted(seen, before, rolled=EARLY) == "v1"
        assert wanted(seen, before, rolled=None) is None


def test_a_service_that_gets_its_first_secret_rolls_anyway() -> None:
    assert wanted({"a": Seen("v1", NOON)}, {"SecretArns": ""}, rolled=LATE) == "v1"


def test_more_versions_than_a_parameter_takes_are_summed_up() -> None:
    many = {f"{number:03}": "v" * 64 for number in range(80)}
    text = secret_versions.text(many)
    assert len(text) == 64
    assert secret_versions.text({**many, "007": "w"}) != text


@pytest.mark.parametrize(
    ("reference", "version"),
    [
        (Reference(SECRET), "v2"),
        (Reference(SECRET, stage="AWSPREVIOUS"), "v1"),
        (Reference(SECRET, stage="BLUE"), None),
        (Reference(SECRET, version="v1"), "v1"),
        (Reference(SECRET, version="v0"), None),
        (Reference(SECRET, stage="AWSCURRENT", version="v1"), None),
    ],
)
def test_a_reference_means_one_version(reference: Reference, version: str | None) -> None:
    stages = {"v1": ["AWSPREVIOUS"], "v2": ["AWSCURRENT", "ROTATED"]}
    assert verify_secrets.version_of(reference, stages) == version


@pytest.mark.parametrize(
    ("name", "kept"),
    [
        ("shop/orders/db/blue-AbCdEf", True),
        ("shop/legacy/db/password-AbCdEf", True),
        ("legacy/db/password-AbCdEf", False),
        ("shop/db/password-AbCdEf", False),
        ("shop2/orders/db/blue-AbCdEf", False),
        ("shop/stripe-AbCdEf", False),
    ],
)
def test_the_documented_policies_keep_back_the_platforms_own_names_only(
    name: str, *, kept: bool
) -> None:
    reference = Reference(f"arn:aws:secretsmanager:eu-central-1:123456789012:secret:{name}")
    assert verify_secrets.is_kept(reference, "shop") is kept
    for kind in ("service", "read", "operate"):
        given = {"PLATFORM": "shop", "ACCOUNT": "123456789012", "SERVICES": "a-*", "TEAM": "a"}
        statements = policies.documented(kind, **given)
        seen = policies.allows(statements, "secretsmanager:DescribeSecret", reference.arn)
        assert seen is not kept, kind


def test_an_arn_without_its_six_characters_is_refused_though_aws_finds_the_secret() -> None:
    """Seen: `shop-secret` looks as if it had them."""
    partial = Reference(SECRET.replace("stripe-AbCdEf", "shop-secret"))
    told = {"ARN": f"{partial.arn}-AbCdEf", "VersionIdsToStages": {"v1": ["AWSCURRENT"]}}
    findings, seen = verify_secrets.judged("secret A", partial, {**told, "Name": "shop-secret"}, [])
    assert seen is None
    assert [it.result for it in findings] == ["failed"]
    assert f"{partial.arn}-AbCdEf" in findings[0].what
    whole = Reference(told["ARN"])
    assert verify_secrets.judged("secret A", whole, told, [])[1] is not None


def test_a_secret_without_a_value_is_refused() -> None:
    findings, seen = verify_secrets.judged("secret A", Reference(SECRET), {"Name": "stripe"}, [])
    assert seen is None
    assert [it.result for it in findings] == ["failed"]
    assert "stripe has no value yet" in findings[0].what
    assert "put-secret-value" in findings[0].to_do


@pytest.mark.parametrize(
    ("key", "given", "told"),
    [
        (None, [], False),
        ("alias/aws/ssm", [], False),
        ("arn:aws:kms:eu-central-1:123456789012:alias/aws/secretsmanager", [], False),
        (KEY, [KEY], False),
        ("0a1b2c3d", [KEY], False),
        ("alias/mine", [KEY], False),  # may lead to it
        (KEY, [], True),
        ("alias/mine", [], True),
        ("0a1b2c3e", [KEY], True),
    ],
)
def test_a_key_that_the_execution_role_is_not_given_is_told(
    key: str | None, given: list[str], told: bool
) -> None:
    found = verify_secrets.key_findings("secret A", "stripe", key, given)
    assert [it.result for it in found] == (["warning"] if told else [])


def test_an_index_has_the_processors_of_its_linux_images() -> None:
    index = {
        "manifests": [
            {"platform": {"architecture": "amd64", "os": "linux"}},
            {"platform": {"architecture": "arm64", "os": "windows"}},
            {"platform": {"architecture": "unknown", "os": "unknown"}},
            {},
        ]
    }
    assert verify_image.platforms(index) == {"amd64"}


@pytest.mark.parametrize(
    ("built", "wanted", "result"),
    [
        ({"amd64"}, "amd64", "ok"),
        ({"amd64", "arm64"}, "arm64", "ok"),
        (set(), "arm64", "ok"),
        ({"amd64"}, "arm64", "failed"),
        ({"riscv64"}, "amd64", "failed"),
    ],
)
def test_an_image_is_for_the_processor_of_the_tasks(
    built: set[str], wanted: str, result: str
) -> None:
    found = verify_image.judged("orders:1", "sha256:0", built, wanted)
    assert found.result == result


def test_what_aws_tells_obeys_no_terminal() -> None:
    """A rule's tag and an error's message hold what others wrote."""
    found = failed("host name", "It is that of \x1b[2Jorders\x07.", "Mend \x9b1A it.")
    told = warning("image", "It is \u202egnp.", "Look.")
    verified = verify.Verified([found, told], "", None)
    shown = [verified.verdict, *verified.warnings, verified.unpinned, *doctor.table([found, told])]
    for text in shown:
        assert set(text) & set("\x1b\x07\x9b\u202e") == set()
    assert "that of \\x1b[2Jorders\\x07. Mend \\x9b1A it." in verified.verdict


def rule(*names: str, path: str = "") -> dict[str, Any]:
    conditions: list[dict[str, Any]] = [
        {"Field": "host-header", "HostHeaderConfig": {"Values": list(names)}}
    ]
    conditions += [{"Field": "path-pattern", "Values": [path]}] if path else []
    return {"Conditions": conditions, "Actions": []}


@pytest.mark.parametrize(
    ("found", "taken"),
    [
        (rule("orders.example.com"), True),
        (rule("Orders.example.com"), True),
        (rule("invoices.example.com"), False),
        (rule("orders.example.com", path="/admin/*"), False),
        (rule("orders.example.com", path="/*"), True),
        ({"IsDefault": True, "Priority": "default", "Conditions": []}, False),
        ({"Conditions": [{"Field": "host-header", "RegexValues": ["orders.*"]}]}, False),
    ],
)
def test_a_host_name_is_taken_by_a_rule_of_all_its_requests(
    found: dict[str, Any], *, taken: bool
) -> None:
    wanted = routes.wanted(service_values(host_name="orders.example.com"))
    assert bool([*routes.fronts([found], wanted)]) is taken


def test_of_two_rules_of_one_name_the_one_in_front_has_it() -> None:
    front, behind = ({**rule("a.b", "c.d"), "Priority": it} for it in ("9", "10"))
    wanted = routes.wanted(service_values(host_name="a.b", more_host_names=["c.d", "e.f"]))
    held = [*routes.fronts([behind, front], wanted)]
    assert [(routes.shown(choice), it["Priority"]) for choice, it in held] == [
        ("a.b", "9"),
        ("c.d", "9"),
    ]


@pytest.mark.parametrize(
    ("given", "found", "taken"),
    [
        ({"path_patterns": ["/admin/*", "/api/*"]}, rule("a.b", path="/admin/*"), "/admin/*"),
        ({"path_patterns": ["/admin/*"]}, rule("a.b", path="/Admin/*"), ""),
        ({"path_patterns": ["/admin/*"]}, rule("a.b"), ""),
        ({"more_host_names": ["c.d"]}, rule("c.d", "e.f"), "c.d"),
        ({"header_name": "X-A", "header_values": ["b"]}, rule("a.b"), ""),
    ],
)
def test_a_rule_with_the_same_kinds_of_conditions_has_what_both_name(
    given: dict[str, Any], found: dict[str, Any], taken: str
) -> None:
    wanted = routes.wanted(service_values(host_name="a.b", **given))
    held = [*routes.fronts([found], wanted)]
    assert bool(held) is bool(taken)
    assert not held or taken in routes.shown(held[0][0])


@pytest.mark.parametrize(
    ("count", "result"), [(0, "ok"), (89, "ok"), (90, "warning"), (100, "failed")]
)
def test_a_load_balancer_fills_up(count: int, result: str) -> None:
    assert verify_route.judged("Rules", count, 100).result == result


def test_a_service_with_redirects_needs_two_rules() -> None:
    assert verify_route.judged("Rules", 98, 100, 2).result == "warning"
    assert "would be 2 more" in verify_route.judged("Rules", 99, 100, 2).what


def values(**given: Any) -> dict[str, Any]:
    return {"desired_count": 2, "scaling": {"min": 1, "max": 0}, **given}


@pytest.mark.parametrize(
    ("given", "before", "needed"),
    [
        ({}, None, 2),
        ({}, {"DesiredCount": "2"}, 2),
        ({"desired_count": 6}, {"DesiredCount": "2"}, 10),
        ({"desired_count": 0}, {"DesiredCount": "2"}, 0),
        ({"maximum_percent": 150}, {"DesiredCount": "2"}, 1),
        ({"scaling": {"min": 2, "max": 10}}, None, 2),
        ({"scaling": {"min": 2, "max": 10}}, {"DesiredCount": "", "MinCount": "2"}, 18),
    ],
)
def test_a_deployment_takes_addresses_for_its_new_tasks(
    given: dict[str, Any], before: dict[str, str] | None, needed: int
) -> None:
    assert verify_subnets.needed(values(**given), before) == needed


@pytest.mark.parametrize(
    ("left", "most", "result"),
    [
        ({"a": 5, "b": 5}, 10, "ok"),
        ({"a": 1, "b": 0}, 2, "warning"),
        ({"a": 0, "b": 9}, 2, "warning"),
        ({"a": 0, "b": 0}, 0, "ok"),
    ],
)
@pytest.mark.parametrize("new", [False, True])
def test_subnets_with_few_addresses_are_told(
    left: dict[str, int], most: int, result: str, *, new: bool
) -> None:
    assert verify_subnets.judged(left, most, new=new).result == result


@pytest.mark.parametrize(("new", "result"), [(True, "failed"), (False, "warning")])
def test_without_addresses_only_a_new_service_is_refused(result: str, *, new: bool) -> None:
    """Fewer tasks, or another alarm, need none; who has tasks frees addresses as they end."""
    fewer = verify_subnets.needed(values(), {"DesiredCount": "10"})
    assert verify_subnets.judged({"a": 0, "b": 0}, fewer, new=new).result == result
