"""One CloudFormation stack: its change sets, its events, its deletion."""

from __future__ import annotations

import contextlib
import json
import time
import uuid
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from ansible_collections.quayside.fargate.plugins.plugin_utils import aws
from ansible_collections.quayside.fargate.plugins.plugin_utils.errors import StackError

Description = dict[str, Any]
Show = Callable[[str, str | None], None]

# https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/view-stack-events.html
SHELL = "REVIEW_IN_PROGRESS"  # what a change set for a new stack leaves: no resource yet
# A first creation that failed holds nothing worth keeping, and can't be updated.
REPLACEABLE = frozenset({"ROLLBACK_COMPLETE", "ROLLBACK_FAILED", "CREATE_FAILED"})
_STUCK = {
    "UPDATE_ROLLBACK_FAILED": "Mend that, then run: aws cloudformation continue-update-rollback "
    "--stack-name {name}",
    "DELETE_FAILED": "Mend that, then delete the stack with state: absent",
}
_DEFAULT_ADVICE = "Mend that, and run the playbook again"
_NO_CHANGES = ("didn't contain changes", "No updates are to be performed")
_RACES = frozenset({"InvalidChangeSetStatus", "ChangeSetNotFound", "AlreadyExistsException"})
_RACE_WORDS = (
    "_IN_PROGRESS state",
    "cannot be deleted while in status",
    "already exists and cannot be created again",
)


class BusyError(Exception):
    """Another operation came first: wait for it, and look again."""


class Clock:
    """Counts the seconds of one task and paces its polls: 0.2 s at first, 3 s in the end."""

    def __init__(self, timeout: float) -> None:
        self._timeout = timeout
        self._start = time.monotonic()
        self.hurry()

    @property
    def elapsed(self) -> float:
        """Seconds since the task began."""
        return time.monotonic() - self._start

    def hurry(self) -> None:
        """Poll quickly again, because something moves."""
        self._interval = 0.2

    def pause(self, state: str) -> None:
        """Sleep until the next poll.

        Args:
            state: what is waited for, as a sentence without full stop.

        Raises: StackError with that sentence when the task's time is over.
        """
        if self.elapsed + self._interval > self._timeout:
            raise StackError(
                f"{state} after {self._timeout:g} s, the limit of option timeout. It is left as it "
                "is and goes on; run the playbook again to wait for it."
            )
        time.sleep(self._interval)
        self._interval = min(self._interval * 1.4, 3.0)


