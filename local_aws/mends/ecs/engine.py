"""ECS tasks run in our engine.

Wrong upstream: without Docker a task is a record that nothing runs behind. And a record that a
thread changes while it is shown fails the call ("dictionary changed size during iteration").
"""

from __future__ import annotations

import copy
from typing import Any

from ministack.services import ecs

from local_aws.containers import Engine
from local_aws.registry import NotFoundError
from local_aws.settings import Settings


def install(settings: Settings) -> None:
    """Put our engine in Docker's place."""
    ecs._docker = Engine(settings)

    def run(engine: Engine, definition: dict[str, Any], options: Any, **_: Any) -> Any:
        # ministack's own would look for docker-py's exceptions, and for another architecture
        try:
            return engine.containers.run(definition["image"], **options)
        except NotFoundError as error:
            raise ecs._ImagePullError(str(error)) from error

    ecs._run_docker_container = run
    sanitize = ecs._sanitize
    ecs._sanitize = lambda record: sanitize(copy.copy(record))
