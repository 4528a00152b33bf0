"""One form for every value: what `-e` gives as text and what YAML gives typed come out the same.

The conversions are those of Ansible's argument specs. What these would alter without a word
(1.10 to 1.1 or true to True for a text, 0755 to 755, a list in brackets to words with brackets) is
refused. What YAML made of the text that somebody wrote is gone by then; so the advice is to quote.
"""

from __future__ import annotations

import datetime
import json
import math
import re
from collections.abc import Callable, Mapping
from typing import Any

from ansible.module_utils.common.validation import check_type_bool, check_type_path

from ansible_collections.quayside.fargate.plugins.plugin_utils.errors import StackError, suggestion

Option = Mapping[str, Any]
_KINDS = (
    (bool, "a boolean"),
    (int | float, "a number"),
    (datetime.date, "a date"),
    (str, "a text"),
    (Mapping, "a map"),
    (list | tuple, "a list"),
    (type(None), "empty (null)"),
)
_MOST = 40  # characters of a value in a message
_WHOLE = re.compile(r"-?(0|[1-9][0-9]*)")
_NUMBER = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?")


def convert(name: str, option: Option, value: Any) -> Any:
    """Return the value of a variable as its type.

    Args:
        name: what messages call it, such as service_scaling.min.
        option: its entry in the argument specs.
        value: as a playbook, a file or the command line gives it, without templates.

    Raises: StackError for a value that isn't of the type; it names the variable.
    """
    if value is None:
        raise StackError(f"{name} is empty (null). Give a value, or leave the variable out.")
    converted = _TYPES[option["type"]](name, option, value)
    if "choices" in option and converted not in option["choices"]:
        words = ", ".join(str(choice) for choice in option["choices"])
        raise StackError(f"{name} is {converted!r}. Take one of {words}.")
    return converted


def kind(value: Any) -> str:
    """Return what a value is in the words of YAML, such as `a number`."""
    return next((words for types, words in _KINDS if isinstance(value, types)), "no text")


def quote_it(key: str) -> str:
    """Return the advice for a text that YAML, or a template, has made something else of."""
    return f'Quote it as you wrote it: {key}: "..." (a template that makes one ends in | string).'


def text(name: str, value: Any) -> str:
    """Return a text as it is; raises StackError for anything else, without the value."""
    if not isinstance(value, str):
        raise StackError(f"{name} is {kind(value)}, and a text is due. {_advice(name, value)}")
    return value


def _advice(name: str, value: Any) -> str:
    if isinstance(value, Mapping | list | tuple):
        return "Give a single text."
    return quote_it(name.rpartition(".")[2])


def _text(name: str, _option: Option, value: Any) -> str:
    return text(name, value)


def _path(name: str, _option: Option, value: Any) -> str:
    return str(check_type_path(text(name, value)))


def _whole(name: str, _option: Option, value: Any) -> int:
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    if isinstance(value, str) and _WHOLE.fullmatch(value):
        return int(value)
    raise StackError(f"{name} is {_shown(value)}, and a whole number is due. Write it in digits.")


def _number(name: str, _option: Option, value: Any) -> float:
    if isinstance(value, str) and _NUMBER.fullmatch(value):
        value = float(value) if "." in value else int(value)
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise StackError(f"{name} is {_shown(value)}, and a number is due. Write it in digits.")
    return int(value) if value == int(value) else value


def _boolean(name: str, _option: Option, value: Any) -> bool:
    if isinstance(value, str | int):
        try:
            return bool(check_type_bool(value))
        except TypeError:
            pass
    raise StackError(f"{name} is {_shown(value)}, and a boolean is due. Write true or false.")


def _list(name: str, option: Option, value: Any) -> list[Any]:
    if isinstance(value, str):
        value = _items(name, value)
    if not isinstance(value, list | tuple):
        raise StackError(f"{name} is {kind(value)}, and a list is due. Write {name}: [...].")
    members = {"options": option["options"]} if "options" in option else {}
    element = {"type": option["elements"], **members}
    return [convert(f"{name}[{at}]", element, item) for at, item in enumerate(value)]


def _items(name: str, value: str) -> Any:
    """Return the items of a list given as text: words with commas between, or JSON."""
    if value.startswith("["):
        return _json(name, value)
    items = [item.strip() for item in value.split(",")]
    # What begins so is a list to YAML, and the hyphen no part of its first word.
    if not all(items) or re.match(r"-(\s|$)", items[0]):
        raise StackError(
            f"{name} is a text with an empty item, or a hyphen before the first. Write words with "
            f"commas between them, or give none with -e '{{\"{name}\": []}}'."
        )
    return items


def _map(name: str, option: Option, value: Any) -> dict[str, Any]:
    if isinstance(value, str):
        value = _json(name, value)
    if not isinstance(value, Mapping):
        raise StackError(f"{name} is {kind(value)}, and a map is due. Write {name}: {{KEY: ...}}.")
    return nested(name, option["options"], value) if "options" in option else dict(value)


def nested(name: str, options: Mapping[str, Option], values: Mapping[Any, Any]) -> dict[str, Any]:
    """Return a map of options with their defaults; arguments and raised as `convert`."""
    for key in values:
        if key not in options:
            raise StackError(f"{name}: there is no {key} in it. {suggestion(str(key), options)}")
    missing = [key for key, it in options.items() if it.get("required") and key not in values]
    if missing:
        raise StackError(f"{name}.{missing[0]} is missing. Give it, or leave {name} out.")
    defaults = {key: it["default"] for key, it in options.items() if "default" in it}
    given = {key: convert(f"{name}.{key}", options[key], it) for key, it in values.items()}
    return defaults | given


def _json(name: str, value: str) -> Any:
    try:
        return json.loads(value)
    except ValueError as error:
        raise StackError(
            f"{name} is a text that is no JSON. Put it into a file (-e @FILE), or write JSON: "
            f"-e '{{\"{name}\": ...}}'."
        ) from error


def _shown(value: Any) -> str:
    """Return a single value as a message may show it; of others what they are."""
    short = isinstance(value, str | int | float) and len(str(value)) <= _MOST
    return repr(value) if short and not isinstance(value, bool) else kind(value)


_TYPES: dict[str, Callable[[str, Option, Any], Any]] = {
    "str": _text,
    "path": _path,
    "int": _whole,
    "float": _number,
    "bool": _boolean,
    "list": _list,
    "dict": _map,
}
