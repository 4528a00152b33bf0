"""Moving a service to the user that was rotated.

Source: CloudFormation API reference, UpdateStack: with UsePreviousTemplate and UsePreviousValue
nothing else moves; tags, policy and service role stay if they aren't given.
"""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

from custom_resources.contract.labels import Labels
from custom_resources.contract.names import ACTIVE_USER, ServiceUser
from custom_resources.contract.outcomes import Move
from custom_resources.contract.stacks import ServiceStack, token
from custom_resources.rotation.activate.decisions import (
    Circumstances,
    Decision,
    decide,
    may_be_early,
    superseded,
)
from custom_resources.rotation.activate.flips import Earlier, StackEvent
from custom_resources.rotation.activate.secret import Clients, describe, move_rotated
from custom_resources.shared import aws, stacks

# Clocks differ: an event of the stack may seem older than the rotation that it follows. And no
# answer of Secrets Manager is older than that.
_CLOCKS = datetime.timedelta(minutes=15)
_NOT_OURS = Decision(Move.IGNORE, "the secret is none of a database user")


@dataclass(frozen=True)
class Activation:
    """Moves services to rotated users.

    Args:
        clients: for AWS.
        now: the time in UTC.
        paused: whether the platform's rotation is paused.
    """

    clients: Clients
    now: datetime.datetime
    paused: bool = False

    def activate(
        self, secret_name: str, version: str, rotated: datetime.datetime, *, sweeping: bool = False
    ) -> Decision:
        """Bring a service one step nearer to a rotated user. Doing it again does no harm.

        Args:
            secret_name: of the rotated secret.
            version: that the rotation made.
            rotated: when.
            sweeping: whether it is the daily sweep that asks, and not a message.
        Returns:
            What was done; only BEGIN and WAIT are not final.
        Raises:
            FlipRolledBack: the flip failed, and isn't repeated.
            Failure: the service can't be moved.
            ClientError: a call was refused.
        """
        user = ServiceUser.of(secret_name)
        if user is None:
            return _NOT_OURS
        labels = self._labels(secret_name)
        reason = superseded(labels, version)
        if reason:
            early = may_be_early(labels, version) and self.now < rotated + _CLOCKS
            return Decision(Move.WAIT if early else Move.DROP, reason)
        stack = stacks.describe_service(self.clients.cloudformation, user.stack_name)
        needs_flip = stack.is_stable and stack.active_user != user.colour
        earlier = self._earlier(stack, version, rotated) if needs_flip else Earlier()
        given = Circumstances(self.now, rotated, sweeping=sweeping, paused=self.paused)
        decision = decide(stack, user, earlier, given)
        if decision.move is Move.BEGIN:
            return self._begin(stack, user, token(version, earlier.attempts + 1), decision)
        return decision

    def label(self, secret_name: str, version: str) -> Decision:
        """Label a rotation of a function that isn't ours, and doesn't know the label ROTATED.

        Args:
            secret_name: of a secret whose label AWSCURRENT has moved.
            version: where it moved to.
        Returns:
            What was done; all of it is final.
        Raises:
            ClientError: a call was refused.
        """
        user = ServiceUser.of(secret_name)
        if user is None:
            return _NOT_OURS
        try:
            secret = describe(self.clients, user)
        except ClientError as error:
            if aws.code(error) == "ResourceNotFoundException":
                return Decision(Move.IGNORE, "the secret is gone")
            raise
        reason = secret.why_not_rotated(version)
        if reason:
            return Decision(Move.IGNORE, reason)
        move_rotated(self.clients, secret)
        return Decision(Move.LABEL, f"{secret.function} has rotated it")

    def _labels(self, secret_name: str) -> Labels:
        try:
            secret = self.clients.secretsmanager.describe_secret(SecretId=secret_name)
        except ClientError as error:
            if aws.code(error) == "ResourceNotFoundException":
                return {}  # the service was deleted meanwhile
            raise
        labels: Labels = secret.get("VersionIdsToStages", {})
        return labels

    def _earlier(self, stack: ServiceStack, version: str, rotated: datetime.datetime) -> Earlier:
        events: list[StackEvent] = []
        pages = self.clients.cloudformation.get_paginator("describe_stack_events")
        for page in pages.paginate(StackName=stack.stack_id):
            listed = page["StackEvents"]  # the newest first
            events += [_event(it, stack) for it in listed]
            if listed and listed[-1]["Timestamp"] < rotated - _CLOCKS:
                break
        return Earlier.of(events[::-1], version)

    def _begin(
        self, stack: ServiceStack, user: ServiceUser, request: str, decision: Decision
    ) -> Decision:
        kept = [
            {"ParameterKey": name, "UsePreviousValue": True}
            for name in stack.parameters
            if name != ACTIVE_USER
        ]
        try:
            self.clients.cloudformation.update_stack(
                StackName=stack.stack_id,
                UsePreviousTemplate=True,
                Parameters=[*kept, {"ParameterKey": ACTIVE_USER, "ParameterValue": user.colour}],
                Capabilities=list(stack.capabilities),
                ClientRequestToken=request,
            )
        except ClientError as error:
            # Somebody else's update was a moment faster, or another delivery of the same message.
            if "_IN_PROGRESS state" in str(error) or "TokenAlreadyExists" in aws.code(error):
                return Decision(Move.WAIT, "the stack is being updated")
            raise
        return decision


def _event(listed: Mapping[str, Any], stack: ServiceStack) -> StackEvent:
    of_stack = listed.get("PhysicalResourceId") == stack.stack_id
    return StackEvent(
        status=listed.get("ResourceStatus", ""),
        token=listed.get("ClientRequestToken", ""),
        resource="" if of_stack else listed.get("ResourceType", "unknown"),
        reason=listed.get("ResourceStatusReason", ""),
        time=listed["Timestamp"],
    )
