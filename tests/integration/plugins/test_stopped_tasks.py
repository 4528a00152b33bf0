"""The lookup stopped_tasks, where ECS doesn't tell the tasks' definition any more."""

from __future__ import annotations

import json
import time

from local_aws.control import LocalAws
from tests.integration.plugins.support import Playbooks

NAME = "stopped"
IMAGE = "000000000000.dkr.ecr.eu-central-1.amazonaws.com/nobody:1"


def test_why_tasks_stopped_is_told_of_a_revision_that_was_deregistered(
    aws: LocalAws, playbooks: Playbooks
) -> None:
    """The end of a failed update deregisters the revision that it brought."""
    ecs = aws.client("ecs")
    ecs.create_cluster(clusterName=NAME)
    log = {
        "logDriver": "awslogs",
        "options": {
            "awslogs-group": f"/{NAME}",
            "awslogs-stream-prefix": "app",
            "awslogs-region": aws.region,
        },
    }
    made = ecs.register_task_definition(
        family=NAME,
        networkMode="awsvpc",
        requiresCompatibilities=["FARGATE"],
        cpu="256",
        memory="512",
        containerDefinitions=[{"name": "app", "image": IMAGE, "logConfiguration": log}],
    )["taskDefinition"]["taskDefinitionArn"]
    network = {"awsvpcConfiguration": {"subnets": ["subnet-01234567"]}}
    (task,) = ecs.run_task(
        cluster=NAME, taskDefinition=made, launchType="FARGATE", networkConfiguration=network
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