class Stack:
    """A stack by its name.

    Args:
        client: botocore's client for CloudFormation.
        name: the stack's name.
        clock: the time the task has.
        show: prints a line in a colour, at once.
    """

    def __init__(self, client: Any, name: str, clock: Clock, show: Show) -> None:
        self._client = client
        self.name = name
        self.clock = clock
        self._show = show

    def settled(self, description: Description | None) -> Description | None:
        """Wait until no operation runs on the stack, and return it; None if there is none.

        Args:
            description: the stack as last seen.

        Raises: StackError at the timeout.
        """
        told = False
        while description and is_busy(description["StackStatus"]):
            status = description["StackStatus"]
            if not told:
                self._say(f"{status}: another operation runs, waiting for its end", "yellow")
                told = True
            self.clock.pause(f"Stack {self.name} is still {status} by another operation")
            description = describe(self._client, self.name)
        return description

    def deploy(
        self, kind: str, request: Mapping[str, Any], *, execute: bool
    ) -> tuple[list[dict[str, Any]] | None, Description | None]:
        """Make a change set; execute it and stream its events, or discard it.

        Args:
            kind: CREATE or UPDATE.
            request: the other arguments of CreateChangeSet.
            execute: whether to execute it, if it has changes.

        Returns: its changes, None if it has none, and the stack if it was executed.
        Raises: BusyError if another operation came first, StackError with what CloudFormation
            refuses or with the root cause of a failure.
        """
        change_set = self._create_change_set(kind, request)
        executed = False
        try:
            changes = self._changes(_address(change_set))
            if changes is None or not execute:
                return changes, None
            mark = self._newest_event(change_set["StackId"])
            self._call("execute_change_set", **_address(change_set))
            executed = True
        finally:
            if not executed:
                self._discard(kind, change_set)
        self._announce(kind)
        good = (f"{kind}_COMPLETE",)
        return changes, self._followed(change_set["StackId"], mark, good)

    def delete(self, stack_id: str) -> None:
        """Delete the stack and stream its events; raises StackError with the root cause."""
        mark = self._newest_event(stack_id)
        self._call("delete_stack", StackName=stack_id)
        self._announce("DELETE")
        self._followed(stack_id, mark, ("DELETE_COMPLETE",))

    def protect(self, protected: bool) -> None:
        """Set the stack's termination protection."""
        self._call(
            "update_termination_protection",
            StackName=self.name,
            EnableTerminationProtection=protected,
        )

    def template(self) -> str:
        """Return the template that the stack was last deployed with."""
        body = self._call("get_template", StackName=self.name)["TemplateBody"]
        return body if isinstance(body, str) else json.dumps(body)  # botocore parses JSON

    def resources(self) -> list[dict[str, Any]]:
        """Return the stack's resources (ListStackResources)."""
        pages = self._client.get_paginator("list_stack_resources").paginate(StackName=self.name)
        return [item for page in pages for item in page["StackResourceSummaries"]]

    def failed_at_first(self, description: Description | None) -> bool:
        """Say whether a stack's first creation failed: it can be deleted and made again.

        The deletion of such a stack may fail too; that it never stood is then in its events.
        """
        status = description["StackStatus"] if description else ""
        if not description or status != "DELETE_FAILED":
            return status in REPLACEABLE
        statuses = self._own_statuses(description["StackId"])
        # An old stack's first events are forgotten after 90 days: a rollback must be seen.
        return bool(statuses & REPLACEABLE) and "CREATE_COMPLETE" not in statuses

    def refuse_stuck(self, description: Description | None) -> None:
        """Raise StackError for a state that only a person can mend."""
        status = description["StackStatus"] if description else ""
        if description and status in _STUCK:
            reason = description.get("StackStatusReason") or "its events tell why"
            raise StackError(self._failure(status, reason))

    def _own_statuses(self, stack_id: str) -> set[str]:
        """Return the statuses that the stack itself has had, as far as its events go back."""
        pages = self._client.get_paginator("describe_stack_events").paginate(StackName=stack_id)
        return {
            str(event.get("ResourceStatus"))
            for page in pages
            for event in page["StackEvents"]
            if event.get("PhysicalResourceId") == stack_id
        }

    def _create_change_set(self, kind: str, request: Mapping[str, Any]) -> dict[str, Any]:
        name = f"quayside-{uuid.uuid4().hex}"
        made: dict[str, Any] = self._call(
            "create_change_set",
            StackName=self.name,
            ChangeSetName=name,
            ChangeSetType=kind,
            **request,
        )
        return made

    def _changes(self, address: Mapping[str, str]) -> list[dict[str, Any]] | None:
        """Wait until a change set is made and return its changes, None if there are none."""
        while True:
            described = self._call("describe_change_set", **address)
            status, reason = described["Status"], described.get("StatusReason", "")
            if status == "CREATE_COMPLETE":
                return self._all_pages(address, described)
            if status == "FAILED":
                if any(words in reason for words in _NO_CHANGES):
                    return None
                raise StackError(
                    f"CloudFormation can't plan stack {self.name}: {reason.rstrip('.')}. "
                    f"{_DEFAULT_ADVICE}."
                )
            self.clock.pause(f"The change set of stack {self.name} is still {status}")

    def _all_pages(
        self, address: Mapping[str, str], page: Mapping[str, Any]
    ) -> list[dict[str, Any]]:
        changes = list(page.get("Changes", []))
        while token := page.get("NextToken"):
            page = self._call("describe_change_set", **address, NextToken=token)
            changes += page.get("Changes", [])
        return changes

    def _discard(self, kind: str, change_set: Mapping[str, Any]) -> None:
        """Delete a change set, and the empty stack that it made if it was to create one."""
        # Another deployment may have taken the stack over meanwhile: what refuses stays.
        with contextlib.suppress(*aws.AwsError):
            self._client.delete_change_set(**_address(change_set))
            if kind != "CREATE":
                return
            others = self._client.list_change_sets(StackName=change_set["StackId"])["Summaries"]
            shell = describe(self._client, change_set["StackId"])
            if not others and shell and shell["StackStatus"] == SHELL:
                self._client.delete_stack(StackName=change_set["StackId"])

    def _newest_event(self, stack_id: str) -> str | None:
        events = self._call("describe_stack_events", StackName=stack_id)["StackEvents"]
        return str(events[0]["EventId"]) if events else None

    def _followed(
        self, stack_id: str, mark: str | None, good: tuple[str, ...]
    ) -> Description | None:
        """Stream the events after `mark` until the stack is steady, and return the stack.

        Raises: StackError with the root cause if its state is not a good one.
        """
        cause: Mapping[str, Any] | None = None
        reached = ""
        self.clock.hurry()
        while True:
            # The state before the events, so that none is missed in the end.
            description = describe(self._client, stack_id)
            status = description["StackStatus"] if description else "DELETE_COMPLETE"
            for event in self._events_since(stack_id, mark):
                mark = event["EventId"]
                cause = cause or (event if _is_cause(event) else None)
                reached = event.get("ResourceStatus", "") if is_of_stack(event) else reached
                self._show_event(event)
                self.clock.hurry()
            # A state that no event has told of is the one from before this operation.
            if description is None or (status == reached and not is_busy(status)):
                break
            self.clock.pause(f"Stack {self.name} is still {status}")
        if status not in good:
            raise StackError(self._failure(status, _reason(cause, description)))
        return description

    def _events_since(self, stack_id: str, mark: str | None) -> list[dict[str, Any]]:
        fresh: list[dict[str, Any]] = []
        pages = self._client.get_paginator("describe_stack_events").paginate(StackName=stack_id)
        for event in (event for page in pages for event in page["StackEvents"]):
            if event["EventId"] == mark:
                break
            fresh.append(event)
        return fresh[::-1]

    def _call(self, operation: str, **arguments: Any) -> dict[str, Any]:
        try:
            answer: dict[str, Any] = getattr(self._client, operation)(**arguments)
        except aws.AwsError as error:
            said = aws.message(error)
            if aws.code(error) in _RACES or any(words in said for words in _RACE_WORDS):
                raise BusyError(said) from error
            name = "".join(word.capitalize() for word in operation.split("_"))
            raise StackError(aws.explain(error, f"{name} of stack {self.name}")) from error
        return answer

    def _failure(self, status: str, reason: str) -> str:
        advice = _STUCK.get(status, _DEFAULT_ADVICE).format(name=self.name)
        return f"Stack {self.name} is {status}: {reason.rstrip('.')}. {advice}."

    def _announce(self, kind: str) -> None:
        self._say(f"{kind} begins; if this run is interrupted, it goes on, and the next run waits")

    def _show_event(self, event: Mapping[str, Any]) -> None:
        status, reason = event.get("ResourceStatus", ""), event.get("ResourceStatusReason", "")
        resource = _resource(event)
        self._say(f"{resource} {status} {reason}".rstrip(), _colour(status))

    def _say(self, text: str, colour: str | None = None) -> None:
        self._show(f"{self.clock.elapsed:7.1f} s  {self.name}: {text}", colour)


