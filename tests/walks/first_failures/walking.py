"""The cases of a stack's first creation, and the run of the playbook that walks them.

The local AWS makes each resource of each template fail once. A failed deletion in the rollback, of
each custom resource, is among the cases: once (the stack is ROLLBACK_FAILED) and twice (then it is
DELETE_FAILED).
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from local_aws.control import LocalAws
from tests.e2e.platform import ROOT
from tests.unit.templates.templates import Stack

FIGURES = ROOT / "build" / "walks"
PLAYBOOK = "tests/walks/first_failures/walk.yml"
# What of a stack may fail after it was made: the rollback then has to take it away again.
MADE_BEFORE_IT_FAILS = ("AWS::KMS::Key", "AWS::RDS::DBCluster", "AWS::ECS::Service", "Custom::")


@dataclass(frozen=True)
class Failure:
    """What `LocalAws.fail` is told."""

    resource: str
    action: str = "CREATE"
    times: int = 1
    after: bool = False


@dataclass(frozen=True)
class Case:
    """What fails in one first creation, and how often the role then runs in vain."""

    name: str
    failures: list[Failure]
    runs_in_vain: int = 1


@dataclass(frozen=True)
class Walk:
    """One stack: its template, its name, the role's variables, and what they are in the template.

    last: a resource that fails late; lift: parameters that let the stack be deleted; walked: what
    another walk over the template has seen to; beside: a stack of the same role that is in the way
    of the deletion; role: whose stack it is, where it isn't called like the template.
    """

    template: str
    stack: str
    variables: dict[str, Any]
    parameters: dict[str, str]
    last: str
    lift: dict[str, Any] = field(default_factory=dict)
    walked: frozenset[str] = frozenset()
    beside: str = ""
    role: str = ""

    def cases(self) -> list[Case]:
        """Return each resource's failure, and each custom resource's in the rollback.

        What outlives its stack comes first: afterwards it is there, and isn't made again.
        """
        resources = Stack(self.template, self.parameters).resources
        kept = [name for name, it in resources.items() if it.get("DeletionPolicy") == "Retain"]
        resources = {
            name: resources[name]
            for name in dict.fromkeys([*kept, *resources])
            if name not in self.walked
        }
        found = [Case(name, [Failure(name)]) for name in resources]
        for name, resource in resources.items():
            if resource["Type"].startswith(MADE_BEFORE_IT_FAILS):
                found.append(Case(f"{name}, made before it fails", [Failure(name, after=True)]))
        for name, resource in resources.items():
            if resource["Type"].startswith("Custom::") and name != self.last:
                for times in (1, 2):
                    undone = Failure(name, "DELETE", times)
                    title = f"{name}, not deleted in the rollback, {times} times"
                    found.append(Case(title, [Failure(self.last), undone], times))
        return found


def run(aws: LocalAws, playbook: str, **variables: Any) -> subprocess.CompletedProcess[str]:
    """Run a playbook as the account's root."""
    program = Path(sys.executable).parent / "ansible-playbook"
    return subprocess.run(
        [program, playbook, "-e", json.dumps(variables)],
        cwd=ROOT,
        env={**os.environ, **aws.environment, "ANSIBLE_NOCOLOR": "1", "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        timeout=1500,
    )


def play(aws: LocalAws, playbook: str, **variables: Any) -> str:
    """Run a playbook that must succeed; return its output."""
    done = run(aws, playbook, **variables)
    assert done.returncode == 0, done.stdout[-20_000:]
    return done.stdout


def walk(aws: LocalAws, it: Walk, report: Path) -> None:
    """Walk one stack's cases: each run in vain names what failed, and then the stack stands.

    Args:
        aws: where.
        it: the stack.
        report: where the playbook leaves what it saw.
    """
    cases = it.cases()
    began = time.monotonic()
    play(
        aws,
        PLAYBOOK,
        role=f"quayside.fargate.{it.role or it.template}",
        stack=it.stack,
        beside=it.beside,
        cases=[asdict(case) for case in cases],
        lift=it.lift,
        directory=str(aws.directory),
        report=str(report),
        **it.variables,
    )
    walked: list[dict[str, Any]] = json.loads(report.read_text())
    FIGURES.mkdir(parents=True, exist_ok=True)
    figures = {
        "cases": len(cases),
        "deployed afterwards": sum(one["status"].endswith("_COMPLETE") for one in walked),
        "seconds": round(time.monotonic() - began, 1),
    }
    name = f"first_failures_{it.template}{'_beside' if it.walked else ''}.json"
    (FIGURES / name).write_text(json.dumps(figures))
    assert [one["case"] for one in walked] == [case.name for case in cases]
    for case, one in zip(cases, walked, strict=True):
        assert len(one["told"]) == case.runs_in_vain
        assert case.failures[0].resource in one["told"][0], one
        assert one["status"] in ("CREATE_COMPLETE", "UPDATE_COMPLETE"), one
