"""A team with a deployment role of its own."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.e2e.platform import Platform


@pytest.fixture(scope="module")
def team(platform: Platform) -> Iterator[Platform]:
    """The platform with the team ``a``, whose services' names begin with ``a-``."""
    platform.play("playbooks/team.yml", platform=platform.name, team="a", prefix="a-")
    yield platform
    cloudformation = platform.aws.client("cloudformation")
    cloudformation.update_termination_protection(
        StackName="shop-deployment-a", EnableTerminationProtection=False
    )
    cloudformation.delete_stack(StackName="shop-deployment-a")


def test_a_service_of_a_team_is_deployed_with_the_teams_role(
    team: Platform, hello_image: str
) -> None:
    variables = team.service("a-hello", hello_image, service_database=False, service_team="a")
    team.play("playbooks/service.yml", **variables)
    assert team.call("a-hello", "/health").status == 200
    cloudformation = team.aws.client("cloudformation")
    (stack,) = cloudformation.describe_stacks(StackName="shop-service-a-hello")["Stacks"]
    assert stack["RoleARN"] == team.outputs("shop-deployment-a")["CloudFormationRoleArn"]
    assert ":role/shop/cloudformation/a/" in stack["RoleARN"]
    team.play("playbooks/service.yml", service_state="absent", **variables)


def test_a_service_that_is_not_called_like_its_teams_is_refused(
    team: Platform, hello_image: str
) -> None:
    variables = team.service("b-hello", hello_image, service_database=False, service_team="a")
    output = team.play_in_vain("playbooks/service.yml", **variables)
    assert "service_name: b-hello doesn't begin with a-" in output
    assert "shop-service-b-hello" not in team.stack_names()


def test_a_team_without_a_role_is_named(team: Platform, hello_image: str) -> None:
    variables = team.service("c-hello", hello_image, service_database=False, service_team="c")
    output = team.play_in_vain("playbooks/service.yml", **variables)
    assert "shop-deployment-c" in output


def test_a_team_without_a_prefix_is_refused(team: Platform) -> None:
    output = team.play_in_vain("playbooks/team.yml", platform=team.name, team="b", prefix="")
    assert "ServicePrefix: the team all has none, every other team has one" in output
    assert "shop-deployment-b" not in team.stack_names()
