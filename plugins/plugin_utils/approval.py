"""Whether a change set may be executed: what it takes away, or lets fall back, is asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from ansible_collections.quayside.fargate.custom_resources.contract.stacks import parameters
from ansible_collections.quayside.fargate.plugins.plugin_utils import (
    falls,
    gate,
    leftovers,
    mapping,
    rollback_note,
    versions,
)
from ansible_collections.quayside.fargate.plugins.plugin_utils.draft import Draft
from ansible_collections.quayside.fargate.plugins.plugin_utils.errors import StackError
from ansible_collections.quayside.fargate.plugins.plugin_utils.falls import Fall
from ansible_collections.quayside.fargate.plugins.plugin_utils.gate import Loss
from ansible_collections.quayside.fargate.plugins.plugin_utils.progress import Progress
from ansible_collections.quayside.fargate.plugins.plugin_utils.stack import Description, outputs

_CAREFUL = "bright red"
# Parameters that the playbooks and roles set by themselves; the first is a teardown's.
_OWN = {"DeletionProtection", *mapping.NO_OPTION}
_OTHERS = ("template", "overlay", "variables", "tags", "files", "parameters_from")
ChangeSet = list[dict[str, Any]]


class Approval:
    """Lets a deployment lose what it may, and nothing else.

    Args:
        options: the task's options; `allow` has logical ids, and variables that may fall back.
        check: whether nothing is executed, so that what would stop is only told.
        progress: where it is told.

    Attributes:
        stops: what stops, in words.
    """

    def __init__(self, options: Mapping[str, Any], check: bool, progress: Progress) -> None:
        self._options = options
        self._check = check
        self._progress = progress
        prefix = options["variable_prefix"]
        self._option = f"{prefix}_allow" if prefix else "allow"
        self._used: set[str] = set()
        self.stops: list[str] = []

    def ask(
        self,
        draft: Draft,
        description: Description | None,
        request: Mapping[str, Any],
        listed: ChangeSet | None,
        template_of: Callable[[Description], Mapping[str, Any]],
    ) -> None:
        """Raise StackError if a deployment takes away what nobody allowed it to.

        Args:
            draft: what the task wants.
            description: the stack as it is, None if there is none.
            request: the arguments of CreateChangeSet.
            listed: the changes of its change set, None if it has none.
            template_of: returns the template that the stack has.
        """
        if description is None or self._asks_for_nothing():
            return
        found = [*self._protection(draft, description)]
        if listed is not None:  # else nothing becomes another
            found += self._falls(draft, description, request, template_of)
        made = [it["ResourceChange"] for it in listed or () if "ResourceChange" in it]
        deployed = outputs(description)
        losses = gate.losses(made, draft.document, deployed.values())
        if back := versions.step_back(draft.origin, deployed):
            losses.append(Loss(versions.OUTPUT, back))
        self._judge(losses, found)

    def _asks_for_nothing(self) -> bool:
        """Say whether the stack keeps all but what the playbooks set by themselves."""
        kept = not any(self._options[name] for name in _OTHERS)
        return kept and self._options["parameters"].keys() <= _OWN

    def _protection(self, draft: Draft, description: Description) -> Iterator[Fall]:
        """Yield the protection if it falls back, since the role's variable isn't given."""
        if draft.origins:
            protected = self._options["termination_protection"]
            yield from falls.of_protection(protected, description, draft.origins)

    def _falls(
        self,
        draft: Draft,
        description: Description,
        request: Mapping[str, Any],
        template_of: Callable[[Description], Mapping[str, Any]],
    ) -> Iterator[Fall]:
        """Yield what else falls back, since a role's variable isn't given."""
        if not (origins := draft.origins):
            return
        values = {it["ParameterKey"]: it.get("ParameterValue") for it in request["Parameters"]}
        passed = {it: values[it] for it in draft.passes if values.get(it) is not None}
        for name, rule in leftovers.rules(draft.document).items():
            if passed.get(name) == rule["Is"]:  # not a default: what belongs to it is off
                del passed[name]
        derived = [name for name, value in passed.items() if value != draft.given.get(name)]
        had = template_of(description)
        before = rollback_note.values_before(rollback_note.of(had), parameters(description))
        yield from falls.of_parameters(
            passed, draft.declared, description, origins, derived, before=before
        )
        yield from falls.of_tags(draft.tags, description, origins)
        now = falls.recorded(draft.document)
        yield from falls.of_template(had, now, origins)

    def _judge(self, losses: Iterable[Loss], told: list[Fall]) -> None:
        """Raise StackError for what isn't allowed, and tell what else falls back."""
        found: list[Fall | Loss] = [*(it for it in told if it.stops), *losses]
        stack, allow = self._options["name"], self._options["allow"]
        self._used = {it.name for it in found} & {*allow}
        stopping = [it for it in found if it.name not in allow]
        self.stops = [it.text for it in stopping]
        names = ", ".join(dict.fromkeys(it.name for it in stopping))
        if stopping and not self._check:
            raise StackError(
                f"Stack {stack} was left as it is: {'; '.join(self.stops)}. Mend that, or if it is "
                f"meant, write {self._option}: [{names}]"
            )
        for text in self.stops:
            self._progress.say(f"{stack}: {text}", _CAREFUL)
        if stopping:
            without = f"this stops a deployment without {self._option}: [{names}]"
            self._progress.say(f"{stack}: {without}", _CAREFUL)
        for it in told:
            if it not in stopping:
                self._progress.say(f"{stack}: {it.text}", "yellow")

    @property
    def allowed(self) -> list[str]:
        """What of `allow` was needed."""
        return sorted(self._used)

    @property
    def warnings(self) -> list[str]:
        """What of `allow` wasn't needed, in words."""
        return [
            f"{self._option}: {name} wasn't needed. Take it out, so that it allows nothing later."
            for name in self._options["allow"]
            if name not in {*self._used, *self._options["allow_used"]}
        ]
