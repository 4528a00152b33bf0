"""Write templates/compact/service.yml: what service.yml says, without what only people read.

CloudFormation takes 51,200 bytes of a template in a request and 1 MB of one in a bucket (its
quotas). service.yml is larger. The role puts it into the platform's bucket; who deploys by ``aws
cloudformation deploy`` and has none takes this one. It is the same template, less its comments,
descriptions and groups, in flow form and with the short forms of functions, which is a quarter
smaller than JSON. ``make roles`` writes it; ``--check`` only compares.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml
from cfnlint.decode import cfn_yaml

ROOT = Path(__file__).parents[1]
SOURCE = ROOT / "templates" / "service.yml"
COMPACT = ROOT / "templates" / "compact" / "service.yml"
_GROUPS = "AWS::CloudFormation::Interface"
_FOR_PEOPLE = {"Description", "ConstraintDescription"}
# Those with a short form. `Condition` names one in a resource, too: that key isn't alone, as a
# function is. Rules' own functions (Fn::Contains) are documented in the long form alone.
_FUNCTION = re.compile(
    r"Fn::(And|Equals|FindInMap|GetAtt|If|ImportValue|Join|Not|Or|Select|Split|Sub)|Ref|Condition"
)
# What is the same text with quotes and without, in a flow mapping as well.
_PLAIN = re.compile(r"[A-Za-z_/$][A-Za-z0-9_./$*+-]*(:[A-Za-z0-9_./$*:+-]*[A-Za-z0-9_./$*+-])?")
_STRING = "tag:yaml.org,2002:str"


def compact(template: Mapping[str, Any]) -> dict[str, Any]:
    """Return a template without descriptions of parameters and outputs, and without groups.

    Args:
        template: in its JSON form. Descriptions of resources are theirs in AWS, and stay.
    """
    kept = dict(template)
    kept["Metadata"] = {key: it for key, it in template["Metadata"].items() if key != _GROUPS}
    for section in ("Parameters", "Outputs"):
        kept[section] = {
            name: {key: it for key, it in entry.items() if key not in _FOR_PEOPLE}
            for name, entry in template[section].items()
        }
    return kept


def text(template: Mapping[str, Any]) -> str:
    """Return a template as YAML with an entry a line, so that a change shows in a diff.

    Args:
        template: in its JSON form.
    """
    return "".join(f"{name}:{_entries(section)}\n" for name, section in template.items())


def _entries(section: Any) -> str:
    if not isinstance(section, Mapping):
        return f" {_node(section)}"
    return "".join(f"\n {_node(name)}: {_node(entry)}" for name, entry in section.items())


def _node(value: Any) -> str:
    """Return a value in flow form."""
    if isinstance(value, Mapping):
        short = _short(value)
        return short or "{" + ",".join(f"{_node(k)}: {_node(it)}" for k, it in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(_node, value)) + "]"
    return _text(value) if isinstance(value, str) else json.dumps(value)


def _short(value: Mapping[str, Any]) -> str:
    """Return the short form of a function; empty for what is none, or has none.

    One short form can't stand right inside another (CloudFormation user guide, Fn::ImportValue).
    """
    ((name, of), *more) = value.items() if value else [("", None)]
    found = _FUNCTION.fullmatch(name)
    if more or not found or (isinstance(of, Mapping) and (len(of) != 1 or _short(of))):
        return ""
    if name == "Fn::GetAtt" and isinstance(of, list):
        of = ".".join(of)
    return f"!{found[1] or name} {_node(of)}"


def _text(value: str) -> str:
    """Return a text as short as YAML reads it as one: bare, or in quotes."""
    if _PLAIN.fullmatch(value) and _is_string(value):
        return value
    if value.isprintable():
        return "'" + value.replace("'", "''") + "'"
    return str(yaml.safe_dump(value, default_style='"', width=float("inf"))).rstrip("\n")


def _is_string(value: str) -> bool:
    loader: Any = yaml.SafeLoader("")
    resolved = loader.resolve(yaml.ScalarNode, value, (True, False))
    return bool(resolved == _STRING)


def main() -> int:
    """Write the compact template, or with ``--check`` compare it; return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="compare, and change nothing")
    check = parser.parse_args().check
    wanted = text(compact(cfn_yaml.load(str(SOURCE))))
    stale = not COMPACT.exists() or COMPACT.read_text("utf-8") != wanted
    if stale:
        news = "differs from the template: run `make roles`" if check else "written"
        print(f"{COMPACT.relative_to(ROOT)} {news}")
    if stale and not check:
        COMPACT.parent.mkdir(exist_ok=True)
        COMPACT.write_text(wanted, "utf-8")
    return int(check and stale)


if __name__ == "__main__":
    sys.exit(main())
