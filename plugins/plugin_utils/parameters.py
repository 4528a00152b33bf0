"""The parameters of a stack: where each value comes from, its text, and whether it may be sent."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from typing import Any

from ansible_collections.quayside.fargate.plugins.plugin_utils import versions
from ansible_collections.quayside.fargate.plugins.plugin_utils.errors import StackError, suggestion
from ansible_collections.quayside.fargate.plugins.plugin_utils.mapping import subject

MASK = "****"
Rule = Callable[[Mapping[str, Any], str], str | None]
_LIST_TYPES = ("CommaDelimitedList", "List<")


@dataclass(frozen=True)
class Sources:
    """What may fill the parameters of a template, in falling order of precedence.

    explicit: values of this deployment, as text.
    options: values of this deployment by a parameter's own name, as text; an empty one only where
        no other stack has such an output.
    references: parameter -> name of the output that fills it, where that is another name.
    outputs: stack name -> its outputs; the first stack that has an output wins. What each stack
        tells of its own template fills no parameter that happens to be called so.
    defaults: values of this deployment, as text, but where the stack has an empty one: it stays.
    initial: values used only while the stack is created, as text.
    previous: the values that the stack has, or their names; None if it doesn't exist yet.
    """

    explicit: Mapping[str, str] = field(default_factory=dict)
    options: Mapping[str, str] = field(default_factory=dict)
    references: Mapping[str, str] = field(default_factory=dict)
    outputs: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    defaults: Mapping[str, str] = field(default_factory=dict)
    initial: Mapping[str, str] = field(default_factory=dict)
    previous: Collection[str] | Mapping[str, str | None] | None = None


def as_text(name: str, value: Any) -> str:
    """Return a playbook's value as CloudFormation takes it.

    Booleans become true or false, lists are joined by commas, numbers stand without exponent.
    Raises StackError, naming it, for any other type.
    """
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return str(value)
    if isinstance(value, int | float):
        number = Decimal(repr(value)) if isinstance(value, float) else Decimal(int(value))
        if number.is_finite():
            return format(number, "f")
    if isinstance(value, list | tuple):
        items = [as_text(name, item) for item in value if not isinstance(item, list | tuple)]
        if len(items) == len(value) and not any("," in item for item in items):
            return ",".join(items)
        raise StackError(
            f"{name} has an item that is a list or holds a comma. "
            "Give a flat list of words without commas."
        )
    raise StackError(
        f"{name} is a {'map' if isinstance(value, Mapping) else type(value).__name__}. "
        "Give a text, a number, a boolean or a flat list of these."
    )


def split(values: Mapping[str, Any]) -> tuple[dict[str, str], dict[str, Any]]:
    """Return the parameters given as `{output: NAME}` with that name, and the others."""
    references = {
        str(name): str(value["output"])
        for name, value in values.items()
        if isinstance(value, Mapping) and value.keys() == {"output"}
    }
    return references, {name: value for name, value in values.items() if name not in references}


def unless_empty(values: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the parameters given as `{unless_empty: VALUE}` with that value, and the others."""
    defaults = {
        str(name): value["unless_empty"]
        for name, value in values.items()
        if isinstance(value, Mapping) and value.keys() == {"unless_empty"}
    }
    return defaults, {name: value for name, value in values.items() if name not in defaults}


def texts(option: str, values: Mapping[str, Any]) -> dict[str, str]:
    """Return the values of an option as text, without those that are None (not given)."""
    return {
        str(name): as_text(f"{option}.{name}", value)
        for name, value in values.items()
        if value is not None
    }


def hide(text: str, secrets: Iterable[str]) -> str:
    """Return the text with every secret in it masked."""
    for secret in sorted(filter(None, secrets), key=len, reverse=True):
        text = text.replace(secret, MASK)
    return text


def check_names(declared: Mapping[str, Mapping[str, Any]], names: Iterable[str]) -> None:
    """Raise StackError for a parameter that the template doesn't have."""
    for name in names:
        if name not in declared:
            raise StackError(f"The template has no parameter {name}. {suggestion(name, declared)}")


def check(
    declared: Mapping[str, Mapping[str, Any]],
    values: Mapping[str, str],
    variable_prefix: str | None = None,
) -> None:
    """Hold values against the template's parameters, so that AWS is not called with bad ones.

    Args:
        declared: the template's parameters.
        values: parameters as text.
        variable_prefix: of the role's variables; a refused value is then named by the variable that
            it came from: parameter HostName of the role service is service_host_name.

    Raises: StackError for an unknown name or a value that the template refuses.
    Source: https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/parameters-section-structure.html
    """
    check_names(declared, values)
    for name, value in values.items():
        refused = problem(declared[name], value)
        if refused:
            shown = MASK if is_secret(declared[name]) else repr(value)
            raise StackError(f"{subject(name, variable_prefix)} is {shown}, but {refused}.")


