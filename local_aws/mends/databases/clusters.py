"""Aurora PostgreSQL clusters that are real servers.

Wrong upstream: a cluster of a template is a record only; UpdateReplacePolicy: Snapshot takes none;
SnapshotIdentifier, DeletionProtection and reader endpoints are not acted on; attributes of Port and
encryption are lost; a final snapshot's tags can't be listed; logs are exported nowhere, so that no
log group is there that outlives its cluster.
Source: CloudFormation reference, AWS::RDS::DBCluster and AWS::RDS::DBInstance; Aurora user guide,
"Publishing Aurora PostgreSQL logs to Amazon CloudWatch Logs" (the log group's name; Aurora deletes
none).
"""

from __future__ import annotations

import contextvars
import secrets
import shutil
from typing import Any

from ministack.services import cloudwatch_logs, rds
from ministack.services.cloudformation import provisioners, stacks

from local_aws.controls import control
from local_aws.databases import Databases, Server
from local_aws.settings import ADDRESS

Properties = dict[str, Any]

# Parameters of a cluster parameter group that PostgreSQL takes over from RDS as they are.
_PASSED_ON = ("log_", "rds.force_ssl", "statement_timeout", "idle_in_transaction_session_timeout")
# UpdateReplacePolicy of the resource that an update's clean-up is about to delete
_replace_policy: contextvars.ContextVar[str] = contextvars.ContextVar("replace_policy")


def install(databases: Databases) -> None:
    """Put servers behind clusters."""
    _remember_replace_policy()
    _clusters(databases)
    _instances()
    _snapshots(databases)
    control("database_away")(databases.go_away)
    for kind in ("AWS::RDS::DBCluster", "AWS::RDS::DBInstance"):
        _on_worker(kind)


def _on_worker(kind: str) -> None:
    # Wrong upstream: the handler runs on the event loop, and starting a server freezes all.
    upstream = stacks._runs_on_worker_thread
    stacks._runs_on_worker_thread = lambda asked: asked == kind or upstream(asked)


def _remember_replace_policy() -> None:
    upstream = stacks._resource_policy

    def resource_policy(resource: Any, attribute: str, *rest: Any) -> str:
        policy = str(upstream(resource, attribute, *rest))
        _replace_policy.set(policy if attribute == "UpdateReplacePolicy" else "Delete")
        return policy

    stacks._resource_policy = resource_policy


def _clusters(databases: Databases) -> None:
    handler = provisioners._RESOURCE_HANDLERS["AWS::RDS::DBCluster"]
    create, update, delete = handler["create"], handler["update"], handler["delete"]

    def create_cluster(logical_id: str, properties: Properties, stack: str) -> Any:
        snapshot = _snapshot_of(properties)
        identifier = properties.get("DBClusterIdentifier")
        if identifier and identifier in rds._clusters:
            raise ValueError(
                f"DB Cluster already exists: {identifier} (Service: Rds, Status Code: 400, "
                "Error Code: DBClusterAlreadyExistsFault)"
            )
        physical_id, _ = create(logical_id, properties, stack)
        cluster = rds._clusters[physical_id]
        try:
            _start(databases, cluster, properties, snapshot)
        except Exception:
            rds._clusters.pop(physical_id, None)
            databases.remove(physical_id)
            raise
        for log in properties.get("EnableCloudwatchLogsExports") or ():
            name = f"/aws/rds/cluster/{physical_id}/{log}"
            cloudwatch_logs._create_log_group({"logGroupName": name})
        return physical_id, provisioners._rds_db_cluster_attrs(cluster)

    def update_cluster(
        physical_id: str, old: Properties, new: Properties, stack: str, logical_id: str = ""
    ) -> Any:
        port = rds._clusters[physical_id]["Port"]
        new_id, _ = update(physical_id, old, new, stack, logical_id or physical_id)
        cluster = rds._clusters[new_id]
        server = databases.get(new_id)
        if new_id == physical_id and server is not None:
            moves = old.get("Port") != new.get("Port")
            cluster["Port"] = databases.move(new_id) if moves else port
            _apply_changes(server, cluster, old, new)
        return new_id, provisioners._rds_db_cluster_attrs(cluster)

    def delete_cluster(physical_id: str, properties: Properties) -> None:
        cluster = rds._clusters.get(physical_id)
        if cluster is None:
            return
        _refuse_if_protected(cluster)
        if _replace_policy.get("Delete") == "Snapshot":
            final = rds._create_cluster_snapshot_internal(_final_snapshot(physical_id), cluster)
            rds._tags[final["DBClusterSnapshotArn"]] = final["TagList"]
        databases.remove(physical_id)
        delete(physical_id, properties)

    handler.update(create=create_cluster, update=update_cluster, delete=delete_cluster)
    # ministack's update handler replaces a cluster with these two
    provisioners._rds_db_cluster_create = create_cluster
    provisioners._rds_db_cluster_delete = delete_cluster


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
    snapshot: dict[str, Any] | None,
) -> None:
    identifier = cluster["DBClusterIdentifier"]
    if not rds._is_postgres_engine(cluster["Engine"]):
        return
    server = databases.new(identifier)
    settings = _settings(properties)
    if snapshot is None:
        server.create(
            cluster["MasterUsername"],
            properties.get("MasterUserPassword") or secrets.token_urlsafe(24),
            properties.get("DatabaseName"),
            settings,
        )
    else:
        source = databases.snapshot_path(snapshot["DBClusterSnapshotIdentifier"])
        server.restore(source, settings)
        cluster["MasterUsername"] = snapshot["MasterUsername"]
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


