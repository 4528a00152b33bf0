"""One CloudFormation stack: its change sets, its events, its deletion."""

from __future__ import annotations

import contextlib
import json
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from ansible_collections.quayside.fargate.plugins.plugin_utils import aws
from ansible_collections.quayside.fargate.plugins.plugin_utils.errors import StackError

Show = Callable[[str, str | None], None]

# https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/view-stack-events.html
# A first creation that failed holds nothing worth keeping and can't be updated.
REPLACEABLE = ("ROLLBACK_COMPLETE", "ROLLBACK_FAILED", "CREATE_FAILED")
SHELL = "REVIEW_IN_PROGRESS"
_STUCK = {
    "UPDATE_ROLLBACK_FAILED": "Mend what its events name, then run: aws cloudformation "
    "continue-update-rollback --stack-name {name}",
    "DELETE_FAILED": "Mend what its events name, then delete it with state: absent or: aws "
    "cloudformation delete-stack --stack-name {name}",
}
_NO_CHANGES = ("didn't contain changes", "No updates are to be performed")
_RACES = ("InvalidChangeSetStatus", "ChangeSetNotFound")


class Busy(Exception):  # noqa: N818  (a state to wait for, no error)
    """Another operation came first; wait for it and look again."""


class Clock:
    """Counts the seconds of one task, and paces its polls: 0.2 s at first, at most 3 s."""

    def __init__(self, timeout: float) -> None:
        self.timeout = timeout
        self._start = time.monotonic()
        self.restart()

    def restart(self) -> None:
        """Poll quickly again: something moves."""
        self._interval = 0.2

    @property
    def elapsed(self) -> float:
        """Seconds since the task began."""
        return time.monotonic() - self._start

    def pause(self, waiting_for: str) -> None:
        """Sleep until the next poll; raises StackError when the task's time is over."""
        if self.elapsed + self._interval > self.timeout:
            raise StackError(
                f"{waiting_for} after {self.timeout:g} s, the limit of option timeout. It was left "
                "as it is and goes on; run the playbook again to wait for it."
            )
        time.sleep(self._interval)
        self._interval = min(self._interval * 1.4, 3.0)


