"""The reservations of one listener's priorities in DynamoDB.

A reservation is two items that are written and deleted in one transaction: `priority#00001` says
who has the number, and `owner#<StackId>#<LogicalId>#<digest>` says which number the owner has for
which conditions. An owner has two reservations while its stack is updated to other conditions: the
old one is given back when CloudFormation deletes what the update replaced, so that a rollback finds
its old number. The two may be of one number, which goes with the last of them. Reservations of
before the conditions were a property have no digest.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from botocore.exceptions import ClientError

from custom_resources.listener_priority.conditions import Conditions
from custom_resources.shared import aws
from custom_resources.shared.failure import Failure

_OWNER = "owner#{}#{}"
_PRIORITY = "priority#{:05d}"
_FREE = "attribute_not_exists(Entry)"
_DIGEST_CHARACTERS = 16
# Reasons of a cancelled transaction that mean: somebody else was faster
# (DynamoDB API reference, TransactWriteItems).
_LOST = {"ConditionalCheckFailed", "TransactionConflict"}


@dataclass(frozen=True)
class Owner:
    """Who has a priority.

    Args:
        stack_id: ARN of the stack.
        logical_id: name of the custom resource in it.
    """

    stack_id: str
    logical_id: str


@dataclass(frozen=True)
class Purpose:
    """What a priority is reserved for.

    Args:
        conditions: the rule's; None in reservations of before they were a property.
        takes_over: name of the stack that is taken over from, or empty.
    """

    conditions: Conditions | None
    takes_over: str = ""

    @property
    def digest(self) -> str:
        """A short text that is the same for the same purpose; empty without conditions."""
        if self.conditions is None:
            return ""
        text = f"{self.conditions.text} {self.takes_over}"
        return hashlib.sha256(text.encode()).hexdigest()[:_DIGEST_CHARACTERS]


@dataclass(frozen=True)
class Reservation:
    """A reserved priority.

    Args:
        owner: who has it.
        priority: the number.
        digest: of the purpose.
        purpose: what for.
    """

    owner: Owner
    priority: int
    digest: str
    purpose: Purpose = field(compare=False)


@dataclass(frozen=True)
class Reservations:
    """The reservations of one listener.

    Args:
        dynamodb: boto3 client.
        table: name of the table.
        listener_arn: partition of the table.
    """

    dynamodb: Any
    table: str
    listener_arn: str

    def all(self) -> list[Reservation]:
        """Everyone's reservations, as they are at this moment.

        Raises:
            Failure: there is no such table.
            ClientError: a call was refused.
        """
        pages = self.dynamodb.get_paginator("query").paginate(
            TableName=self.table,
            ConsistentRead=True,
            KeyConditionExpression="ListenerArn = :listener AND begins_with(Entry, :owner)",
            ExpressionAttributeValues={
                ":listener": {"S": self.listener_arn},
                ":owner": {"S": "owner#"},
            },
        )
        with self._table_missing_explained():
            return [_read(item) for page in pages for item in page["Items"]]

    def of(self, owner: Owner, digest: str) -> Reservation | None:
        """The owner's reservation with a digest, or None.

        Raises:
            ClientError: a call was refused.
        """
        key = self._key(_entry(owner, digest))
        with self._table_missing_explained():
            answer = self.dynamodb.get_item(TableName=self.table, Key=key, ConsistentRead=True)
        return _read(answer["Item"]) if "Item" in answer else None

    def reserve(
        self, owner: Owner, priority: int, purpose: Purpose, *, again: bool = False
    ) -> Reservation | None:
        """Reserve a priority for a purpose that the owner has none for.

        Args:
            owner: who gets it.
            priority: the number.
            purpose: what for.
            again: whether the owner has the number already, for another purpose.
        Returns:
            None if someone else has the priority, or the owner has one for that purpose.
        Raises:
            ClientError: a call was refused.
        """
        reservation = Reservation(owner, priority, purpose.digest, purpose)
        details = {
            "StackId": {"S": owner.stack_id},
            "LogicalId": {"S": owner.logical_id},
            "Priority": {"N": str(priority)},
        }
        if purpose.conditions is not None:
            details |= {
                "Digest": {"S": purpose.digest},
                "Conditions": {"S": purpose.conditions.text},
                "TakesOver": {"S": purpose.takes_over},
            }
        number, entry = self._keys(reservation)
        free = {"ConditionExpression": _FREE}
        items = [
            {"Item": number | details} | (_is_of(reservation) if again else free),
            {"Item": entry | details} | free,
        ]
        done = self._transact({"Put": {"TableName": self.table} | item} for item in items)
        return reservation if done else None

    def release(self, reservation: Reservation) -> bool:
        """Give a reserved priority back.

        Returns:
            False if it isn't the owner's any more.
        Raises:
            ClientError: a call was refused.
        """
        number, entry = self._keys(reservation)
        shared = any(
            (each.owner, each.priority) == (reservation.owner, reservation.priority)
            and each.digest != reservation.digest
            for each in self.all()
        )
        return self._transact(
            {"Delete": {"TableName": self.table, "Key": key} | _is_of(reservation)}
            for key in ([entry] if shared else [number, entry])
        )

    def _transact(self, writes: Iterator[dict[str, Any]]) -> bool:
        try:
            self.dynamodb.transact_write_items(TransactItems=list(writes))
        except ClientError as error:
            reasons = {
                reason.get("Code") for reason in error.response.get("CancellationReasons", [])
            }
            if reasons & _LOST:
                return False
            raise
        return True

    @contextmanager
    def _table_missing_explained(self) -> Iterator[None]:
        try:
            yield
        except ClientError as error:
            if aws.code(error) != "ResourceNotFoundException":
                raise
            raise Failure(
                f"There is no DynamoDB table {self.table}.", "Deploy the support stack again."
            ) from None

    def _keys(self, of: Reservation) -> tuple[dict[str, Any], dict[str, Any]]:
        """The keys of the number's item and of the owner's."""
        return self._key(_PRIORITY.format(of.priority)), self._key(_entry(of.owner, of.digest))

    def _key(self, entry: str) -> dict[str, dict[str, str]]:
        return {"ListenerArn": {"S": self.listener_arn}, "Entry": {"S": entry}}


def _is_of(reservation: Reservation) -> dict[str, Any]:
    """The condition that an item is the owner's, with the number."""
    return {
        "ConditionExpression": "StackId = :stack AND Priority = :priority",
        "ExpressionAttributeValues": {
            ":stack": {"S": reservation.owner.stack_id},
            ":priority": {"N": str(reservation.priority)},
        },
    }


def _entry(owner: Owner, digest: str) -> str:
    entry = _OWNER.format(owner.stack_id, owner.logical_id)
    return f"{entry}#{digest}" if digest else entry


def _read(item: dict[str, Any]) -> Reservation:
    conditions = Conditions.parse(item["Conditions"]["S"]) if "Conditions" in item else None
    takes_over = item["TakesOver"]["S"] if "TakesOver" in item else ""
    return Reservation(
        Owner(item["StackId"]["S"], item["LogicalId"]["S"]),
        int(item["Priority"]["N"]),
        item["Digest"]["S"] if "Digest" in item else "",
        Purpose(conditions, takes_over),
    )
