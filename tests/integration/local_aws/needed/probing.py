"""Probes: questions to which AWS answers one way, and ministack without its mend another.

Each is valid, ordinary use of an API. `shows` names the mend that is needed as long as the answer
of plain ministack is the other one.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

REGION = "eu-central-1"


@dataclass(frozen=True)
class Aws:
    """What a probe asks: the local AWS, or ministack as it comes."""

    endpoint: str
    access_key: str
    secret_key: str

    def client(self, service: str, **options: Any) -> Any:
        """Return a boto3 client of a service, as the account's root unless a key is given."""
        root = {"aws_access_key_id": self.access_key, "aws_secret_access_key": self.secret_key}
        config = Config(retries={"total_max_attempts": 1})
        options = root | {"region_name": REGION, "config": config} | options
        return boto3.client(service, endpoint_url=self.endpoint, **options)


Question = Callable[[Aws], bool]


@dataclass(frozen=True)
class Probe:
    """A question and the mends without which it is answered wrongly.

    Args:
        mends: modules below local_aws.mends.
        ask: whether it is as on AWS.
        strict: strict mode alone answers as AWS.
    """

    mends: tuple[str, ...]
    ask: Question
    strict: bool = False

    def __str__(self) -> str:
        return self.ask.__name__


PROBES: list[Probe] = []


def shows(*mends: str, strict: bool = False) -> Callable[[Question], Question]:
    """Register the decorated question."""

    def register(question: Question) -> Question:
        PROBES.append(Probe(mends, question, strict))
        return question

    return register


def refused(call: Callable[[], object]) -> str:
    """Return the code with which a call is refused; empty if it isn't."""
    try:
        call()
    except ClientError as error:
        return str(error.response["Error"]["Code"])
    return ""


def deploy(aws: Aws, name: str, resources: dict[str, Any], **sections: Any) -> str:
    """Create or update a stack, and return the status in which it comes to rest."""
    cloudformation = aws.client("cloudformation")
    known = not refused(lambda: cloudformation.describe_stacks(StackName=name))
    operation = cloudformation.update_stack if known else cloudformation.create_stack
    operation(
        StackName=name,
        TemplateBody=json.dumps({"Resources": resources, **sections}),
        Capabilities=["CAPABILITY_NAMED_IAM"],
    )
    return at_rest(aws, name)


def at_rest(aws: Aws, name: str) -> str:
    """Return the status in which a stack comes to rest; DELETE_COMPLETE if it is gone."""
    cloudformation = aws.client("cloudformation")
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        try:
            status = cloudformation.describe_stacks(StackName=name)["Stacks"][0]["StackStatus"]
        except ClientError:
            return "DELETE_COMPLETE"
        if not status.endswith("IN_PROGRESS") or status == "REVIEW_IN_PROGRESS":
            return str(status)
        time.sleep(0.1)
    raise AssertionError(f"{name} is still {status}")


def outputs(aws: Aws, name: str) -> dict[str, str]:
    """Return a stack's outputs."""
    (stack,) = aws.client("cloudformation").describe_stacks(StackName=name)["Stacks"]
    return {each["OutputKey"]: each["OutputValue"] for each in stack.get("Outputs", [])}


def change_set(aws: Aws, name: str, resources: dict[str, Any], **more: Any) -> dict[str, Any]:
    """Make a change set and return its description."""
    cloudformation = aws.client("cloudformation")
    kind = more.pop("kind", "UPDATE")
    made = cloudformation.create_change_set(
        StackName=name,
        ChangeSetName=f"c{time.time_ns()}",
        ChangeSetType=kind,
        TemplateBody=json.dumps({"Resources": resources, **more}),
    )
    described: dict[str, Any] = cloudformation.describe_change_set(
        ChangeSetName=made["Id"], StackName=name, IncludePropertyValues=True
    )
    return described


def log_group(name: str = "", **properties: Any) -> dict[str, Any]:
    """Return a template's log group."""
    named = {"LogGroupName": name} if name else {}
    return {"Type": "AWS::Logs::LogGroup", "Properties": named | properties}
