"""Aurora PostgreSQL clusters that are real servers.

Wrong upstream: a cluster of a template is a record only; UpdateReplacePolicy: Snapshot takes none;
SnapshotIdentifier, DeletionProtection and reader endpoints are not acted on, nor is a moment of
SourceDBClusterIdentifier (moments); attributes of Port and encryption are lost; a final snapshot's
tags can't be listed; logs are exported nowhere, so that no log group is there that outlives its
cluster.
Source: CloudFormation reference, AWS::RDS::DBCluster and AWS::RDS::DBInstance; Aurora user guide,
"Publishing Aurora PostgreSQL logs to Amazon CloudWatch Logs" (the log group's name; Aurora deletes
none).
Last needed: ministack 1.5.33.
"""

from __future__ import annotations

import contextvars
import functools
import secrets
import threading
from typing import Any

from ministack.core.responses import get_account_id, get_region, request_scope
from ministack.services import cloudwatch_logs, rds
from ministack.services.cloudformation import provisioners, stacks

from local_aws.controls import control
from local_aws.databases import Databases, Server
from local_aws.mending import Mending
from local_aws.mends.databases import events, moments, snapshots
from local_aws.settings import ADDRESS

Properties = dict[str, Any]

# Parameters of a cluster parameter group that PostgreSQL takes over from RDS as they are.
_PASSED_ON = ("log_", "rds.force_ssl", "statement_timeout", "idle_in_transaction_session_timeout")
# UpdateReplacePolicy of the resource that an update's clean-up is about to delete
_replace_policy: contextvars.ContextVar[str] = contextvars.ContextVar("replace_policy")


def install(mending: Mending) -> None:
    """Put servers behind clusters."""
    databases = mending.databases
    create = functools.partial(_create, databases)
    mending.around(provisioners, "_rds_db_cluster_create", create)
    mending.handler("AWS::RDS::DBCluster", "update", functools.partial(_update, databases))
    delete = functools.partial(_delete, databases)
    mending.around(provisioners, "_rds_db_cluster_delete", delete)
    mending.handler("AWS::RDS::DBCluster", "snapshot", _final_snapshot)
    modify = functools.partial(_modify, databases)
    mending.around(rds, "_ACTION_MAP", modify, key="ModifyDBCluster")
    mending.around(rds, "_cluster_xml", functools.partial(_told, databases))
    mending.around(stacks, "_resource_policy", _resource_policy)
    control("database_away")(functools.partial(_go_away, databases))


def _go_away(databases: Databases, cluster: str, seconds: float, how: str) -> None:
    """Let a cluster's server be away; of a failover RDS tells two events.

    Which instance it goes to isn't known here: all readers share the one server.
    """
    databases.go_away(cluster, seconds, how)
    if how != "failover":
        return
    arn = rds._clusters[cluster]["DBClusterArn"]
    events.tell("db-cluster", cluster, arn, "failover", 73, "Started cross AZ failover.")
    account, region = get_account_id(), get_region()

    def end() -> None:
        with request_scope(account, region):
            events.tell("db-cluster", cluster, arn, "failover", 71, "Completed failover.")

    over = threading.Timer(seconds, end)
    over.daemon = True
    over.start()


def _told(databases: Databases, upstream: Any, cluster: dict[str, Any]) -> Any:
    moments.tell_window(databases, cluster)
    return upstream(cluster)


def _resource_policy(upstream: Any, resource: Any, attribute: str, *rest: Any) -> str:
    policy = str(upstream(resource, attribute, *rest))
    _replace_policy.set(policy if attribute == "UpdateReplacePolicy" else "Delete")
    return policy


def _create(
    databases: Databases, upstream: Any, logical_id: str, properties: Properties, stack: str
) -> Any:
    snapshot, past = _snapshot_of(properties), moments.wanted(databases, properties)
    properties = past.properties(properties) if past else properties
    identifier = properties.get("DBClusterIdentifier")
    if identifier and identifier in rds._clusters:
        raise ValueError(
            f"DB Cluster already exists: {identifier} (Service: Rds, Status Code: 400, "
            "Error Code: DBClusterAlreadyExistsFault)"
        )
    physical_id, _ = upstream(logical_id, properties, stack)
    cluster = rds._clusters[physical_id]
    try:
        _start(databases, cluster, properties, snapshot or past)
    except Exception:
        rds._clusters.pop(physical_id, None)
        databases.remove(physical_id)
        raise
    for log in properties.get("EnableCloudwatchLogsExports") or ():
        name = f"/aws/rds/cluster/{physical_id}/{log}"
        cloudwatch_logs._create_log_group({"logGroupName": name})
    return physical_id, provisioners._rds_db_cluster_attrs(cluster)


