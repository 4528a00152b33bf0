"""Values of properties before and after a change, without what may be a secret.

CloudFormation writes `****` for the values of NoEcho parameters and leaves dynamic references as
they stand in the template; what people write into a template by hand it shows, passwords too.

https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_ResourceTargetDefinition.html
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

HIDDEN = "(not shown)"
_NONE = "(none)"
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


def of_change(resource: Mapping[str, Any]) -> list[dict[str, str]]:
    """Return the values that a ResourceChange tells, with path, before and after.

    Args:
        resource: as DescribeChangeSet answers it with IncludePropertyValues.
    """
    contexts = [_json(resource.get(name, "")) for name in ("BeforeContext", "AfterContext")]
    found = {}
    for detail in resource.get("Details", []):
        target = detail["Target"]
        texts = [target.get(name) for name in ("BeforeValue", "AfterValue")]
        path = target.get("Path", "")
        if path and any(text is not None for text in texts):
            before, after = (
                _shown(path, text, context) for text, context in zip(texts, contexts, strict=True)
            )
            name = path.removeprefix("/").removeprefix("Properties/")
            found[name] = {"path": name, "before": before, "after": after}
    return [found[name] for name in sorted(found)]


def _shown(path: str, text: str | None, context: Any) -> str:
    if text is None:
        return _NONE
    if text == _LATER[0]:
        return _LATER[1]
    if any(_SECRET_NAME.search(name) for name in _names_along(path, context)):
        return HIDDEN
    parsed = _json(text)
    if isinstance(parsed, dict | list):
        text = json.dumps(_masked(parsed))
    elif text.startswith(("{", "[")) and _SECRET_NAME.search(text):
        return HIDDEN  # AWS cuts large values off
    elif _SECRET_VALUE.search(text):
        return HIDDEN
    return text if len(text) <= _MOST else f"{text[:_MOST]}..."


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


def _masked(value: Any) -> Any:
    if isinstance(value, list):
        return [_masked(item) for item in value]
    if isinstance(value, dict):
        secret = any(_SECRET_NAME.search(name) for name in _item_names(value))
        return {
            key: HIDDEN
            if _SECRET_NAME.search(key) or (secret and key not in _NAMES)
            else _masked(item)
            for key, item in value.items()
        }
    return HIDDEN if isinstance(value, str) and _SECRET_VALUE.search(value) else value


def _json(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return None
