"""What a rolling deployment does next, played through without a server."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from local_aws.mends.ecs.decisions import Counts, Rules, Stage, Step, is_stuck, rules, stage, step
from local_aws.mends.ecs.deployments import is_remembered


def configuration(minimum: int, maximum: int, **more: Any) -> dict[str, Any]:
    return {"minimumHealthyPercent": minimum, "maximumPercent": maximum, **more}


def early(percent: int, cleanup: str) -> dict[str, Any]:
    criteria = {
        "enable": True,
        "healthyPercent": percent,
        "sourceServiceRevisionCleanup": cleanup,
    }
    return {"earlySuccessCriteria": criteria}


@dataclass
class Played:
    """A deployment whose tasks become healthy one a round; and what was seen on the way."""

    given: Rules
    old: int
    new: int = 0
    healthy: int = 0
    draining: int = 0
    stages: list[Stage] = field(default_factory=list)
    fewest: int = 10**6
    most: int = 0

    def play(self, *, baking: int = 0, rounds: int = 200) -> Played:
        for _ in range(rounds):
            counts = Counts(self.new, self.healthy, self.old, self.old, self.old + self.draining)
            now = stage(self.given, counts, baked=not baking)
            if now not in self.stages[-1:]:
                self.stages.append(now)
            if now is Stage.DONE:
                return self
            self._take(step(self.given, counts, now))
            baking -= now is Stage.BAKING
        return self

    def _take(self, taken: Step) -> None:
        self.draining = taken.stop  # what drained before is gone
        self.old -= taken.stop
        self.new += taken.start
        self.most = max(self.most, self.old + self.new)
        self.healthy += self.healthy < self.new
        self.fewest = min(self.fewest, self.old + self.healthy)


@pytest.mark.parametrize("desired", [1, 2, 3, 4, 7, 10])
@pytest.mark.parametrize(("minimum", "maximum"), [(100, 200), (0, 100), (50, 200), (50, 150)])
def test_a_deployment_ends_and_keeps_to_its_percents(
    desired: int, minimum: int, maximum: int
) -> None:
    played = Played(rules(desired, configuration(minimum, maximum)), old=desired).play()
    if (desired, minimum, maximum) == (1, 50, 150):  # 0.5 rounds up to 1, 1.5 down to 1
        assert played.stages == [Stage.ROLLING]
        return
    assert [it for it in played.stages if it is not Stage.CLEANING] == [Stage.ROLLING, Stage.DONE]
    assert (played.old, played.draining, played.healthy) == (0, 0, desired)
    assert played.fewest * 100 >= desired * minimum
    assert played.most * 100 <= desired * maximum


def test_a_deployment_that_may_neither_start_nor_stop_a_task_is_stuck() -> None:
    given = rules(1, configuration(50, 150))
    counts = Counts(new=0, healthy=0, old=1, old_healthy=1, leaving=1)
    assert is_stuck(given, counts, step(given, counts, Stage.ROLLING))
    given = rules(1, configuration(100, 200))
    assert not is_stuck(given, counts, step(given, counts, Stage.ROLLING))


@pytest.mark.parametrize(
    ("minimum", "maximum", "first"),
    [
        (100, 200, Step(stop=0, start=4)),
        (0, 100, Step(stop=4, start=4)),
        (50, 100, Step(stop=2, start=2)),
        (50, 150, Step(stop=2, start=4)),
        (100, 150, Step(stop=0, start=2)),
    ],
)
def test_the_first_step_of_four_tasks(minimum: int, maximum: int, first: Step) -> None:
    given = rules(4, configuration(minimum, maximum))
    assert step(given, Counts(0, 0, 4, 4, 4), Stage.ROLLING) == first


def test_old_tasks_that_are_not_healthy_are_stopped_first_and_at_once() -> None:
    given = rules(2, configuration(100, 200))
    counts = Counts(new=0, healthy=0, old=3, old_healthy=1, leaving=3)
    assert step(given, counts, Stage.ROLLING) == Step(stop=2, start=2)


@pytest.mark.parametrize(
    ("desired", "percent", "enough"),
    [(2, 50, 1), (3, 50, 2), (10, 80, 8), (100, 90, 90), (10, 100, 10), (3, 0, 1), (0, 50, 0)],
)
def test_early_success_needs_as_many_tasks_as_the_developer_guide_says(
    desired: int, percent: int, enough: int
) -> None:
    given = rules(desired, configuration(0, 200, **early(percent, "DEFERRED")))
    assert given.enough == enough


def test_early_success_bakes_before_the_old_tasks_go() -> None:
    blocking = rules(4, configuration(50, 200, **early(50, "BLOCKING")))
    played = Played(blocking, old=4).play(baking=3)
    assert played.stages == [Stage.ROLLING, Stage.BAKING, Stage.CLEANING, Stage.DONE]
    assert played.old == 0
    deferred = rules(4, configuration(50, 200, **early(50, "DEFERRED")))
    played = Played(deferred, old=4).play(baking=3)
    assert played.stages == [Stage.ROLLING, Stage.BAKING, Stage.DONE]
    assert played.old == 4


def test_without_early_success_the_old_tasks_go_before_it_bakes() -> None:
    played = Played(rules(4, configuration(100, 200)), old=4).play(baking=3)
    assert played.stages == [Stage.ROLLING, Stage.CLEANING, Stage.BAKING, Stage.DONE]


def test_a_service_deployment_is_remembered_for_ninety_days() -> None:
    now = datetime.now(UTC)
    ages = [(now - timedelta(days=days)).isoformat() for days in (0, 89, 91)]
    assert [is_remembered({"createdAt": it}, now) for it in ages] == [True, True, False]