class Stack:
    """A stack by its name.

    Args:
        client: botocore's CloudFormation client.
        name: the stack's name.
        clock: the time that the task has.
        show: prints a line in a colour, live.
    """

    def __init__(self, client: Any, name: str, clock: Clock, show: Show) -> None:
        self._client = client
        self.name = name
        self.clock = clock
        self._show = show

    def describe(self, name_or_id: str | None = None) -> dict[str, Any] | None:
        """Return DescribeStacks' entry, or None if there is no such stack."""
        return describe(self._client, name_or_id or self.name)

    def template(self) -> str:
        """Return the template that the stack was last deployed with.

        Raises: StackError if there is no such stack, or AWS refuses.
        """
        try:
            body = self._client.get_template(StackName=self.name)["TemplateBody"]
        except aws.AwsError as error:
            raise StackError(aws.explain(error, f"GetTemplate of stack {self.name}")) from error
        return body if isinstance(body, str) else json.dumps(body)  # botocore parses JSON

    def settled(self) -> dict[str, Any] | None:
        """Wait until no operation runs and return the stack; raises StackError at the timeout."""
        told = False
        while True:
            description = self.describe()
            status = description["StackStatus"] if description else ""
            if not status.endswith("_IN_PROGRESS") or status == SHELL:
                return description
            if not told:
                self._say(f"{status}, by another deployment: waiting for it", "yellow")
                told = True
            self.clock.pause(f"Stack {self.name} is still busy ({status})")

    @contextlib.contextmanager
    def change_set(self, kind: str, request: Mapping[str, Any]) -> Iterator[dict[str, Any] | None]:
        """Make a change set and yield it described, None without changes; delete it if not executed.

        Raises: Busy if another operation came first, StackError if AWS refuses it.
        """
        name = f"quayside-{uuid.uuid4().hex}"
        try:
            made = self._client.create_change_set(
                StackName=self.name, ChangeSetName=name, ChangeSetType=kind, **request
            )
        except aws.AwsError as error:
            raise self._race_or_error(error, "CreateChangeSet") from error
        try:
            yield self._described(made["Id"])
        finally:
            # An executed change set is gone already, or refuses; either way nothing is left to do.
            with contextlib.suppress(*aws.AwsError):
                self._client.delete_change_set(ChangeSetName=made["Id"])

    def execute(self, change_set: Mapping[str, Any]) -> dict[str, Any]:
        """Execute a change set, stream its events, and return the stack when it is complete.

        Raises: Busy if another operation came first, StackError with the root cause of a failure.
        """
        stack_id = change_set["StackId"]
        mark = self._newest_event(stack_id)
        try:
            self._client.execute_change_set(
                ChangeSetName=change_set["ChangeSetId"], ClientRequestToken=uuid.uuid4().hex
            )
        except aws.AwsError as error:
            raise self._race_or_error(error, "ExecuteChangeSet") from error
        return self._followed(stack_id, mark, ("CREATE_COMPLETE", "UPDATE_COMPLETE"))

    def delete(self, stack_id: str) -> None:
        """Delete the stack and stream its events; raises StackError with the root cause."""
        mark = self._newest_event(stack_id)
        try:
            self._client.delete_stack(StackName=stack_id)
        except aws.AwsError as error:
            raise self._race_or_error(error, "DeleteStack") from error
        self._followed(stack_id, mark, ("DELETE_COMPLETE",))

    def protect(self, protected: bool) -> None:
        """Set the stack's termination protection."""
        try:
            self._client.update_termination_protection(
                StackName=self.name, EnableTerminationProtection=protected
            )
        except aws.AwsError as error:
            doing = f"UpdateTerminationProtection of stack {self.name}"
            raise StackError(aws.explain(error, doing)) from error

    def resources(self) -> list[dict[str, Any]]:
        """Return the stack's resources (ListStackResources)."""
        pages = self._client.get_paginator("list_stack_resources").paginate(StackName=self.name)
        return [resource for page in pages for resource in page["StackResourceSummaries"]]

    def refuse_stuck(self, status: str) -> None:
        """Raise StackError for a state that only a person can mend."""
        if status in _STUCK:
            raise StackError(
                f"Stack {self.name} is {status}. {_STUCK[status].format(name=self.name)}."
            )

    def _described(self, change_set: str) -> dict[str, Any] | None:
        while True:
            described = self._client.describe_change_set(ChangeSetName=change_set)
            status, reason = described["Status"], described.get("StatusReason", "")
            if status == "CREATE_COMPLETE":
                return dict(described, Changes=self._all_changes(described))
            if status == "FAILED":
                if any(words in reason for words in _NO_CHANGES):
                    return None
                raise StackError(
                    f"The change set of stack {self.name} failed: {reason.rstrip('.')}. "
                    "Mend that, and run the playbook again."
                )
            self.clock.pause(f"The change set of stack {self.name} is still {status}")

    def _all_changes(self, described: Mapping[str, Any]) -> list[dict[str, Any]]:
        changes = list(described.get("Changes", []))
        token = described.get("NextToken")
        while token:
            page = self._client.describe_change_set(
                ChangeSetName=described["ChangeSetId"], NextToken=token
            )
            changes += page.get("Changes", [])
            token = page.get("NextToken")
        return changes

    def _newest_event(self, stack_id: str) -> str | None:
        events = self._client.describe_stack_events(StackName=stack_id)["StackEvents"]
        return str(events[0]["EventId"]) if events else None

    def _followed(self, stack_id: str, mark: str | None, good: tuple[str, ...]) -> dict[str, Any]:
        """Stream events newer than `mark` until the stack is steady; return it if that is good."""
        cause: dict[str, Any] | None = None
        self.clock.restart()
        while True:
            description = self.describe(stack_id) or {"StackStatus": "DELETE_COMPLETE"}
            for event in self._events_since(stack_id, mark):
                mark = event["EventId"]
                cause = cause or (event if _is_cause(event) else None)
                self._show_event(event)
                self.clock.restart()
            status = description["StackStatus"]
            if not status.endswith("_IN_PROGRESS"):
                break
            self.clock.pause(f"Stack {self.name} is still {status}")
        if status in good:
            return description
        raise StackError(self._failure(status, cause, description))

    def _events_since(self, stack_id: str, mark: str | None) -> list[dict[str, Any]]:
        fresh: list[dict[str, Any]] = []
        pages = self._client.get_paginator("describe_stack_events").paginate(StackName=stack_id)
        for page in pages:
            for event in page["StackEvents"]:
                if event["EventId"] == mark:
                    return fresh[::-1]
                fresh.append(event)
        return fresh[::-1]

    def _failure(
        self, status: str, cause: Mapping[str, Any] | None, description: Mapping[str, Any]
    ) -> str:
        if cause:
            reason = cause.get("ResourceStatusReason", "no reason given")
            what = f"{cause['LogicalResourceId']} ({cause['ResourceType']}): {reason}"
        else:
            what = str(description.get("StackStatusReason", "no event tells why"))
        advice = _STUCK.get(status, "Mend that, and run the playbook again").format(name=self.name)
        return f"Stack {self.name} is {status}: {what.rstrip('.')}. {advice}."

    def _race_or_error(self, error: Exception, operation: str) -> Exception:
        said = aws.message(error)
        if aws.code(error) in _RACES or "_IN_PROGRESS state" in said or "already exists" in said:
            return Busy()
        return StackError(aws.explain(error, f"{operation} of stack {self.name}"))

    def _show_event(self, event: Mapping[str, Any]) -> None:
        status = event["ResourceStatus"]
        reason = event.get("ResourceStatusReason", "")
        self._say(
            f"{status:<20} {event['LogicalResourceId']} ({event['ResourceType']}) {reason}".rstrip(),
            _colour(status),
        )

    def _say(self, text: str, colour: str | None = None) -> None:
        self._show(f"{self.clock.elapsed:7.1f} s  {self.name}  {text}", colour)


def describe(client: Any, name: str) -> dict[str, Any] | None:
    """Return DescribeStacks' entry of a stack, or None if there is no such stack."""
    try:
        description: dict[str, Any] = client.describe_stacks(StackName=name)["Stacks"][0]
    except aws.AwsError as error:
        if aws.code(error) == "ValidationError" and "does not exist" in aws.message(error):
            return None
        raise StackError(aws.explain(error, f"DescribeStacks of stack {name}")) from error
    return None if description["StackStatus"] == "DELETE_COMPLETE" else description


def outputs(description: Mapping[str, Any]) -> dict[str, str]:
    """Return a stack's outputs by name."""
    return {item["OutputKey"]: item["OutputValue"] for item in description.get("Outputs", [])}


def _is_cause(event: Mapping[str, Any]) -> bool:
    reason = event.get("ResourceStatusReason", "").lower()
    return event["ResourceStatus"].endswith("_FAILED") and "cancelled" not in reason


def _colour(status: str) -> str | None:
    if status.endswith("_FAILED") or "ROLLBACK" in status:
        return "red"
    return "green" if status.endswith("_COMPLETE") else None
