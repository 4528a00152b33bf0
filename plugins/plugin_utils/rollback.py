"""The way back of a service: what runs, what ran before, and what makes the one of the other."""

from __future__ import annotations

import datetime
import functools
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ansible_collections.quayside.fargate.custom_resources.contract import stacks
from ansible_collections.quayside.fargate.custom_resources.contract.names import Service
from ansible_collections.quayside.fargate.plugins.plugin_utils import (
    aws,
    falls,
    platform_stacks,
    rollback_note,
    rollback_plan,
    rollback_revisions,
    services,
    template,
    variable_maps,
)
from ansible_collections.quayside.fargate.plugins.plugin_utils.clock import Clock
from ansible_collections.quayside.fargate.plugins.plugin_utils.deployment import busy
from ansible_collections.quayside.fargate.plugins.plugin_utils.ecs_history import (
    EcsHistory,
    UntoldError,
)
from ansible_collections.quayside.fargate.plugins.plugin_utils.errors import StackError
from ansible_collections.quayside.fargate.plugins.plugin_utils.progress import Progress
from ansible_collections.quayside.fargate.plugins.plugin_utils.rollback_plan import Plan
from ansible_collections.quayside.fargate.plugins.plugin_utils.rollback_revisions import Revision
from ansible_collections.quayside.fargate.plugins.plugin_utils.rollback_sources import Sources
from ansible_collections.quayside.fargate.plugins.plugin_utils.stack import (
    Description,
    Stack,
    describe,
    outputs,
)

_KEYS = "SecretKeyArns"
_BUCKET = "ArtifactsBucket"


@dataclass(frozen=True)
class Way:
    """A way back.

    Attributes:
        start: the revision that runs.
        goal: the one to go back to.
        plan: what changes; empty if nothing does.
        overlay: what is laid over the stack's template.
        active: the database user in use, "" without a database; it stays.
        warnings: what isn't known, in words.
    """

    start: Revision
    goal: Revision
    plan: Plan
    overlay: Mapping[str, Any]
    active: str
    warnings: list[str]


