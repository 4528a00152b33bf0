"""Snapshots of clusters, and the instances of a cluster.

Wrong upstream: a snapshot is a record, and deleting one deletes no data; all final snapshots of a
cluster have one name; an instance doesn't know where its cluster listens, and every member calls
itself the writer.
Source: CloudFormation reference, AWS::RDS::DBCluster and AWS::RDS::DBInstance (return values);
RDS API reference, DBClusterMember; CloudFormation user guide, "DeletionPolicy attribute".
Last needed: ministack 1.5.33.
"""

from __future__ import annotations

import functools
import secrets
import shutil
from typing import Any

from ministack.services import rds
from ministack.services.cloudformation import provisioners

from local_aws.databases import Databases
from local_aws.mending import Mending

Properties = dict[str, Any]


def install(mending: Mending) -> None:
    """Put copies behind snapshots, and instances at their clusters."""
    for operation in ("create", "update"):
        mending.handler("AWS::RDS::DBInstance", operation, _at_cluster)
    create = functools.partial(_create, mending.databases)
    mending.around(rds, "_create_cluster_snapshot_internal", create)
    delete = functools.partial(_delete, mending.databases)
    mending.around(rds, "_ACTION_MAP", delete, key="DeleteDBClusterSnapshot")
    mending.put(provisioners, "_snapshot_id", final)


def final(cluster: str) -> str:
    """Return a name for the last snapshot of a cluster."""
    return f"{cluster}-snapshot-{secrets.token_hex(6)}"


def _at_cluster(upstream: Any, *arguments: Any) -> Any:
    created = upstream(*arguments)
    instance = rds._instances[created[0]]
    cluster = rds._clusters.get(instance.get("DBClusterIdentifier") or "")
    if cluster is None:
        return created
    instance["Endpoint"].update(Address=cluster["Endpoint"], Port=cluster["Port"])
    for position, member in enumerate(cluster["DBClusterMembers"]):
        member["IsClusterWriter"] = position == 0
    return created[0], provisioners._rds_db_instance_attrs(instance)


def _create(databases: Databases, upstream: Any, snapshot: str, cluster: dict[str, Any]) -> Any:
    server = databases.get(cluster["DBClusterIdentifier"])
    if server is not None:
        server.snapshot(databases.snapshot_path(snapshot))
    return upstream(snapshot, cluster)


def _delete(databases: Databases, upstream: Any, parameters: Properties) -> Any:
    answer = upstream(parameters)
    if answer[0] < 400:  # noqa: PLR2004 - HTTP
        name = rds._p(parameters, "DBClusterSnapshotIdentifier")
        shutil.rmtree(databases.snapshot_path(name), ignore_errors=True)
    return answer
