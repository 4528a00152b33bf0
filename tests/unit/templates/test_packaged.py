"""What `aws cloudformation package` makes of a template, in long forms, can be sent too.

It reads and writes as awscli 1.46.3 does (customizations/cloudformation/yamlhelper.py): the sizes
are the same to the byte.
"""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from tests.unit.templates.templates import FOLDER, NAMES
from tests.unit.templates.test_lint import MOST_BYTES

# It has nothing to package, and its compact form can be sent as it stands.
TOO_LARGE = {"service"}


class _Loader(yaml.SafeLoader):
    pass


class _Dumper(yaml.SafeDumper):
    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002 - PyYAML gives it
        return True


def _long_form(loader: yaml.SafeLoader, tag: str, node: yaml.Node) -> dict[str, Any]:
    name = tag if tag in ("Ref", "Condition") else f"Fn::{tag}"
    if isinstance(node, yaml.ScalarNode):
        text = loader.construct_scalar(node)
        return {name: str(text).split(".", 1) if tag == "GetAtt" else text}
    if isinstance(node, yaml.SequenceNode):
        return {name: loader.construct_sequence(node, deep=True)}
    assert isinstance(node, yaml.MappingNode)
    return {name: loader.construct_mapping(node, deep=True)}


_Loader.add_multi_constructor("!", _long_form)


def packaged(text: str) -> str:
    template = yaml.load(text, _Loader)  # a SafeLoader
    return str(yaml.dump(template, default_flow_style=False, Dumper=_Dumper, sort_keys=False))


@pytest.mark.parametrize("name", sorted({*NAMES} - TOO_LARGE))
def test_a_packaged_template_can_be_sent_without_a_bucket(name: str) -> None:
    text = packaged((FOLDER / f"{name}.yml").read_text("utf-8"))
    assert len(text.encode()) < MOST_BYTES


def test_packaging_writes_functions_out() -> None:
    assert (
        packaged("A: !GetAtt B.C.D\nE: !Sub x")
        == "A:\n  Fn::GetAtt:\n  - B\n  - C.D\nE:\n  Fn::Sub: x\n"
    )
