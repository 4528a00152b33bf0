"""Every zip is taken by its version, which nobody can exchange once its checksum was compared."""

from __future__ import annotations

import pytest

from tests.unit.templates.templates import NAMES, load, of_type

FUNCTIONS = [(name, key) for name in NAMES for key in of_type(name, "AWS::Lambda::Function")]


@pytest.mark.parametrize(("name", "function"), FUNCTIONS)
def test_a_functions_zip_has_a_version_beside_its_key(name: str, function: str) -> None:
    template = load(name)
    code = template["Resources"][function]["Properties"]["Code"]
    version = code["S3Key"]["Ref"].removesuffix("Key") + "Version"
    none = {"Ref": "AWS::NoValue"}
    assert code["S3ObjectVersion"] == {"Fn::If": [f"Has{version}", {"Ref": version}, none]}
    given = {"Fn::Not": [{"Fn::Equals": [{"Ref": version}, ""]}]}
    assert template["Conditions"][f"Has{version}"] == given
    assert template["Parameters"][version]["Default"] == ""


def test_there_are_functions() -> None:
    assert len(FUNCTIONS) > 1
