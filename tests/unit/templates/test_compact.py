"""templates/compact/service.json, for who deploys without a bucket, is service.yml all the same."""

from __future__ import annotations

import json
from typing import Any

from cfnlint.decode import cfn_yaml

from docs import compact_template
from tests.unit.templates.templates import FOLDER, load

ONLY_FOR_PEOPLE = {"Description", "ConstraintDescription"}


def compact() -> dict[str, Any]:
    template: dict[str, Any] = json.loads((FOLDER / "compact" / "service.json").read_text("utf-8"))
    return template


def test_it_is_written_from_the_template() -> None:
    """After a change of service.yml: make roles."""
    wanted = compact_template.text(
        compact_template.compact(cfn_yaml.load(str(FOLDER / "service.yml")))
    )
    assert (FOLDER / "compact" / "service.json").read_text("utf-8") == wanted


def test_it_makes_the_same_of_the_same_parameters() -> None:
    for section in ("Rules", "Conditions", "Resources"):
        assert compact()[section] == load("service")[section], section


def test_what_it_lacks_is_what_only_people_read() -> None:
    for section in ("Parameters", "Outputs"):
        for name, entry in load("service")[section].items():
            left_out = entry.keys() - compact()[section][name].keys()
            assert left_out <= ONLY_FOR_PEOPLE, name
            assert {key: entry[key] for key in entry.keys() - left_out} == compact()[section][name]
    assert load("service")["Metadata"].keys() - compact()["Metadata"].keys() == {
        "AWS::CloudFormation::Interface"
    }
    assert load("service").keys() == compact().keys()
