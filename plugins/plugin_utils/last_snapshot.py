"""A snapshot of the cluster before a service's database is dropped: asked for, waited for, checked.

Source: Amazon RDS API reference, CreateDBClusterSnapshot (its identifier: 1 to 63 letters, digits
and hyphens) and DBClusterSnapshot (Status, SnapshotCreateTime).
"""

from __future__ import annotations

import datetime
import email.utils
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ansible_collections.quayside.fargate.custom_resources.contract.names import Service
from ansible_collections.quayside.fargate.custom_resources.contract.stacks import parameters
from ansible_collections.quayside.fargate.plugins.plugin_utils import aws
from ansible_collections.quayside.fargate.plugins.plugin_utils.clock import Clock
from ansible_collections.quayside.fargate.plugins.plugin_utils.errors import StackError

_LONGEST = 63
_AVAILABLE, _CREATING = "available", "creating"
_NOT_FOUND = "DBClusterSnapshotNotFoundFault"


def cluster_of(stack: Mapping[str, Any] | None) -> str:
    """Return the identifier of the cluster that holds a database which goes with its stack.

    Args:
        stack: as CloudFormation describes it; None if there is none.
    Returns:
        The cluster's identifier, empty if no database is dropped.
    """
    given = parameters(stack or {})
    drops = given.get("Database") == "true" and given.get("DatabaseDeletion") == "Drop"
    return given.get("DatabaseClusterIdentifier", "") if drops else ""


def name_of(service: Service, moment: datetime.datetime) -> str:
    """Return the identifier of a service's snapshot of a moment, the same form for every service.

    Args:
        service: whose database is dropped.
        moment: in UTC.
    """
    end = f"-drop-{moment:%Y%m%d%H%M%S}"
    # One hyphen at a time, and none at the end.
    begin = re.sub("-+", "-", f"{service.platform}-{service.name}")[: _LONGEST - len(end)]
    return begin.rstrip("-") + end


@dataclass(frozen=True)
class LastSnapshot:
    """Takes one snapshot of a cluster and returns when it holds what it is to hold.

    Args:
        rds: client.
        service: whose database is dropped.
        cluster: identifier of its cluster.
        clock: the task's.
    """

    rds: Any
    service: Service
    cluster: str
    clock: Clock

    def take(self) -> str:
        """Take it, wait until it is available, and check it; return its identifier.

        Raises: StackError if AWS refuses, if it fails, takes too long, or isn't what was asked for.
        """
        name = name_of(self.service, datetime.datetime.now(datetime.UTC))
        asked = self._aws_clock(name)
        try:
            self.rds.create_db_cluster_snapshot(
                DBClusterSnapshotIdentifier=name, DBClusterIdentifier=self.cluster
            )
        except aws.AwsError as error:
            doing = f"CreateDBClusterSnapshot of {self.cluster}"
            raise self._refused(aws.explain(error, doing)) from error
        while (found := self._look(name))["Status"] == _CREATING:
            self.clock.pause(
                f"The snapshot {name} is still being made, so that the database of {self.service} "
                "is not dropped,",
                f"snapshot {name}: {found.get('PercentProgress', 0)} %",
            )
        wrong = problem(found, self.cluster, asked)
        if wrong:
            raise self._refused(f"The snapshot {name} {wrong}.")
        return name

    def _aws_clock(self, name: str) -> datetime.datetime:
        """Return AWS's time, which is the one that snapshots carry, and see that the snapshot that
        is to be made may be looked at."""
        try:
            answer = self.rds.describe_db_cluster_snapshots(DBClusterSnapshotIdentifier=name)
        except aws.AwsError as error:
            if aws.code(error) != _NOT_FOUND:
                raise self._refused(
                    aws.explain(error, f"Looking for the snapshot {name}")
                ) from error
            answer = error.response
        return email.utils.parsedate_to_datetime(answer["ResponseMetadata"]["HTTPHeaders"]["date"])

    def _look(self, name: str) -> dict[str, Any]:
        try:
            answer = self.rds.describe_db_cluster_snapshots(DBClusterSnapshotIdentifier=name)
        except aws.AwsError as error:
            raise self._refused(aws.explain(error, f"Looking at the snapshot {name}")) from error
        return dict(answer["DBClusterSnapshots"][0])

    def _refused(self, why: str) -> StackError:
        return StackError(
            f"The database of {self.service} is not dropped, and nothing is deleted, since there "
            f"is no snapshot of {self.cluster}: {why} Without one it is dropped with "
            "service_snapshot_before_drop false."
        )


def problem(found: Mapping[str, Any], cluster: str, asked: datetime.datetime) -> str:
    """Return what is wrong with a snapshot, empty if nothing is."""
    if found["Status"] != _AVAILABLE:
        return f"is {found['Status']}"
    if found["DBClusterIdentifier"] != cluster:
        return f"is of {found['DBClusterIdentifier']}"
    created = found["SnapshotCreateTime"]
    if created < asked:
        return f"is of {created:%Y-%m-%d %H:%M:%S}, before it was asked for"
    return ""
