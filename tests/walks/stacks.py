"""Deployed stacks, changed one parameter after the other with the action's own code."""

from __future__ import annotations

import itertools
import json
import re
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from local_aws.control import LocalAws
from tests import stack_options
from tests.e2e.platform import ROOT, Platform, platform_variables
from tests.unit.templates.templates import Stack, load

sys.path.insert(0, str(ROOT / "collections"))
from ansible_collections.quayside.fargate.plugins.plugin_utils.deployment import (
    Deployment,
)
from ansible_collections.quayside.fargate.plugins.plugin_utils.errors import (
    StackError,
)
from ansible_collections.quayside.fargate.plugins.plugin_utils.guards import GUARDS
from ansible_collections.quayside.fargate.plugins.plugin_utils.progress import Progress
from ansible_collections.quayside.fargate.plugins.plugin_utils.stack import Clock

FIGURES = ROOT / "build" / "walks"

# Resources whose physical id is a name that a new one has too.
CALLED_LIKE_THE_OLD_ONE = {"AWS::Route53::RecordSet"}


@dataclass
class Walked:
    """What a walk did.

    parameters: "template.Parameter" -> how often it was changed.
    flips: "template.Condition" -> the directions in which it was flipped.
    refusals: what was refused, in words.
    gated: what was stopped until it was allowed, "template.Resource" -> how often.
    requests, lost: of the traffic meanwhile.
    """

    parameters: dict[str, int] = field(default_factory=dict)
    flips: dict[str, set[str]] = field(default_factory=dict)
    refusals: list[str] = field(default_factory=list)
    gated: dict[str, int] = field(default_factory=dict)
    requests: int = 0
    lost: int = 0

    def note_flips(self, name: str, before: Stack, after: Stack) -> None:
        """Count the conditions that a change turned on or off."""
        for condition in load(name).get("Conditions", {}):
            was, now = before.holds(condition), after.holds(condition)
            if was != now:
                self.flips.setdefault(f"{name}.{condition}", set()).add("on" if now else "off")

    def missing_flips(self, *names: str) -> list[str]:
        """Return the conditions of templates that were not flipped in both directions."""
        return [
            f"{name}.{condition}: {sorted(self.flips.get(f'{name}.{condition}', ()))}"
            for name in names
            for condition in load(name).get("Conditions", {})
            if self.flips.get(f"{name}.{condition}") != {"on", "off"}
        ]

    def save(self, walk: str) -> None:
        """Write the figures to build/walks."""
        FIGURES.mkdir(parents=True, exist_ok=True)
        figures = {
            "parameters": len(self.parameters),
            "changes": sum(self.parameters.values()),
            "conditions": len(self.flips),
            "flips": sum(len(directions) for directions in self.flips.values()),
            "refusals": self.refusals,
            "gated": self.gated,
            "requests": self.requests,
            "lost": self.lost,
        }
        (FIGURES / f"{walk}.json").write_text(json.dumps(figures, indent=2) + "\n")


