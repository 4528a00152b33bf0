"""CloudFormation templates: read and written without losing a function or a scalar.

Scalars stay text as they are written (`010` is not 8, `2010-09-09` is not a date): a plain one is
`Plain`, a quoted one `str`. Short forms (`!Ref X`) are read as their long form (`{"Ref": "X"}`) and
written as the short one again; to CloudFormation both are the same.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import yaml

from ansible_collections.quayside.fargate.plugins.plugin_utils.errors import StackError
from ansible_collections.quayside.fargate.plugins.plugin_utils.parameters import as_text

# PyYAML without libyaml reads and writes the same, slower.
_LOADER = getattr(yaml, "CBaseLoader", yaml.BaseLoader)
_DUMPER = getattr(yaml, "CBaseDumper", yaml.BaseDumper)

# https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/intrinsic-function-reference.html
_SHORT_FORMS = {"!Ref": "Ref", "!Condition": "Condition"} | {
    f"!{name}": f"Fn::{name}"
    for name in (
        *("And", "Base64", "Cidr", "Equals", "FindInMap", "GetAtt", "GetAZs", "If", "ImportValue"),
        *("Join", "Length", "Not", "Or", "Select", "Split", "Sub", "ToJsonString", "Transform"),
    )
}
_TAGS = {function: tag for tag, function in _SHORT_FORMS.items()}
_IN_LINE = re.compile(r"[A-Za-z0-9]([A-Za-z0-9_./ -]*[A-Za-z0-9_./])?", re.ASCII)
_WORD = re.compile(r"[A-Za-z0-9.]+", re.ASCII)
_TEXT_TAG, _LIST_TAG, _MAP_TAG = (f"tag:yaml.org,2002:{name}" for name in ("str", "seq", "map"))
_DEFAULT_TAGS = frozenset({_TEXT_TAG, _LIST_TAG, _MAP_TAG})
_NO_FOLDING = 1_000_000
# Beyond them CloudFormation reads a Java double, and writes 123456789012 as 1.23456789012E11 where
# the property is a string (cloudtools/troposphere#994, aws/serverless-application-model#200).
_GREATEST_INTEGER = 2**31 - 1
_LEAST_FLOAT, _BEYOND_FLOATS = 1e-3, 1e7


class Plain(str):
    """A scalar that stands in the template without quotes: a number, a boolean, a bare word."""

    __slots__ = ()


def read(path: Path) -> str:
    """Return the text of a template file; raises StackError if it can't be read."""
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise StackError(
            f"The template {path} can't be read: {error}. Give the path of a CloudFormation "
            "template in YAML or JSON as option template."
        ) from error


def load(text: str, source: str = "template") -> dict[str, Any]:
    """Parse a CloudFormation template in YAML or JSON.

    Args:
        text: the template's text.
        source: its name in messages.

    Returns: the template with every function in its long form.
    Raises: StackError for what is no YAML, no template, has a key twice or an unknown tag.
    """
    try:
        node = yaml.compose(text, Loader=_LOADER)
        template = _value(node) if node is not None else None
    except yaml.YAMLError as error:
        raise StackError(f"{source} is not a template: {error}. Mend its YAML.") from error
    except RecursionError as error:
        raise StackError(
            f"{source} is nested too deeply, or an alias holds itself. Write the part out."
        ) from error
    if not isinstance(template, dict) or not isinstance(template.get("Resources"), dict):
        raise StackError(
            f"{source} is not a CloudFormation template: it has no map Resources. "
            "Give the path of one as option template."
        )
    return template


def dump(template: Mapping[str, Any]) -> str:
    """Return the template as YAML that `load` reads back as the same values."""
    return str(
        yaml.serialize(_node(template), Dumper=_DUMPER, allow_unicode=True, width=_NO_FOLDING)
    )


def is_function(value: Any) -> bool:
    """Say whether a value is one of CloudFormation's functions, in its long form."""
    # Condition is left out: as a key it is an attribute of a resource or a part of a policy.
    if not isinstance(value, Mapping) or len(value) != 1:
        return False
    key = str(next(iter(value)))
    return key == "Ref" or (key.startswith("Fn::") and not key.startswith("Fn::ForEach::"))


