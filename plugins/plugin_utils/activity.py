"""An operation on a stack, told: what has finished, and what is waited for.

The events' own times count, not when they were read: CloudFormation is asked every few seconds.
"""

from __future__ import annotations

import datetime
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from ansible_collections.quayside.fargate.custom_resources.contract.stacks import is_busy
from ansible_collections.quayside.fargate.plugins.plugin_utils import events
from ansible_collections.quayside.fargate.plugins.plugin_utils.clock import Clock
from ansible_collections.quayside.fargate.plugins.plugin_utils.progress import Progress, Voice

_LONG_SECONDS = 30.0  # what took so long has a line of its own
_GATHERING_SECONDS = 10.0  # what is quicker shares one with what finishes soon after it
_VERBS = {"DELETE": "deleted ", "IMPORT": "imported "}


@dataclass(frozen=True)
class Finished:
    """A resource that an operation is done with.

    Attributes:
        text: what happened to it, in how many seconds.
        is_long: whether that took long.
    """

    text: str
    is_long: bool


class Activity:
    """The resources of one operation.

    Args:
        now: returns the seconds that the task has run.
    """

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._begun: dict[str, tuple[events.Event, float]] = {}

    def take(self, event: events.Event) -> Finished | None:
        """Take an event of a resource, and return the resource if it has finished with success."""
        name, status = event.get("LogicalResourceId", ""), event.get("ResourceStatus", "")
        if is_busy(status):
            self._begun.setdefault(name, (event, self._now()))
            return None
        begun, _since = self._begun.pop(name, (event, 0.0))
        if not status.endswith(("_COMPLETE", "_SKIPPED")):
            return None
        kept = status.endswith("_SKIPPED")
        verb = "kept " if kept else _VERBS.get(status.partition("_")[0], "")
        seconds = _seconds(begun, event)
        is_long = seconds >= _LONG_SECONDS
        what = events.resource(event) if is_long else name
        return Finished(f"{verb}{what} {seconds:.1f} s", is_long)

    def longest(self) -> str:
        """Return what has been under way for longest, and for how many seconds; "" if nothing."""
        if not self._begun:
            return ""
        event, since = min(self._begun.values(), key=lambda begun: begun[1])
        others = len(self._begun) - 1
        more = f", and for {others} more" if others else ""
        return f"waiting for {events.resource(event)}, {self._now() - since:.0f} s{more}"


class Narrator:
    """Tells one operation on a stack.

    Args:
        progress: prints it.
        clock: the time that the task has.
        name: of the stack.
    """

    def __init__(self, progress: Progress, clock: Clock, name: str) -> None:
        self._progress = progress
        self._voice = Voice(progress, clock, name)
        self._clock = clock
        self._activity = Activity(lambda: clock.elapsed)
        self._finished: list[str] = []  # not told yet
        self._since = 0.0  # when the first of them was seen
        self._failed = False

    def event(self, event: events.Event) -> None:
        """Tell an event: with -v as it is, else when its resource has finished or failed."""
        self._voice.detail(events.line(event), events.colour(event))
        if events.is_of_stack(event):
            return
        finished = self._activity.take(event)
        # What the rollback does is told with -v only: the failure is what counts.
        if self._failed or self._progress.verbose:
            return
        if events.is_cause(event):
            self.end()
            self._failed = True
            self._voice.say(f"{events.resource(event)} failed", "red")
        elif finished:
            self._take(finished)

    def settle(self) -> None:
        """Tell what has finished, as far as it fills a line or has waited for long enough."""
        self._tell(every=self._clock.elapsed - self._since >= _GATHERING_SECONDS)

    def end(self) -> None:
        """Tell what has finished and wasn't told yet."""
        self._tell(every=True)

    def _tell(self, *, every: bool) -> None:
        groups = list(packed(self._finished, self._voice.room))
        for items in groups if every else groups[:-1]:
            self._voice.say(", ".join(items), "green")
        self._finished = [] if every or not groups else groups[-1]

    def waiting(self) -> str:
        """Return what is waited for, "" if nothing is known."""
        return self._activity.longest()

    def _take(self, finished: Finished) -> None:
        if finished.is_long:
            self.end()
            self._voice.say(finished.text, "green")
            return
        if not self._finished:
            self._since = self._clock.elapsed
        self._finished.append(finished.text)


def packed(items: Iterable[str], room: int) -> Iterator[list[str]]:
    """Yield items in groups, each as many as fit on one line with commas between them.

    Args:
        items: none of them is broken; one that is too long has a line of its own.
        room: characters of a line.
    """
    group: list[str] = []
    for item in items:
        if group and len(", ".join([*group, item])) > room:
            yield group
            group = []
        group.append(item)
    if group:
        yield group


def _seconds(begun: events.Event, ended: events.Event) -> float:
    times = [event.get("Timestamp") for event in (begun, ended)]
    known = [time for time in times if isinstance(time, datetime.datetime)]
    return (known[1] - known[0]).total_seconds() if len(known) == len(times) else 0.0
