"""Values of properties before and after a change, without what may be a secret.

https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_ResourceTargetDefinition.html
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ansible_collections.quayside.fargate.plugins.plugin_utils import secrecy
from ansible_collections.quayside.fargate.plugins.plugin_utils.leaf import (
    ABSENT,
    HIDDEN,
    LATER,
    Leaf,
)

_POLICIES = ("DeletionPolicy", "UpdateReplacePolicy")  # which the contexts tell
_COVERED = secrecy.VARIABLES + secrecy.WORDS
Values = list[dict[str, str]]
Leaves = Iterator[tuple[str, Leaf]]


@dataclass(frozen=True)
class Reader:
    """Reads the values of one resource.

    guard: the places whose values come from secrets.
    verbose: whether environment variables show; words of a command never do.
    """

    guard: secrecy.Guard
    verbose: bool = False

    def below(self, path: str, text: str, context: Any) -> Leaves:
        """Yield the single values that a change set tells of a place.

        Args:
            path: as AWS names it, such as ``/Properties/Tags/0/Value``.
            text: the value; JSON if it is more than one.
            context: the resource as a whole, None if it isn't known.
        """
        steps = [step for step in path.split("/") if step]
        covered = next((at for at, step in enumerate(steps, 1) if step.lower() in _COVERED), None)
        name = "/".join(_named(steps[:covered], context)).removeprefix("Properties/")
        place = tuple(steps[1:] if steps[:1] == ["Properties"] else steps)
        if covered:
            rest = _rest(steps, covered, text, context)
            # One item from a secret place hides them all: a list's may come in another order.
            above = place[: covered - len(steps) or None]
            yield from _covered(name, rest, shows=self._shows(steps[covered - 1], above))
            return
        secret = _is_hidden(steps, context)
        parsed = parse(text)
        if isinstance(parsed, dict | list):
            yield from self._leaves(name, parsed, place, secret=secret)
        else:
            yield name, self._leaf(text, place, secret=secret)

    def all(self, properties: Mapping[str, Any]) -> Leaves:
        """Yield every single value of a resource's properties."""
        yield from self._leaves("", properties, (), secret=False)

    def _leaves(self, path: str, value: Any, place: tuple[str, ...], *, secret: bool) -> Leaves:
        if isinstance(value, dict) and value:
            for key, item in value.items():
                at, here = f"{path}/{key}".lstrip("/"), (*place, key)
                if key.lower() in secrecy.NAMES and path.endswith(f"/{item}"):
                    continue  # the path says it
                if key.lower() in _COVERED:
                    yield from _covered(at, item, shows=self._shows(key, here))
                else:
                    hidden = secret or secrecy.is_hidden_member(value, key)
                    yield from self._leaves(at, item, here, secret=hidden)
        elif isinstance(value, list) and value:
            for number, (step, item) in enumerate(zip(_steps(value), value, strict=True)):
                here = (*place, str(number))
                yield from self._leaves(f"{path}/{step}", item, here, secret=secret)
        else:
            text = value if isinstance(value, str) else json.dumps(value)
            yield path, self._leaf(text, place, secret=secret)

    def _leaf(self, text: str, place: tuple[str, ...], *, secret: bool) -> Leaf:
        guarded = not secrecy.is_open(text) and text != LATER and self.guard.hides(place)
        return Leaf.of(text, secret=secret or guarded)

    def _shows(self, step: str, place: tuple[str, ...]) -> bool:
        """Say whether variables at this place show."""
        variables = step.lower() in secrecy.VARIABLES
        return self.verbose and variables and not self.guard.hides(place)


def of_change(resource: Mapping[str, Any], before: Reader, after: Reader) -> Values:
    """Return the values that a ResourceChange tells, with path, before and after.

    Args:
        resource: as DescribeChangeSet answers it with IncludePropertyValues.
        before: reads what the stack has.
        after: reads what it is to have.
    """
    contexts = [parse(resource.get(name, "")) for name in ("BeforeContext", "AfterContext")]
    old: dict[str, Leaf] = {}
    new: dict[str, Leaf] = {}
    for detail in resource.get("Details", []):
        target = detail["Target"]
        for told, found, reader, context in (
            ("BeforeValue", old, before, contexts[0]),
            ("AfterValue", new, after, contexts[1]),
        ):
            path, text = target.get("Path"), target.get(told)
            policy = target.get("Attribute")
            if policy in _POLICIES and isinstance(context, dict):
                path, text = policy, context.get(policy)
            if path and text is not None:
                found.update(reader.below(path, text, context))
    return _pairs(old, new)


