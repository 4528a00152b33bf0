"""Maps of free text: environment variables, tags, references to secrets, and what overrides hold.

Values are texts and keys are texts, since YAML makes 750 of 12:30, 493 of 0755 and False of the key
NO, and what was written can't be had back. No message holds a value.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from ansible_collections.quayside.fargate.plugins.plugin_utils import variable_forms
from ansible_collections.quayside.fargate.plugins.plugin_utils.errors import StackError

# https://docs.aws.amazon.com/AmazonECS/latest/developerguide/specifying-sensitive-data.html: what
# follows a secret's ARN is a key, a stage and a version, each of which may be empty, with all of
# their colons. Secrets Manager puts a hyphen and six characters behind the name; an ARN without
# them is a partial one, and as a policy's resource it allows nothing.
_SECRET = re.compile(
    r"(?P<arn>arn:aws[a-z-]*:secretsmanager:[a-z0-9-]+:[0-9]{12}:secret:[A-Za-z0-9/_+=.@!-]+"
    r"-[A-Za-z0-9]{6})(:[^:]*:[^:]*:[^:]*)?"
)
_PARAMETER = re.compile(
    r"(?P<arn>arn:aws[a-z-]*:ssm:[a-z0-9-]+:[0-9]{12}:parameter/[A-Za-z0-9_./-]+)"
)
# Members of a template that hold texts: lists of pairs with what names one, lists, and maps.
_PAIRS = {
    "Environment": ("Name", "Value"),
    "Secrets": ("Name", "ValueFrom"),
    "Tags": ("Key", "Value"),
}
_LISTS = ("Command", "EntryPoint")
_MAPS = ("Variables", "DockerLabels", "Options", "Tags")
# https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html:
# a policy's other operators compare texts.
_NO_TEXTS = re.compile(r"(For(All|Any)Values?:)?(Numeric|Bool|Null)")


def problems(name: str, value: Mapping[Any, Any]) -> list[str]:
    """Return what is wrong with a map, one line each.

    Args:
        name: of the variable; what it ends in says what the map holds.
        value: the map, as a playbook gives it.
    """
    check = next((it for end, it in _CHECKS.items() if name.endswith(end)), None)
    return list(check(name, value)) if check else []


def secret_arn(value: str) -> str | None:
    """Return the ARN of a secret, which a policy names, without key, stage and version."""
    found = _SECRET.fullmatch(value)
    return found["arn"] if found else None


def parameter_arn(value: str) -> str | None:
    """Return the ARN of a parameter of the Parameter Store, or None if it is none."""
    return value if _PARAMETER.fullmatch(value) else None


def _texts(name: str, value: Mapping[Any, Any]) -> Iterator[str]:
    for key, item in value.items():
        yield from _key(name, key)
        yield from _text(f"{name}.{key}", item)


def _references(name: str, value: Mapping[Any, Any]) -> Iterator[str]:
    for key, item in value.items():
        yield from _key(name, key)
        if not isinstance(item, str) or not (secret_arn(item) or parameter_arn(item)):
            yield f"{name}.{key} {_why_no_reference(item)}"


def _why_no_reference(value: Any) -> str:
    """Return what a reference to a secret lacks, without the value, which may be the secret."""
    if isinstance(value, str) and ":secretsmanager:" in value:
        whole = "arn:aws:secretsmanager:REGION:ACCOUNT:secret:NAME-6RANDOM"
        if re.search(r":secret:[^:]+-[A-Za-z0-9]{6}:", value):
            return (
                "names a part of a secret without all three colons. "
                f"Write {whole}:KEY:: (or :KEY:STAGE:VERSION)."
            )
        return (
            "is not the whole ARN of a secret, which ends in a hyphen and six characters. "
            f"Write {whole}, as Secrets Manager shows it."
        )
    return (
        "is not the ARN of a secret or of a parameter (its value isn't shown here). Put the value "
        "into Secrets Manager or the Parameter Store, and write arn:aws:secretsmanager:REGION:"
        "ACCOUNT:secret:NAME-6RANDOM or arn:aws:ssm:REGION:ACCOUNT:parameter/NAME."
    )


def _overrides(name: str, value: Any) -> Iterator[str]:
    """Yield the problems of what is laid over a template: keys, and values that are texts there."""
    if isinstance(value, Mapping):
        for key, item in value.items():
            yield from _key(name, key)
            inner = f"{name}.{key}"
            for branch in _branches(item):
                yield from _member(inner, key, branch)
            yield from _overrides(inner, item)
    elif isinstance(value, list):
        for at, item in enumerate(value):
            known = item.get("Name", at) if isinstance(item, Mapping) else at
            yield from _overrides(f"{name}[{known}]", item)


def _member(name: str, member: Any, value: Any) -> Iterator[str]:
    """Yield the problems of the texts that a member of a template holds."""
    if member in _PAIRS and isinstance(value, list):
        for at, item in enumerate(value):
            for pair in _branches(item):
                yield from _pair(name, at, pair, *_PAIRS[member])
    elif member in _LISTS and isinstance(value, list):
        for at, item in enumerate(value):
            yield from _word(f"{name}[{at}]", item)
    elif member in _MAPS and isinstance(value, Mapping):
        for label, item in value.items():
            yield from _word(f"{name}.{label}", item)
    elif member == "Condition" and isinstance(value, Mapping):
        yield from _condition(name, value)


def _pair(name: str, at: int, pair: Any, key: str, member: str) -> Iterator[str]:
    if not isinstance(pair, Mapping) or _is_function(pair):
        return
    known = pair.get(key)
    if known is None:
        yield f'{name}[{at}] has no {key}. Write one, in quotes: {key}: "...".'
    yield from _word(f"{name}[{at}].{key}", known)
    # Nothing but nulls beside the name takes the item out of the template.
    place = known if isinstance(known, str) else at
    yield from _word(f"{name}[{place}].{member}", pair.get(member))


def _condition(name: str, operators: Mapping[Any, Any]) -> Iterator[str]:
    for operator, compared in operators.items():
        if isinstance(compared, Mapping) and not _NO_TEXTS.match(str(operator)):
            for key, value in compared.items():
                for word in value if isinstance(value, list) else [value]:
                    yield from _word(f"{name}.{operator}.{key}", word)


def _word(name: str, value: Any) -> Iterator[str]:
    """Yield the problem of what is no text, no function, and not null, which removes."""
    for word in _branches(value):
        if not isinstance(word, Mapping | None):
            yield from _text(name, word)


def _branches(value: Any) -> Iterator[Any]:
    """Yield what may come to stand in a place: of Fn::If both of its branches."""
    match value:
        case {"Fn::If": [_, *branches]}:
            for branch in branches:
                yield from _branches(branch)
        case _:
            yield value


def _is_function(value: Mapping[Any, Any]) -> bool:
    return any(str(key).startswith(("Ref", "Fn::")) for key in value)


def _text(name: str, value: Any) -> Iterator[str]:
    try:
        variable_forms.text(name, value)
    except StackError as error:
        yield str(error)


def _key(name: str, key: Any) -> Iterator[str]:
    if not isinstance(key, str):
        example = "NO" if isinstance(key, bool) else "..."
        yield (
            f"{name} has a key that YAML has read as {variable_forms.kind(key)} ({key}), and a "
            f'text is due. Quote it as you wrote it, such as "{example}": ...'
        )
    elif not key:
        yield f"{name} has a key without a letter. Name it, or take it out."


_CHECKS: dict[str, Callable[[str, Mapping[Any, Any]], Iterator[str]]] = {
    "_environment": _texts,
    "_tags": _texts,
    "_secrets": _references,
    "_overrides": _overrides,
}
