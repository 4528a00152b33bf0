"""A stack brought to its wanted state: what the action quayside.fargate.stack does."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ansible_collections.quayside.fargate.custom_resources.contract.stacks import SHELL, is_busy
from ansible_collections.quayside.fargate.custom_resources.contract.stacks import (
    parameters as described_parameters,
)
from ansible_collections.quayside.fargate.plugins.plugin_utils import (
    aws,
    changes,
    fixed,
    functions,
    here,
    news,
    ownership,
    parameters,
    places,
    preview,
    rollback_note,
    teardown_remains,
    template,
)
from ansible_collections.quayside.fargate.plugins.plugin_utils.approval import Approval
from ansible_collections.quayside.fargate.plugins.plugin_utils.clock import Clock
from ansible_collections.quayside.fargate.plugins.plugin_utils.draft import Draft
from ansible_collections.quayside.fargate.plugins.plugin_utils.errors import StackError
from ansible_collections.quayside.fargate.plugins.plugin_utils.neighbours import (
    Neighbours,
    Outputs,
    stands,
)
from ansible_collections.quayside.fargate.plugins.plugin_utils.progress import Progress
from ansible_collections.quayside.fargate.plugins.plugin_utils.stack import (
    BusyError,
    Description,
    Stack,
    describe,
    outputs,
)
from ansible_collections.quayside.fargate.plugins.plugin_utils.uploads import Uploads

Options = Mapping[str, Any]


class Deployment:
    """One run of the task.

    Args:
        options: the task's options, validated.
        clock: the time it has.
        check: whether it only says what would change.
        diff: whether it says the properties' values too.
        progress: prints what happens.
    """

    def __init__(
        self, options: Options, clock: Clock, *, check: bool, diff: bool, progress: Progress
    ) -> None:
        self._options = options
        self._diff = diff
        self._clock = clock
        self._check = check
        self._progress = progress
        self._account = aws.Account.of(options)
        self._client = self._account.client("cloudformation")
        self._stack = Stack(self._client, options["name"], clock, progress, self._account)
        self._neighbours = Neighbours(self._account, options, clock, progress)
        self._uploads = Uploads(self._account, options, check=check)
        self._approval = Approval(options, check, progress)
        self._known_template: tuple[str, dict[str, Any]] | None = None

    def present(self, draft: Draft) -> dict[str, Any]:
        """Create or update the stack; raises StackError with the root cause of a failure."""
        found = self._neighbours.described()
        description = found[self._stack.name]
        ownership.refuse_anothers(description, self._options)
        missing = self._neighbours.missing(found)
        if missing and not stands(description) and self._check:
            return self._unplanned(draft, missing)
        values = self._neighbours.outputs(found)
        strangers = self._neighbours.strangers(draft.origin, values, check=self._check)
        if draft.files:
            draft = draft.with_versions(self._uploads.stored(draft.files, values))
        try:
            result = self._when_free(description, lambda now: self._deployed(draft, values, now))
        except StackError as error:
            prefix = self._options["variable_prefix"]
            said = str(error)
            error.args = (said + parameters.quoted(said, draft.declared, draft.given, prefix),)
            raise
        result["warnings"] = [*strangers, *result.get("warnings", [])]
        if draft.files and not self._check:
            client = self._account.client("lambda")
            resources = self._stack.resources()
            functions.refuse_foreign_code(client, draft.document, draft.files, resources)
        return result

    def kept_draft(self) -> Draft:
        """Return the draft of a task without a template: the stack keeps the one it has."""
        text = self._stack.template()
        return Draft.of(self._options, text, f"the template of stack {self._stack.name}")

    def absent(self) -> dict[str, Any]:
        """Delete the stack; raises StackError with the root cause, or if it mustn't go."""
        after = self._options["before"]
        if after:
            found = Stack(self._client, after, self._clock, self._progress)
            free = found.settled(describe(self._client, after))
            ownership.refuse_deletion(free, self._options)
        return self._when_free(describe(self._client, self._stack.name), self._deleted)

    def _when_free(
        self,
        description: Description | None,
        work: Callable[[Description | None], dict[str, Any]],
    ) -> dict[str, Any]:
        """Do the work on the stack once no other operation runs on it."""
        while True:
            self._refuse_busy(description)
            try:
                return work(self._stack.settled(description))
            except BusyError:
                self._clock.pause(f"Stack {self._stack.name} is still busy")
                description = describe(self._client, self._stack.name)

    def _refuse_busy(self, description: Description | None) -> None:
        """Refuse to take a stack back that another operation changes meanwhile."""
        status = description["StackStatus"] if description else ""
        if self._options["purpose"] == "rollback" and is_busy(status):
            raise StackError(busy(self._stack.name, status))

    def _deleted(self, description: Description | None) -> dict[str, Any]:
        ownership.refuse_deletion(description, self._options)
        if description is None:
            return _result(changed=False)
        gone = changes.removals(self._stack.resources(), self._template(description), description)
        if self._check:
            return _result(changed=True, made=gone, state=preview.GONE)
        if description.get("EnableTerminationProtection"):
            self._stack.protect(False)
        self._stack.delete(description["StackId"])
        kept = self._stack.kept(description["StackId"])
        if left := teardown_remains.told(kept):
            self._progress.say(f"{self._stack.name}: left in AWS, as its policies say: {left}")
        return {**_result(changed=True, made=gone, state=preview.GONE), "kept": kept}

    def _deployed(
        self, draft: Draft, values: Outputs, description: Description | None
    ) -> dict[str, Any]:
        status = description["StackStatus"] if description else ""
        failed_at_first = self._stack.failed_at_first(description)
        if not failed_at_first:
            self._stack.refuse_stuck(description)
        never_stood = failed_at_first or status == SHELL
        if description and never_stood and not self._options["template"]:
            raise StackError(
                f"Stack {self._stack.name} is {status} and never stood: "
                f"{self._stack.why(description)} Deploy it with its template first."
            )
        if description and failed_at_first and not self._check:
            self._stack.tell_why(description)
            self._stack.delete(description["StackId"])
        if never_stood:
            description = None
        asked = draft.request(self._options, values, description)
        request = places.arranged(draft.document, description, asked)
        prefix = self._options["variable_prefix"]
        keeps = not self._options["template"] and not self._options["overlay"]
        fixed.refuse_changes(draft.document, description, request, prefix, keeps_template=keeps)
        here.refuse_others(draft.document, request, self._account, prefix)
        notes = changes.inputs(description, request, draft.declared)
        notes += changes.literals(description, draft.document)
        if failed_at_first and self._check:  # a name in use can't be planned as new
            made = changes.additions(draft.document)
            return _result(changed=True, made=made, notes=notes, state=preview.NEW)
        # What hides a value that the stack has, and says what becomes of what is removed.
        before = self._template(description if self._check or self._diff else None)
        keeps = keeps and description is not None
        with self._uploads.body(draft.text, values, kept=keeps) as body:
            planned, deployed = self._stack.deploy(
                "UPDATE" if description else "CREATE",
                {**request, **body},
                execute=not self._check,
                purpose=f"{self._options['purpose']}-",
                approve=lambda listed: self._approve(draft, description, request, listed),
            )
        now = deployed or description
        protection = self._protection(now, stood=description is not None)
        result = _result(
            changed=planned is not None or bool(protection),
            made=changes.from_change_set(
                planned or [],
                changes.Templates(draft.document, before),
                told=self._diff,
                verbose=self._progress.verbose,
            ),
            notes=notes + protection,
            description=now,
            state=preview.CHANGED if description else preview.NEW,
        )
        judged = {it: getattr(self._approval, it) for it in ("stops", "allowed", "warnings")}
        if draft.origins:
            judged["news"] = self._news(draft, description, request, planned)
        return {**result, **judged}

    def _approve(
        self,
        draft: Draft,
        description: Description | None,
        request: Mapping[str, Any],
        listed: list[dict[str, Any]] | None,
    ) -> None:
        """Let a change set be executed, and say before whether it follows a rollback."""
        follows = listed is not None and draft.origins is not None and description is not None
        if follows:
            said = rollback_note.told(rollback_note.of(self._template(description)))
            if said:
                self._progress.say(f"{self._stack.name}: {said}", "yellow")
        self._approval.ask(draft, description, request, listed, self._template)

    def _news(
        self,
        draft: Draft,
        description: Description | None,
        request: Mapping[str, Any],
        planned: list[dict[str, Any]] | None,
    ) -> list[str]:
        """Return what is new, in a few words each."""
        if description is None:
            return ["all of it"]
        if planned is None:
            return ["nothing"]
        new = {
            it["ParameterKey"]: it["ParameterValue"]
            for it in request["Parameters"]
            if "ParameterValue" in it
        }
        before, old = self._template(description), described_parameters(description)
        prefix = self._options["variable_prefix"] or ""
        found = news.of(before, draft.document, old, new, prefix)
        made = [it.get("ResourceChange", {}) for it in planned]
        others = sorted(it.get("LogicalResourceId", "") for it in made)
        return found or [f"resources {', '.join(others)}" if others else "outputs"]

    def _template(self, description: Description | None) -> dict[str, Any]:
        """Return the template that the stack has, an empty one if there is none."""
        if description is None or description["StackStatus"] == SHELL:
            return {"Resources": {}}
        # After the deployment it has another one: what is asked for is the one from before it.
        known = f"{description['StackId']} {description.get('LastUpdatedTime')}"
        if self._known_template is None or self._known_template[0] != known:
            self._known_template = known, dict(template.load(self._stack.template()))
        return self._known_template[1]

    def _protection(self, description: Description | None, *, stood: bool) -> list[str]:
        """Set termination protection as wanted, and return a line about it if that changes it.

        Of a stack that stood before it is told in any case, since no event tells it.
        """
        wanted = self._options["termination_protection"]
        protected = bool((description or {}).get("EnableTerminationProtection"))
        if wanted is None or wanted == protected:
            return []
        line = f"termination protection: {'on' if wanted else 'off'}"
        if not self._check:
            self._stack.protect(wanted)
            if stood:
                self._progress.say(f"{self._stack.name}: {line}")
        return [line]

    def _unplanned(self, draft: Draft, missing: list[str]) -> dict[str, Any]:
        made = changes.additions(draft.document)
        result = _result(changed=True, made=made, state=preview.NEW)
        result["warnings"] = [
            f"Stack {self._stack.name} can't be planned yet: it takes values from "
            f"{', '.join(missing)}, not deployed so far. Its resources are shown as new."
        ]
        return result


def busy(stack: str, status: str) -> str:
    """Return why a rollback isn't begun while another operation runs."""
    return (
        f"Nothing was rolled back: stack {stack} is {status} by another operation. Run the "
        "playbook again at its end; to end an update now, which takes it back by itself: aws "
        f"cloudformation cancel-update-stack --stack-name {stack}."
    )


def _result(
    *,
    changed: bool,
    made: list[changes.Change] | None = None,
    notes: list[str] | None = None,
    description: Description | None = None,
    state: str = preview.CHANGED,
) -> dict[str, Any]:
    """Return the task's result, and what the action tells of it in lines: notes and state.

    A stack that is not there is absent.
    """
    result = {
        "changed": changed,
        "changes": made or [],
        "stops": [],
        "allowed": [],
        "status": description["StackStatus"] if description else "absent",
        "outputs": outputs(description) if description else {},
        "notes": notes or [],
        "news": [],
        "state": state,
    }
    return {**result, "stack_id": description["StackId"]} if description else result
