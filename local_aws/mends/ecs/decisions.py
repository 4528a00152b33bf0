"""What a rolling deployment does next: a function of its configuration and of its tasks.

Source: Amazon ECS API reference, DeploymentConfiguration (minimumHealthyPercent is rounded up,
maximumPercent down); developer guide, "Deploy Amazon ECS services by replacing tasks" and "Complete
Amazon ECS rolling deployments early with early success criteria".
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any


@dataclass(frozen=True)
class Rules:
    """What a deployment configuration means for a number of desired tasks.

    Args:
        desired: tasks that the service shall have.
        fewest: healthy tasks, old and new, below which no healthy one is stopped.
        most: tasks, old and new, that may start or run at once.
        enough: healthy new tasks after which old ones may go, and the deployment end.
        early: early success criteria are on: old tasks stay until `enough` new ones have baked.
        waits: the deployment ends when the old tasks are gone, not before.
    """

    desired: int
    fewest: int
    most: int
    enough: int
    early: bool
    waits: bool


@dataclass(frozen=True)
class Counts:
    """Tasks of a service.

    Args:
        new: of the deployment, starting or running.
        healthy: of these.
        old: of other deployments, starting or running.
        old_healthy: of these.
        leaving: of other deployments, not yet STOPPED; the draining ones are among them.
    """

    new: int
    healthy: int
    old: int
    old_healthy: int
    leaving: int


@dataclass(frozen=True)
class Step:
    """What is done at once: old tasks to stop, the unhealthy first, and new ones to start."""

    stop: int
    start: int


class Stage(Enum):
    """How far a deployment is."""

    ROLLING = auto()
    BAKING = auto()
    CLEANING = auto()
    DONE = auto()


def rules(desired: int, configuration: dict[str, Any]) -> Rules:
    """Return the rules of a service's deployment configuration.

    Args:
        desired: the service's desired count.
        configuration: as DescribeServices shows it; defaults where it says nothing.
    """
    early = configuration.get("earlySuccessCriteria") or {}
    is_early = bool(early.get("enable"))
    percent = int(early.get("healthyPercent", 100)) if is_early else 100
    return Rules(
        desired=desired,
        fewest=_rounded_up(desired, int(configuration.get("minimumHealthyPercent", 100))),
        most=desired * int(configuration.get("maximumPercent", 200)) // 100,
        enough=max(min(desired, 1), _rounded_up(desired, percent)),
        early=is_early,
        waits=not is_early or early.get("sourceServiceRevisionCleanup") != "DEFERRED",
    )


def _rounded_up(desired: int, percent: int) -> int:
    return math.ceil(desired * percent / 100)


def stage(given: Rules, counts: Counts, *, baked: bool) -> Stage:
    """Return how far a deployment is; `baked`: no alarm has to be watched any longer."""
    if counts.healthy < given.enough:
        return Stage.ROLLING
    if given.early and not baked:
        return Stage.BAKING
    if given.waits and counts.leaving:
        return Stage.CLEANING
    return Stage.DONE if baked else Stage.BAKING


def step(given: Rules, counts: Counts, now: Stage) -> Step:
    """Return what a deployment that is in progress does at once.

    Old tasks that aren't healthy are no loss. A healthy one goes when a new one has taken its
    place, or to make room for a new one; in both cases `fewest` are left.
    """
    wanted = max(0, given.desired - counts.new)
    room = max(0, given.most - counts.new - counts.old_healthy)
    spare = max(0, counts.old_healthy + counts.healthy - given.fewest)
    replaced = max(0, counts.old_healthy + counts.healthy - given.desired)
    if given.early and now in (Stage.ROLLING, Stage.BAKING):
        replaced = 0
    elif now is not Stage.ROLLING:
        replaced = counts.old_healthy
    healthy = min(counts.old_healthy, spare, max(replaced, wanted - room))
    started = min(wanted, max(0, given.most - counts.new - (counts.old_healthy - healthy)))
    return Step(stop=counts.old - counts.old_healthy + healthy, start=started)


def is_stuck(given: Rules, counts: Counts, taken: Step) -> bool:
    """Return whether a deployment can neither start nor stop a task as it is configured."""
    return counts.new < given.desired and counts.healthy == counts.new and taken == Step(0, 0)