def _instances() -> None:
    handler = provisioners._RESOURCE_HANDLERS["AWS::RDS::DBInstance"]
    create, update = handler["create"], handler["update"]

    def at_cluster(created: Any) -> Any:
        instance = rds._instances[created[0]]
        cluster = rds._clusters.get(instance.get("DBClusterIdentifier") or "")
        if cluster is None:
            return created
        instance["Endpoint"].update(Address=cluster["Endpoint"], Port=cluster["Port"])
        # Wrong upstream: every member calls itself the writer.
        for position, member in enumerate(cluster["DBClusterMembers"]):
            member["IsClusterWriter"] = position == 0
        return created[0], provisioners._rds_db_instance_attrs(instance)

    handler["create"] = lambda *arguments: at_cluster(create(*arguments))
    handler["update"] = lambda *arguments: at_cluster(update(*arguments))


def _snapshots(databases: Databases) -> None:
    record_snapshot = rds._create_cluster_snapshot_internal
    delete_record = rds._ACTION_MAP["DeleteDBClusterSnapshot"]
    modify = rds._ACTION_MAP["ModifyDBCluster"]

    def create_snapshot(snapshot: str, cluster: dict[str, Any]) -> Any:
        server = databases.get(cluster["DBClusterIdentifier"])
        if server is not None:
            server.snapshot(databases.snapshot_path(snapshot))
        return record_snapshot(snapshot, cluster)

    def delete_snapshot(parameters: Properties) -> Any:
        answer = delete_record(parameters)
        if answer[0] < 400:  # noqa: PLR2004 - HTTP
            name = rds._p(parameters, "DBClusterSnapshotIdentifier")
            shutil.rmtree(databases.snapshot_path(name), ignore_errors=True)
        return answer

    def modify_cluster(parameters: Properties) -> Any:
        answer = modify(parameters)
        password = rds._p(parameters, "MasterUserPassword")
        identifier = rds._p(parameters, "DBClusterIdentifier")
        server = databases.get(identifier)
        if answer[0] < 400 and password and server is not None:  # noqa: PLR2004 - HTTP
            server.set_password(rds._clusters[identifier]["MasterUsername"], password)
        return answer

    rds._create_cluster_snapshot_internal = create_snapshot
    rds._ACTION_MAP["DeleteDBClusterSnapshot"] = delete_snapshot
    rds._ACTION_MAP["ModifyDBCluster"] = modify_cluster
    provisioners._snapshot_id = _final_snapshot
    handler = provisioners._RESOURCE_HANDLERS["AWS::RDS::DBCluster"]
    take = handler["snapshot"]

    def final_snapshot(physical_id: str, properties: Properties) -> Any:
        _refuse_if_protected(rds._clusters.get(physical_id) or {})
        return take(physical_id, properties)

    handler["snapshot"] = final_snapshot


def _final_snapshot(physical_id: str) -> str:
    return f"{physical_id}-snapshot-{secrets.token_hex(6)}"