def _update(  # noqa: PLR0917 - as upstream
    databases: Databases,
    upstream: Any,
    physical_id: str,
    old: Properties,
    new: Properties,
    stack: str,
    logical_id: str = "",
) -> Any:
    port = rds._clusters[physical_id]["Port"]
    new_id, _ = upstream(physical_id, old, new, stack, logical_id or physical_id)
    cluster = rds._clusters[new_id]
    server = databases.get(new_id)
    if new_id == physical_id and server is not None:
        moves = old.get("Port") != new.get("Port")
        cluster["Port"] = databases.move(new_id) if moves else port
        _apply_changes(server, cluster, old, new)
    return new_id, provisioners._rds_db_cluster_attrs(cluster)


def _delete(databases: Databases, upstream: Any, physical_id: str, properties: Properties) -> None:
    cluster = rds._clusters.get(physical_id)
    if cluster is None:
        return
    _refuse_if_protected(cluster)
    if _replace_policy.get("Delete") == "Snapshot":
        final = rds._create_cluster_snapshot_internal(snapshots.final(physical_id), cluster)
        rds._tags[final["DBClusterSnapshotArn"]] = final["TagList"]
    databases.remove(physical_id)
    upstream(physical_id, properties)


def _final_snapshot(upstream: Any, physical_id: str, properties: Properties) -> Any:
    _refuse_if_protected(rds._clusters.get(physical_id) or {})
    return upstream(physical_id, properties)


def _modify(databases: Databases, upstream: Any, parameters: Properties) -> Any:
    answer = upstream(parameters)
    password = rds._p(parameters, "MasterUserPassword")
    identifier = rds._p(parameters, "DBClusterIdentifier")
    server = databases.get(identifier)
    if answer[0] < 400 and password and server is not None:  # noqa: PLR2004 - HTTP
        server.set_password(rds._clusters[identifier]["MasterUsername"], password)
    return answer


def _refuse_if_protected(cluster: dict[str, Any]) -> None:
    if cluster.get("DeletionProtection"):
        raise ValueError(
            "Cannot delete protected Cluster, please disable deletion protection and try again. "
            "(Service: Rds, Status Code: 400, Error Code: InvalidParameterCombination)"
        )


def _snapshot_of(properties: Properties) -> dict[str, Any] | None:
    reference = properties.get("SnapshotIdentifier")
    if not reference:
        return None
    for name in ("MasterUsername", "ManageMasterUserPassword"):
        if properties.get(name):
            raise ValueError(
                f"{name} can't be specified with SnapshotIdentifier: its value is inherited from "
                "the snapshot (Service: Rds, Status Code: 400, "
                "Error Code: InvalidParameterCombination)"
            )
    snapshot = rds._db_cluster_snapshots.get(reference.split(":cluster-snapshot:")[-1])
    if snapshot is None:
        raise ValueError(
            f"DBClusterSnapshot not found: {reference} (Service: Rds, Status Code: 404, "
            "Error Code: DBClusterSnapshotNotFoundFault)"
        )
    return dict(snapshot)


def _start(
    databases: Databases,
    cluster: dict[str, Any],
    properties: Properties,
    origin: dict[str, Any] | moments.Past | None,
) -> None:
    identifier = cluster["DBClusterIdentifier"]
    if not rds._is_postgres_engine(cluster["Engine"]):
        return
    server = databases.new(identifier)
    settings = _settings(properties)
    if origin is None:
        server.create(
            cluster["MasterUsername"],
            properties.get("MasterUserPassword") or secrets.token_urlsafe(24),
            properties.get("DatabaseName"),
            settings,
        )
    else:
        if isinstance(origin, moments.Past):
            server.restore_to(origin.moment, origin.server, settings)
        else:
            source = databases.snapshot_path(origin["DBClusterSnapshotIdentifier"])
            server.restore(source, settings)
            cluster["MasterUsername"] = origin["MasterUsername"]
        # As CloudFormation's handler does: the restore leaves the password out, and a modification
        # sets it.
        _apply_changes(server, cluster, {}, properties)
    cluster.update(
        Endpoint=ADDRESS,
        ReaderEndpoint=ADDRESS,
        Port=server.port,
        StorageEncrypted=bool(properties.get("StorageEncrypted")),
        KmsKeyId=properties.get("KmsKeyId", ""),
        DBClusterParameterGroup=properties.get("DBClusterParameterGroupName", ""),
    )


def _settings(properties: Properties) -> dict[str, str]:
    group = rds._db_cluster_param_groups.get(properties.get("DBClusterParameterGroupName")) or {}
    values = {
        name: str(value.get("ParameterValue") if isinstance(value, dict) else value)
        for name, value in (group.get("Parameters") or {}).items()
    }
    return {name: value for name, value in values.items() if name.startswith(_PASSED_ON)}


def _apply_changes(
    server: Server, cluster: dict[str, Any], old: Properties, new: Properties
) -> None:
    password = new.get("MasterUserPassword")
    if password and password != old.get("MasterUserPassword"):
        server.set_password(cluster["MasterUsername"], password)
