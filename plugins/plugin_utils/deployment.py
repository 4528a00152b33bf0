"""A stack brought to its wanted state: what the action quayside.fargate.stack does."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ansible_collections.quayside.fargate.plugins.plugin_utils import (
    artifacts,
    aws,
    changes,
    falls,
    fixed,
    functions,
    gate,
    parameters,
    preview,
    template,
    versions,
)
from ansible_collections.quayside.fargate.plugins.plugin_utils.approval import Approval
from ansible_collections.quayside.fargate.plugins.plugin_utils.clock import Clock
from ansible_collections.quayside.fargate.plugins.plugin_utils.errors import StackError
from ansible_collections.quayside.fargate.plugins.plugin_utils.progress import Progress
from ansible_collections.quayside.fargate.plugins.plugin_utils.stack import (
    REPLACEABLE,
    SHELL,
    BusyError,
    CallError,
    Description,
    Stack,
    describe,
    describe_all,
    outputs,
)

Options = Mapping[str, Any]
Outputs = dict[str, dict[str, str]]
# The templates that the roles deploy.
_OWN_TEMPLATES = Path(__file__).resolve().parents[2] / "templates"
# Parameters that no variable sets: of a repair, of a teardown, and of the update after a creation.
_OWN = {"DeletionProtection", "FirstCreation", "RepairNumber", "RepairOwnership"}


@dataclass(frozen=True)
class Draft:
    """What a task wants, read and checked without AWS.

    document, text: the template with its overlay; explicit, references, initial: where parameters
    come from (parameters.Sources); files: to be uploaded, by parameter; tags: None if the stack
    keeps what it has; origins: which of a role's variables are given, None outside of a role.
    """

    document: dict[str, Any]
    text: str
    explicit: dict[str, str]
    references: dict[str, str]
    initial: dict[str, str]
    files: dict[str, artifacts.Artifact]
    tags: dict[str, str] | None
    origins: falls.Origins | None

    @classmethod
    def of(cls, options: Options, text: str, source: str) -> Draft:
        """Parse a template and check the options against it.

        Args:
            options: the task's options.
            text: the template.
            source: what the template is called in messages.

        Raises: StackError for bad input.
        """
        plain = document = template.load(text, source)
        origins = _origins(options)
        if options["overlay"]:
            template.check_overlay(document, options["overlay"])
            document = template.overlay(document, options["overlay"])
        noted = [*_noted(options, source)]
        if origins and noted:
            document = falls.record(document, origins, noted)
        if options["overlay"] or document is not plain:
            text = template.dump(document)
        artifacts.check_size(text, source)
        references, given = parameters.split(options["parameters"])
        files = {
            name: artifacts.Artifact.file(options["name"], name, Path(path))
            for name, path in options["files"].items()
        }
        keys = {name: file.key for name, file in files.items()}
        draft = cls(
            document=document,
            text=text,
            explicit=parameters.texts("parameters", given) | keys,
            files=files,
            references=references,
            initial=parameters.texts("initial_parameters", options["initial_parameters"]),
            tags=parameters.texts("tags", options["tags"]) or None,
            origins=origins,
        )
        parameters.check_names(draft.declared, references)
        for values in (draft.explicit, draft.initial):
            parameters.check(draft.declared, values, options["variable_prefix"])
        return draft

    @property
    def declared(self) -> dict[str, Any]:
        """The template's parameters."""
        return dict(self.document.get("Parameters") or {})

    @property
    def origin(self) -> versions.Origin:
        """Which Quayside the template comes from."""
        return versions.Origin.of_template(self.document)

    def with_versions(self, versions: Mapping[str, str]) -> Draft:
        """Return the draft with the versions of its files.

        Args:
            versions: by the parameter that holds the file's key; parameter XVersion takes that of
                XKey, where the template has it.
        """
        twins = {f"{name.removesuffix('Key')}Version": found for name, found in versions.items()}
        declared = {name: found for name, found in twins.items() if name in self.declared}
        return replace(self, explicit=self.explicit | declared)

    @property
    def secrets(self) -> list[str]:
        """The given values that must not be shown."""
        given = [*self.explicit.items(), *self.initial.items()]
        return [value for name, value in given if parameters.is_secret(self.declared[name])]


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
        prefix = options["variable_prefix"]
        option = f"{prefix}_allow" if prefix else "allow"
        self._approval = Approval(options["name"], option, options["allow"], check, progress)

    def present(self, draft: Draft) -> dict[str, Any]:
        """Create or update the stack; raises StackError with the root cause of a failure."""
        sources = self._options["parameters_from"]
        try:
            found = describe_all(self._client, [self._stack.name, *sources])
        except CallError as error:
            raise StackError(self._unseen(error)) from error
        description = found[self._stack.name]
        missing = [name for name in sources if found[name] is None]
        if missing and description is None and self._check:
            return self._unplanned(draft, missing)
        values = {name: self._outputs_of(name, found[name]) for name in sources}
        strangers = self._strangers(draft, values)
        if draft.files:
            draft = draft.with_versions(self._stored(draft.files, values))
        try:
            result = self._when_free(description, lambda now: self._deployed(draft, values, now))
        except StackError as error:
            prefix = self._options["variable_prefix"]
            said = str(error)
            error.args = (said + parameters.quoted(said, draft.declared, draft.explicit, prefix),)
            raise
        result["warnings"] = [*strangers, *result.get("warnings", [])]
        if draft.files and not self._check:
            client = self._account.client("lambda")
            resources = self._stack.resources()
            functions.refuse_foreign_code(client, draft.document, draft.files, resources)
        return result

    def _strangers(self, draft: Draft, values: Outputs) -> list[str]:
        """Refuse stacks of a version that the template doesn't fit; only say so in check mode,
        where those that come before weren't upgraded either."""
        mismatch = versions.mismatch(self._stack.name, draft.origin, values)
        if mismatch and not self._check:
            raise StackError(mismatch)
        return [mismatch] if mismatch else []

    def _stored(self, files: Mapping[str, artifacts.Artifact], values: Outputs) -> dict[str, str]:
        """Put files into the bucket, or in check mode only look there; return their versions."""
        bucket = self._bucket(values, "Option files needs a bucket to put them into")
        if self._check:
            return {name: bucket.version(it) or artifacts.PLANNED for name, it in files.items()}
        return {name: bucket.stored(file) for name, file in files.items()}

    def kept_draft(self) -> Draft:
        """Return the draft of a task without a template: the stack keeps the one it has."""
        text = self._stack.template()
        return Draft.of(self._options, text, f"the template of stack {self._stack.name}")

    def absent(self) -> dict[str, Any]:
        """Delete the stack; raises StackError with the root cause, or if it is protected."""
        return self._when_free(describe(self._client, self._stack.name), self._deleted)

    def _when_free(
        self,
        description: Description | None,
        work: Callable[[Description | None], dict[str, Any]],
    ) -> dict[str, Any]:
        """Do the work on the stack once no other operation runs on it."""
        while True:
            try:
                return work(self._stack.settled(description))
            except BusyError:
                self._clock.pause(f"Stack {self._stack.name} is still busy")
                description = describe(self._client, self._stack.name)

    def _deleted(self, description: Description | None) -> dict[str, Any]:
        if description is None:
            return _result(changed=False)
        protected = bool(description.get("EnableTerminationProtection"))
        if protected and self._options["termination_protection"] is not False:
            prefix = self._options["variable_prefix"]
            raise StackError(
                f"Stack {self._stack.name} is protected against deletion. If it must go, repeat "
                f"with {f'{prefix}_' if prefix else ''}termination_protection: false."
            )
        gone = changes.removals(self._stack.resources(), self._template(description), description)
        if self._check:
            return _result(changed=True, made=gone, state=preview.GONE)
        if protected:
            self._stack.protect(False)
        self._stack.delete(description["StackId"])
        kept = self._stack.kept(description["StackId"])
        if kept:
            left = ", ".join("{resource} ({type}) {id}".format(**it) for it in kept)
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
        request = self._request(draft, values, description)
        prefix = self._options["variable_prefix"]
        keeps = not self._options["template"] and not self._options["overlay"]
        fixed.refuse_changes(draft.document, description, request, prefix, keeps_template=keeps)
        notes = changes.inputs(description, request, draft.declared)
        notes += changes.literals(description, draft.document)
        if failed_at_first and self._check:  # a name in use can't be planned as new
            made = changes.additions(draft.document)
            return _result(changed=True, made=made, notes=notes, state=preview.NEW)
        # What hides a value that the stack has, and says what becomes of what is removed.
        before = self._template(description if self._check or self._diff else None)
        with self._body(draft.text, values, kept=keeps and description is not None) as body:
            planned, deployed = self._stack.deploy(
                "UPDATE" if description else "CREATE",
                {**request, **body},
                execute=not self._check,
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
        return {**result, "stops": self._approval.stops, "warnings": self._approval.warnings}

    def _approve(
        self,
        draft: Draft,
        description: Description | None,
        request: Mapping[str, Any],
        listed: list[dict[str, Any]] | None,
    ) -> None:
        """Raise StackError if a deployment takes away what nobody allowed it to.

        Args:
            draft: what the task wants.
            description: the stack as it is, None if there is none.
            request: the arguments of CreateChangeSet.
            listed: the changes of its change set, None if it has none.
        """
        if description is None or self._asks_for_nothing():
            return
        found = [*self._falls(draft, description, request, empty=listed is None)]
        made = [it["ResourceChange"] for it in listed or () if "ResourceChange" in it]
        deployed = outputs(description)
        losses = gate.losses(made, draft.document, deployed.values())
        if back := versions.step_back(draft.origin, deployed):
            losses.append(gate.Loss(versions.OUTPUT, back))
        self._approval.ask(losses, found)

    def _asks_for_nothing(self) -> bool:
        """Say whether the stack keeps all but what the playbooks set by themselves."""
        options = self._options
        others = ("template", "overlay", "tags", "files", "parameters_from")
        return not any(options[name] for name in others) and options["parameters"].keys() <= _OWN

    def _falls(
        self, draft: Draft, description: Description, request: Mapping[str, Any], *, empty: bool
    ) -> Iterator[falls.Fall]:
        """Yield what falls back, since a role's variable isn't given.

        Of an empty change set that is the protection only: nothing else becomes another.
        """
        if not (origins := draft.origins):
            return
        protected = self._options["termination_protection"]
        yield from falls.of_protection(protected, description, origins)
        if empty:
            return
        passed = {
            it["ParameterKey"]: it["ParameterValue"]
            for it in request["Parameters"]
            if it["ParameterKey"] in self._options["parameters"] and "ParameterValue" in it
        }
        derived = passed.keys() - draft.explicit.keys()
        yield from falls.of_parameters(passed, draft.declared, description, origins, derived)
        yield from falls.of_tags(draft.tags, description, origins)
        before = self._template(description)
        yield from falls.of_template(before, falls.recorded(draft.document), origins)

    def _template(self, description: Description | None) -> dict[str, Any]:
        """Return the template that the stack has, an empty one if there is none."""
        if description is None or description["StackStatus"] == SHELL:
            return {"Resources": {}}
        return dict(template.load(self._stack.template()))

    def _request(
        self, draft: Draft, values: Outputs, description: Description | None
    ) -> dict[str, Any]:
        """Return the arguments of CreateChangeSet but for the template."""
        previous = None
        if description:
            previous = [item["ParameterKey"] for item in description.get("Parameters", [])]
        sources = parameters.Sources(
            explicit=draft.explicit,
            references=draft.references,
            outputs=values,
            initial=draft.initial,
            previous=previous,
        )
        request: dict[str, Any] = {
            "Parameters": parameters.resolve(draft.declared, sources),
            "Capabilities": self._options["capabilities"],
        }
        if draft.tags is not None:
            request["Tags"] = [{"Key": key, "Value": value} for key, value in draft.tags.items()]
        role = self._given_or_output("role_arn", values)
        return {**request, "RoleARN": role} if role else request

    @contextlib.contextmanager
    def _body(self, text: str, values: Outputs, *, kept: bool) -> Iterator[dict[str, Any]]:
        """Yield the template as CreateChangeSet takes it: as the one that the stack has, itself, or
        its address in the bucket."""
        if kept:  # of any size, and without a bucket
            yield {"UsePreviousTemplate": True}
            return
        if not artifacts.is_large(text):
            yield {"TemplateBody": text}
            return
        bucket = self._bucket(
            values,
            f"The template of stack {self._stack.name} has {len(text.encode()):,} bytes, and a "
            f"request takes {artifacts.REQUEST_LIMIT:,}",
        )
        template = artifacts.Artifact.template(self._stack.name, text)
        with bucket.lent(template, keep=not self._check) as url:
            yield {"TemplateURL": url}

    def _bucket(self, values: Outputs, why: str) -> artifacts.Bucket:
        name = self._given_or_output("artifacts_bucket", values)
        if not name:
            raise StackError(f"{why}. Give option artifacts_bucket.")
        try:
            owner = self._account.client("sts").get_caller_identity()["Account"]
        except aws.AwsError as error:
            raise StackError(aws.explain(error, "GetCallerIdentity")) from error
        return artifacts.Bucket(self._account.client("s3"), name, owner)

    def _given_or_output(self, option: str, values: Outputs) -> str | None:
        """Return an option, or the output that its twin `..._from` names."""
        name = self._options[f"{option}_from"]
        if not name:
            return self._options[option] or None
        for found in values.values():
            if name in found:
                return found[name]
        raise StackError(
            f"None of the stacks {', '.join(values) or '(none)'} has the output {name} that option "
            f"{option}_from names. Mend the name, or add the stack to parameters_from."
        )

    def _outputs_of(self, name: str, description: Description | None) -> dict[str, str]:
        if description and description["StackStatus"] == "CREATE_IN_PROGRESS":
            source = Stack(self._client, name, self._clock, self._progress)
            description = source.settled(description)
        status = description["StackStatus"] if description else ""
        if description is None or status.startswith("DELETE"):
            raise StackError(self._missing(name))
        if status in REPLACEABLE or status.startswith("REVIEW"):
            raise StackError(
                f"Stack {name}, which stack {self._stack.name} takes values from, is {status}. "
                "Deploy it first."
            )
        return dict(outputs(description))

    def _unseen(self, error: CallError) -> str:
        """Return what to say if AWS refused to show a stack: a mistyped name may be the cause."""
        words = self._options["missing_sources"]
        named = [text for name, text in words.items() if f" of stack {name} " in str(error)]
        variable = re.search(r"Mend (\w+)", " ".join(named or words.values()))
        if not (error.denied and variable):
            return str(error)
        return f"{str(error).rstrip('.')}, or mend {variable[1]}."

    def _missing(self, name: str) -> str:
        """Return what to say of a stack of option parameters_from that isn't there."""
        words = self._options["missing_sources"].get(name)
        try:
            account = self._account.client("sts").get_caller_identity()["Account"]
        except aws.AwsError as error:
            raise StackError(aws.explain(error, "GetCallerIdentity")) from error
        looked = f"no stack {name} in {self._client.meta.region_name} of account {account}"
        if words:
            return f"{words} (Looked for: {looked}.)"
        return (
            f"There is {looked}, and stack {self._stack.name} takes values from it. Deploy it "
            "first, or take it from parameters_from."
        )

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


def _noted(options: Options, source: str) -> Iterator[str]:
    """Yield the options that a template is to say it was made with, if they are given.

    Args:
        options: the task's.
        source: where its template was read.
    """
    if options["overlay"]:
        yield from options["overlay_names"]
    if options["template"] and Path(source).resolve().parent != _OWN_TEMPLATES:
        yield falls.TEMPLATE


def _origins(options: Options) -> falls.Origins | None:
    """Return which of a role's variables are given; None for a task that doesn't say."""
    if options["given"] is None or not options["variable_prefix"]:
        return None
    return falls.Origins(options["variable_prefix"], options["given"], options["variable_names"])


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
        "status": description["StackStatus"] if description else "absent",
        "outputs": outputs(description) if description else {},
        "notes": notes or [],
        "state": state,
    }
    return {**result, "stack_id": description["StackId"]} if description else result
