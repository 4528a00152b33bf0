"""Lambda function of Custom::ListenerPriority."""

from __future__ import annotations

import os

from custom_resources.shared.cloudformation import Answer, Context, CustomResource, Request
from custom_resources.shared.ping import answers_ping

_PREFIX = "listener-priority:"
_resource = CustomResource()
with _resource.importing():
    from custom_resources.listener_priority.allocation import Allocation
    from custom_resources.listener_priority.decisions import ListenerPriorityProperties
    from custom_resources.listener_priority.reservations import Owner, Reservations
    from custom_resources.shared import aws


@answers_ping
def handler(event: dict[str, object], context: Context) -> None:
    """Answer one event of CloudFormation."""
    _resource(event, context)


def _converge(request: Request) -> Answer:
    properties = ListenerPriorityProperties.of(request.properties)
    allocation = _allocation(request, properties.listener_arn)
    priority = allocation.priority_of(_owner(request), rule_exists=request.type == "Update")
    return Answer(_PREFIX + properties.listener_arn, {"Priority": str(priority)})


def _remove(request: Request) -> None:
    _allocation(request, request.physical_id.removeprefix(_PREFIX)).release(_owner(request))


def _owner(request: Request) -> Owner:
    return Owner(request.stack_id, request.logical_id)


def _allocation(request: Request, listener_arn: str) -> Allocation:
    return Allocation(
        Reservations(aws.client("dynamodb"), os.environ["TABLE_NAME"], listener_arn),
        aws.client("elbv2"),
        aws.client("cloudformation"),
        lambda: request.claim(_PREFIX + listener_arn),
    )


_resource.converge(_converge)
_resource.remove(_PREFIX, _remove)
