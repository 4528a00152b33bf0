"""The reservations of one listener's priorities in DynamoDB.

A reservation is two items that are written and deleted in one transaction: `priority#00001` says
who has the number, and `owner#<StackId>#<LogicalId>` says which number the owner has.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

from custom_resources.shared import aws
from custom_resources.shared.failure import Failure

_OWNER = "owner#{}#{}"
_PRIORITY = "priority#{:05d}"
_FREE = "attribute_not_exists(Entry)"
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

    def all(self) -> dict[Owner, int]:
        """Everyone's priorities, as they are at this moment.

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
            return {
                Owner(item["StackId"]["S"], item["LogicalId"]["S"]): int(item["Priority"]["N"])
                for page in pages
                for item in page["Items"]
            }

    def of(self, owner: Owner) -> int | None:
        """The owner's priority, or None.

        Raises:
            ClientError: a call was refused.
        """
        key = self._key(_OWNER.format(owner.stack_id, owner.logical_id))
        with self._table_missing_explained():
            answer = self.dynamodb.get_item(TableName=self.table, Key=key, ConsistentRead=True)
        return int(answer["Item"]["Priority"]["N"]) if "Item" in answer else None

    def reserve(self, owner: Owner, priority: int) -> bool:
        """Reserve a priority for an owner that has none.

        Returns:
            False if someone else has it, or the owner has one.
        Raises:
            ClientError: a call was refused.
        """
        details = {
            "StackId": {"S": owner.stack_id},
            "LogicalId": {"S": owner.logical_id},
            "Priority": {"N": str(priority)},
        }
        return self._transact(
            {
                "Put": {
                    "TableName": self.table,
                    "Item": key | details,
                    "ConditionExpression": _FREE,
                }
            }
            for key in self._keys(owner, priority)
        )

    def release(self, owner: Owner, priority: int) -> bool:
        """Give an owner's priority back.

        Returns:
            False if it isn't the owner's any more.
        Raises:
            ClientError: a call was refused.
        """
        return self._transact(
            {
                "Delete": {
                    "TableName": self.table,
                    "Key": key,
                    "ConditionExpression": "StackId = :stack AND Priority = :priority",
                    "ExpressionAttributeValues": {
                        ":stack": {"S": owner.stack_id},
                        ":priority": {"N": str(priority)},
                    },
                }
            }
            for key in self._keys(owner, priority)
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

    def _keys(self, owner: Owner, priority: int) -> list[dict[str, dict[str, str]]]:
        entries = (_PRIORITY.format(priority), _OWNER.format(owner.stack_id, owner.logical_id))
        return [self._key(entry) for entry in entries]

    def _key(self, entry: str) -> dict[str, dict[str, str]]:
        return {"ListenerArn": {"S": self.listener_arn}, "Entry": {"S": entry}}
