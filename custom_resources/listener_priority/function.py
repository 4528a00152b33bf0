"""Lambda function of Custom::ListenerPriority."""

from __future__ import annotations

import os

from custom_resources.shared.cloudformation import CustomResource
from custom_resources.shared.ping import answers_ping
from custom_resources.shared.request import Answer, Context, Request

_PREFIX = "listener-priority:"
_resource = CustomResource()
with _resource.importing():
    from custom_resources.listener_priority.allocation import Allocation
    from custom_resources.listener_priority.decisions import ListenerPriorityProperties
    from custom_resources.listener_priority.reservations import Owner, Purpose, Reservations
    from custom_resources.shared import aws


@answers_ping
def handler(event: dict[str, object], context: Context) -> None:
    """Answer one event of CloudFormation."""
    _resource(event, context)


def _converge(request: Request) -> Answer:
    properties = ListenerPriorityProperties.of(request.properties)
    purpose = Purpose(properties.conditions, properties.takes_over)
    # Another id for another purpose: CloudFormation deletes the old one when the update is through,
    # and with it the number that a rollback would have found.
    physical_id = _physical_id(properties.listener_arn, purpose.digest)
    priority = _allocation(request, properties.listener_arn, physical_id).reserve(
        _owner(request), purpose, rule_exists=request.type == "Update"
    )
    return Answer(physical_id, {"Priority": str(priority)})


def _remove(request: Request) -> None:
    listener_arn, _, digest = request.physical_id.removeprefix(_PREFIX).partition("#")
    _allocation(request, listener_arn, request.physical_id).release(_owner(request), digest)


def _physical_id(listener_arn: str, digest: str) -> str:
    return f"{_PREFIX}{listener_arn}#{digest}" if digest else _PREFIX + listener_arn


def _owner(request: Request) -> Owner:
    return Owner(request.stack_id, request.logical_id)


def _allocation(request: Request, listener_arn: str, physical_id: str) -> Allocation:
    return Allocation(
        Reservations(aws.client("dynamodb"), os.environ["TABLE_NAME"], listener_arn),
        aws.client("elbv2"),
        aws.client("cloudformation"),
        lambda: request.claim(physical_id),
    )


_resource.converge(_converge)
_resource.remove(_PREFIX, _remove)
