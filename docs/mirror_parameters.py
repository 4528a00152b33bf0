"""Write the argument specs of a role's options from its template's parameters.

A parameter is described once, in the template. The option of its name is mirrored into
roles/ROLE/meta/argument_specs.yml, and what every role has from docs/options_of_every_role.yml.
Written by hand are the options in ``mapping.SPECIAL``, which has the reasons. ``make roles`` writes
the specs; ``--check`` only compares them, and is part of the tests.
"""

from __future__ import annotations

import argparse
import itertools
import json
import re
import sys
import textwrap
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from plugins.plugin_utils import mapping

ROOT = Path(__file__).parents[1]
BY_HAND = "      # By hand: "
_ENTRY = re.compile(r"(?:^      #.*\n)*^      (\w+):\n(?:^       .*\n|^\n)*", re.MULTILINE)
_FILE = re.compile(r"Function(Key|Version)$")  # of the task's option files
_WIDTH = 138
Entry = dict[str, Any]


def specs_of(role: str) -> Path:
    """Return the file of a role's argument specs."""
    return ROOT / "roles" / role / "meta" / "argument_specs.yml"


def mirrored(role: str) -> str:
    """Return the argument specs that a role must have.

    Raises:
        ValueError: an option that is written by hand isn't there.
    """
    head, begin, body = specs_of(role).read_text().partition("    options:\n")
    found = {match[1]: match[0] for match in _ENTRY.finditer(body)}
    wanted = {**_by_hand(role, found), **_generated(role)}
    return head + begin + "".join(wanted[name] for name in _ordered(role, found, wanted))


def _by_hand(role: str, found: Mapping[str, str]) -> dict[str, str]:
    texts = {}
    for option, special in mapping.SPECIAL.get(role, {}).items():
        name = f"{role}_{option}"
        if name not in found:
            raise ValueError(
                f"{specs_of(role)} has no {name}, and mapping.SPECIAL has: {special.why}"
            )
        kept = re.sub(r"\A(      #.*\n)*", "", found[name])
        texts[name] = f"{BY_HAND}{special.why}.\n{kept}"
    return texts


def _generated(role: str) -> dict[str, str]:
    special = mapping.SPECIAL.get(role, {})
    entries = {
        mapping.options_of(None, parameter)[0]: entry_of(role, definition)
        for parameter, definition in parameters_of(role).items()
        if is_option(role, parameter)
    }
    entries |= every_role(role)
    return {
        f"{role}_{option}": written(f"{role}_{option}", entry)
        for option, entry in entries.items()
        if option not in special
    }


def _ordered(role: str, found: Mapping[str, str], wanted: Mapping[str, str]) -> list[str]:
    """Return the names as they stand now; a new one comes behind its neighbour in the template."""
    names = [name for name in found if name in wanted]
    before = ""
    for name in _generated(role):
        if name not in names:
            names.insert(names.index(before) + 1 if before else len(names), name)
        before = name
    return names


def is_option(role: str, parameter: str) -> bool:
    """Say whether a parameter has an option of its name.

    Args:
        role: whose template it is in.
        parameter: its name.
    """
    option = mapping.options_of(None, parameter)[0]
    if option in mapping.SPECIAL.get(role, {}):
        return True
    if parameter not in _parameters(role) and parameter in _outputs(role):
        return False  # the stack beside takes it from the role's own
    return not (
        mapping.options_of(role, parameter) != [option]
        or parameter in mapping.NO_OPTION
        or parameter in outputs_for(role)
        or _FILE.search(parameter)
    )


def entry_of(role: str, definition: Mapping[str, Any]) -> Entry:
    """Return the argument spec of a parameter.

    Args:
        role: whose template it is in.
        definition: the parameter in the template.
    """
    default, allowed = definition.get("Default"), definition.get("AllowedValues")
    described = " ".join(definition["Description"].split())
    kind = _type(definition)
    entry: Entry = {"type": kind}
    if kind == "list":
        entry["elements"] = "str"
        described = described.replace(", joined by commas", "")
        default = default.split(",") if default else default if default is None else []
    if kind == "bool":
        allowed, default = None, default == "true"
    if default is None:
        entry["required"] = True
    if allowed:
        entry["choices"] = allowed
    if default is not None:
        entry["default"] = default
    return {**entry, "description": _in_ansibles_words(role, described)}


