"""A role's own variables are found in its vars and tasks, not listed by hand."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ansible_collections.quayside.fargate.plugins.plugin_utils import private_names
from ansible_collections.quayside.fargate.plugins.plugin_utils.variables import Variables

ROOT = Path(__file__).parents[3]
ROLES = sorted(path.parts[-3] for path in ROOT.glob("roles/*/meta/argument_specs.yml"))


def problems(
    role: str, *layers: dict[str, Any], above: tuple[dict[str, Any], ...] = ()
) -> list[str]:
    return list(private_names.of_role(role).problems(layers, above))


@pytest.mark.parametrize("role", ROLES)
def test_every_role_has_some_and_none_of_them_is_an_option(role: str) -> None:
    private = private_names.of_role(role)
    names = {*private.vars, *private.registered, *private.local}
    assert {f"_{role}_checked", f"_{role}_stack", "_variables_checked"} <= names
    assert not names & {*Variables.of_role(role).options}
    assert all(name.startswith(("_" + role, "_variables_")) for name in names)


@pytest.mark.parametrize("role", ROLES)
def test_each_of_them_is_refused_from_anywhere_but_the_role(role: str) -> None:
    private = private_names.of_role(role)
    for name in {*private.vars, *private.registered, *private.local}:
        for found in (problems(role, {name: "theirs"}), problems(role, above=({name: "theirs"},))):
            assert [line.split(":")[0] for line in found] == [name]


@pytest.mark.parametrize("role", ROLES)
def test_what_the_role_itself_says_and_registers_passes(role: str) -> None:
    private = private_names.of_role(role)
    results = {name: {"changed": False, "skipped": True} for name in private.registered}
    assert problems(role, {**private.vars, **results}, {"service_cpu": 1, "_mine": 2}) == []


@pytest.mark.parametrize("role", ROLES)
def test_what_would_cover_it_is_refused_even_if_it_looks_the_same(role: str) -> None:
    private = private_names.of_role(role)
    assert len(problems(role, above=(dict(private.vars),))) == len(private.vars)
