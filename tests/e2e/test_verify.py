"""What a deployment looks at first, and what of it rolls a service: secrets of others."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest

from tests.e2e.platform import Platform

PLAYBOOK = "playbooks/service.yml"
STACK = "shop-service-keyed"


class Keyed:
    """A service with a secret and a parameter of others."""

    def __init__(self, platform: Platform, image: str) -> None:
        self.platform = platform
        self.secrets, self.ssm = platform.aws.client("secretsmanager"), platform.aws.client("ssm")
        self.arn = self.secrets.create_secret(Name="stripe", SecretString="one")["ARN"]
        self.ssm.put_parameter(Name="/stripe/mode", Value="test", Type="String")
        aws = platform.aws
        self.variables = platform.service(
            "keyed",
            image,
            service_database=False,
            service_secrets={
                "STRIPE_KEY": self.arn,
                "STRIPE_MODE": f"arn:aws:ssm:{aws.region}:{aws.account}:parameter/stripe/mode",
            },
        )

    def deploy(self) -> int:
        """Deploy it; return how many stacks that changed."""
        output = self.platform.play(PLAYBOOK, **self.variables)
        found = re.search(r"changed=(\d+)", output)
        assert found, output
        return int(found[1])

    @property
    def label(self) -> str:
        """What the definition of the service's tasks says of their secrets' versions."""
        ecs = self.platform.aws.client("ecs")
        (service,) = ecs.describe_services(cluster="shop", services=["keyed"])["services"]
        told = ecs.describe_task_definition(taskDefinition=service["taskDefinition"])
        (container,) = told["taskDefinition"]["containerDefinitions"]
        return str(container.get("dockerLabels", {}).get("quayside.secret-versions", ""))

    def version(self) -> str:
        """Return the version of the secret that a task gets."""
        told = self.secrets.describe_secret(SecretId=self.arn)["VersionIdsToStages"]
        return next(str(it) for it, stages in told.items() if "AWSCURRENT" in stages)

    def forget(self) -> None:
        """Make it a service from before its stack knew of versions."""
        cloudformation = self.platform.aws.client("cloudformation")
        (stack,) = cloudformation.describe_stacks(StackName=STACK)["Stacks"]
        kept: list[dict[str, Any]] = [
            {"ParameterKey": it["ParameterKey"], "UsePreviousValue": True}
            for it in stack["Parameters"]
            if it["ParameterKey"] != "SecretVersions"
        ]
        cloudformation.update_stack(
            StackName=STACK,
            UsePreviousTemplate=True,
            Parameters=[*kept, {"ParameterKey": "SecretVersions", "ParameterValue": ""}],
            Capabilities=["CAPABILITY_NAMED_IAM"],
        )
        cloudformation.get_waiter("stack_update_complete").wait(
            StackName=STACK, WaiterConfig={"Delay": 1}
        )


@pytest.fixture(scope="module")
def keyed(platform: Platform, hello_image: str) -> Iterator[Keyed]:
    made = Keyed(platform, hello_image)
    assert made.deploy() == 2
    yield made
    platform.play(PLAYBOOK, **made.variables, service_state="absent")
    made.secrets.delete_secret(SecretId=made.arn, ForceDeleteWithoutRecovery=True)
    made.ssm.delete_parameter(Name="/stripe/mode")


def test_another_value_of_a_secret_of_others_rolls_the_service_once(keyed: Keyed) -> None:
    first = keyed.version()
    assert keyed.label == f"{first},1"
    keyed.secrets.put_secret_value(SecretId=keyed.arn, SecretString="two")
    keyed.ssm.put_parameter(Name="/stripe/mode", Value="live", Type="String", Overwrite=True)
    assert keyed.deploy() == 1
    assert keyed.label == f"{keyed.version()},2"
    assert keyed.version() != first
    assert keyed.deploy() == 0


def test_a_service_from_before_is_not_rolled_until_one_of_its_secrets_changes(
    keyed: Keyed,
) -> None:
    keyed.forget()
    assert keyed.deploy() == 0
    assert keyed.label == ""
    keyed.secrets.put_secret_value(SecretId=keyed.arn, SecretString="three")
    assert keyed.deploy() == 1
    assert keyed.label == f"{keyed.version()},2"


def test_what_a_deployment_would_fail_of_is_refused_before_anything_changes(
    keyed: Keyed, hello_image: str
) -> None:
    platform, missing = keyed.platform, keyed.arn.replace("stripe", "nobodys")
    given = platform.service("late", hello_image, service_database=False)
    broken = {"service_host_name": "keyed.shop.test", "service_secrets": {"KEY": missing}}
    for run in ((PLAYBOOK,), (PLAYBOOK, "--check"), ("playbooks/verify.yml",)):
        output = platform.play_in_vain(*run, **{**given, **broken})
        assert f"There is no secret {missing}" in output, run
        assert "that of the service keyed" in output, run
        assert "service_takes_over" in output, run
    assert "shop-service-late" not in platform.stack_names()
    output = platform.play("playbooks/verify.yml", **keyed.variables)
    assert "keyed.shop.test is routed to the service already" in output
