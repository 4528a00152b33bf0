"""A platform deployed from the templates alone, with boto3, as a team without Ansible would."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from botocore.exceptions import ClientError

from custom_resources.build import Target, build
from local_aws.control import LocalAws

ROOT = Path(__file__).parents[3]
PLATFORM = "shop"
BUCKET = "shop-artifacts"
RUNTIME = f"python3.{sys.version_info.minor}"
ARCHITECTURE = "arm64" if os.uname().machine == "aarch64" else "x86_64"
TEMPLATES = ROOT / "templates"
MOST_BYTES = 51_200  # of a template in a request (CloudFormation quotas)


class Platform:
    """The stacks of one platform: deploys them, and fills parameters from outputs of their name."""

    def __init__(self, aws: LocalAws) -> None:
        self.aws = aws
        self.cloudformation = aws.client("cloudformation")
        self.outputs: dict[str, dict[str, str]] = {}
        self.given: dict[str, dict[str, str]] = {}

    def deploy(self, stack: str, template: str, *used: str, **given: str) -> dict[str, str]:
        """Create or update a stack from its template's text; return its outputs.

        Args:
            stack: name without the platform's.
            template: name of the template.
            used: stacks whose outputs fill parameters of the same name.
            given: parameters that are more than that.
        Raises:
            AssertionError: the stack failed, with CloudFormation's reasons.
        """
        self.given.setdefault(stack, given)
        text = (TEMPLATES / f"{template}.yml").read_text()
        parameters = self._parameters(text, used) | {"Platform": PLATFORM} | given
        action = "update" if stack in self.outputs else "create"
        role = (
            self.outputs["deployment-all"]["CloudFormationRoleArn"]
            if template in ("service", "service_monitoring")
            else ""
        )
        request = {
            "StackName": f"{PLATFORM}-{stack}",
            "Parameters": [
                {"ParameterKey": key, "ParameterValue": value} for key, value in parameters.items()
            ],
            "Capabilities": ["CAPABILITY_IAM"],
        } | ({"RoleARN": role} if role else {})
        request |= self._sendable(template, text)
        try:
            getattr(self.cloudformation, f"{action}_stack")(**request)
        except ClientError as error:
            if "No updates" not in str(error):
                raise
        else:
            self._wait(f"stack_{action}_complete", stack)
        (described,) = self.describe(stack)
        self.outputs[stack] = {
            output["OutputKey"]: output["OutputValue"] for output in described["Outputs"]
        }
        return self.outputs[stack]

    def service(self, name: str, image: str, **given: str) -> dict[str, str]:
        """Deploy a service with one task that leaves its target group at once."""
        stacks = ["support", "deployment-all", "cluster", "load-balancer-public", "rds"]
        stacks += ["rotation"]
        small = {"DesiredCount": "1", "DeregistrationDelaySeconds": "0"}
        given = small | {"HostName": f"{name}.example.com"} | given
        return self.deploy(f"service-{name}", "service", *stacks, Name=name, Image=image, **given)

    def delete(self, stack: str) -> None:
        """Delete a stack, and wait until it is gone."""
        self.cloudformation.delete_stack(StackName=f"{PLATFORM}-{stack}")
        self._wait("stack_delete_complete", stack)
        del self.outputs[stack]

    def describe(self, stack: str) -> list[dict[str, Any]]:
        """What CloudFormation knows of a stack."""
        stacks = self.cloudformation.describe_stacks(StackName=f"{PLATFORM}-{stack}")["Stacks"]
        return list(stacks)

    def physical_id(self, stack: str, logical_id: str) -> str:
        """The physical id of a stack's resource."""
        resource = self.cloudformation.describe_stack_resource(
            StackName=f"{PLATFORM}-{stack}", LogicalResourceId=logical_id
        )
        return str(resource["StackResourceDetail"]["PhysicalResourceId"])

    def _sendable(self, template: str, text: str) -> dict[str, str]:
        """What a request has of a template: its text, or where it lies."""
        if len(text.encode()) < MOST_BYTES:
            return {"TemplateBody": text}
        key = f"{template}.yml"
        s3 = self.aws.client("s3")
        s3.put_object(Bucket=BUCKET, Key=key, Body=text.encode())
        return {"TemplateURL": f"{s3.meta.endpoint_url}/{BUCKET}/{key}"}

    def _parameters(self, text: str, used: tuple[str, ...]) -> dict[str, str]:
        known = yaml.load(text, _Tagless)["Parameters"]  # a SafeLoader
        outputs = [self.outputs[stack] for stack in used]
        return {key: value for it in outputs for key, value in it.items() if key in known}

    def _wait(self, waiter: str, stack: str) -> None:
        name = f"{PLATFORM}-{stack}"
        config = {"Delay": 0.2, "MaxAttempts": 1000}
        try:
            self.cloudformation.get_waiter(waiter).wait(StackName=name, WaiterConfig=config)
        except Exception as error:
            events = self.cloudformation.describe_stack_events(StackName=name)["StackEvents"]
            reasons = [
                f"{event['LogicalResourceId']}: {event.get('ResourceStatusReason')}"
                for event in events
                if "FAILED" in event["ResourceStatus"]
            ]
            raise AssertionError(f"{name}: {reasons}") from error


