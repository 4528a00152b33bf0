"""Molecule's scenarios, run as a tester of a role runs them (make molecule)."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.collection.tools import ROOT, start

SCENARIOS = sorted(path.parent.name for path in ROOT.glob("extensions/molecule/*/molecule.yml"))


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> str:
    """What molecule prints of all scenarios, which must succeed."""
    state = tmp_path_factory.mktemp("molecule")  # not that of a tester's own run
    done = start(
        "molecule",
        "test",
        "--all",
        "--workers=2",
        cwd=ROOT,
        MOLECULE_EPHEMERAL_DIRECTORY=str(state),
    )
    assert done.returncode == 0, done.stdout
    return done.stdout[done.stdout.rindex("\nDETAILS") :]


def test_every_role_has_a_scenario() -> None:
    roles = {path.parents[1].name for path in ROOT.glob("roles/*/meta/argument_specs.yml")}
    assert roles <= set(SCENARIOS)


@pytest.mark.walk
@pytest.mark.timeout(1200)
def test_every_step_of_every_scenario_succeeds(report: str) -> None:
    steps = re.findall(r"^(\w+) > (\w+): Executed: (\w+)", report, re.M)
    assert {outcome for _, _, outcome in steps} == {"Successful"}, report
    done = {(scenario, step) for scenario, step, _ in steps}
    for scenario in SCENARIOS:
        expected = {"converge", "idempotence", "verify", "cleanup"}
        if scenario == "default":
            expected = {"create", "destroy"}
        assert {(scenario, step) for step in expected} <= done, report


@pytest.mark.walk
def test_nothing_of_the_local_aws_is_left(report: str) -> None:
    assert report
    assert not Path(ROOT / "build" / "molecule" / "aws").exists()
