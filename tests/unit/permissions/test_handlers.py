"""Who deploys a stack may do all that CloudFormation's handlers call for it, and no more.

CloudFormation acts with the caller's permissions for the platform's stacks, and with the deployment
role's for a service's.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.permissions import actions, deployment_role, needs, policies
from tests.permissions.callers import CALLED
from tests.permissions.exceptions import READS_LEFT_OUT, REMOVED, WRITES_FOR, WRITES_LEFT_OUT
from tests.permissions.policies import Statement
from tests.unit.templates.templates import ACCOUNT, NAMES, REGION, load, walk

SERVICE = ["service", "service_monitoring"]
RESTORE = ["restore"]
PLATFORM = [name for name in NAMES if name not in SERVICE + RESTORE]
ROLE = f"arn:aws:iam::{ACCOUNT}:role/shop/cloudformation/all/a-role"
GIVEN = {"PLATFORM": "shop", "ACCOUNT": ACCOUNT, "SERVICES": "*", "TEAM": "all"}
# What the deployment role may do that no handler's schema names.
BESIDE_THE_SCHEMAS = {
    "kms:Decrypt": "Secrets Manager decrypts and encrypts in the caller's name",
    "kms:GenerateDataKey": "Secrets Manager decrypts and encrypts in the caller's name",
}


def policy(template: str) -> list[Statement]:
    """What whoever, or whatever, deploys a template may do."""
    if template in SERVICE:
        return deployment_role.of() + deployment_role.of_key(ROLE)
    return policies.documented("restore" if template in RESTORE else "platform", **GIVEN)


def all_statements() -> list[Statement]:
    people = ("service", "read", "operate", "restore")
    documented = [it for kind in people for it in policies.documented(kind, **GIVEN)]
    return policy("support") + policy("service") + documented


def allowed(statements: list[Statement]) -> set[str]:
    return {action for it in statements for action in it.actions}


def resources(kind: str) -> Iterator[Any]:
    """Every resource of a type, of all templates."""
    for template in NAMES:
        for resource in load(template)["Resources"].values():
            if resource["Type"] == kind:
                yield resource


ALL_KINDS = {
    resource["Type"]
    for template in NAMES
    for resource in load(template)["Resources"].values()
    if resource["Type"].startswith("AWS::")
}


@pytest.mark.parametrize("template", NAMES)
def test_whoever_deploys_a_stack_may_do_all_that_its_handlers_call(
    template: str, record_property: Callable[[str, object], None]
) -> None:
    needed = list(needs.of([template]))
    statements = policy(template)
    missing = {
        f"{it.resource}: {it.action} on {it.arn}"
        for it in needed
        if not policies.allows(statements, it.action, it.arn)
    }
    record_property("needs", len(needed))
    assert needed
    assert missing == set()


def test_whoever_deploys_the_platform_may_do_nothing_that_nobody_calls() -> None:
    needed = {it.action for it in needs.of(PLATFORM)} | CALLED["platform"].keys()
    needed |= {it.action for name, _ in REMOVED for it in needs.of_removal(name)}
    assert allowed(policy("support")) - needed == set()


@pytest.mark.parametrize("template", sorted({name for name, _ in REMOVED}))
def test_whoever_upgrades_a_stack_may_delete_what_its_template_no_longer_has(template: str) -> None:
    needed = list(needs.of_removal(template))
    assert any(not actions.only_reads(it.action) for it in needed)
    statements = policy(template)
    assert [it for it in needed if not policies.allows(statements, it.action, it.arn)] == []


@pytest.mark.parametrize(("template", "kind"), REMOVED)
def test_what_a_template_no_longer_has_is_not_there(template: str, kind: str) -> None:
    assert kind not in {it["Type"] for it in load(template)["Resources"].values()}


def test_whoever_restores_may_do_nothing_that_nobody_calls() -> None:
    needed = {it.action for it in needs.of(RESTORE)} | CALLED["restore"].keys()
    assert allowed(policy("restore")) - needed == set()


def test_the_deployment_role_may_do_nothing_that_no_handler_calls() -> None:
    needed = {it.action for it in needs.of(SERVICE)}
    assert allowed(policy("service")) - needed == BESIDE_THE_SCHEMAS.keys()


@pytest.mark.parametrize("kind", ["service", "read"])
def test_who_deploys_services_or_reads_may_do_nothing_that_nobody_calls(kind: str) -> None:
    assert allowed(policies.documented(kind)) - CALLED[kind].keys() == set()


def test_who_operates_may_do_what_its_playbooks_call_and_what_who_reads_may() -> None:
    """A person on call holds one policy."""
    operate, read = policies.documented("operate"), policies.documented("read")
    assert [it for it in read if it not in operate] == []
    assert allowed(operate) - CALLED["operate"].keys() == allowed(read) - CALLED["operate"].keys()


# What a pipeline gets none of: whoever can push a branch has its rights.
OF_PEOPLE_ONLY = {
    "cloudformation:CancelUpdateStack",
    "ecs:ExecuteCommand",
    "logs:FilterLogEvents",
    "secretsmanager:RotateSecret",
}


def test_a_pipeline_has_nothing_of_what_only_people_do() -> None:
    assert OF_PEOPLE_ONLY - allowed(policies.documented("operate")) == set()
    assert OF_PEOPLE_ONLY & allowed(policies.documented("service")) == set()


@pytest.mark.parametrize("kind", CALLED)
def test_whoever_deploys_may_do_all_that_roles_and_playbooks_call(kind: str) -> None:
    assert CALLED[kind].keys() - allowed(policies.documented(kind)) == set()


def test_what_takes_no_resource_is_allowed_on_all() -> None:
    """A statement for an ARN never allows an action that takes none."""
    for statement in all_statements():
        if "*" not in statement.resources:
            assert [it for it in statement.actions if not actions.resource_patterns(it)] == []


# Of which a call names one: the reference has an asterisk at each of them.
ONE_OF = (
    {"listener/app", "listener/gwy", "listener/net"},
    {"listener-rule/app", "listener-rule/net"},
    {"stream", "table"},
)


def kinds_not_allowed(statements: list[Statement], action: str) -> set[str]:
    """Required kinds of resources that no statement allows an action on."""
    resources = [arn for it in statements if action in it.actions for arn in it.resources or ["*"]]
    required = actions.required_patterns(action)
    met = {
        kind
        for kind, pattern in required.items()
        if any(arn == "*" or any(map(pattern.fullmatch, named(arn))) for arn in resources)
    }
    met |= {kind for kinds in ONE_OF if kinds & met for kind in kinds}
    return required.keys() - met


def named(arn: str) -> list[str]:
    """An ARN of a policy as some of those of resources: a star stands for slashes and colons."""
    return [arn.replace("*", it) for it in ("x/x/x/x", "log-stream:x", "x:1")]


@pytest.mark.parametrize(
    "kind", ["platform", "service", "read", "operate", "restore", "push", "doctor"]
)
def test_who_may_call_may_so_on_every_kind_of_resource_that_the_call_names(kind: str) -> None:
    statements = policies.documented(kind, **GIVEN)
    lacking = {it: kinds_not_allowed(statements, it) for it in allowed(statements)}
    assert {action: kinds for action, kinds in lacking.items() if kinds} == {}


def test_the_deployment_role_may_call_on_every_kind_of_resource_that_the_call_names() -> None:
    statements = policy("service")
    lacking = {it: kinds_not_allowed(statements, it) for it in allowed(statements)}
    assert {action: kinds for action, kinds in lacking.items() if kinds} == {}


def test_actions_are_written_out_and_are_iams() -> None:
    """A wildcard would take in what AWS adds later."""
    assert [it for it in allowed(all_statements()) if not actions.exists(it)] == []


def test_no_exception_is_stale() -> None:
    called = {(kind, action) for kind in ALL_KINDS for action in needs.called_for(kind)}
    known = {action for _, action in called} | {f"{kind} {action}" for kind, action in called}
    assert (READS_LEFT_OUT.keys() | WRITES_LEFT_OUT.keys()) - known == set()


@pytest.mark.parametrize(("key", "guard"), WRITES_FOR.items())
def test_a_write_for_a_property_is_a_handlers_and_some_resource_has_the_property(
    key: str, guard: str
) -> None:
    kind, _, action = key.partition(" ")
    assert action in needs.called_for(kind)
    assert not actions.only_reads(action)
    assert len({guard in it["Properties"] for it in resources(kind)}) == 2


@pytest.mark.parametrize(("table", "reads"), [(READS_LEFT_OUT, True), (WRITES_LEFT_OUT, False)])
def test_reads_are_left_out_by_a_property_and_only_writes_with_words(
    table: dict[str, Any], *, reads: bool
) -> None:
    for key in table:
        action = key.rpartition(" ")[2]
        if actions.exists(action):
            assert actions.only_reads(action) is reads, key


@pytest.mark.parametrize(("key", "guard"), READS_LEFT_OUT.items())
def test_a_read_that_is_left_out_is_guarded_by_its_property(
    key: str, guard: tuple[str, str | None]
) -> None:
    of_kind, _, action = key.rpartition(" ")
    name, value = guard
    kinds = [of_kind] if of_kind else [it for it in ALL_KINDS if action in needs.called_for(it)]
    assert kinds
    for resource in (it for kind in kinds for it in resources(kind)):
        found = [node for path, node in walk(resource["Properties"]) if path[-1:] == (name,)]
        assert found == ([] if value is None else [value]), resource["Type"]


@pytest.mark.parametrize(
    ("kind", "most"),
    [*(("platform", 4), ("service", 1), ("read", 1), ("operate", 1), ("restore", 1), ("push", 1))],
)
def test_the_policies_can_be_attached(
    kind: str, most: int, record_property: Callable[[str, object], None]
) -> None:
    """A managed policy has 6,144 characters without white space (IAM quotas)."""
    longest = {"PLATFORM": "p" * 21, "ACCOUNT": ACCOUNT, "SERVICES": "s" * 30, "TEAM": "t" * 10}
    names = policies.names(kind)
    assert 0 < len(names) <= most
    for name in names:
        size = len("".join(policies.text(name, **longest).split()))
        record_property(name, size)
        assert size <= policies.MOST_CHARACTERS
    sids = [it.sid for it in policies.documented(kind)]
    assert all(sid.isalnum() for sid in sids)
    assert len(set(sids)) == len(sids)


def test_a_role_is_passed_only_to_the_service_that_it_is_for() -> None:
    passing = [it for it in all_statements() if "iam:PassRole" in it.actions]
    assert all(it.actions == ("iam:PassRole",) for it in passing)
    passed = {it.condition["StringEquals"]["iam:PassedToService"] for it in passing}
    assert passed == {
        "lambda.amazonaws.com",
        "vpc-flow-logs.amazonaws.com",
        "ecs-tasks.amazonaws.com",
        "logs.amazonaws.com",
        "cloudformation.amazonaws.com",
    }


def test_keys_decrypt_for_who_deploys_the_platform_only_by_way_of_rds_and_ssm() -> None:
    (statement,) = [it for it in policy("rds") if "kms:Decrypt" in it.actions]
    assert {"kms:CreateGrant", "kms:GenerateDataKey"} <= set(statement.actions)
    via = statement.condition["StringLike"]["kms:ViaService"]
    assert set(via) == {"rds.*.amazonaws.com", "ssm.*.amazonaws.com"}


def test_a_rotation_function_of_ones_own_may_be_called_by_who_rotates() -> None:
    """Secrets Manager asks it of whoever calls RotateSecret."""
    function = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:shop-rotate-single"
    assert policies.allows(
        policies.documented("operate", **GIVEN), "lambda:InvokeFunction", function
    )


@pytest.mark.parametrize(
    ("kind", "stack"),
    [
        ("platform", "shop-rds"),
        ("service", "shop-service-a"),
        ("service", "shop-monitoring-a"),
        ("operate", "shop-service-a"),
        ("restore", "shop-restore-a"),
    ],
)
def test_whoever_deploys_may_ask_what_cloudformation_refused(kind: str, stack: str) -> None:
    """DescribeEvents takes a stack or a change set (Service Authorization Reference)."""
    policy = policies.documented(kind, **GIVEN)
    at = f"arn:aws:cloudformation:{REGION}:{ACCOUNT}"
    for arn in (f"{at}:stack/{stack}/1", f"{at}:changeSet/quayside-1/1"):
        assert policies.allows(policy, "cloudformation:DescribeEvents", arn), arn


def test_cloudformation_may_read_the_admins_password_in_the_deployers_name() -> None:
    """Which name IAM checks for a version isn't documented: it may be either."""
    name = f"arn:aws:ssm:{REGION}:{ACCOUNT}:parameter/shop/rds/admin-password"
    for kind in ("platform", "restore"):
        for arn in (name, f"{name}:3"):
            assert policies.allows(policies.documented(kind, **GIVEN), "ssm:GetParameters", arn)
