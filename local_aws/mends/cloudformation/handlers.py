"""How a CloudFormation resource type becomes handlers of ministack's provisioner.

Wrong upstream: handlers run on the event loop, and one that waits (for a steady service, for a
database server) freezes the server.
Source: none of AWS's; the mends that wait need it.
Last needed: ministack 1.5.33. Not shown by a probe: what waits is ours.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from ministack.services.cloudformation import stacks

from local_aws.mending import Mending

Properties = dict[str, Any]
Created = tuple[str, dict[str, Any]]
Handler = dict[str, Any]  # create, update, delete: functions of ministack's signatures


_WAITING = (
    "AWS::ApplicationAutoScaling::ScalableTarget",
    "AWS::ECS::Service",
    "AWS::RDS::DBCluster",
    "AWS::RDS::DBInstance",
)


def install(mending: Mending) -> None:
    """Let the handlers that wait run on a thread."""
    mending.around(stacks, "_runs_on_worker_thread", _on_worker)


def _on_worker(upstream: Any, kind: str) -> Any:
    return kind in _WAITING or upstream(kind)


class UnfinishedError(ValueError):
    """A resource's creation failed when it was there already: its rollback deletes it."""

    def __init__(self, reason: str, physical_id: str, attributes: dict[str, Any]) -> None:
        """Know what was made."""
        super().__init__(reason)
        self.physical_id = physical_id
        self.attributes = attributes


def replaced_on_update(
    create: Callable[[str, Properties, str], Created], delete: Callable[[str, Properties], Any]
) -> Handler:
    """Return handlers of a type whose every change makes a new resource.

    CloudFormation deletes the old one itself, in its clean-up, since the physical id changed.
    """

    def update(_: str, __: Properties, new: Properties, stack: str, logical_id: str) -> Created:
        return create(logical_id, new, stack)

    return {"create": create, "update": update, "update_with_logical_id": True, "delete": delete}


def record(
    physical_id: Callable[[str, Properties], str],
    attributes: Callable[[str, Properties], dict[str, Any]] = lambda _, __: {},
) -> Handler:
    """Return handlers of a type that nothing here acts on: it has an id and attributes, no more."""

    def create(logical_id: str, properties: Properties, _: str) -> Created:
        made = physical_id(logical_id, properties)
        return made, attributes(made, properties)

    def update(made: str, _: Properties, new: Properties, __: str) -> Created:
        return made, attributes(made, new)

    return {"create": create, "update": update, "delete": lambda _, __: None}


def answered(response: tuple[int, Any, Any], action: str) -> str:
    """Return the body of a response.

    Raises:
        ValueError: the service refused; the text is the service's.
    """
    status, _, body = response
    text = body.decode() if isinstance(body, bytes) else str(body)
    if status >= 400:  # noqa: PLR2004 - HTTP
        raise ValueError(f"{action} failed: {_message(text)}")
    return text


def element(xml: str, name: str) -> str:
    """Return the text of the first element `name`."""
    found = re.search(rf"<{name}>(.*?)</{name}>", xml, re.DOTALL)
    if found is None:
        raise ValueError(f"The service's answer has no {name}.")
    return found.group(1)


def _message(body: str) -> str:
    found = re.search(r"<Message>(.*?)</Message>|\"[mM]essage\": *\"(.*?)\"", body, re.DOTALL)
    return next((part for part in found.groups() if part), body) if found else body
