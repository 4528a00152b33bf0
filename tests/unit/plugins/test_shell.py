"""What stands in the way of a shell in a container, and the command that opens it."""

from __future__ import annotations

import datetime
import shlex
from typing import Any

import pytest

from ansible_collections.quayside.fargate.custom_resources.contract.names import Service
from ansible_collections.quayside.fargate.plugins.plugin_utils import shell
from ansible_collections.quayside.fargate.plugins.plugin_utils.errors import StackError
from ansible_collections.quayside.fargate.plugins.plugin_utils.shell import Audit

ORDERS = Service("shop", "orders")
NOW = datetime.datetime(2026, 11, 29, 4, 30, tzinfo=datetime.UTC)
OLD, NEW = "a1a1a1a1" + "0" * 24, "b2b2b2b2" + "0" * 24


def task(name: str = NEW, age: int = 60, agent: str = "RUNNING", **more: Any) -> dict[str, Any]:
    """A task as DescribeTasks tells of it."""
    agents = [{"name": shell.AGENT, "lastStatus": agent}] if agent else []
    return {
        "taskArn": f"arn:aws:ecs:eu-central-1:123456789012:task/shop/{name}",
        "lastStatus": "RUNNING",
        "enableExecuteCommand": True,
        "startedAt": NOW - datetime.timedelta(seconds=age),
        "containers": [{"name": "app", "managedAgents": agents}],
        **more,
    }


def refusal(*tasks: dict[str, Any], wanted: str = "") -> str:
    with pytest.raises(StackError) as refused:
        shell.choose(ORDERS, tasks, wanted)
    return str(refused.value)


def test_the_newest_task_that_can_be_entered_is_taken() -> None:
    tasks = [task(OLD, age=600), task(NEW, age=60), task("c" * 32, age=6, agent="PENDING")]
    assert shell.identity(shell.choose(ORDERS, tasks, "")) == NEW
    assert shell.identity(shell.choose(ORDERS, tasks, "a1a1a1")) == OLD


@pytest.mark.parametrize(
    ("found", "words"),
    [
        (task(enableExecuteCommand=False), "it was started before ECS Exec was on"),
        (task(agent="PENDING"), "its ExecuteCommandAgent is PENDING"),
        (task(agent=""), "its ExecuteCommandAgent is not there"),
        (task(lastStatus="PROVISIONING"), "it is PROVISIONING"),
    ],
)
def test_what_is_in_the_way_of_a_task_is_said(found: dict[str, Any], words: str) -> None:
    assert f"in a task of shop/orders yet: {NEW}: {words}" in refusal(found)


def test_the_agents_own_reason_is_told() -> None:
    found = task()
    found["containers"][0]["managedAgents"][0] |= {"lastStatus": "STOPPED", "reason": "no memory"}
    assert "is STOPPED, no memory;" in refusal(found)


def test_no_task_an_unknown_one_and_two_of_a_name_are_refused() -> None:
    assert refusal().startswith("No task of the service shop/orders runs.")
    assert f"There are: {NEW}." in refusal(task(), wanted="c3c3c3")
    twin = "b2b2b2b2" + "1" * 24
    assert "Give the whole id." in refusal(task(NEW), task(twin), wanted="b2b2b2b2")


@pytest.mark.parametrize(
    ("parameters", "ecs", "words"),
    [
        ({}, {"enableExecuteCommand": False}, "service_execute_command: true"),
        ({}, {}, "service_execute_command: true"),
        (
            {"ReadonlyRootFilesystem": "true"},
            {"enableExecuteCommand": True},
            "service_readonly_root_filesystem: false",
        ),
    ],
)
def test_what_is_in_the_way_of_every_task_is_said(
    parameters: dict[str, str], ecs: dict[str, Any], words: str
) -> None:
    with pytest.raises(StackError, match=words):
        shell.refuse_switched_off(ORDERS, parameters, ecs)


def test_a_task_that_began_with_a_read_only_file_system_is_refused() -> None:
    app = {"name": "app", "readonlyRootFilesystem": True}
    with pytest.raises(StackError, match=f"of task {NEW} is read-only"):
        shell.refuse_readonly(task(), {"containerDefinitions": [app]})
    sidecar = {**app, "name": "sidecar"}
    shell.refuse_readonly(task(), {"containerDefinitions": [{"name": "app"}, sidecar]})


def test_a_program_that_is_missing_is_named() -> None:
    shell.refuse_missing([])
    with pytest.raises(StackError, match="needs session-manager-plugin, not found"):
        shell.refuse_missing(["session-manager-plugin"])


@pytest.mark.parametrize("command", ["", "  ", "ls\nrm -r /", "ls\x1b[2J"])
def test_a_command_that_is_no_line_is_refused(command: str) -> None:
    with pytest.raises(StackError):
        shell.refuse_command(command)


@pytest.mark.parametrize("command", ["/bin/sh", "sh -c 'echo \"$HOME\"; ls *'", "python -V"])
def test_what_is_printed_comes_to_the_container_as_it_was_asked_for(command: str) -> None:
    shell.refuse_command(command)
    words = shlex.split(shell.typed(ORDERS, NEW, command, "eu-central-1", "a b"))
    assert words[:3] == ["aws", "ecs", "execute-command"]
    assert words[words.index("--command") + 1] == command
    assert words[words.index("--task") + 1] == NEW
    assert words[words.index("--profile") + 1] == "a b"
    assert "--interactive" in words
    assert "--profile" not in shell.typed(ORDERS, NEW, command, None, None)


def test_where_it_is_kept_is_told() -> None:
    kept = {
        "logging": "OVERRIDE",
        "kmsKeyId": "arn:key",
        "logConfiguration": {"cloudWatchLogGroupName": "/shop-exec"},
    }
    audit = Audit.of({"configuration": {"executeCommandConfiguration": kept}})
    assert audit == Audit("/shop-exec", "arn:key")
    assert audit.sentence == "What is typed and shown is kept in the log group /shop-exec."
    kept["logConfiguration"] = {"s3BucketName": "shells"}
    audit = Audit.of({"configuration": {"executeCommandConfiguration": kept}})
    assert audit.sentence == "What is typed and shown is kept in the S3 bucket shells."


@pytest.mark.parametrize("how", [None, "DEFAULT", "NONE"])
def test_what_is_not_audited_may_still_come_into_the_services_own_log(how: str | None) -> None:
    given = {"executeCommandConfiguration": {"logging": how}} if how else None
    sentence = Audit.of({"configuration": given}).sentence
    assert "isn't audited" in sentence
    assert ("goes into the service's own log" in sentence) == (how != "NONE")
