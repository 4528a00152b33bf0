"""One CloudFormation stack: its change sets, its events, its deletion."""

from __future__ import annotations

import contextlib
import json
import re
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from ansible_collections.quayside.fargate.custom_resources.contract.stacks import (
    DEPLOYMENT,
    SHELL,
    STABLE,
    is_busy,
    is_unknown,
)
from ansible_collections.quayside.fargate.plugins.plugin_utils import aws, events
from ansible_collections.quayside.fargate.plugins.plugin_utils.activity import Narrator
from ansible_collections.quayside.fargate.plugins.plugin_utils.clock import Clock
from ansible_collections.quayside.fargate.plugins.plugin_utils.ecs import Witness
from ansible_collections.quayside.fargate.plugins.plugin_utils.errors import StackError
from ansible_collections.quayside.fargate.plugins.plugin_utils.parent import tidying
from ansible_collections.quayside.fargate.plugins.plugin_utils.progress import Progress, Voice

Answer = TypeVar("Answer")
Description = dict[str, Any]

# Every status has one answer (docs/stack.md): these, and what is busy, is waited for.
# https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/view-stack-events.html
# A first creation that failed holds nothing worth keeping, and can't be updated.
REPLACEABLE = frozenset({"ROLLBACK_COMPLETE", "ROLLBACK_FAILED", "CREATE_FAILED"})
# UPDATE_FAILED: an update that was told not to roll back may be repeated.
UPDATABLE = STABLE | {"UPDATE_FAILED"}
_STUCK = {
    "UPDATE_ROLLBACK_FAILED": "Mend that, then run: aws cloudformation continue-update-rollback "
    "--stack-name {name}",
    "DELETE_FAILED": "Mend that, then delete the stack with state: absent",
    "IMPORT_ROLLBACK_FAILED": "Mend that, then ask AWS Support to free the stack: there is no "
    "command for it, and deleting it deletes what was imported",
}
# A stack whose deletion failed takes no update that would lift it.
_PROTECTED = (
    "To take the protection off: aws rds modify-db-cluster --no-deletion-protection "
    "--db-cluster-identifier ID, or for a load balancer: aws elbv2 modify-load-balancer-attributes "
    "--attributes Key=deletion_protection.enabled,Value=false --load-balancer-arn ARN"
)
_DEFAULT_ADVICE = "Mend that, and run the playbook again"
_GOES_ON = "Stack {name} goes on without this run; the next one waits for it."
_NO_CHANGES = ("didn't contain changes", "No updates are to be performed")
_RACES = frozenset({"InvalidChangeSetStatus", "ChangeSetNotFound", "AlreadyExistsException"})
_RACE_WORDS = re.compile(
    r"_IN_PROGRESS state|cannot be deleted while in status|already exists and cannot be created"
    r" again"
)
_GONE = re.compile(r"Stack \[[^]]*\] does not exist")  # said of the stack of a change set
_DONE = {"CREATE": "created", "UPDATE": "updated", "DELETE": "deleted"}
_ROLLBACKS = ("ROLLBACK", "CONTINUE_ROLLBACK")


class BusyError(Exception):
    """Another operation came first: wait for it, and look again."""


class CallError(StackError):  # type: ignore[misc] # mypy doesn't know the collection
    """AWS refused a call, or couldn't be asked.

    Attributes:
        said: AWS's own words.
        passing: whether it may well answer the next time.
        denied: whether it is a permission that lacks.
    """

    def __init__(self, error: Exception, doing: str) -> None:
        super().__init__(aws.explain(error, doing))
        self.said = aws.message(error).rstrip(".")
        self.passing = aws.is_passing(error)
        self.denied = aws.code(error) in aws.DENIED


