"""Values that fall back to a default, since a variable isn't given that the stack knows another
value of: a file of variables was forgotten, or a newer release has another default."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any

from ansible_collections.quayside.fargate.custom_resources.contract.stacks import parameters
from ansible_collections.quayside.fargate.plugins.plugin_utils import mapping, values
from ansible_collections.quayside.fargate.plugins.plugin_utils.parameters import is_secret

_RIGHTS = {
    *("TaskRolePolicyArns", "SecretArns", "ParameterArns", "SecretKeyArns", "ExecuteCommand"),
    "Team",  # who may deploy the service
}
_SIZES = {"Cpu", "Memory", "DesiredCount", "MinCount", "MaxCount"}
_KEEPING = {"LogRetentionDays", "DatabaseDeletion", "LogDeletionProtection", "MaskedData"}
# Roles whose values fall back with a word only, but for these parameters. Of any other role, which
# deploys a part of a platform, each value stops.
_TOLD_ONLY = {"service": _RIGHTS | _SIZES | _KEEPING}
# Parameters that stop a service's deployment where they fall back.
JUDGED = _TOLD_ONLY["service"]
# Options of which no parameter tells what the stack was deployed with: its template does.
UNSEEN = ("environment", "overrides", "secrets")
TEMPLATE = "template"
_EMPTY = "(empty)"


@dataclass(frozen=True)
class Fall:
    """A value that falls back.

    name: the variable that isn't given.
    text: from what to what.
    stops: whether nothing is deployed unless the variable is allowed to.
    """

    name: str
    text: str
    stops: bool


@dataclass(frozen=True)
class Origins:
    """Where a role's values come from.

    Args:
        prefix: of its variables.
        given: variables that somebody set.
    """

    prefix: str
    given: Collection[str]

    def variable(self, option: str) -> str:
        """Return an option's variable."""
        return f"{self.prefix}_{option}"

    def is_given(self, *variables: str) -> bool:
        """Say whether somebody set one of the variables."""
        return not set(variables).isdisjoint(self.given)

    def stops(self, parameter: str, old: str, new: str) -> bool:
        """Say whether a parameter doesn't fall back with a word only."""
        stopping = _TOLD_ONLY.get(self.prefix)
        if stopping is None:
            return True
        return parameter in stopping and not (parameter in _SIZES and not _is_less(new, old))

    @property
    def is_strict(self) -> bool:
        """Whether every value of the role stops."""
        return self.prefix not in _TOLD_ONLY


def of_parameters(
    passed: Mapping[str, str],
    declared: Mapping[str, Mapping[str, Any]],
    description: Mapping[str, Any],
    origins: Origins,
    derived: Collection[str] = (),
    *,
    before: Mapping[str, str] | None = None,
) -> Iterator[Fall]:
    """Yield the parameters that fall back.

    Args:
        passed: values of the role's parameters, as text.
        declared: the template's parameters.
        description: the stack as it is (DescribeStacks).
        origins: where the values come from.
        derived: parameters whose value is an output of another stack.
        before: what a rollback found of parameters: what it made of them is no playbook's, so that
            to fall from there back to what they were isn't a fall.
    """
    known = {**parameters(description), **(before or {})}
    for name, new in passed.items():
        variables, old = mapping.variables_of(origins.prefix, name), known.get(name)
        if old is None or name in mapping.NO_OPTION:
            continue
        if origins.is_given(*variables) or is_secret(declared[name]):
            continue
        if not _is_same(old, new) and not (name in derived and _keeps(old, new)):
            shown = [values.of_input(name, value) or _EMPTY for value in (old, new)]
            text = f"{variables[0]} (parameter {name}) isn't given, and would fall back from"
            yield Fall(
                variables[0], f"{text} {shown[0]} to {shown[1]}", origins.stops(name, old, new)
            )


def of_tags(
    tags: Mapping[str, str] | None,
    description: Mapping[str, Any],
    origins: Origins,
) -> Iterator[Fall]:
    """Yield the tags of a stack that fall back.

    Args:
        tags: that the role passes; None if the stack keeps what it has.
        description: the stack as it is (DescribeStacks).
        origins: where the values come from.
    """
    variable = origins.variable("tags")
    gone = {it["Key"] for it in description.get("Tags", [])} - {*(tags or {})}
    if tags is not None and gone and not origins.is_given(variable):
        text = (
            f"{variable} isn't given, and the stack would lose its tags {', '.join(sorted(gone))}"
        )
        yield Fall(variable, text, origins.is_strict)


def of_protection(
    protected: bool | None, description: Mapping[str, Any], origins: Origins
) -> Iterator[Fall]:
    """Yield the protection of a stack if it falls back, which takes no change set.

    Args:
        protected: whether the stack is to be protected; None if that stays as it is.
        description: the stack as it is (DescribeStacks).
        origins: where the values come from.
    """
    variable = origins.variable("termination_protection")
    was = bool(description.get("EnableTerminationProtection"))
    if was and protected is False and not origins.is_given(variable):
        yield Fall(
            variable, f"{variable} isn't given, and the stack could be deleted from then on", True
        )


def of_template(
    before: Mapping[str, Any], recorded_now: Iterable[str], origins: Origins
) -> Iterator[Fall]:
    """Yield the options that the stack's template was made with, and that aren't given any more.

    Args:
        before: the template that the stack has.
        recorded_now: as `recorded` of the new one.
        origins: where the values come from.
    """
    for option in sorted(recorded(before) - {*recorded_now}):
        variable = origins.variable(option)
        if not origins.is_given(variable):
            text = f"{variable} isn't given, and what the stack has by it would go"
            yield Fall(variable, text, origins.is_strict)


def recorded(document: Mapping[str, Any]) -> set[str]:
    """Return the options that a template says it was made with."""
    metadata = (document.get("Metadata") or {}).get("Quayside") or {}
    return set(metadata.get("Given") or ())


def record(
    document: dict[str, Any], origins: Origins, options: Iterable[str] = UNSEEN
) -> dict[str, Any]:
    """Return a template that says with which of the options it was made, as far as given."""
    given = [option for option in options if origins.is_given(origins.variable(option))]
    metadata = document.get("Metadata") or {}
    quayside = {**(metadata.get("Quayside") or {}), "Given": given}
    return {**document, "Metadata": {**metadata, "Quayside": quayside}} if given else document


def _is_same(old: str, new: str) -> bool:
    numbers = _number(old), _number(new)
    return old == new or (None not in numbers and numbers[0] == numbers[1])


def _keeps(old: str, new: str) -> bool:
    """Say whether a list that another stack tells has all that it had."""
    return not old or {*old.split(",")} <= {*new.split(",")}


def _is_less(new: str, old: str) -> bool:
    numbers = _number(new), _number(old)
    return None not in numbers and numbers[0] < numbers[1]  # type: ignore[operator]


def _number(text: str) -> Decimal | None:
    try:
        return Decimal(text)
    except InvalidOperation:
        return None
