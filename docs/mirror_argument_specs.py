"""Mirror each role's argument specs in the table of its README.

A README says of a variable what the specs (roles/*/meta/argument_specs.yml) say; what these have
from a template is written before, by docs/mirror_parameters.py.
``make roles`` writes the tables; ``--check`` only compares them, and is part of the tests.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from pathlib import Path
from typing import Any

import yaml

ROLES = Path(__file__).parent.parent / "roles"
BEGIN, END = "<!-- variables: begin -->", "<!-- variables: end -->"

Options = dict[str, dict[str, Any]]


def options_of(role: Path) -> Options:
    """Return the options of a role's entry point ``main``, in the order of its argument specs."""
    specs = yaml.safe_load((role / "meta" / "argument_specs.yml").read_text())
    options: Options = specs["argument_specs"]["main"]["options"]
    return options


def plain(description: str | list[str]) -> str:
    """Return a description as one line, with Ansible's markup turned into Markdown's."""
    text = " ".join(description) if isinstance(description, list) else description
    return re.sub(r"\b[COV]\(([^)]*)\)", r"`\1`", " ".join(text.split()))


def table_of(options: Options) -> str:
    """Return the table of variables for the README."""
    rows = ["| variable | type | default | |", "|---|---|---|---|"]
    for name, option in options.items():
        kind = option["type"] + (f" of {option['elements']}" if "elements" in option else "")
        default = f"`{json.dumps(option['default'])}`" if "default" in option else ""
        meaning = plain(option["description"])
        if "choices" in option:
            meaning += f" One of {', '.join(f'`{choice}`' for choice in option['choices'])}."
        if option.get("required"):
            default = "**required**"
        rows.append(f"| `{name}` | {kind} | {default} | {meaning} |")
    return "\n".join([BEGIN, "", *rows, "", END])


def mirrors_of(role: Path) -> dict[Path, str]:
    """Return the files that mirror a role's argument specs, with the text that each must have.

    Raises:
        ValueError: the README has no place for the table.
    """
    options = options_of(role)
    readme = role / "README.md"
    before, begin, rest = readme.read_text().partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        raise ValueError(
            f"{readme} has no place for the variables: add the lines {BEGIN} and {END}."
        )
    return {readme: before + table_of(options) + after}


def main() -> int:
    """Write the mirrors, or with ``--check`` name those that differ. Return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="change nothing, name what differs")
    check = parser.parse_args().check
    stale = []
    for specs in sorted(ROLES.glob("*/meta/argument_specs.yml")):
        for path, text in mirrors_of(specs.parent.parent).items():
            if not path.exists() or path.read_text() != text:
                stale.append(path)
                if not check:
                    path.write_text(text)
    news = "differs from the argument specs: run `make roles`" if check else "written"
    for path in stale:
        print(f"{path.relative_to(ROLES.parent)} {news}")
    return int(check and bool(stale))


if __name__ == "__main__":
    sys.exit(main())
