"""Values of properties before and after a change, without what may be a secret.

CloudFormation writes `****` for the values of NoEcho parameters and leaves dynamic references as
they stand in the template; what people write into a template by hand it shows, passwords too.

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
_SECRET_NAME = re.compile(
    r"pass(word|wd|phrase|code)|pwd|secret|token|credential|auth|cookie|signature|dsn|"
    r"(api|private|access|encryption|signing|shared)[-_ ]?key|connection[-_ ]?string",
    re.IGNORECASE,
)
_SECRET_VALUE = re.compile(
    r"://[^/\s@]*:[^/\s@]+@|\b(AKIA|ASIA)[0-9A-Z]{16}\b|-----BEGIN|\beyJ[\w-]+\.eyJ"
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
        if secret or _SECRET_VALUE.search(text):
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
    found = {}
    for detail in resource.get("Details", []):
        target = detail["Target"]
        path = target.get("Path", "")
        texts = (target.get(name) for name in ("BeforeValue", "AfterValue"))
        before, after = (
            {} if text is None or not path else dict(_leaves_of(path, text, context))
            for text, context in zip(texts, contexts, strict=True)
        )
        for name in before.keys() | after.keys():
            old, new = before.get(name, _ABSENT), after.get(name, _ABSENT)
            if old != new:
                found[name] = {"path": name, "before": old.shown, "after": new.shown}
    return [found[name] for name in sorted(found)]


def _leaves_of(path: str, text: str, context: Any) -> Iterator[tuple[str, Leaf]]:
    """Yield the single values below a path."""
    name = path.removeprefix("/").removeprefix("Properties/")
    secret = any(map(_SECRET_NAME.search, _names_along(path, context)))
    parsed = _json(text)
    if isinstance(parsed, dict | list):
        yield from _leaves(name, parsed, secret=secret)
    else:
        # AWS cuts large values off, which then are no JSON any more.
        cut_off = text.startswith(("{", "[")) and bool(_SECRET_NAME.search(text))
        yield name, Leaf.of(text, secret=secret or cut_off)


def _leaves(path: str, value: Any, *, secret: bool) -> Iterator[tuple[str, Leaf]]:
    if isinstance(value, dict) and value:
        named = any(map(_SECRET_NAME.search, _item_names(value)))
        for key, item in value.items():
            hidden = secret or bool(_SECRET_NAME.search(key)) or (named and key not in _NAMES)
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


def _names_along(path: str, context: Any) -> Iterator[str]:
    """Yield the names on the way to a value: of members, and of the items of lists."""
    steps = [step for step in path.split("/") if step]
    for step in steps:
        yield step
        if isinstance(context, dict):
            yield from _item_names(context)
            context = context.get(step)
        elif isinstance(context, list) and step.isdigit() and int(step) < len(context):
            context = context[int(step)]
        else:
            context = None
    if context is None and steps[-1] == "Value":
        yield "secret"  # whose name nobody knows


def _item_names(item: Mapping[str, Any]) -> list[str]:
    return [item[name] for name in _NAMES if isinstance(item.get(name), str)]


def _json(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return None
