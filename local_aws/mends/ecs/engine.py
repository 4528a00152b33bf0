"""ECS tasks run in our engine.

Wrong upstream: without Docker a task is a record that nothing runs behind. And a record that a
thread changes while it is shown fails the call ("dictionary changed size during iteration").
Source: Amazon ECS developer guide, "Amazon ECS task lifecycle".
Last needed: ministack 1.5.33. Not shown by a probe: with Docker upstream runs tasks itself.
"""

from __future__ import annotations

import copy
from typing import Any

from ministack.services import ecs

from local_aws.containers import Engine
from local_aws.mending import Mending
from local_aws.registry import NotFoundError


def install(mending: Mending) -> None:
    """Put our engine in Docker's place."""
    mending.put(ecs, "_docker", Engine(mending.settings))
    mending.put(ecs, "_run_docker_container", _run)
    mending.around(ecs, "_sanitize", _sanitize)


def _run(engine: Engine, definition: dict[str, Any], options: Any, **_: Any) -> Any:
    # ministack's own would look for docker-py's exceptions, and for another architecture
    try:
        return engine.containers.run(definition["image"], **options)
    except NotFoundError as error:
        raise ecs._ImagePullError(str(error)) from error


def _sanitize(upstream: Any, record: dict[str, Any]) -> Any:
    return upstream(copy.copy(record))
