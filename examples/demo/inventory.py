"""What stands where, asked of AWS: nothing here is remembered from the deployment."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

Client = Callable[[str], Any]  # service name -> boto3 client


@dataclass(frozen=True)
class Stack:
    """A stack of the platform.

    Attributes:
        name: its name.
        status: CloudFormation's StackStatus.
        seconds: from the first to the last of its own events.
        outputs: its outputs by name.
    """

    name: str
    status: str
    seconds: float
    outputs: dict[str, str]


@dataclass(frozen=True)
class Service:
    """A service of the platform, as its stack's outputs and its listener rule have it."""

    name: str
    url: str
    host_name: str
    priority: str
    database: str
    active_user: str


def stacks(client: Client, platform: str) -> list[Stack]:
    """Return the platform's stacks, oldest first.

    Args:
        client: gives a boto3 client for a service's name.
        platform: the platform's name, which every stack of it carries as a tag.
    """
    cloudformation = client("cloudformation")
    pages = cloudformation.get_paginator("describe_stacks").paginate()
    ours = [
        stack
        for page in pages
        for stack in page["Stacks"]
        if {"Key": "quayside:platform", "Value": platform} in stack["Tags"]
    ]
    return [
        Stack(
            stack["StackName"],
            stack["StackStatus"],
            _seconds(cloudformation, stack["StackId"]),
            {output["OutputKey"]: output["OutputValue"] for output in stack.get("Outputs", [])},
        )
        for stack in sorted(ours, key=lambda stack: stack["CreationTime"])
    ]


def _seconds(cloudformation: Any, stack_id: str) -> float:
    pages = cloudformation.get_paginator("describe_stack_events").paginate(StackName=stack_id)
    moments = [
        event["Timestamp"]
        for page in pages
        for event in page["StackEvents"]
        if event.get("PhysicalResourceId") == stack_id
    ]
    return float((max(moments) - min(moments)).total_seconds())


def services(client: Client, platform: str, found: list[Stack]) -> list[Service]:
    """Return the services among the stacks.

    Args:
        client: gives a boto3 client for a service's name.
        platform: the platform's name.
        found: what stacks() returned.
    """
    rules = _rules(client("elbv2"), found)
    prefix = f"{platform}-service-"
    return [
        Service(
            name=stack.name.removeprefix(prefix),
            url=stack.outputs["Url"],
            host_name=(host_name := stack.outputs["Url"].split("/")[2]),
            priority=rules.get(host_name, "none"),
            database=stack.outputs["DatabaseName"],
            active_user=stack.outputs["ActiveUser"],
        )
        for stack in found
        if stack.name.startswith(prefix)
    ]


def _rules(elbv2: Any, found: list[Stack]) -> dict[str, str]:
    """Return the priority of each host name's listener rule."""
    listeners = [stack.outputs["ListenerArn"] for stack in found if "ListenerArn" in stack.outputs]
    pages = (
        page
        for listener in listeners
        for page in elbv2.get_paginator("describe_rules").paginate(ListenerArn=listener)
    )
    return {
        host_name: rule["Priority"]
        for page in pages
        for rule in page["Rules"]
        for condition in rule["Conditions"]
        for host_name in condition.get("HostHeaderConfig", {}).get("Values", [])
    }
