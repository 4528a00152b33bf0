"""Values of properties before and after a change, without what may be a secret.

CloudFormation writes `****` for the values of NoEcho parameters and leaves dynamic references as
they stand in the template; what people write into a template by hand it shows, passwords too.
Whether a variable or a word of a command is a secret no name tells: those are hidden, all of them.

https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_ResourceTargetDefinition.html
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

HIDDEN = "(not shown)"
_LATER = ("{{changeSet:KNOWN_AFTER_APPLY}}", "(known after the deployment)")
_MOST = 200  # characters of a value
# Members whose items are named and never shown: of ECS, Lambda, Batch and CodeBuild, and in small
# letters of what an event's rule hands to a task.
_COVERED = ("environment", "environmentvariables", "command", "entrypoint")
_SECRET_NAME = re.compile(
    r"pass(word|wd|phrase|code)|pwd|secret|token|credential|auth|cookie|signature|dsn|webhook|salt|"
    r"(?<![a-z])pw(?![a-z])|[_-]key$|"
    r"(api|private|access|encryption|signing|shared)[-_ ]?key|connection[-_ ]?string",
    re.IGNORECASE,
)
_SECRET_VALUE = re.compile(
    r"://[^/\s:@]*:[^\s@]+@|\b(AKIA|ASIA)[0-9A-Z]{16}\b|-----BEGIN|\beyJ[\w-]+\.eyJ|"
    r"(?i:(password|passwd|pwd|secret|token|key)=)"
)
_NAMES = ("Name", "Key", "ParameterKey")  # of the item of a list, beside its value


@dataclass(frozen=True)
class Leaf:
    """A single value: as it is, to be compared, and as it may be shown."""

    text: str | None
    shown: str

    @classmethod
    def of(cls, text: str, *, secret: bool) -> Leaf:
        """Return a value, hidden if it is a secret by its name or by its look."""
        if secret or _SECRET_VALUE.search(text) or _hides_secrets(text):
            return cls(text, HIDDEN)
        shown = text.replace(*_LATER)
        return cls(text, shown if len(shown) <= _MOST else f"{shown[:_MOST]}...")


_ABSENT = Leaf(None, "(none)")


def of_change(resource: Mapping[str, Any]) -> list[dict[str, str]]:
    """Return the values that a ResourceChange tells, with path, before and after.

    Args:
        resource: as DescribeChangeSet answers it with IncludePropertyValues.
    """
    contexts = [_json(resource.get(name, "")) for name in ("BeforeContext", "AfterContext")]
    before: dict[str, Leaf] = {}
    after: dict[str, Leaf] = {}
    for detail in resource.get("Details", []):
        target = detail["Target"]
        for told, found, context in (
            ("BeforeValue", before, contexts[0]),
            ("AfterValue", after, contexts[1]),
        ):
            path, text = target.get("Path"), target.get(told)
            if path and text is not None:
                found.update(_leaves_of(path, text, context))
    pairs = {it: (before.get(it, _ABSENT), after.get(it, _ABSENT)) for it in {*before, *after}}
    return [
        {"path": path, "before": old.shown, "after": new.shown}
        for path, (old, new) in sorted(pairs.items())
        if old != new
    ]


def of_input(name: str, value: str) -> str:
    """Return the value of a parameter or tag as it may be shown.

    Args:
        name: its name; what is called like a command is covered as one (HealthCheckCommand).
        value: its value, which no NoEcho hides.
    """
    return Leaf.of(str(value), secret=name.endswith(("Command", "EntryPoint"))).shown


def _leaves_of(path: str, text: str, context: Any) -> Iterator[tuple[str, Leaf]]:
    """Yield the single values below a path."""
    steps = [step for step in path.split("/") if step]
    covered = next((at for at, step in enumerate(steps, 1) if step.lower() in _COVERED), None)
    name = "/".join(steps[:covered]).removeprefix("Properties/")
    parsed = _json(text)
    if covered:
        yield from _covered(name, _rest(steps, covered, text, context))
        return
    secret = any(map(_SECRET_NAME.search, _names_along(steps, context)))
    if isinstance(parsed, dict | list):
        yield from _leaves(name, parsed, secret=secret)
    else:
        yield name, Leaf.of(text, secret=secret)


def _rest(steps: list[str], covered: int, text: str, context: Any) -> Any:
    """Return a covered value as if it stood whole below its place, as far as it is known."""
    for step in steps[:covered]:
        context = _member(context, step)
    parsed = _json(text)
    match steps[covered:]:
        case []:
            return parsed if isinstance(parsed, dict | list) else text
        case ["Variables"]:
            return {"Variables": parsed}
        case ["Variables", name, *_]:
            return {"Variables": {name: text}}
        case [step, *_]:
            known = isinstance(context, list) and _member(context, step) is not None
            return {_steps(context)[int(step)] if known else step: text}


def _covered(path: str, value: Any) -> Iterator[tuple[str, Leaf]]:
    """Yield what is covered: by the names of variables, the numbers of words, and without value."""
    if isinstance(value, list):
        items = dict(zip(_steps(value), value, strict=True))
    elif isinstance(value, dict):
        items = {name: item for name, item in value.items() if name != "Variables"}
        variables = value.get("Variables", {})  # of Lambda
        inner = variables if isinstance(variables, dict) else {"": variables}
        items |= {f"Variables/{name}".rstrip("/"): item for name, item in inner.items()}
    else:
        items = {}
    for name, item in items.items():
        yield f"{path}/{name}", Leaf(json.dumps(item), HIDDEN)
    if not items:
        yield path, Leaf(json.dumps(value), HIDDEN)


def _leaves(path: str, value: Any, *, secret: bool) -> Iterator[tuple[str, Leaf]]:
    if isinstance(value, dict) and value:
        named = any(map(_SECRET_NAME.search, _item_names(value)))
        for key, item in value.items():
            hidden = secret or bool(_SECRET_NAME.search(key)) or (named and key not in _NAMES)
            if key.lower() in _COVERED:
                yield from _covered(f"{path}/{key}", item)
            else:
                yield from _leaves(f"{path}/{key}", item, secret=hidden)
    elif isinstance(value, list) and value:
        for step, item in zip(_steps(value), value, strict=True):
            yield from _leaves(f"{path}/{step}", item, secret=secret)
    else:
        text = value if isinstance(value, str) else json.dumps(value)
        yield path, Leaf.of(text, secret=secret)


def _steps(items: list[Any]) -> list[str]:
    """Return what tells the items of a list apart: their names, where they have some."""
    names = [_item_names(item)[:1] if isinstance(item, dict) else [] for item in items]
    flat = [name for found in names for name in found]
    return flat if len(set(flat)) == len(items) else [str(number) for number in range(len(items))]


def _names_along(steps: list[str], context: Any) -> Iterator[str]:
    """Yield the names on the way to a value: of members, and of the items of lists."""
    for step in steps:
        yield step
        if isinstance(context, dict):
            yield from _item_names(context)
        context = _member(context, step)
    if context is None and steps[-1:] == ["Value"]:
        yield "secret"  # whose name nobody knows


def _member(context: Any, step: str) -> Any:
    if isinstance(context, dict):
        return context.get(step)
    if isinstance(context, list) and step.isdecimal() and int(step) < len(context):
        return context[int(step)]
    return None


def _hides_secrets(text: str) -> bool:
    """Say whether a text is JSON, perhaps cut off by AWS, which may hold what isn't shown."""
    is_json = text.startswith(("{", "[")) and not text.startswith("{{")
    names = _SECRET_NAME.search(text) or any(it in text.lower() for it in _COVERED)
    return is_json and bool(names)


def _item_names(item: Mapping[str, Any]) -> list[str]:
    return [item[name] for name in _NAMES if isinstance(item.get(name), str)]


def _json(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return None
