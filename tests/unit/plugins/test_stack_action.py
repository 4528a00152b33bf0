"""The action's options are the documented ones."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from ansible_collections.quayside.fargate.plugins.action import stack
from ansible_collections.quayside.fargate.plugins.modules import stack as documentation

DOCUMENTED = yaml.safe_load(documentation.DOCUMENTATION)["options"]


def test_every_option_is_documented_and_no_other() -> None:
    assert sorted(stack.OPTIONS) == sorted(DOCUMENTED)


@pytest.mark.parametrize("name", sorted(stack.OPTIONS))
def test_an_option_is_documented_as_it_is(name: str) -> None:
    option: dict[str, Any] = stack.OPTIONS[name]
    shown = {key: value for key, value in DOCUMENTED[name].items() if key != "description"}
    assert shown == option


def test_the_examples_use_documented_options() -> None:
    for task in yaml.safe_load(documentation.EXAMPLES):
        assert set(task["quayside.fargate.stack"]) <= set(DOCUMENTED)
