"""ECS tasks run in our engine.

Wrong upstream: without Docker a task is a record that nothing runs behind. And a record that a
thread changes while it is shown fails the call ("dictionary changed size during iteration"). And a
task is STOPPED before its last lines are in its log: a rollback that takes the log group away takes
them unread.
Source: Amazon ECS developer guide, "Amazon ECS task lifecycle". How soon lines are there isn't
documented; on AWS STOPPING and DEPROVISIONING lie in between.
Last needed: ministack 1.5.33. Not shown by a probe: with Docker upstream runs tasks itself.
"""

from __future__ import annotations

import copy
from typing import Any

from ministack.services import ecs

from local_aws.containers import Container, Engine
from local_aws.mending import Mending
from local_aws.registry import NotFoundError


def install(mending: Mending) -> None:
    """Put our engine in Docker's place."""
    mending.put(ecs, "_docker", Engine(mending.settings))
    mending.put(ecs, "_run_docker_container", _run)
    mending.around(ecs, "_sanitize", _sanitize)
    mending.around(ecs, "_start_awslogs_forwarder", _start_forwarding)
    mending.around(ecs, "_forward_awslogs", _forward)


def _run(engine: Engine, definition: dict[str, Any], options: Any, **_: Any) -> Any:
    # ministack's own would look for docker-py's exceptions, and for another architecture
    try:
        return engine.containers.run(definition["image"], **options)
    except NotFoundError as error:
        raise ecs._ImagePullError(str(error)) from error


def _sanitize(upstream: Any, record: dict[str, Any]) -> Any:
    return upstream(copy.copy(record))


def _start_forwarding(upstream: Any, container: Container, definition: Any, task: str) -> None:
    if ecs._awslogs_config(definition, task, container.id):
        container.open_log()
    upstream(container, definition, task)


def _forward(upstream: Any, container: Container, *rest: Any) -> None:
    try:
        upstream(container, *rest)
    finally:
        container.close_log()
