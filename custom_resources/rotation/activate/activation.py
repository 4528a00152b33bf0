"""Moving a service to the user that was rotated.

Source: CloudFormation API reference, UpdateStack: with UsePreviousTemplate and UsePreviousValue
nothing else moves; tags, policy and service role stay if they aren't given.
"""

from __future__ import annotations

import datetime
from dataclasses import dataclass

from botocore.exceptions import ClientError

from custom_resources.rotation import service_stack
from custom_resources.rotation.activate.decisions import (
    Decision,
    Flip,
    Move,
    StackEvent,
    decide,
    flip,
    superseded,
    token,
)
from custom_resources.rotation.activate.secret import Clients, describe, move_rotated
from custom_resources.rotation.service_stack import ServiceStack
from custom_resources.rotation.users import ServiceUser
from custom_resources.shared import aws
from custom_resources.shared.failure import Failure

# Clocks differ: an event of the stack may seem older than the rotation that it follows.
_CLOCKS = datetime.timedelta(minutes=15)


@dataclass(frozen=True)
class Activation:
    """Moves services to rotated users.

    Args:
        clients: for AWS.
        paused: whether the platform's rotation is paused.
    """

    clients: Clients
    paused: bool = False

    def activate(self, secret_name: str, version: str, rotated: datetime.datetime) -> Decision:
        """Bring a service one step nearer to a rotated user. Doing it again does no harm.

        Args:
            secret_name: of the rotated secret.
            version: that the rotation made.
            rotated: when.
        Returns:
            What was done; only ACTIVE and DROP are final.
        Raises:
            FlipRolledBack: the flip failed once.
            Failure: the service can't be moved.
            ClientError: a call was refused.
        """
        user = ServiceUser.of(secret_name)
        reason = superseded(self._labels(secret_name), version)
        if reason:
            return Decision(Move.DROP, reason)
        stack = service_stack.describe(self.clients.cloudformation, user.stack_name)
        needs_flip = stack.is_stable and stack.active_user != user.colour
        earlier = self._earlier(stack, version, rotated) if needs_flip else Flip.NOT_BEGUN
        decision = decide(stack, user, earlier, paused=self.paused)
        if decision.move is Move.BEGIN:
            return self._begin(stack, user, version, decision)
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
        try:
            secret = describe(self.clients, ServiceUser.of(secret_name))
        except Failure:
            return Decision(Move.IGNORE, "the secret is none of a database user")
        except ClientError as error:
            if aws.code(error) == "ResourceNotFoundException":
                return Decision(Move.IGNORE, "the secret is gone")
            raise
        reason = secret.why_not_rotated(version)
        if reason:
            return Decision(Move.IGNORE, reason)
        move_rotated(self.clients, secret)
        return Decision(Move.LABEL, f"{secret.function} has rotated it")

    def _labels(self, secret_name: str) -> dict[str, list[str]]:
        try:
            secret = self.clients.secretsmanager.describe_secret(SecretId=secret_name)
        except ClientError as error:
            if aws.code(error) == "ResourceNotFoundException":
                return {}  # the service was deleted meanwhile
            raise
        labels: dict[str, list[str]] = secret.get("VersionIdsToStages", {})
        return labels

    def _earlier(self, stack: ServiceStack, version: str, rotated: datetime.datetime) -> Flip:
        events = []
        pages = self.clients.cloudformation.get_paginator("describe_stack_events")
        for page in pages.paginate(StackName=stack.stack_id):
            listed = page["StackEvents"]  # the newest first
            events += [
                StackEvent(it.get("ResourceStatus", ""), it.get("ClientRequestToken", ""))
                for it in listed
                if it.get("PhysicalResourceId") == stack.stack_id
            ]
            if listed and listed[-1]["Timestamp"] < rotated - _CLOCKS:
                break
        return flip(events[::-1], token(version))

    def _begin(
        self, stack: ServiceStack, user: ServiceUser, version: str, decision: Decision
    ) -> Decision:
        kept = [
            {"ParameterKey": name, "UsePreviousValue": True}
            for name in stack.parameters
            if name != "ActiveUser"
        ]
        try:
            self.clients.cloudformation.update_stack(
                StackName=stack.stack_id,
                UsePreviousTemplate=True,
                Parameters=[*kept, {"ParameterKey": "ActiveUser", "ParameterValue": user.colour}],
                Capabilities=list(stack.capabilities),
                ClientRequestToken=token(version),
            )
        except ClientError as error:
            # Somebody else's update was a moment faster, or another delivery of the same message.
            if "_IN_PROGRESS state" in str(error) or "TokenAlreadyExists" in aws.code(error):
                return Decision(Move.WAIT, "the stack is being updated")
            raise
        return decision
