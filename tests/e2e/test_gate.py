"""What a deployment would take away is asked for: a variable that was forgotten does no harm."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.e2e.platform import Platform, platform_variables

STACK = "shop-load-balancer-gated"
ROLE = "tests/walks/first_failures/role.yml"
COLOURS = ("blue", "green")


class Gated:
    """A load balancer with a certificate, of its own so that no other test's rules are on it."""

    def __init__(self, platform: Platform) -> None:
        self.platform = platform
        self.cloudformation = platform.aws.client("cloudformation")
        acm = platform.aws.client("acm")
        self.certificate = acm.request_certificate(DomainName="*.gated.test")["CertificateArn"]

    def variables(self, **more: Any) -> dict[str, Any]:
        """What playbooks/platform.yml is told without the file that names the certificate."""
        named = {"platform": self.platform.name, "load_balancer_name": "gated"}
        return {**named, **platform_variables(), **more}

    def role(self, **more: Any) -> dict[str, Any]:
        """What the load balancer's role is told when it runs by itself."""
        named = {"load_balancer_platform": self.platform.name, "load_balancer_name": "gated"}
        return {"role": "quayside.fargate.load_balancer", **named, **more}

    def state(self, stack: str) -> tuple[Any, ...]:
        """Everything that a refused deployment must leave as it was."""
        described = self.cloudformation.describe_stacks(StackName=stack)["Stacks"]
        events = self.cloudformation.describe_stack_events(StackName=stack)["StackEvents"]
        sets = self.cloudformation.list_change_sets(StackName=stack)["Summaries"]
        return described, events, len(sets)

    def delete(self, stack: str) -> None:
        """Delete a stack that is protected."""
        self.cloudformation.update_termination_protection(
            StackName=stack, EnableTerminationProtection=False
        )
        self.cloudformation.delete_stack(StackName=stack)

    def resources(self, stack: str) -> set[str]:
        listed = self.cloudformation.describe_stack_resources(StackName=stack)["StackResources"]
        return {it["LogicalResourceId"] for it in listed}


@pytest.fixture(scope="module")
def gated(platform: Platform) -> Iterator[Gated]:
    made = Gated(platform)
    given = made.variables(load_balancer_certificate_arn=made.certificate)
    platform.play("playbooks/platform.yml", **given)
    yield made
    made.delete(STACK)


def test_a_platform_deployed_without_its_file_of_variables_keeps_its_listener(gated: Gated) -> None:
    before = gated.state(STACK)
    output = gated.platform.play_in_vain("playbooks/platform.yml", **gated.variables())
    for words in (
        "HttpsListener (AWS::ElasticLoadBalancingV2::Listener) would be removed",
        f"load_balancer_certificate_arn (parameter CertificateArn) isn't given, and would fall "
        f"back from {gated.certificate} to (empty)",
        "load_balancer_allow: [load_balancer_certificate_arn, HttpsListener]",
    ):
        assert words in output.replace("\n", " "), output
    assert gated.state(STACK) == before


def test_check_mode_shows_first_what_would_stop(gated: Gated) -> None:
    before = gated.state(STACK)
    output = gated.platform.play(ROLE, "--check", **gated.role())
    shown = [line for line in output.splitlines() if STACK in line]
    assert "load_balancer_certificate_arn" in shown[0]
    assert "HttpsListener" in shown[1]
    assert "load_balancer_allow: [load_balancer_certificate_arn, HttpsListener]" in shown[2]
    assert gated.state(STACK) == before


def test_a_variable_that_is_given_may_have_the_value_of_its_default(gated: Gated) -> None:
    """Then it is a removal and no value that falls back."""
    given = gated.role(load_balancer_certificate_arn="")
    output = gated.platform.play_in_vain(ROLE, **given)
    assert "load_balancer_allow: [HttpsListener]" in output
    assert "isn't given" not in output


@pytest.fixture
def frugal(platform: Platform, hello_image: str) -> Iterator[dict[str, Any]]:
    """A service without a database that has more of everything than the defaults."""
    given = platform.service("frugal", hello_image, service_database=False)
    more = {
        "service_cpu": 512,
        "service_memory": 1024,
        "service_stop_timeout_seconds": 20,
        "service_environment": {"GREETING": "ahoy"},
        "service_execute_command": True,
    }
    platform.play("playbooks/service.yml", **given, **more)
    yield given
    platform.play("playbooks/service.yml", service_state="absent", **given)


def test_a_service_that_would_shrink_or_lose_rights_stops_and_tells_the_rest(
    platform: Platform, frugal: dict[str, Any]
) -> None:
    output = platform.play_in_vain("playbooks/service.yml", **frugal)
    assert "service_allow: [service_cpu, service_memory, service_execute_command]" in output
    allow = ["service_cpu", "service_memory", "service_execute_command", "Service"]
    output = platform.play("playbooks/service.yml", **frugal, service_allow=allow)
    for words in (
        "service_stop_timeout_seconds (parameter StopTimeoutSeconds) isn't given",
        "service_environment isn't given",
        "service_allow: Service wasn't needed",
    ):
        assert words in output.replace("\n", " "), output
    shown = [line for line in output.splitlines() if "shop-service-frugal" in line]
    assert "isn't given" in shown[0]
    again = platform.play("playbooks/service.yml", **frugal)
    assert "isn't given" not in again


def test_a_removal_that_is_allowed_goes_on(gated: Gated) -> None:
    allow = ["load_balancer_certificate_arn", "HttpsListener"]
    given = gated.role(load_balancer_allow=allow)
    gated.platform.play(ROLE, **given)
    assert "HttpsListener" not in gated.resources(STACK)
    output = gated.platform.play(ROLE, **given)
    assert "load_balancer_allow: HttpsListener wasn't needed" in output.replace("\n", " ")


@pytest.mark.parametrize("deletion", ["Drop", "Retain"])
def test_another_database_name_is_refused_before_anything_is_changed(
    gated: Gated, orders: Platform, orders_image: str, deletion: str
) -> None:
    secrets = orders.aws.client("secretsmanager")

    def state() -> tuple[Any, ...]:
        values = [secrets.get_secret_value(SecretId=f"shop/orders/db/{it}") for it in COLOURS]
        kept = [(it["VersionId"], it["SecretString"]) for it in values]
        return *gated.state("shop-service-orders"), kept

    before = state()
    other = {"service_database_name": "other", "service_database_deletion": deletion}
    output = orders.play_in_vain(
        "examples/orders/deploy.yml", **orders.service("orders", orders_image, **other)
    )
    words = "service_database_name (parameter DatabaseName) is 'other', and stack"
    assert words in " ".join(output.split())
    assert state() == before


def test_a_platform_in_a_vpc_of_its_own_gets_no_second_one_when_the_file_that_names_it_is_forgotten(
    gated: Gated,
) -> None:
    network = gated.platform.outputs("shop-network")
    own = {
        "support_platform": "own",
        "support_vpc_id": network["VpcId"],
        "support_private_subnet_ids": network["PrivateSubnetIds"].split(","),
    }
    gated.platform.play(
        ROLE, role="quayside.fargate.support", deployer={}, **platform_variables(), **own
    )
    output = gated.platform.play_in_vain(
        ROLE, role="quayside.fargate.network", deployer={}, network_platform="own"
    )
    assert f"The platform own is in {network['VpcId']}" in " ".join(output.split())
    assert "own-network" not in gated.platform.stack_names()
    gated.delete("own-support")