def problem(definition: Mapping[str, Any], value: str) -> str | None:
    """Return why a parameter of a template refuses a value, or None.

    Args:
        definition: the parameter's entry in the template.
        value: the value as text.
    """
    kind = str(definition.get("Type", "String"))
    if kind.startswith("AWS::SSM::"):
        return None  # the value is the name of an SSM parameter; only AWS can look behind it
    is_list = kind.startswith(_LIST_TYPES)
    items = [item.strip() for item in value.split(",") if value] if is_list else [value]
    is_number = kind in ("Number", "List<Number>")
    rules: list[Callable[[Mapping[str, Any], str], str | None]] = [
        _values_problem,
        _pattern_problem,
    ]
    rules += [_number_problem] if is_number else [] if is_list else [_length_problem]
    for item in items:
        for rule in rules:
            refused = rule(definition, item)
            if refused:
                return refused
    return None


def resolve(
    declared: Mapping[str, Mapping[str, Any]], sources: Sources
) -> list[dict[str, str | bool]]:
    """Choose a value for every declared parameter.

    Returns: the list `Parameters` of CreateChangeSet; a parameter left to its default is not in it.
    Raises: StackError naming every parameter without a value and where it was looked for, or one
        whose value is refused by the template.
    """
    chosen: dict[str, str] = {}
    kept, missing = [], []
    for name, definition in declared.items():
        value = _first(name, sources)
        if value is not None:
            chosen[name] = value
        elif name in (sources.previous or ()):
            kept.append(name)
        elif "Default" not in definition:
            missing.append(name)
    if missing:
        raise StackError(_missing(missing, sources))
    check(declared, chosen)
    parameters: list[dict[str, str | bool]] = [
        {"ParameterKey": name, "ParameterValue": value} for name, value in chosen.items()
    ]
    return parameters + [{"ParameterKey": name, "UsePreviousValue": True} for name in kept]


def is_secret(definition: Mapping[str, Any]) -> bool:
    """Say whether a parameter's value must never be shown (NoEcho)."""
    return str(definition.get("NoEcho", "")).lower() == "true"


def quoted(
    said: str,
    declared: Mapping[str, Mapping[str, Any]],
    values: Mapping[str, str],
    variable_prefix: str | None,
) -> str:
    """Return sentences that tell where values come from that an error quotes, "" if it quotes none.

    AWS names a property's value at best, and never the parameter that gave it.

    Args:
        said: the error.
        declared: the template's parameters.
        values: what was given, as text. A plain word or number may stand in an error by chance, and
            isn't looked for; nor is a secret.
        variable_prefix: of the role's variables.
    """
    found = {
        subject(name, variable_prefix): value
        for name, value in values.items()
        if re.search(r"[a-zA-Z]", value) and not value.isalpha() and not is_secret(declared[name])
        if re.search(rf"(?<![\w/:.-]){re.escape(value)}(?![\w/:-])", said)
    }
    return "".join(
        f" {value} is the value of {it}." for it, value in found.items() if it not in said
    )


def _first(name: str, sources: Sources) -> str | None:
    if name in sources.explicit:
        return sources.explicit[name]
    if name in sources.defaults:
        previous = sources.previous
        left = isinstance(previous, Mapping) and previous.get(name) == ""
        return "" if left else sources.defaults[name]
    option = sources.options.get(name)
    if option:
        return option
    output = sources.references.get(name, name)
    asked = name in sources.references or output not in versions.OUTPUTS
    for outputs in sources.outputs.values() if asked else ():
        if output in outputs:
            return outputs[output]
    if option is not None:
        return option
    return sources.initial.get(name) if sources.previous is None else None


def _missing(names: list[str], sources: Sources) -> str:
    looked = ["parameters"]
    looked += [f"the outputs of {stack}" for stack in sources.outputs]
    looked += (
        ["initial_parameters"] if sources.previous is None else ["the stack's previous values"]
    )
    shown = [
        f"{name} (output {sources.references[name]})" if name in sources.references else name
        for name in names
    ]
    return (
        f"No value for {', '.join(shown)}: looked in {', '.join(looked)}, and the template has no "
        "default. Give it in parameters, or add a stack to parameters_from that has such an output."
    )


def _values_problem(definition: Mapping[str, Any], value: str) -> str | None:
    allowed = definition.get("AllowedValues")
    if allowed is None or value in [str(item) for item in allowed]:
        return None
    return f"the template allows only {', '.join(repr(str(item)) for item in allowed)}"


def _pattern_problem(definition: Mapping[str, Any], value: str) -> str | None:
    pattern = definition.get("AllowedPattern")
    try:
        if pattern is None or re.fullmatch(pattern, value):
            return None
    except re.error:  # a pattern that only Java understands is left to CloudFormation
        return None
    described = definition.get("ConstraintDescription")
    return f"it must be {described}" if described else f"it must match {pattern}"


def _length_problem(definition: Mapping[str, Any], value: str) -> str | None:
    low, high = definition.get("MinLength"), definition.get("MaxLength")
    if low is not None and len(value) < int(low):
        return f"it must have at least {low} characters"
    if high is not None and len(value) > int(high):
        return f"it must have at most {high} characters"
    return None


def _number_problem(definition: Mapping[str, Any], value: str) -> str | None:
    try:
        number = Decimal(value)
    except InvalidOperation:
        return "it must be a number"
    low, high = definition.get("MinValue"), definition.get("MaxValue")
    if low is not None and number < Decimal(low):
        return f"it must be at least {low}"
    if high is not None and number > Decimal(high):
        return f"it must be at most {high}"
    return None
