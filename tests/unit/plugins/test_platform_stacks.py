"""Which stacks a platform has, by their names."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from jinja2 import Environment

from ansible_collections.quayside.fargate.custom_resources.contract.names import Service
from ansible_collections.quayside.fargate.plugins.plugin_utils import platform_stacks
from ansible_collections.quayside.fargate.plugins.plugin_utils.platform_stacks import (
    KINDS,
    SERVICE,
    Kind,
    is_platform,
    kind_of,
    owners,
)
from tests.unit.templates.templates import load

ROOT = Path(__file__).parents[3]
MOLECULE = ROOT / "extensions/molecule"
SCENARIOS = sorted(path.parent.name for path in MOLECULE.glob("*/molecule.yml"))
PATTERN = load("network")["Parameters"]["Platform"]["AllowedPattern"].replace("$", r"\Z")
kinds = st.sampled_from(KINDS)
# Those that are hard to tell apart: of the words that stacks' names have themselves.
words = st.sampled_from(
    ["shop", "x1", "two", *{it for kind in KINDS for it in kind.word.split("-")}]
)
own_names = st.lists(words, min_size=1, max_size=3).map("-".join)
platforms = own_names.filter(is_platform)


def stack(platform: str, kind: Kind, own: str) -> str:
    """Return what a platform calls a stack of a kind."""
    return f"{platform}-{kind.word}-{own}" if kind.several else f"{platform}-{kind.word}"


@given(platform=st.from_regex(PATTERN))
@settings(max_examples=30)
def test_what_a_template_takes_is_a_platforms_name(platform: str) -> None:
    assert is_platform(platform)


@pytest.mark.parametrize(
    "name", ["", "a", "shop-", "Shop", "shop.*", "sh--op", "aws-shop", "internal1", "a" * 22]
)
def test_a_name_that_no_platform_has(name: str) -> None:
    assert not is_platform(name)


@given(platform=platforms, kind=kinds, own=own_names)
def test_every_stack_is_of_its_kind_and_may_be_its_platforms(
    platform: str, kind: Kind, own: str
) -> None:
    name = stack(platform, kind, own)
    assert kind_of(name, platform) == kind
    assert platform in owners(name)


@given(platform=platforms, kind=kinds, own=own_names)
def test_a_stack_without_an_end_of_its_own_is_no_platforms(
    platform: str, kind: Kind, own: str
) -> None:
    wrong = f"{platform}-{kind.word}-" if kind.several else f"{platform}-{kind.word}-{own}"
    assert kind_of(wrong, platform) is None


@given(platform=platforms, kind=kinds, own=own_names)
def test_a_stack_is_named_by_platform_kind_and_its_own_name(
    platform: str, kind: Kind, own: str
) -> None:
    assert platform_stacks.name(kind, platform, own) == stack(platform, kind, own)


def test_functions_and_plugins_call_a_services_stack_the_same() -> None:
    assert platform_stacks.name(SERVICE, "shop", "orders") == Service("shop", "orders").stack


def test_a_platform_is_known_by_its_stack_of_support() -> None:
    listed = ["shop-support", "shop-cluster", "a-b-support", "support"]
    assert platform_stacks.platforms(listed) == ["a-b", "shop"]


def test_no_other_module_puts_a_stacks_name_together() -> None:
    kinds = "|".join(kind.word for kind in KINDS)
    by_hand = re.compile(rf"""\}}-(?:{kinds})(?:-\{{|["'])|["']-(?:{kinds})["']""")
    found = {
        str(path.relative_to(ROOT)): by_hand.findall(path.read_text())
        for path in sorted((ROOT / "plugins").rglob("*.py"))
    }
    assert {path: words for path, words in found.items() if words} == {}


def test_a_name_may_be_several_platforms() -> None:
    assert [*owners("shop-service-network")] == ["shop", "shop-service"]
    assert [*owners("shop-load-balancer-a-support")] == ["shop", "shop-load-balancer-a"]
    assert [*owners("shop-service-orders")] == ["shop"]
    assert [*owners("my-orders")] == []


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_the_platform_of_every_molecule_scenario_may_be_called_so(scenario: str) -> None:
    """Only a walk runs the scenarios, and roles refuse names that another's stacks may get."""
    inventory = yaml.safe_load((MOLECULE / "shared/inventory/hosts.yml").read_text())
    named = Environment().from_string(inventory["all"]["vars"]["platform"])
    platform = named.render(lookup=lambda _plugin, _variable: scenario)
    assert is_platform(platform), platform
    assert platform_stacks.mistaken_for(platform) is None, platform
