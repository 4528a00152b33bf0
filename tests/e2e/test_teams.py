"""A team with a deployment role of its own, and its people's rights."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from tests.e2e.platform import Platform

PLAYBOOK = "playbooks/service.yml"


@dataclass(frozen=True)
class Team:
    """The team ``a`` of a platform, whose services' names begin with ``a-``."""

    platform: Platform
    people: dict[str, dict[str, str]]  # their keys, by the policy that they have

    def service(self, name: str, image: str, **variables: Any) -> dict[str, Any]:
        """Return what start_playbook takes for a service without a database."""
        given: dict[str, Any] = {"service_database": False, "service_team": "a"}
        given["deployer"] = self.people["service"]
        return self.platform.service(name, image, **given | variables)

    def client(self, kind: str, service: str) -> Any:
        """Return a boto3 client of who has a policy for the team's services."""
        key = self.people[kind]
        return boto3.client(
            service,
            endpoint_url=self.platform.aws.environment["AWS_ENDPOINT_URL"],
            region_name=self.platform.aws.region,
            aws_access_key_id=key["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=key["AWS_SECRET_ACCESS_KEY"],
        )


@pytest.fixture(scope="module")
def team(platform: Platform) -> Iterator[Team]:
    platform.play("playbooks/team.yml", platform=platform.name, team="a", prefix="a-")
    kinds = ("service", "read", "operate")
    yield Team(platform, {it: platform.deployer(it, team="a", services="a-*") for it in kinds})
    cloudformation = platform.aws.client("cloudformation")
    cloudformation.update_termination_protection(
        StackName="shop-deployment-a", EnableTerminationProtection=False
    )
    cloudformation.delete_stack(StackName="shop-deployment-a")


def test_a_service_of_a_team_is_deployed_with_the_teams_role(team: Team, hello_image: str) -> None:
    variables = team.service("a-hello", hello_image)
    team.platform.play(PLAYBOOK, **variables)
    assert team.platform.call("a-hello", "/health").status == 200
    cloudformation = team.platform.aws.client("cloudformation")
    (stack,) = cloudformation.describe_stacks(StackName="shop-service-a-hello")["Stacks"]
    role = team.platform.outputs("shop-deployment-a")["CloudFormationRoleArn"]
    assert stack["RoleARN"] == role
    assert ":role/shop/cloudformation/a/" in role
    team.platform.play(PLAYBOOK, service_state="absent", **variables)


def test_a_service_that_is_not_called_like_its_teams_is_refused(
    team: Team, hello_image: str
) -> None:
    output = team.platform.play_in_vain(PLAYBOOK, **team.service("b-hello", hello_image))
    assert "service_name: b-hello doesn't begin with a-" in output
    assert "shop-service-b-hello" not in team.platform.stack_names()


@pytest.mark.parametrize("name", ["b-hello", "a-hello"])
def test_who_deploys_for_a_team_does_not_deploy_for_all(
    team: Team, hello_image: str, name: str
) -> None:
    output = team.platform.play_in_vain(
        PLAYBOOK, **team.service(name, hello_image, service_team="all")
    )
    assert "Give the deploying role this permission" in output
    assert f"shop-service-{name}" not in team.platform.stack_names()


def test_a_team_without_a_role_is_named(team: Team, hello_image: str) -> None:
    variables = team.service("a-hello", hello_image, service_team="c")
    assert "shop-deployment-c" in team.platform.play_in_vain(PLAYBOOK, **variables)


def test_a_team_without_a_prefix_is_refused(team: Team) -> None:
    platform = team.platform
    output = platform.play_in_vain(
        "playbooks/team.yml", platform=platform.name, team="b", prefix=""
    )
    assert "the team all has none, every other team has one" in output
    assert "shop-deployment-b" not in platform.stack_names()


# What people of team a try on the service orders, which isn't theirs, by who may on their own.
ATTEMPTS: dict[str, Callable[[Team], Any]] = {
    "reads its stack": lambda team: team.client("service", "cloudformation").describe_stacks(
        StackName="shop-service-orders"
    ),
    "deletes its stack": lambda team: team.client("service", "cloudformation").delete_stack(
        StackName="shop-service-orders"
    ),
    "reads its template": lambda team: team.client("service", "cloudformation").get_template(
        StackName="shop-service-orders"
    ),
    "looks at its secret": lambda team: team.client("read", "secretsmanager").describe_secret(
        SecretId="shop/orders/db/blue"
    ),
    "reads its secret": lambda team: team.client("service", "secretsmanager").get_secret_value(
        SecretId="shop/orders/db/blue"
    ),
    "rotates its secret": lambda team: team.client("operate", "secretsmanager").rotate_secret(
        SecretId="shop/orders/db/blue"
    ),
    "reads its log": lambda team: team.client("service", "logs").get_log_events(
        logGroupName="/shop/orders", logStreamName="any"
    ),
    "sees its tasks": lambda team: team.client("read", "ecs").describe_services(
        cluster="shop", services=["orders"]
    ),
    "takes it back": lambda team: team.client("operate", "cloudformation").create_change_set(
        StackName="shop-service-orders",
        ChangeSetName="theft",
        UsePreviousTemplate=True,
    ),
    "passes the role of all": lambda team: team.client(
        "service", "cloudformation"
    ).create_change_set(
        StackName="shop-service-a-thief",
        ChangeSetName="theft",
        ChangeSetType="CREATE",
        TemplateBody='{"Resources": {"Topic": {"Type": "AWS::SNS::Topic"}}}',
        RoleARN=team.platform.outputs("shop-deployment-all")["CloudFormationRoleArn"],
    ),
}


@pytest.mark.parametrize("attempt", ATTEMPTS)
def test_who_works_for_a_team_neither_reads_nor_changes_anothers_service(
    team: Team,
    orders: Platform,
    attempt: str,
) -> None:
    with pytest.raises(ClientError) as refused:
        ATTEMPTS[attempt](team)
    assert "AccessDenied" in refused.value.response["Error"]["Code"]