class Stack:
    """A stack by its name.

    Args:
        client: botocore's client for CloudFormation.
        name: the stack's name.
        clock: the time the task has.
        progress: prints what happens.
        account: asked what the tasks of a service that fails say; None: nobody is.
    """

    def __init__(
        self,
        client: Any,
        name: str,
        clock: Clock,
        progress: Progress,
        account: aws.Account | None = None,
    ) -> None:
        self._client = client
        self.name = name
        self.clock = clock
        self._progress = progress
        self._voice = Voice(progress, clock, name)
        self._account = account

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
                self._voice.say(f"{status}: another operation runs, waiting for its end", "yellow")
                told = True
            self.clock.pause(f"Stack {self.name} is still {status} by another operation")
            description = self.look(self.name)
        return description

    def look(self, name: str) -> Description | None:
        """Return `describe` of the stack by name or id, waiting while AWS can't be asked."""
        return self.patiently(lambda: describe(self._client, name))

    def patiently(self, question: Callable[[], Answer]) -> Answer:
        """Ask, and ask again while AWS throttles or can't be reached.

        Raises: StackError at the timeout, CallError for anything else.
        """
        told = False
        while True:
            try:
                return question()
            except CallError as error:
                if not error.passing:
                    raise
                if not told:
                    self._voice.say(
                        f"CloudFormation can't be asked ({error.said}), trying on", "yellow"
                    )
                    told = True
                self.clock.pause(f"Stack {self.name} can't be followed ({error.said})")

    def deploy(
        self,
        kind: str,
        request: Mapping[str, Any],
        *,
        execute: bool,
        approve: Callable[[list[dict[str, Any]] | None], None] | None = None,
        purpose: str = DEPLOYMENT,
    ) -> tuple[list[dict[str, Any]] | None, Description | None]:
        """Make a change set; execute it and stream its events, or discard it.

        Args:
            kind: CREATE or UPDATE.
            request: the other arguments of CreateChangeSet.
            execute: whether to execute it, if it has changes.
            approve: gets its changes before, None if it has none; what it raises discards the
                change set.
            purpose: what the token of the operation begins with, by which its events tell what
                began it (contract/stacks.py).

        Returns: its changes, None if it has none, and the stack if it was executed.
        Raises: BusyError if another operation came first, StackError with what CloudFormation
            refuses or with the root cause of a failure.
        """
        change_set = self._create_change_set(kind, request)
        executed = False
        try:
            changes = self._changes(_address(change_set))
            if approve:
                approve(changes)
            if changes is None:
                return None, None
            if not execute:
                return changes, None
            watch = Watch(self, change_set["StackId"])
            token = f"{purpose}{uuid.uuid4().hex}"
            self._call("execute_change_set", **_address(change_set), ClientRequestToken=token)
            executed = True
        finally:
            if not executed:
                self._discard(kind, change_set)
        return changes, self._followed(watch, kind)

    def delete(self, stack_id: str) -> None:
        """Delete the stack and stream its events; raises StackError with the root cause."""
        watch = Watch(self, stack_id)
        self._call("delete_stack", StackName=stack_id)
        self._followed(watch, "DELETE")

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
        pages = self._pages("list_stack_resources", "StackResourceSummaries", StackName=self.name)
        return list(pages)

    def kept(self, stack_id: str) -> list[dict[str, str]]:
        """Return what deletions left of the stack, as its policies wanted (DELETE_SKIPPED).

        Args:
            stack_id: its ARN, by which the events of a deleted stack are told.
        """
        listed = self.patiently(
            lambda: list(self._pages("describe_stack_events", "StackEvents", StackName=stack_id))
        )
        return [
            {
                "resource": str(event.get("LogicalResourceId", "")),
                "type": str(event.get("ResourceType", "")),
                "id": str(event.get("PhysicalResourceId", "")),
            }
            for event in listed
            if event.get("ResourceStatus") == "DELETE_SKIPPED"
        ]

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
        """Raise StackError for a state that only a person can mend, with what led there."""
        status = description["StackStatus"] if description else ""
        if description and status in _STUCK:
            said, hint = self._earlier(description)
            reason = said or description.get("StackStatusReason") or "its events tell why"
            raise StackError(self._failure(status, reason, hint=hint))

    def tell_why(self, description: Description) -> None:
        """Show what a stack's last operation failed of, before the stack is replaced."""
        said, _hint = self._earlier(description)
        if said:
            self._voice.say(f"{description['StackStatus']} since {said}", "yellow")

    def why(self, description: Description) -> str:
        """Return what led to the state that a stack is in, as far as AWS tells."""
        said, hint = self._earlier(description)
        reason = said or description.get("StackStatusReason") or "its events tell why"
        return f"{reason.rstrip('.')}.{hint}"

    def _earlier(self, description: Description) -> tuple[str, str]:
        """Return what the stack's last operations failed of, and what hinders to know it.

        An update that failed and whose rollback failed too are two operations, the first of which
        no status tells any more.
        """
        said, hint = [], ""
        for operation in description.get("LastOperations", []):
            about = {"StackName": description["StackId"], "OperationId": operation["OperationId"]}
            causes, hint = self._causes(**about)
            if causes:
                kind = operation.get("OperationType", "an operation")
                said.append((kind in _ROLLBACKS, f"{kind} failed with {causes[0]}"))
        return ", then ".join(sentence for _later, sentence in sorted(said)), hint

    def _causes(self, **about: str) -> tuple[list[str], str]:
        """Return what failed in an operation or a change set, and what hinders to know it."""
        too_old = aws.lacks(self._client, "describe_events")
        if too_old:
            return [], f" More isn't known: {too_old}"
        try:
            failed = self._pages(
                "describe_events", "OperationEvents", **about, Filters={"FailedEvents": True}
            )
            return events.causes(failed), ""
        except CallError as error:
            return [], f" More isn't known: {error}"

    def _own_statuses(self, stack_id: str) -> set[str]:
        """Return the statuses that the stack itself has had, as far as its events go back."""
        listed = self._pages("describe_stack_events", "StackEvents", StackName=stack_id)
        return {str(event.get("ResourceStatus")) for event in listed if events.is_of_stack(event)}

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
            described = self.patiently(lambda: self._call("describe_change_set", **address))
            status, reason = described["Status"], described.get("StatusReason", "")
            if status == "CREATE_COMPLETE":
                wanted = aws.known(
                    self._client, "describe_change_set", {"IncludePropertyValues": True}
                )
                return list(self._pages("describe_change_set", "Changes", **address, **wanted))
            if status == "FAILED":
                if any(words in reason for words in _NO_CHANGES):
                    return None
                raise StackError(self._unplannable(address, reason))
            self.clock.pause(f"The change set of stack {self.name} is still {status}")

    def _unplannable(self, address: Mapping[str, str], reason: str) -> str:
        # Validations, hooks and quotas name their resource in events only, which go with the change
        # set: https://github.com/aws/aws-cdk-cli/pull/1461
        causes, hint = self._causes(**address)
        said = "; ".join(causes) or reason.rstrip(".") or "it gives no reason"
        return f"CloudFormation can't plan stack {self.name}: {said}. {_DEFAULT_ADVICE}.{hint}"

    def _discard(self, kind: str, change_set: Mapping[str, Any]) -> None:
        """Delete a change set, and the empty stack that it made if it was to create one."""
        # Another deployment may have taken the stack over meanwhile: what refuses stays.
        with contextlib.suppress(*aws.AwsError), tidying():
            self._client.delete_change_set(**_address(change_set))
            if kind != "CREATE":
                return
            others = self._client.list_change_sets(StackName=change_set["StackId"])["Summaries"]
            shell = describe(self._client, change_set["StackId"])
            if not others and shell and shell["StackStatus"] == SHELL:
                self._client.delete_stack(StackName=change_set["StackId"])

    def newest_event(self, stack_id: str) -> str | None:
        """Return the id of the newest event of a stack by its ARN."""
        listed = self._call("describe_stack_events", StackName=stack_id)["StackEvents"]
        return str(listed[0]["EventId"]) if listed else None

    def events_since(self, stack_id: str, mark: str | None) -> list[dict[str, Any]]:
        """Return the events after the one with this id, the oldest first."""
        fresh: list[dict[str, Any]] = []
        for event in self._pages("describe_stack_events", "StackEvents", StackName=stack_id):
            if event["EventId"] == mark:
                break
            fresh.append(event)
        return fresh[::-1]

    def narrator(self) -> Narrator:
        """Return who tells the stack's next operation."""
        return Narrator(self._progress, self.clock, self.name)

    def witness(self) -> Witness:
        """Return who asks what tasks say that fail in its next operation."""
        return Witness(self._account)

    def _followed(self, watch: Watch, kind: str) -> Description | None:
        """Stream events until the stack is steady, and return the stack.

        Raises: StackError with the root cause if it isn't what the kind of operation makes of it.
        """
        self._detail(
            f"{kind} begins; if this run is interrupted, it goes on, and the next run waits"
        )
        try:
            status, description = self._end(watch)
        except CallError as error:
            raise StackError(f"{error} {_GOES_ON.format(name=self.name)}") from error
        if status != f"{kind}_COMPLETE":
            raise StackError(self._failure(status, watch.reason(description), watch.words()))
        self._voice.say(_DONE[kind], "green")
        return description

    def _end(self, watch: Watch) -> tuple[str, Description | None]:
        self.clock.hurry()
        while True:
            # The state before the events, so that none is missed in the end.
            description = self.look(watch.stack_id)
            status = description["StackStatus"] if description else "DELETE_COMPLETE"
            if watch.fresh():
                self.clock.hurry()
            if watch.is_overtaken:
                watch.end()
                return watch.ended, self.look(watch.stack_id)
            # A state that no event has told of is the one from before this operation.
            if description is None or (status == watch.reached and not is_busy(status)):
                watch.end()
                return status, description
            shown = f"{self.name}: {watch.waiting() or status}"
            self.clock.pause(f"Stack {self.name} is still {status}", shown)

    def _pages(self, operation: str, member: str, **arguments: Any) -> Iterator[dict[str, Any]]:
        """Yield what an operation lists, page by page."""
        token: dict[str, str] = {}
        while True:
            page = self._call(operation, **arguments, **token)
            yield from page.get(member, [])
            following = page.get("NextToken")
            if not following:
                return
            token = {"NextToken": following}

    def _call(self, operation: str, **arguments: Any) -> dict[str, Any]:
        try:
            answer: dict[str, Any] = getattr(self._client, operation)(**arguments)
        except (*aws.AwsError, OSError) as error:  # OSError: where credentials are fetched anew
            if _is_race(operation, error):
                raise BusyError(aws.message(error)) from error
            name = "".join(word.capitalize() for word in operation.split("_"))
            raise CallError(error, f"{name} of stack {self.name}") from error
        return answer

    def _failure(self, status: str, reason: str, words: Sequence[str] = (), hint: str = "") -> str:
        advice = _STUCK.get(status, _DEFAULT_ADVICE).format(name=self.name)
        if "deletion protection" in reason:
            advice = f"{_PROTECTED}. {advice}"
        said = f"Stack {self.name} is {status}: {reason.rstrip('.')}."
        if words:
            return "\n".join([said, *words, f"{advice}.{hint}"])
        return f"{said} {advice}.{hint}"

    def _detail(self, text: str) -> None:
        self._voice.detail(text)