def _value(node: yaml.Node) -> Any:
    value: Any
    if isinstance(node, yaml.ScalarNode):
        value = str(node.value) if node.style else Plain(node.value)
    elif isinstance(node, yaml.SequenceNode):
        value = [_value(item) for item in node.value]
    else:
        value = _map(node.value)
    return value if node.tag in _DEFAULT_TAGS else _long_form(node, value)


def _map(pairs: list[tuple[yaml.Node, yaml.Node]]) -> dict[str, Any]:
    result: dict[str, Any] = {}
    for key_node, value_node in pairs:
        key = _value(key_node)
        if not isinstance(key, str):
            raise StackError(f"A key is no single word{_place(key_node)}. Write it as one.")
        if key in result:
            raise StackError(f"The key {key} is there twice{_place(key_node)}. Remove one of them.")
        result[key] = _value(value_node)
    return result


def _long_form(node: yaml.Node, value: Any) -> dict[str, Any]:
    function = _SHORT_FORMS.get(node.tag)
    if function is None:
        raise StackError(
            f"The tag {node.tag} is unknown{_place(node)}. Use a function of CloudFormation, as "
            "!Ref, or quote the value."
        )
    if function == "Fn::GetAtt" and isinstance(value, str):
        # An attribute may hold dots (Endpoint.Address), a logical id can't.
        resource, _dot, attribute = value.partition(".")
        value = [Plain(resource), Plain(attribute)]
    return {function: value}


def _place(node: yaml.Node) -> str:
    return f" (line {node.start_mark.line + 1}, column {node.start_mark.column + 1})"


def _node(value: Any) -> yaml.Node:
    if isinstance(value, Mapping):
        if short := _short_form(value):
            return short
        text = "Value" if value.keys() & {"Name", "Key"} else None
        pairs = [
            (
                _node(str(key) if not isinstance(key, Plain) else key),
                _node(_quoted(item) if key == text else item),
            )
            for key, item in value.items()
        ]
        return yaml.MappingNode(
            _MAP_TAG, pairs, flow_style=_fits(it for pair in pairs for it in pair)
        )
    if isinstance(value, list | tuple):
        items = [_node(item) for item in value]
        return yaml.SequenceNode(_LIST_TAG, items, flow_style=_fits(items))
    text, style = _scalar(value)
    return yaml.ScalarNode(_TEXT_TAG, text, style=style)


def _fits(nodes: Iterable[yaml.Node]) -> bool:
    """Say whether a map or list of nodes goes into one line: a request takes only so many bytes."""
    return all(
        isinstance(node, yaml.ScalarNode) and (node.style == "'" or _IN_LINE.fullmatch(node.value))
        for node in nodes
    )


def _short_form(value: Mapping[str, Any]) -> yaml.Node | None:
    """Return a function as its short form, which is shorter and easier to read in the console."""
    if not is_function(value):
        return None
    function, argument = next(iter(value.items()))
    tag = _TAGS.get(function)
    if tag is None or isinstance(argument, Mapping):  # a tag can't stand before another tag
        return None
    if function == "Fn::GetAtt" and _is_attribute(argument):
        argument = Plain(".".join(argument))
    node = _node(argument)
    node.tag = tag
    return node


def _is_attribute(argument: Any) -> bool:
    return (
        isinstance(argument, list)
        and all(isinstance(word, str) and _WORD.fullmatch(word) for word in argument)
        and "." not in argument[0]
    )


def _quoted(value: Any) -> Any:
    """Return the value of an environment variable, a tag, a dimension: a number is a text there."""
    return as_text("Value", value) if isinstance(value, int | float) else value


def _scalar(value: Any) -> tuple[str, str | None]:
    """Return a scalar's text and YAML style; only Plain and small numbers go without quotes."""
    if isinstance(value, int | float) and _becomes_another(value):
        value = as_text("A number", value)
    if isinstance(value, Plain):
        return str(value), None
    if isinstance(value, str):
        return str(value), "|" if "\n" in value else "'"
    if value is None or isinstance(value, bool | int | float):
        return json.dumps(value, allow_nan=False), None
    raise StackError(
        f"A {type(value).__name__} ({value}) can't stand in a template. Write it as a quoted text."
    )


def _becomes_another(value: float) -> bool:
    """Whether CloudFormation could write a number that stands without quotes in another way."""
    if isinstance(value, float):
        return value != 0 and not _LEAST_FLOAT <= abs(value) < _BEYOND_FLOATS
    return abs(value) > _GREATEST_INTEGER
