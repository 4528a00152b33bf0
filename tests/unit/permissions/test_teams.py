"""A team's deployment role neither reads nor changes what is another team's."""

from __future__ import annotations

import pytest

from tests.permissions import deployment_role, needs, policies
from tests.permissions.needs import ANY, Need
from tests.permissions.policies import Statement
from tests.unit.templates.templates import ACCOUNT, Stack

ROLE_OF_A = f"arn:aws:iam::{ACCOUNT}:role/shop/cloudformation/a/shop-deployment-a-X"
ROLE_OF_ALL = f"arn:aws:iam::{ACCOUNT}:role/shop/cloudformation/all/shop-deployment-all-X"
TEAM_A = {"Team": "a", "ServicePrefix": "a-"}

# What IAM can't narrow to a service's name: it takes no resource, or one that carries no name.
NOT_NARROWED = {
    "application-autoscaling:DeleteScalingPolicy": "scalable targets have ids",
    "application-autoscaling:DeleteScheduledAction": "scalable targets have ids",
    "application-autoscaling:DeregisterScalableTarget": "scalable targets have ids",
    "application-autoscaling:ListTagsForResource": "scalable targets have ids",
    "application-autoscaling:PutScalingPolicy": "scalable targets have ids",
    "application-autoscaling:PutScheduledAction": "scalable targets have ids",
    "application-autoscaling:RegisterScalableTarget": "scalable targets have ids",
    "application-autoscaling:TagResource": "scalable targets have ids",
    "application-autoscaling:UntagResource": "scalable targets have ids",
    "ecs:DeregisterTaskDefinition": "takes no resource",
    "iam:CreateServiceLinkedRole": "the account's, of Application Auto Scaling",
    "kms:CreateKey": "takes no resource; the key gets the team's tag",
    "lambda:InvokeFunction": "the functions of the custom resources are the platform's",
    "route53:ChangeResourceRecordSets": "zones are shared; A and AAAA records only",
    "route53:GetChange": "zones are shared",
    "route53:GetHostedZone": "zones are shared",
    "route53:ListResourceRecordSets": "zones are shared",
}


def of_service(name: str, team: str) -> list[Need]:
    """What the handlers call for a service with all it can have, on its own resources."""
    return [
        it
        for it in needs.of(["service", "service_monitoring"], Name=name, Team=team)
        if it.action not in NOT_NARROWED
    ]


def role_of_a(service: str, team: str) -> list[Statement]:
    """What team a's role may do, and what the key of a service lets it."""
    return deployment_role.of(**TEAM_A) + deployment_role.of_key(ROLE_OF_A, Name=service, Team=team)


def context_of(service: str, arn: str) -> dict[str, str]:
    """The condition keys of a request about a resource of a service."""
    passed_to = "logs" if ":role/shop/logs/" in arn else "ecs-tasks"
    tags = {"quayside:platform": "shop", "quayside:service": service}
    return (
        {f"aws:ResourceTag/{key}": value for key, value in tags.items()}
        | {f"aws:RequestTag/{key}": value for key, value in tags.items()}
        | {
            "kms:CallerAccount": ACCOUNT,
            "aws:PrincipalArn": ROLE_OF_A,
            "iam:PassedToService": f"{passed_to}.amazonaws.com",
        }
    )


def allowed(needed: list[Need], statements: list[Statement], service: str) -> set[str]:
    """The actions on a resource that the statements allow."""
    return {
        f"{it.action} on {it.arn}"
        for it in needed
        if it.arn != ANY
        and policies.allows(statements, it.action, it.arn, context_of(service, it.arn))
    }


def test_a_team_deploys_its_own_service() -> None:
    own = of_service("a-orders", "a")
    everything = {f"{it.action} on {it.arn}" for it in own if it.arn != ANY}
    assert len(everything) > 100
    assert allowed(own, role_of_a("a-orders", "a"), "a-orders") == everything