def _address(change_set: Mapping[str, Any]) -> dict[str, str]:
    """Name a change set with its stack: a policy that allows the stack then allows the call."""
    return {"StackName": change_set["StackId"], "ChangeSetName": change_set["Id"]}


def describe(client: Any, name: str) -> Description | None:
    """Return DescribeStacks' entry of a stack by name or id; None if there is no such stack."""
    try:
        description: Description = client.describe_stacks(StackName=name)["Stacks"][0]
    except aws.AwsError as error:
        if is_unknown(aws.code(error), aws.message(error)):
            return None
        raise CallError(error, f"DescribeStacks of stack {name}") from error
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


class Watch:
    """The events of a stack from now on, each told once, as they come.

    Args:
        stack: the stack.
        stack_id: its ARN.

    Attributes:
        reached: the stack's status by its own events, "" before the first one.
        ended: what the operation that is watched ended with, "" before that.
    """

    def __init__(self, stack: Stack, stack_id: str) -> None:
        self._stack = stack
        self.stack_id = stack_id
        self.reached = ""
        self.ended = ""
        self._mark = stack.newest_event(stack_id)
        self._cause: events.Event | None = None
        self._narrator = stack.narrator()
        self._witness = stack.witness()

    def fresh(self) -> list[dict[str, Any]]:
        """Tell and return the events since the last call, the oldest first."""
        fresh = self._stack.patiently(lambda: self._stack.events_since(self.stack_id, self._mark))
        for event in fresh:
            self._mark = event["EventId"]
            self._cause = self._cause or (event if events.is_cause(event) else None)
            if events.is_of_stack(event):
                self.reached = event.get("ResourceStatus", "")
                if not self.ended and not is_busy(self.reached):
                    self.ended = self.reached
            self._witness.event(event)
            self._narrator.event(event)
        self._witness.look()
        self._narrator.settle()
        return fresh

    @property
    def is_overtaken(self) -> bool:
        """Whether another operation began since: the stack's status isn't about this one."""
        return bool(self.ended) and self.reached != self.ended

    def end(self) -> None:
        """Tell what is left to be told, since no more events come."""
        self._narrator.end()

    def waiting(self) -> str:
        """Return what is waited for in a few words, "" if nothing is known."""
        return ", ".join(filter(None, [self._narrator.waiting(), self._witness.summary()]))

    def alarms(self) -> list[str]:
        """Return a sentence for each alarm that took a service's deployment back."""
        return list(self._witness.alarms())

    def words(self) -> list[str]:
        """Return what alarms and tasks said of the service that failed, line by line."""
        return list(self._witness.words())

    def reason(self, description: Mapping[str, Any] | None) -> str:
        """Return the first failure among the events, or what the stack itself says."""
        if self._cause is None:
            return str((description or {}).get("StackStatusReason") or "no event tells why")
        return str(events.cause(self._cause))


def _is_race(operation: str, error: Exception) -> bool:
    said = aws.message(error)
    gone = operation.endswith("change_set") and _GONE.fullmatch(said)
    return bool(aws.code(error) in _RACES or _RACE_WORDS.search(said) or gone)
