"""A cluster restored to a moment of another, as a resource.

Wrong upstream: SourceDBClusterIdentifier is not acted on, and a cluster tells no window but the
moment of its creation. Here it reaches from the creation to the present; AWS's ends some minutes
before it, and no backup is older than BackupRetentionPeriod says.
Source: botocore's model of RestoreDBClusterToPointInTime (what it takes, which errors it has);
CloudFormation's handler (aws-cloudformation-resource-providers-rds, CreateHandler and Translator):
engine and admin are the source's, the password and the parameter group are set by a modification.
The words of a refused moment are not documented.
Last needed: ministack 1.5.33.
"""

from __future__ import annotations

import datetime
from dataclasses import dataclass
from typing import Any

from ministack.services import rds

from local_aws.databases import Databases, Server

Properties = dict[str, Any]

_INHERITED = ("Engine", "EngineVersion", "EngineMode", "DatabaseName", "MasterUsername")


@dataclass(frozen=True)
class Past:
    """A cluster as it was at a moment."""

    cluster: dict[str, Any]
    server: Server
    moment: datetime.datetime

    def properties(self, given: Properties) -> Properties:
        """Return a restored cluster's properties: what can't be given is the source's."""
        inherited = {name: self.cluster[name] for name in _INHERITED if self.cluster.get(name)}
        return given | inherited | {"StorageEncrypted": self.cluster.get("StorageEncrypted")}


def wanted(databases: Databases, properties: Properties) -> Past | None:
    """Return what a cluster's properties restore; None if they don't.

    Raises:
        ValueError: as AWS refuses it.
    """
    source = properties.get("SourceDBClusterIdentifier")
    if not source:
        return None
    cluster = rds._clusters.get(str(source).rsplit(":", 1)[-1])
    server = databases.get(cluster["DBClusterIdentifier"]) if cluster else None
    if cluster is None or server is None:
        raise _refused("DBClusterNotFoundFault", f"DBCluster {source} not found.", 404)
    for name in ("MasterUsername", "SnapshotIdentifier", "DatabaseName"):
        if properties.get(name):
            raise _refused(
                "InvalidParameterCombination",
                f"{name} can't be specified with SourceDBClusterIdentifier.",
            )
    if properties.get("RestoreType") == "copy-on-write":
        raise _refused("InvalidParameterCombination", "No clones here: RestoreType full-copy.")
    return Past(dict(cluster), server, _moment(properties, server))


def tell_window(databases: Databases, cluster: dict[str, Any]) -> None:
    """Put into a cluster's record to which moments it can be restored."""
    server = databases.get(cluster["DBClusterIdentifier"])
    if server is not None:
        earliest, latest = _window(server)
        cluster["EarliestRestorableTime"] = rds._format_time(earliest.timestamp())
        cluster["LatestRestorableTime"] = rds._format_time(latest.timestamp())


def _window(server: Server) -> tuple[datetime.datetime, datetime.datetime]:
    return server.since, datetime.datetime.now(datetime.UTC)


def _moment(properties: Properties, server: Server) -> datetime.datetime:
    to, latest = properties.get("RestoreToTime"), properties.get("UseLatestRestorableTime")
    if bool(to) == (str(latest).lower() == "true"):
        raise _refused(
            "InvalidParameterCombination",
            "Either RestoreToTime or UseLatestRestorableTime must be specified, and not both.",
        )
    earliest, end = _window(server)
    if not to:
        return end
    try:
        moment = datetime.datetime.fromisoformat(str(to))
    except ValueError:
        raise _refused("InvalidParameterValue", f"Invalid timestamp: {to}") from None
    moment = moment if moment.tzinfo else moment.replace(tzinfo=datetime.UTC)
    if not earliest <= moment <= end:
        raise _refused(
            "InvalidParameterValue",
            f"The cluster can be restored to times from {earliest.isoformat()} to "
            f"{end.isoformat()}, not to {to}.",
        )
    return moment


def _refused(code: str, message: str, status: int = 400) -> ValueError:
    return ValueError(f"{message} (Service: Rds, Status Code: {status}, Error Code: {code})")