class Rollback:
    """Looks for the way back of a service; changes nothing.

    Args:
        account_of: makes an account of a region, None for the task's own.
        service: whose.
        clock: the time the task has.
        progress: prints that AWS is asked once more.
    """

    def __init__(
        self,
        account_of: Callable[[str | None], aws.Account],
        service: Service,
        clock: Clock,
        progress: Progress,
    ) -> None:
        self._account_of = account_of
        self._account = account = account_of(None)
        self._service = service
        self._client = account.client("cloudformation")
        self._stack = Stack(self._client, service.stack, clock, progress)
        self._ecs = EcsHistory(account, service)
        self._untold: list[UntoldError] = []

    def way(self, wanted: str) -> Way:
        """Return the way back.

        Args:
            wanted: the revision that somebody named, "" for the last one whose deployment
                succeeded and that differs from what runs in more than the database user.

        Raises: StackError if there is none, or what it needs is gone.
        """
        description = self._described()
        document = template.load(self._stack.template())
        note = rollback_note.of(document)
        running = self._ecs.running()
        number = rollback_revisions.named(wanted, running.family)
        now = self._ecs.definition(running)
        given = stacks.parameters(description)
        own = rollback_plan.own_secrets(self._service, running.arn)
        make = functools.partial(rollback_plan.plan, document, given, now, own=own)
        goal, was, plan = self._goal((running, now), note, number, make)
        passed = [f"{goal.name} is gone back to: {it}" for it in self._untold]
        found = Sources(self._client_of, goal.name, running.account).asked(
            rollback_plan.images(was), rollback_plan.foreign_secrets(was, own)
        )
        permitted = {*map(_arn, rollback_plan.foreign_secrets(now, own))}
        keys = {key for it, key in found.keys.items() if _arn(it) not in permitted}
        self._permit(plan, given, document, keys)
        moment = datetime.datetime.now(datetime.UTC)
        judged = {it: plan.parameters[it] for it in plan.parameters if it in falls.JUDGED}
        noted = rollback_note.made(
            (running.name, goal.name), moment, plan.told, rollback_note.changed(note, given, judged)
        )
        resource = rollback_plan.definition_of(document)
        active = stacks.ServiceStack.of(description).active_user
        has_database = given.get("Database") == "true"
        return Way(
            start=running,
            goal=goal,
            plan=plan,
            overlay=plan.overlay(resource, noted),
            active=active if has_database else "",
            warnings=[*passed, *found.warnings],
        )

    def bucket(self) -> str:
        """Return the platform's bucket for what is too large for a request, "" if there is none."""
        support = describe(
            self._client, platform_stacks.name(platform_stacks.SUPPORT, self._service.platform)
        )
        return str(outputs(support).get(_BUCKET, "")) if support else ""

    def _described(self) -> Description:
        """Return the stack; raises StackError unless nothing runs on it, and nothing is broken."""
        states = services.stack_states(self._client)
        services.refuse_unknown_platform(states, self._service.platform, self._account.region)
        description = describe(self._client, self._service.stack)
        if description is None:
            raise services.missing(self._service.stack)
        status = description["StackStatus"]
        if stacks.is_busy(status):
            raise StackError(busy(self._service.stack, status))
        if status not in stacks.STABLE:
            raise StackError(
                f"Nothing was rolled back: stack {self._service.stack} is {status}. "
                f"{self._stack.why(description)} Mend that first; deploying the service says how."
            )
        return dict(description)

    def _goal(
        self,
        present: tuple[Revision, Mapping[str, Any]],
        note: Mapping[str, Any],
        number: int | None,
        make: Callable[[Mapping[str, Any]], Plan],
    ) -> tuple[Revision, Mapping[str, Any], Plan]:
        """Return the revision to go back to, its task definition, and what changes."""
        running, now = present
        if number == running.number:
            return running, now, Plan()
        succeeded: list[Revision] = []
        due = rollback_revisions.candidates(
            _kept(self._ecs.succeeded(), succeeded), running, rollback_note.before(note), number
        )
        for revision in due:
            try:
                was = rollback_revisions.pinned(self._ecs.definition(revision), revision)
            except UntoldError as error:
                if number is not None:
                    raise
                self._untold.append(error)
                continue
            plan = make(was)
            # A flip made another revision of the same: to go back to it would change nothing.
            if number is not None or not plan.is_empty:
                return revision, was, plan
        if number is not None:
            raise rollback_revisions.not_among(number, succeeded, running)
        if self._untold:
            raise self._untold[0]
        raise rollback_revisions.nothing(self._service.stack, running, note)

    def _permit(
        self,
        plan: Plan,
        given: Mapping[str, str],
        document: Mapping[str, Any],
        keys: set[str],
    ) -> None:
        """Let the execution role decrypt the secrets that come back."""
        known = {*filter(None, given.get(_KEYS, "").split(","))}
        if not plan.is_empty and keys - known and _KEYS in (document.get("Parameters") or {}):
            plan.parameters[_KEYS] = ",".join(sorted(known | keys))

    def _client_of(self, service: str, region: str | None) -> Any:
        return self._account_of(region).client(service)


def _arn(reference: str) -> str:
    return variable_maps.secret_arn(reference) or reference


def _kept(revisions: Iterator[Revision], into: list[Revision]) -> Iterator[Revision]:
    for it in revisions:
        into.append(it)
        yield it


def told(service: Service, way: Way) -> Iterator[str]:
    """Yield what is to be changed, in sentences."""
    if way.plan.is_empty:
        yield f"{service}: {way.goal.name} is what runs; nothing changes."
        return
    user = f", and the user {way.active} stays" if way.active else ""
    yield (
        f"{service}: back from {way.start.name} to what {way.goal.name} was"
        f"{_when(way.goal.finished)}{user}."
    )
    yield from (f"  {it}" for it in way.plan.told)
    if way.plan.follows:
        names = ", ".join(way.plan.follows)
        yield f"  {names}: not as it was, since the stack's own parameters say it"


def _when(finished: datetime.datetime | None) -> str:
    if finished is None:
        return ""
    moment = finished.astimezone(datetime.UTC)
    return f" (deployed {moment:%Y-%m-%d %H:%M:%S} UTC)"


def ended(service: Service, way: Way, result: Mapping[str, Any]) -> str:
    """Return what stands in the end.

    Args:
        service: that was taken back.
        way: the way back.
        result: the stack's, as the action quayside.fargate.stack returns it.
    """
    now = result["outputs"].get("ActiveUser", "")
    user = f" {now} is active." if way.active and now else ""
    return (
        f"{service}: it runs what {way.goal.name} was; the stack is {result['status']} after "
        f"{result['seconds']} s.{user} The next deployment makes it what its playbook says."
    )