class _Tagless(yaml.SafeLoader):
    """Reads a template without minding CloudFormation's tags."""


_Tagless.add_multi_constructor("!", lambda _loader, _suffix, _node: None)


@pytest.fixture(scope="session")
def aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalAws]:
    with LocalAws.start(tmp_path_factory.mktemp("local-aws")) as running:
        yield running


@pytest.fixture(scope="session")
def platform(aws: LocalAws) -> Platform:
    """Network, support, deployment role, cluster, load balancer, rds and rotation."""
    folder = ROOT / "build" / "functions"
    manifest = build(Target(RUNTIME, ARCHITECTURE), folder)
    keys = {name: f"functions/{it['file']}" for name, it in manifest.items()}
    s3 = aws.client("s3")
    s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": aws.region})
    for name, key in keys.items():
        file = folder / f"{RUNTIME}-{ARCHITECTURE}" / str(manifest[name]["file"])
        s3.upload_file(str(file), BUCKET, key)

    built = {"FunctionRuntime": RUNTIME, "FunctionArchitecture": ARCHITECTURE}
    stacks = Platform(aws)
    stacks.deploy("network", "network")
    stacks.deploy(
        "support",
        "support",
        "network",
        ArtifactsBucket=BUCKET,
        PasswordFunctionKey=keys["password"],
        DatabaseFunctionKey=keys["database"],
        ListenerPriorityFunctionKey=keys["listener-priority"],
        NoticesFunctionKey=keys["notices"],
        **built,
    )
    stacks.deploy("deployment-all", "deployment_role", "support")
    stacks.deploy("cluster", "cluster", "network", MaskingAudits="true")
    public = {"SubnetIds": stacks.outputs["network"]["PublicSubnetIds"]}
    used = ("support", "cluster")
    stacks.deploy("load-balancer-public", "load_balancer", *used, **public)
    stacks.deploy("rds", "rds", *used, DeletionProtection="false", ReaderCount="0")
    zips = {"RotateFunctionKey": keys["rotate"], "ActivateFunctionKey": keys["activate"]}
    stacks.deploy("rotation", "rotation", "support", "rds", **built, **zips)
    return stacks


@pytest.fixture(scope="session")
def orders(aws: LocalAws) -> str:
    """Image of the example service, which has a database."""
    return aws.push_image(ROOT / "examples" / "orders", "orders:1")


@pytest.fixture(scope="session")
def hello(aws: LocalAws) -> str:
    """Image of a service without a database."""
    return aws.push_image(ROOT / "tests" / "images" / "hello", "hello:1")
