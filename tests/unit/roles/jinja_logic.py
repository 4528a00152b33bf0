"""Counts what Jinja decides in roles and playbooks, where rules have no tests.

    python -m tests.unit.roles.jinja_logic [FOLDER]

prints the expressions and their lines, below a folder that has roles/ and playbooks/.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import yaml
from jinja2 import Environment, nodes

ROOT = Path(__file__).parents[3]
# What Ansible evaluates without braces.
_CONDITIONS = ("when", "that", "failed_when", "changed_when", "until")
_FILTERS = {"default", "combine", "list"}
_TESTS = {"defined", "undefined", "changed", "skipped", "failed"}
_FUNCTIONS = {"lookup", "query"}
# A condition names a state, and what it is; a value is one thing, or what stands for it.
_JOINED = {True: 2, False: 1}
_JINJA = Environment(autoescape=True)
_NEVER: dict[type[nodes.Node], str] = {
    nodes.CondExpr: "if and else",
    nodes.Call: "a call",
    nodes.Concat: "a text put together",
    nodes.BinExpr: "arithmetic",
    nodes.Slice: "a part cut out",
}


@dataclass(frozen=True)
class Expression:
    """An expression in YAML.

    place: file below the folder and the keys that lead there; text: as it stands; lines: how many
    it takes; reasons: why it is logic.
    """

    place: str
    text: str
    lines: int
    reasons: tuple[str, ...]


def logic(text: str, *, condition: bool) -> list[str]:
    """Return why a text with Jinja in it is more than names, one reason for each thing.

    Args:
        text: a value in YAML.
        condition: whether Ansible takes it as an expression as it is.
    """
    tree = _JINJA.parse(f"{{{{ {text} }}}}" if condition else text)
    statements = [type(it).__name__ for it in tree.body if not isinstance(it, nodes.Output)]
    found = [f"a statement {it}" for it in statements]
    outputs = [it for output in tree.find_all(nodes.Output) for it in output.nodes]
    for node in outputs:
        found += _reasons(node, condition)
    return found


def _reasons(tree: nodes.Node, condition: bool) -> Iterator[str]:
    """Yield why one expression is more than a name."""
    every = [tree, *tree.find_all(nodes.Node)]
    filters = [it.name for it in every if isinstance(it, nodes.Filter)]
    joined = [it for it in every if isinstance(it, (nodes.And, nodes.Or, nodes.Compare))]
    if len(filters) > 1:
        yield f"{len(filters)} filters"
    if len(joined) > _JOINED[condition]:
        yield f"{len(joined)} comparisons"
    for node in every:
        yield from filter(None, [_reason(node, condition)])


def _reason(node: nodes.Node, condition: bool) -> str:
    """Return why a part of an expression makes it more than a name, "" if it doesn't."""
    match node:
        case nodes.Filter(name=name) if name not in _FILTERS:
            return f"filter {name}"
        case nodes.Test(name=name) if name not in _TESTS:
            return f"test {name}"
        case nodes.Compare() if not condition:
            return "a comparison"
        case nodes.Call(node=nodes.Name(name=name)) if name in _FUNCTIONS:
            return ""
        case nodes.And() | nodes.Or():
            return ""  # they are counted together
    return next((said for kind, said in _NEVER.items() if isinstance(node, kind)), "")


def expressions(folder: Path) -> Iterator[Expression]:
    """Yield every expression of roles and playbooks below a folder that is logic."""
    for file in sorted([*folder.glob("playbooks/*.yml"), *folder.glob("roles/*/*/*.yml")]):
        document = yaml.compose(file.read_text(encoding="utf-8"))
        if document is not None:
            yield from _below(document, str(file.relative_to(folder)))


def _below(node: yaml.Node, place: str, key: str = "") -> Iterator[Expression]:
    if isinstance(node, yaml.MappingNode):
        for name, value in node.value:
            yield from _below(value, f"{place} {name.value}", name.value)
    elif isinstance(node, yaml.SequenceNode):
        for item in node.value:
            yield from _below(item, place, key)
    elif isinstance(node, yaml.ScalarNode) and node.tag.endswith(":str"):
        reasons = logic(node.value, condition=key in _CONDITIONS)
        if reasons:
            ends_before = node.style in ("|", ">") and node.end_mark.column == 0
            lines = node.end_mark.line - node.start_mark.line + (0 if ends_before else 1)
            yield Expression(place, node.value.strip(), lines, tuple(reasons))


if __name__ == "__main__":
    found = [*expressions(Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT)]
    for it in found:
        print(f"{it.place} ({it.lines}): {', '.join(it.reasons)}")
    print(f"{len(found)} expressions, {sum(it.lines for it in found)} lines")
