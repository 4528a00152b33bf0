"""What was told, in DynamoDB, so that nothing is told twice.

An item is written before its notice is sent, by one conditional write: of many tasks that stop at
once, one gets it. Once the notice is sent the item says so. Until then the event that wrote it may
come again, as Lambda repeats what failed: a notice that couldn't be sent isn't lost. A function
that is ended between the two sends it twice.
"""

from __future__ import annotations

import datetime
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

from custom_resources.notices.decisions import Notice
from custom_resources.shared import aws

# As long as ECS remembers a deployment (API reference, ListServiceDeployments).
_KEPT = datetime.timedelta(days=90)
# The last: DynamoDB may take days to delete what has expired.
_MAY_BE_TOLD = (
    "attribute_not_exists(Notice) OR (Cause = :cause AND attribute_not_exists(Sent))"
    " OR Expires < :now"
)


@dataclass(frozen=True)
class Told:
    """The notices that were told.

    Args:
        dynamodb: boto3 client.
        table: its name.
    """

    dynamodb: Any
    table: str

    def claim(self, notice: Notice, now: datetime.datetime) -> bool:
        """Begin to tell a notice; False if it was told, or another event is at it.

        Args:
            notice: to be told.
            now: the time.
        Raises:
            ClientError: the call was refused.
        """
        try:
            self.dynamodb.put_item(
                TableName=self.table,
                Item={
                    "Notice": {"S": notice.once},
                    "Cause": {"S": notice.cause},
                    "Expires": _seconds(now + _KEPT),
                },
                ConditionExpression=_MAY_BE_TOLD,
                ExpressionAttributeValues={
                    ":cause": {"S": notice.cause},
                    ":now": _seconds(now),
                },
            )
        except ClientError as error:
            if aws.code(error) == "ConditionalCheckFailedException":
                return False
            raise
        return True

    def settle(self, notice: Notice) -> None:
        """Note that a notice was sent.

        Args:
            notice: that `claim` began.
        Raises:
            ClientError: the call was refused.
        """
        self.dynamodb.update_item(
            TableName=self.table,
            Key={"Notice": {"S": notice.once}},
            UpdateExpression="SET Sent = :sent",
            ExpressionAttributeValues={":sent": {"BOOL": True}},
        )


def _seconds(moment: datetime.datetime) -> dict[str, str]:
    return {"N": str(int(moment.timestamp()))}