def of_addition(resource: Mapping[str, Any], reader: Reader) -> Values:
    """Return the values of a ResourceChange that adds a resource, as `of_change`."""
    context = parse(resource.get("AfterContext", ""))
    properties = (context if isinstance(context, dict) else {}).get("Properties") or {}
    return _pairs({}, dict(reader.all(properties)))


def of_input(name: str, value: str) -> str:
    """Return the value of a parameter or tag as it may be shown.

    Args:
        name: its name; what is called like a command is covered as one (HealthCheckCommand).
        value: its value, which no NoEcho hides.
    """
    covered = name.endswith(("Command", "EntryPoint")) or secrecy.is_secret_name(name)
    return str(Leaf.of(str(value), secret=covered).shown)


def parse(text: str) -> Any:
    """Return what JSON says, None if it is cut off or none."""
    try:
        return json.loads(text)
    except ValueError:
        return None


def _pairs(old: Mapping[str, Leaf], new: Mapping[str, Leaf]) -> Values:
    pairs = {path: (old.get(path, ABSENT), new.get(path, ABSENT)) for path in {*old, *new}}
    return [
        {"path": path, "before": before.shown, "after": after.shown}
        for path, (before, after) in sorted(pairs.items())
        if before != after
    ]


def _rest(steps: list[str], covered: int, text: str, context: Any) -> Any:
    """Return a covered value as if it stood whole below its place, as far as it is known."""
    for step in steps[:covered]:
        context = _member(context, step)
    parsed = parse(text)
    match steps[covered:]:
        case []:
            return parsed if isinstance(parsed, dict | list) else text
        case ["Variables"]:
            return {"Variables": parsed}
        case ["Variables", name, *_]:
            return {"Variables": {name: text}}
        case [step, *inner]:
            known = _member(context, step) if isinstance(context, list) else None
            if known is None:
                return {step: text}
            told = known | {inner[0]: text} if isinstance(known, dict) and inner else known
            return {_steps(context)[int(step)]: told}


def _covered(path: str, value: Any, *, shows: bool) -> Leaves:
    """Yield what is covered: by the names of variables, the numbers of words."""
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
        yield f"{path}/{name}", _variable(name, item, shows=shows)
    if not items:
        yield path, Leaf(json.dumps(value), HIDDEN)


def _variable(path: str, item: Any, *, shows: bool) -> Leaf:
    """Return an environment variable, by its name or as the item of a list."""
    name = path.rpartition("/")[2]
    listed = isinstance(item, dict) and name in secrecy.names_of(item)
    value = item.get("Value") if listed else item if path.startswith("Variables/") else None
    text = json.dumps(item)
    if not shows or not isinstance(value, str | int | float):
        return Leaf(text, HIDDEN)
    told = value if isinstance(value, str) else json.dumps(value)
    return Leaf(text, Leaf.of(told, secret=secrecy.is_secret_variable(name, told)).shown)


def _steps(items: list[Any]) -> list[str]:
    """Return what tells the items of a list apart: their names, where they have some."""
    names = [secrecy.names_of(item)[:1] if isinstance(item, dict) else [] for item in items]
    flat = [name for found in names for name in found]
    return flat if len(set(flat)) == len(items) else [str(number) for number in range(len(items))]


def _is_hidden(steps: Iterable[str], context: Any) -> bool:
    """Say whether a name on the way to a value is a secret's: of members, or of items of lists."""
    last = ""
    for last in steps:
        known = isinstance(context, dict)
        if secrecy.is_hidden_member(context, last) if known else secrecy.is_secret_name(last):
            return True
        context = _member(context, last)
    return context is None and last == "Value"  # whose name nobody knows


def _named(steps: Iterable[str], context: Any) -> Iterator[str]:
    """Yield the way to a value, by the names of items instead of their numbers."""
    for step in steps:
        known = isinstance(context, list) and _member(context, step) is not None
        yield _steps(context)[int(step)] if known else step
        context = _member(context, step)


def _member(context: Any, step: str) -> Any:
    if isinstance(context, dict):
        return context.get(step)
    if isinstance(context, list) and step.isdecimal() and int(step) < len(context):
        return context[int(step)]
    return None