def _type(definition: Mapping[str, Any]) -> str:
    if definition.get("AllowedValues") == ["true", "false"]:
        return "bool"
    if definition["Type"] == "Number":
        return "float" if isinstance(definition.get("Default"), float) else "int"
    # A text that may go on behind a comma.
    return "list" if "(," in definition.get("AllowedPattern", "") else "str"


def _in_ansibles_words(role: str, described: str) -> str:
    """Return a description with the names of parameters as the role's options are called."""
    known = {name for name in parameters_of(role) if is_option(role, name)}
    words = (name for name in known if re.search(r"[a-z][A-Z]", name))  # Memory may mean memory
    for word in words:
        option = mapping.options_of(None, word)[0]
        described = re.sub(rf"\b{word}\b", f"O({role}_{option})", described)
    return described


@cache
def _template(role: str) -> str:
    return (ROOT / "templates" / f"{role}.yml").read_text()


def _section(role: str, name: str) -> str:
    found = re.search(rf"^{name}:\n((?:(?: .*)?\n)*)", _template(role), re.MULTILINE)
    return found[1] if found else ""


@cache
def parameters_of(role: str) -> dict[str, dict[str, Any]]:
    """Return the parameters of a role's template, and those that the one beside it adds."""
    beside = _parameters(mapping.BESIDE[role]) if role in mapping.BESIDE else {}
    own = _parameters(role)
    return own | {name: it for name, it in beside.items() if name not in own}


@cache
def _parameters(template: str) -> dict[str, dict[str, Any]]:
    return dict(yaml.safe_load(_section(template, "Parameters")))


def _outputs(template: str) -> list[str]:
    return re.findall(r"^  (\w+):$", _section(template, "Outputs"), re.MULTILINE)


@cache
def outputs_for(role: str) -> frozenset[str]:
    """Return the outputs of other stacks, but for those that a role's own stack tells of itself."""
    stacks = sorted(path.stem for path in (ROOT / "templates").glob("*.yml"))
    told = {it: _outputs(it) for it in stacks}
    others = (outputs for stack, outputs in told.items() if stack != role)
    return frozenset(itertools.chain(*others)).difference(told[role])


@cache
def every_role(role: str) -> dict[str, Entry]:
    """Return the options that every role has."""
    options: dict[str, Entry] = yaml.safe_load(
        (ROOT / "docs" / "options_of_every_role.yml").read_text().replace("ROLE", role)
    )
    return options


def written(name: str, entry: Entry) -> str:
    """Return an option as it stands in argument specs."""
    lines = [f"      {name}:"]
    for member, value in entry.items():
        lines += [f"        {line}" for line in _written(member, value)]
    return "\n".join(lines) + "\n"


def _written(member: str, value: Any) -> Iterator[str]:
    if isinstance(value, list):
        yield f"{member}: [{', '.join(_scalar(item) for item in value)}]"
    elif not isinstance(value, str):
        yield f"{member}: {json.dumps(value)}"
    elif len(text := _scalar(value)) <= _WIDTH:
        yield f"{member}: {text}"
    else:
        yield f"{member}: >-"
        yield from (f"  {line}" for line in textwrap.wrap(value, _WIDTH, break_on_hyphens=False))


def _scalar(value: Any) -> str:
    """Return a value as YAML has it, a text without quotes where that is the same."""
    if not isinstance(value, str):
        return json.dumps(value)
    try:
        is_plain = yaml.safe_load(f"a: {value}") == {"a": value}
    except yaml.YAMLError:
        is_plain = False
    return value if is_plain else json.dumps(value, ensure_ascii=False)


def main() -> int:
    """Write the specs, or with ``--check`` name those that differ. Return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="change nothing, name what differs")
    check = parser.parse_args().check
    stale = False
    for role in sorted(path.parts[-3] for path in ROOT.glob("roles/*/meta/argument_specs.yml")):
        text, path = mirrored(role), specs_of(role)
        if path.read_text() == text:
            continue
        stale = True
        names = [
            set(re.findall(r"^      (\w+):", it, re.MULTILINE)) for it in (path.read_text(), text)
        ]
        for name in sorted(names[0] - names[1]):
            print(f"{name}: {role}.yml has no such parameter, and mapping.SPECIAL no reason")
        if not check:
            path.write_text(text)
        print(f"{path.relative_to(ROOT)} {'differs: run `make roles`' if check else 'written'}")
    return int(check and stale)


if __name__ == "__main__":
    sys.exit(main())