def _address(change_set: Mapping[str, Any]) -> dict[str, str]:
    """Name a change set with its stack: a policy that allows the stack then allows the call."""
    return {"StackName": change_set["StackId"], "ChangeSetName": change_set["Id"]}


def describe(client: Any, name: str) -> Description | None:
    """Return DescribeStacks' entry of a stack by name or id; None if there is no such stack."""
    try:
        description: Description = client.describe_stacks(StackName=name)["Stacks"][0]
    except aws.AwsError as error:
        if aws.code(error) == "ValidationError" and "does not exist" in aws.message(error):
            return None
        raise StackError(aws.explain(error, f"DescribeStacks of stack {name}")) from error
    return None if description["StackStatus"] == "DELETE_COMPLETE" else description


def describe_all(client: Any, names: Iterable[str]) -> dict[str, Description | None]:
    """Return `describe` of several stacks, asked for at the same time."""
    wanted = list(dict.fromkeys(names))
    if len(wanted) == 1:
        return {wanted[0]: describe(client, wanted[0])}
    with ThreadPoolExecutor(max_workers=8) as pool:
        return dict(zip(wanted, pool.map(lambda name: describe(client, name), wanted), strict=True))


def outputs(description: Mapping[str, Any]) -> dict[str, str]:
    """Return a stack's outputs by name."""
    return {item["OutputKey"]: item["OutputValue"] for item in description.get("Outputs", [])}


def is_busy(status: str) -> bool:
    """Say whether an operation runs on a stack with this status."""
    return status.endswith("_IN_PROGRESS") and status != SHELL


class Watch:
    """The events of a stack from now on, each shown once, as they come.

    Args:
        stack: the stack.
        stack_id: its ARN.
    """

    def __init__(self, stack: Stack, stack_id: str) -> None:
        self._stack = stack
        self._stack_id = stack_id
        self._mark = stack._newest_event(stack_id)
        self._cause: Mapping[str, Any] | None = None

    def fresh(self) -> list[dict[str, Any]]:
        """Show and return the events since the last call, the oldest first."""
        events = self._stack._events_since(self._stack_id, self._mark)
        for event in events:
            self._mark = event["EventId"]
            self._cause = self._cause or (event if _is_cause(event) else None)
            self._stack._show_event(event)
        return events

    def reason(self, description: Mapping[str, Any] | None) -> str:
        """Return the first failure among the events, or what the stack itself says."""
        return _reason(self._cause, description)


def is_of_stack(event: Mapping[str, Any]) -> bool:
    """Say whether an event is the stack's own, and not one of its resources'."""
    return bool(event.get("PhysicalResourceId") == event["StackId"])


def _is_cause(event: Mapping[str, Any]) -> bool:
    reason = event.get("ResourceStatusReason", "").lower()
    failed: bool = event.get("ResourceStatus", "").endswith("_FAILED")
    return failed and "cancelled" not in reason


def _reason(cause: Mapping[str, Any] | None, description: Mapping[str, Any] | None) -> str:
    if cause is None:
        return str((description or {}).get("StackStatusReason") or "no event tells why")
    reason = cause.get("ResourceStatusReason") or "no reason is given"
    return f"{_resource(cause)}: {reason}"


def _resource(event: Mapping[str, Any]) -> str:
    # CloudFormation's model requires neither of an event.
    name, kind = event.get("LogicalResourceId", "a resource"), event.get("ResourceType")
    return f"{name} ({kind})" if kind else str(name)


def _colour(status: str) -> str | None:
    if status.endswith("_FAILED") or "ROLLBACK" in status:
        return "red"
    return "green" if status.endswith("_COMPLETE") else None
