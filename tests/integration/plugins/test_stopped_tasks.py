"""Why tasks stopped: where ECS doesn't tell their definition any more, and where lines are late."""

from __future__ import annotations

import datetime
import json
import sys
import time
from typing import Any

import pytest

from local_aws.control import LocalAws
from tests.integration.plugins.support import ROOT, Playbooks

sys.path.insert(0, str(ROOT / "collections"))
from ansible_collections.quayside.fargate.plugins.plugin_utils.aws import Account
from ansible_collections.quayside.fargate.plugins.plugin_utils.ecs import Witness

NAME = "stopped"
IMAGE = "000000000000.dkr.ecr.eu-central-1.amazonaws.com/nobody:1"
NETWORK = {"awsvpcConfiguration": {"subnets": ["subnet-01234567"]}}


def task_definition(aws: LocalAws, family: str) -> str:
    """Register one whose image isn't there, and return its ARN."""
    log = {
        "logDriver": "awslogs",
        "options": {
            "awslogs-group": f"/{family}",
            "awslogs-stream-prefix": "app",
            "awslogs-region": aws.region,
        },
    }
    made = aws.client("ecs").register_task_definition(
        family=family,
        networkMode="awsvpc",
        requiresCompatibilities=["FARGATE"],
        cpu="256",
        memory="512",
        containerDefinitions=[{"name": "app", "image": IMAGE, "logConfiguration": log}],
    )
    return str(made["taskDefinition"]["taskDefinitionArn"])


def test_why_tasks_stopped_is_told_of_a_revision_that_was_deregistered(
    aws: LocalAws, playbooks: Playbooks
) -> None:
    """The end of a failed update deregisters the revision that it brought."""
    ecs = aws.client("ecs")
    ecs.create_cluster(clusterName=NAME)
    made = task_definition(aws, NAME)
    (task,) = ecs.run_task(
        cluster=NAME, taskDefinition=made, launchType="FARGATE", networkConfiguration=NETWORK
    )["tasks"]
    end = time.monotonic() + 60
    while True:
        (told,) = ecs.describe_tasks(cluster=NAME, tasks=[task["taskArn"]])["tasks"]
        if told["lastStatus"] == "STOPPED":
            break
        assert time.monotonic() < end, json.dumps(told, default=str)
        time.sleep(0.2)
    ecs.deregister_task_definition(taskDefinition=made)
    lookup = f"{{{{ query('quayside.fargate.stopped_tasks', '{NAME}', cluster='{NAME}') }}}}"
    run = playbooks.task({"ansible.builtin.debug": {"msg": lookup}})
    assert run.code == 0, run.output
    assert "1 task stopped: CannotPullContainerError" in run.output


def stopped(aws: LocalAws, cluster: str) -> list[str]:
    """Return the ids of a cluster's stopped tasks once no other is left, without starting more."""
    ecs = aws.client("ecs")
    end = time.monotonic() + 60
    while True:
        found = ecs.list_tasks(cluster=cluster, desiredStatus="STOPPED")["taskArns"]
        if found:
            ecs.update_service(cluster=cluster, service=cluster, desiredCount=0)
            if not ecs.list_tasks(cluster=cluster, desiredStatus="RUNNING")["taskArns"]:
                return [arn.rpartition("/")[2] for arn in found]
        assert time.monotonic() < end
        time.sleep(0.2)


def test_lines_that_come_after_the_tasks_end_are_told_by_the_next_look(
    aws: LocalAws, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = "late"
    ecs, logs = aws.client("ecs"), aws.client("logs")
    ecs.create_cluster(clusterName=name)
    logs.create_log_group(logGroupName=f"/{name}")
    begun = datetime.datetime.now(datetime.UTC)
    service = ecs.create_service(
        cluster=name,
        serviceName=name,
        taskDefinition=task_definition(aws, name),
        desiredCount=1,
        launchType="FARGATE",
        networkConfiguration=NETWORK,
    )["service"]
    event: dict[str, Any] = {
        "ResourceStatus": "CREATE_IN_PROGRESS",
        "ResourceType": "AWS::ECS::Service",
        "LogicalResourceId": "Service",
        "PhysicalResourceId": service["serviceArn"],
        "Timestamp": begun,
    }
    tasks = stopped(aws, name)
    for variable, value in aws.environment.items():
        monkeypatch.setenv(variable, value)
    witness = Witness(Account(aws.region))
    witness.event(event)
    witness.look()
    assert "stopped: CannotPullContainerError" in witness.summary()
    assert not any("last words" in line for line in witness.words())

    for task in tasks:
        stream = {"logGroupName": f"/{name}", "logStreamName": f"app/app/{task}"}
        logs.create_log_stream(**stream)
        now = int(time.time() * 1000)
        logs.put_log_events(**stream, logEvents=[{"timestamp": now, "message": "last words"}])
    witness.look()
    assert any("last words" in line for line in witness.words())
    ecs.delete_service(cluster=name, service=name, force=True)