@pytest.mark.parametrize(("service", "team"), [("b-orders", "b"), ("b-orders", "all"), ("ab", "b")])
def test_a_team_neither_reads_nor_changes_another_ones_service(service: str, team: str) -> None:
    """What it may list of others, it may list of all: no value of a secret, parameter or log."""
    foreign = of_service(service, team)
    assert len(foreign) > 100
    reached = allowed(foreign, role_of_a(service, team), service)
    assert {it.split(" ")[0] for it in reached} == {"cloudwatch:DescribeAlarms"}


def test_a_team_can_not_make_another_ones_service_its_own_by_tagging_it() -> None:
    context = context_of("a-orders", "") | {"aws:ResourceTag/quayside:service": "b-orders"}
    statements = deployment_role.of(**TEAM_A)
    for action, arn in (
        ("kms:TagResource", deployment_role.KEY),
        ("elasticloadbalancing:AddTags", "arn:aws:elasticloadbalancing:r:1:targetgroup/x/1"),
        (
            "elasticloadbalancing:AddTags",
            "arn:aws:elasticloadbalancing:r:1:listener-rule/app/shop-public/1/2/3",
        ),
    ):
        assert not policies.allows(statements, action, arn, context)


@pytest.mark.parametrize("team", ["a", "b", "all"])
def test_the_role_of_all_manages_every_services_key(team: str) -> None:
    """So that a service can change its team (docs/templates.md, Teams)."""
    statements = deployment_role.of_key(ROLE_OF_ALL, Name="orders", Team=team)
    assert policies.allows(statements, "kms:PutKeyPolicy", deployment_role.KEY)


def test_a_key_lets_no_other_teams_role_in() -> None:
    assert deployment_role.of_key(ROLE_OF_A, Name="b-orders", Team="b") == []
    assert deployment_role.of_key(ROLE_OF_A, Name="b-orders", Team="all") == []


@pytest.mark.parametrize("action", NOT_NARROWED)
def test_what_can_not_be_narrowed_is_something_that_the_role_may_do(action: str) -> None:
    statements = deployment_role.of(**TEAM_A)
    assert any(action in it.actions for it in statements)


GIVEN = {"PLATFORM": "shop", "ACCOUNT": ACCOUNT, "SERVICES": "a-*", "TEAM": "a"}


@pytest.mark.parametrize("kind", ["service", "read", "operate"])
def test_who_works_for_a_team_reaches_no_other_teams_stacks_roles_or_secrets(kind: str) -> None:
    statements = policies.documented(kind, **GIVEN)
    context = {"iam:PassedToService": "cloudformation.amazonaws.com"}
    foreign = "r:123456789012"
    for arn in (
        f"arn:aws:cloudformation:{foreign}:stack/shop-service-b-orders/1",
        f"arn:aws:cloudformation:{foreign}:stack/shop-monitoring-b-orders/1",
        ROLE_OF_ALL,
        f"arn:aws:secretsmanager:{foreign}:secret:shop/b-orders/db/blue-AbCdEf",
        f"arn:aws:logs:{foreign}:log-group:/shop/b-orders:log-stream:app",
        f"arn:aws:ecs:{foreign}:service/shop/b-orders",
        "arn:aws:s3:::shop-artifacts-1-r/stacks/shop-service-b-orders/a.yml",
        "arn:aws:s3:::shop-artifacts-1-r/stacks/shop-monitoring-b-orders/a.yml",
    ):
        reached = {
            it.sid
            for it in statements
            for action in it.actions
            if it.covers(action, arn, context) and "*" not in it.resources
        }
        assert reached == set(), arn


def test_who_deploys_for_a_team_passes_its_role_and_sends_its_templates() -> None:
    statements = policies.documented("service", **GIVEN)
    context = {"iam:PassedToService": "cloudformation.amazonaws.com"}
    assert policies.allows(statements, "iam:PassRole", ROLE_OF_A, context)
    for stack in ("service", "monitoring"):
        large = f"arn:aws:s3:::shop-artifacts-1-r/stacks/shop-{stack}-a-orders/a.yml"
        assert policies.allows(statements, "s3:PutObject", large)


def test_the_deployment_role_of_a_team_is_named_after_it() -> None:
    role = Stack("deployment_role", needs.PARAMETERS | TEAM_A).resources["CloudFormationRole"]
    assert role["Properties"]["Path"] == "/shop/cloudformation/a/"