class Stacks:
    """The stacks of a platform that playbooks have deployed.

    Args:
        aws: where; its variables are in the environment.
        walked: what is noted.
    """

    def __init__(self, aws: LocalAws, walked: Walked) -> None:
        self._cloudformation = aws.client("cloudformation")
        self._region = aws.region
        self.walked = walked

    def parameters(self, stack: str) -> dict[str, str]:
        """Return the values that a stack has."""
        described = self._cloudformation.describe_stacks(StackName=stack)["Stacks"][0]
        return {it["ParameterKey"]: it["ParameterValue"] for it in described["Parameters"]}

    def resources(self, stack: str) -> dict[str, str]:
        """Return the physical ids of a stack's resources by their logical ones."""
        pages = self._cloudformation.get_paginator("list_stack_resources").paginate(StackName=stack)
        summaries = [it for page in pages for it in page["StackResourceSummaries"]]
        return {
            it["LogicalResourceId"]: it["PhysicalResourceId"]
            for it in summaries
            if it["ResourceStatus"] != "DELETE_COMPLETE"
        }

    def change(self, stack: str, name: str, **values: str) -> None:
        """Deploy other values, and hold what became of the stack against its template.

        What is stopped is allowed then, and must really go: else it was stopped without a reason.

        Args:
            stack: its name.
            name: of its template.
            values: what changes; everything else stays.
        """
        before = self.parameters(stack)
        assert {key: before.get(key) for key in values} != values, f"{values} is no change"
        ids = self.resources(stack)
        result, gated = self._deploy_asked(stack, values)
        after = self.parameters(stack)
        assert result["changed"], f"{stack}: {values} changed nothing"
        assert result["status"] == "UPDATE_COMPLETE", f"{stack}: {values}: {result['status']}"
        assert after == before | values
        wanted = Stack(name, after)
        now = self.resources(stack)
        assert now.keys() == wanted.resources.keys(), f"{stack}: {values}"
        for it in gated:
            named = load(name)["Resources"][it]["Type"] in CALLED_LIKE_THE_OLD_ONE
            assert named or now.get(it) != ids[it], f"{stack}: {values} stopped for {it}: it stayed"
            self.walked.gated[f"{name}.{it}"] = self.walked.gated.get(f"{name}.{it}", 0) + 1
        gone = {it for it in ids.keys() - now.keys() if self._is_guarded(name, it)}
        assert gone <= {*gated}, f"{stack}: {values} took {gone} away unasked"
        self.walked.note_flips(name, Stack(name, before), wanted)
        for parameter in values:
            key = f"{name}.{parameter}"
            self.walked.parameters[key] = self.walked.parameters.get(key, 0) + 1

    def refuses(self, stack: str, name: str, **values: str) -> None:
        """Deploy values that the action must refuse, before CloudFormation hears of them."""
        before = self._change_sets_and_events(stack)
        with pytest.raises(StackError) as refusal:
            self._deploy(stack, values)
        assert "it can't change" in str(refusal.value)
        assert self._change_sets_and_events(stack) == before
        self.walked.refusals.append(f"{name}.{'+'.join(values)}")

    def _deploy_asked(self, stack: str, values: dict[str, str]) -> tuple[dict[str, Any], list[str]]:
        """Deploy, and allow what stops; return the result and what was allowed."""
        before = self._change_sets_and_events(stack)
        try:
            return self._deploy(stack, values), []
        except StackError as error:
            asked = re.search(r"write allow: \[(.*)\]$", str(error))
            if not asked:
                raise
        assert self._change_sets_and_events(stack) == before
        names = asked[1].split(", ")
        result = self._deploy(stack, values, names)
        assert result["warnings"] == []
        return result, names

    def _is_guarded(self, template: str, resource: str) -> bool:
        guard = GUARDS.get(load(template)["Resources"][resource]["Type"])
        return guard is not None and not guard.if_told

    def _deploy(
        self, stack: str, values: dict[str, str], allow: Iterable[str] = ()
    ) -> dict[str, Any]:
        # Without a template the stack keeps the one it has.
        given = {"parameters": values, "allow": list(allow), "region": self._region}
        options = stack_options.options(name=stack, **given)
        silent = Progress(lambda *_: None)
        deployment = Deployment(options, Clock(300), check=False, diff=False, progress=silent)
        return dict(deployment.present(deployment.kept_draft()))

    def _change_sets_and_events(self, stack: str) -> tuple[int, int]:
        changes = self._cloudformation.list_change_sets(StackName=stack)["Summaries"]
        events = self._cloudformation.describe_stack_events(StackName=stack)["StackEvents"]
        return len(changes), len(events)


@contextmanager
def deployed_platform(folder: Path, **variables: Any) -> Iterator[Platform]:
    """A local AWS with the platform ``shop``; its variables are in this process's environment."""
    with LocalAws.start(folder) as aws, pytest.MonkeyPatch.context() as patch:
        for name, value in aws.environment.items():
            patch.setenv(name, value)
        platform = Platform(aws)
        platform.play(
            "playbooks/platform.yml",
            platform=platform.name,
            **{**platform_variables(), **variables},
        )
        yield platform


def chain(values: dict[str, tuple[str, ...]]) -> Iterator[tuple[str, str]]:
    """Yield each parameter with each of its values, one after the other."""
    yield from itertools.chain.from_iterable(
        ((parameter, value) for value in given) for parameter, given in values.items()
    )


def seconds_since(began: float) -> float:
    """Seconds, rounded as figures are."""
    return round(time.monotonic() - began, 1)
