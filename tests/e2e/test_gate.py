"""What a deployment would take away is asked for: a variable that was forgotten does no harm."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.e2e.platform import Platform, platform_variables

STACK = "shop-load-balancer-gated"
SERVICE = "shop-service-frugal"


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

    def state(self, stack: str) -> tuple[Any, ...]:
        """Everything that a refused deployment must leave as it was."""
        described = self.cloudformation.describe_stacks(StackName=stack)["Stacks"]
        events = self.cloudformation.describe_stack_events(StackName=stack)["StackEvents"]
        sets = self.cloudformation.list_change_sets(StackName=stack)["Summaries"]
        return described, events, len(sets)

    def resources(self, stack: str) -> set[str]:
        listed = self.cloudformation.describe_stack_resources(StackName=stack)["StackResources"]
        return {it["LogicalResourceId"] for it in listed}


@pytest.fixture(scope="module")
def gated(platform: Platform) -> Gated:
    made = Gated(platform)
    given = made.variables(load_balancer_certificate_arn=made.certificate)
    platform.play("playbooks/platform.yml", **given)
    return made


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
    output = gated.platform.play("playbooks/platform.yml", "--check", **gated.variables())
    shown = output[output.index("Deploy the load balancer stack") :].splitlines()
    assert "load_balancer_certificate_arn" in shown[1]
    assert "HttpsListener" in shown[2]
    assert "load_balancer_allow: [load_balancer_certificate_arn, HttpsListener]" in shown[3]
    assert gated.state(STACK) == before


def test_a_variable_that_is_given_may_have_the_value_of_its_default(gated: Gated) -> None:
    """Then it is a removal and no value that falls back."""
    given = gated.variables(load_balancer_certificate_arn="")
    output = gated.platform.play_in_vain("playbooks/platform.yml", **given)
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
    first = output[output.index("Bring the service's stack to its state") :].splitlines()[1]
    assert "isn't given" in first
    again = platform.play("playbooks/service.yml", **frugal)
    assert "isn't given" not in again


def test_a_removal_that_is_allowed_goes_on(gated: Gated) -> None:
    allow = ["load_balancer_certificate_arn", "HttpsListener"]
    given = gated.variables(load_balancer_allow=allow)
    gated.platform.play("playbooks/platform.yml", **given)
    assert "HttpsListener" not in gated.resources(STACK)
    output = gated.platform.play("playbooks/platform.yml", **given)
    assert "load_balancer_allow: HttpsListener wasn't needed" in output.replace("\n", " ")
