"""The schemas of CloudFormation's resource types, as cfn-lint brings them along.

https://docs.aws.amazon.com/cloudformation-cli/latest/userguide/resource-type-schema.html
"""

from __future__ import annotations

import importlib.util
import json
import re
from collections.abc import Iterator
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

Schema = dict[str, Any]
UNKNOWN = object()  # a value that is known when the stack is deployed, not before
Error = tuple[str, str]  # path below Properties ("" for themselves), reason
_LARGEST_INTEGER = 2**31 - 1
_TYPES = {"object": (dict, "JSONObject"), "array": (list, "JSONArray")}


@cache
def schema(kind: str, region: str) -> Schema:
    """Return the schema of a resource type, empty if there is none."""
    found = _files(region).get(kind)
    return json.loads((_folder() / "resources" / f"{found}.json").read_text()) if found else {}


@cache
def _files(region: str) -> dict[str, str]:
    path = _folder() / "providers" / f"{region}.json"
    files: dict[str, str] = json.loads(path.read_text()) if path.exists() else {}
    return files


@cache
def _folder() -> Path:
    spec = importlib.util.find_spec("cfnlint")  # importing it would take a second
    return Path(str(spec and spec.origin)).parent / "data" / "schemas"


def identifier(kind: str, region: str) -> str | None:
    """Return the one property that is the type's primary identifier and that a template sets."""
    about = schema(kind, region)
    names = about.get("primaryIdentifier") or []
    if len(names) != 1 or names[0] in about.get("readOnlyProperties", []):
        return None
    return str(names[0]).removeprefix("/properties/")


def recreation(kind: str, name: str, region: str) -> str | None:
    """Return Always, Conditionally or Never, as a change of a property needs a new resource.

    None: the type has no schema, or the answer depends on what changes inside the property.
    """
    about = schema(kind, region)
    if not about:
        return None
    answers = {"createOnlyProperties": "Always", "conditionalCreateOnlyProperties": "Conditionally"}
    for key, answer in answers.items():
        paths = [path.removeprefix("/properties/") for path in about.get(key, [])]
        if name in paths:
            return answer
        if any(path.startswith(f"{name}/") for path in paths):
            return None
    return "Never"


def errors(kind: str, properties: dict[str, Any], region: str) -> list[Error]:
    """Return what is wrong with the properties of a resource.

    Looked at: required and unknown properties, objects and arrays that aren't, enum and pattern of
    scalars. Not: lengths, formats, and what combines schemas (anyOf, if ... then).
    """
    about = schema(kind, region)
    return list(_errors(properties, about, about, "")) if about else []


def as_text(kind: str, properties: dict[str, Any], region: str) -> dict[str, Any]:
    """Return properties with the large integers that stand where strings belong as AWS reads them.

    What is larger than 32 bits becomes a floating-point number on its way: 1.23456789012E11.
    """
    about = schema(kind, region)
    read: dict[str, Any] = _as_text(properties, about, about)
    return read


def _as_text(value: Any, rule: Schema, about: Schema) -> Any:
    rule = _followed(rule, about)
    if isinstance(value, dict):
        known = rule.get("properties") or {}
        return {name: _as_text(each, known.get(name, {}), about) for name, each in value.items()}
    if isinstance(value, list):
        return [_as_text(each, rule.get("items") or {}, about) for each in value]
    is_large = isinstance(value, int) and abs(value) > _LARGEST_INTEGER
    return floating(value) if is_large and rule.get("type") == "string" else value


def floating(number: int) -> str:
    """Return a number as Java writes a double of that size."""
    sign, digits, exponent = Decimal(repr(float(number))).normalize().as_tuple()
    text = "".join(map(str, digits))
    power = len(text) - 1 + int(exponent)
    return f"{'-' * sign}{text[0]}.{text[1:] or '0'}E{power}"


def _errors(value: Any, rule: Schema, about: Schema, path: str) -> Iterator[Error]:
    rule = _followed(rule, about)
    if value is UNKNOWN:
        return
    name = path.rsplit("/", 1)[-1]
    expected, title = _TYPES.get(str(rule.get("type")), (None, ""))
    if expected and not isinstance(value, expected):
        found = next((word for kind, word in _TYPES.values() if isinstance(value, kind)), "String")
        yield path, f"Property [{name}] expected type: {title}, found: {found}"
    elif isinstance(value, dict):
        yield from _of_object(value, rule, about, path)
    elif isinstance(value, list):
        for number, inner in enumerate(value):
            yield from _errors(inner, rule.get("items") or {}, about, f"{path}/{number}")
    else:
        yield from _of_scalar(value, rule, path)


def _followed(rule: Schema, about: Schema) -> Schema:
    while "$ref" in rule:
        rule = about.get("definitions", {}).get(rule["$ref"].rsplit("/", 1)[-1], {})
    return rule


def _of_object(value: dict[str, Any], rule: Schema, about: Schema, path: str) -> Iterator[Error]:
    known = rule.get("properties") or {}
    for name in rule.get("required", []):
        if name not in value:
            yield path, f"Required property [{name}] not found"
    for name, inner in value.items() if known else ():
        below = f"{path}/{name}".lstrip("/")
        if name in known:
            yield from _errors(inner, known[name], about, below)
        elif rule.get("additionalProperties") is False and not rule.get("patternProperties"):
            yield below, f"Unsupported property [{name}]"


def _of_scalar(value: Any, rule: Schema, path: str) -> Iterator[Error]:
    text = str(value).lower() if isinstance(value, bool) else str(value)
    allowed = [str(each) for each in rule.get("enum", [])]
    if allowed and text not in allowed:
        yield path, f"{text} is not a valid enum value. Supported values: [{', '.join(allowed)}]"
    pattern = rule.get("pattern")
    if pattern and rule.get("type") == "string" and not _matches(pattern, text):
        yield path, f"Value [{text}] does not match pattern [{pattern}]"


def _matches(pattern: str, text: str) -> bool:
    try:
        return re.search(pattern, text) is not None
    except re.error:  # one of JavaScript's that Python doesn't know
        return True
