"""What falls back, since the variable isn't given any more, by the action as the roles call it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from local_aws.control import LocalAws
from tests.integration.plugins.support import ROOT, Playbooks

QUEUE = {"template": "queue.yml"}


@pytest.mark.parametrize("prefix", ["service", "rds"])
def test_a_protection_that_was_forgotten_stops_where_nothing_else_changes(
    playbooks: Playbooks, name: str, cloudformation: Any, prefix: str
) -> None:
    def protected() -> bool:
        (stack,) = cloudformation.describe_stacks(StackName=name)["Stacks"]
        return bool(stack["EnableTerminationProtection"])

    variable = f"{prefix}_termination_protection"
    options = {"name": name, **QUEUE, "variable_prefix": prefix}
    playbooks.stack(**options, given=[variable], termination_protection=True)
    forgotten = {**options, "given": [], "termination_protection": False}
    assert f"write {prefix}_allow: [{variable}]" in playbooks.stack(**forgotten).message
    assert protected()
    assert playbooks.stack("--check", **forgotten).result["stops"]
    allowed = playbooks.stack(**forgotten, allow=[variable])
    assert allowed.changed
    assert allowed.result.get("warnings", []) == []
    assert f"{name}: termination protection: off" in allowed.output
    assert not protected()
    assert not playbooks.stack(**forgotten).changed


def test_a_value_that_falls_back_to_another_stacks_output_stops(
    playbooks: Playbooks, name: str
) -> None:
    source = f"{name}-source"
    overlay = {"Outputs": {"Label": {"Value": "theirs"}, "Theirs": {"Value": "theirs"}}}
    playbooks.stack(name=source, **QUEUE, overlay=overlay)
    options = {"name": name, **QUEUE, "variable_prefix": "rds", "parameters_from": [source]}
    playbooks.stack(**options, given=["rds_label"], parameters={"Label": "own"})
    for passed in (
        {"variables": {"label": ""}},
        {"parameters": {"Label": None}},
        {"parameters": {"Label": {"output": "Theirs"}}},
    ):
        forgotten = {**options, "given": [], **passed}
        said = playbooks.stack(**forgotten).message
        assert "rds_label (parameter Label) isn't given, and would fall back from own" in said
        assert "rds_allow: [rds_label]" in said
    assert playbooks.stack(**forgotten, allow=["rds_label"]).changed
    assert not playbooks.stack(**forgotten).changed


def test_a_template_that_was_forgotten_stops_or_is_told(playbooks: Playbooks, name: str) -> None:
    options = {"name": name, **QUEUE, "variable_prefix": "network"}
    given = ["network_template"]
    assert playbooks.stack(**options, given=given).changed
    assert not playbooks.stack(**options, given=given).changed
    own = {"template": str(ROOT / "templates" / "network.yml"), "parameters": {"Platform": "falls"}}
    forgotten = {**options, **own, "given": []}
    said = playbooks.stack(**forgotten).message
    assert "network_template isn't given, and what the stack has by it would go" in said
    told = playbooks.stack("--check", **{**forgotten, "variable_prefix": "service"})
    assert "service_template isn't given" in told.output
    assert not any("service_template" in it for it in told.result["stops"])


def test_the_collections_own_template_is_sent_as_it_is(
    playbooks: Playbooks, name: str, cloudformation: Any
) -> None:
    path = ROOT / "templates" / "network.yml"
    options = {"template": str(path), "parameters": {"Platform": "falls"}}
    given = ["network_template"]
    assert playbooks.stack(name=name, **options, variable_prefix="network", given=given).changed
    sent = cloudformation.get_template(StackName=name)["TemplateBody"]
    assert sent == path.read_text()


def test_what_a_repair_sets_asks_for_nothing(playbooks: Playbooks, name: str) -> None:
    renaming = {
        "Parameters": {"RepairNumber": {"Type": "String", "Default": "0"}},
        "Resources": {
            "Queue": {"Properties": {"QueueName": {"Fn::Sub": "repairs-${RepairNumber}"}}}
        },
    }
    playbooks.stack(name=name, **QUEUE, overlay=renaming)
    both = {"RepairNumber": 1, "Label": "other"}
    assert "allow: [Queue]" in playbooks.stack(name=name, parameters=both).message
    assert playbooks.stack(name=name, parameters={"RepairNumber": 1}).changed


def test_a_bucket_that_was_forgotten_stops_before_another_is_made(
    playbooks: Playbooks, aws: LocalAws, tmp_path: Path
) -> None:
    bucket = {"Parameters": {"ArtifactsBucket": {"Type": "String"}}}
    options = {"name": "falls-support", **QUEUE, "overlay": bucket}
    assert playbooks.stack(**options, parameters={"ArtifactsBucket": "bucket-of-ours"}).changed
    functions = tmp_path / "python3.13-arm64"
    functions.mkdir()
    (functions / "manifest.json").write_text(json.dumps({}))
    given = {
        "support_platform": "falls",
        "support_functions_directory": str(tmp_path),
        "support_function_runtime": "python3.13",
        "support_function_architecture": "arm64",
    }
    role = {"ansible.builtin.import_role": {"name": "quayside.fargate.support"}, "vars": given}
    run = playbooks.task(role)
    assert run.code != 0
    said = " ".join(run.output.split())
    assert (
        "support_artifacts_bucket isn't given, and would fall back from bucket-of-ours to" in said
    )
    assert "support_allow: [support_artifacts_bucket]" in said
    buckets = [it["Name"] for it in aws.client("s3").list_buckets()["Buckets"]]
    assert not [it for it in buckets if it.startswith("falls-artifacts-")]
    aws.client("cloudformation").delete_stack(StackName="falls-support")
