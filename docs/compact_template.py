"""Write templates/compact/service.json: what service.yml says, without what only people read.

CloudFormation takes 51,200 bytes of a template in a request and 1 MB of one in a bucket (its
quotas). service.yml is larger. The role puts it into the platform's bucket; who deploys by ``aws
cloudformation deploy`` and has none takes this one. It is the same template, less its comments,
descriptions and groups. ``make roles`` writes it; ``--check`` only compares.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cfnlint.decode import cfn_yaml

ROOT = Path(__file__).parents[1]
SOURCE = ROOT / "templates" / "service.yml"
COMPACT = ROOT / "templates" / "compact" / "service.json"
_GROUPS = "AWS::CloudFormation::Interface"
_FOR_PEOPLE = {"Description", "ConstraintDescription"}


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
    """Return a template as JSON with an entry a line, so that a change shows in a diff."""
    sections = [f"{_json(name)}:{_entries(section)}" for name, section in template.items()]
    return "{" + ",\n".join(sections) + "}\n"


def _entries(section: Any) -> str:
    if not isinstance(section, Mapping):
        return _json(section)
    lines = [f"{_json(name)}:{_json(entry)}" for name, entry in section.items()]
    return "{\n" + ",\n".join(lines) + "}"


def _json(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


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
