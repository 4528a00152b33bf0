"""What a person, a log and a program see of a deployment: the callback, the terminal, JSON."""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from local_aws.control import LocalAws
from tests.integration.plugins.support import TEMPLATES, Playbooks
from tests.integration.plugins.terminal import Terminal, seen
from tests.integration.plugins.test_stack import change_sets, children, runs

CANARY = "canary-8b0a7c11"
CALM = {"ANSIBLE_VERBOSITY": "0"}


@pytest.fixture
def calm(playbooks: Playbooks) -> Playbooks:
    """Runs as users have them, without -v."""
    return playbooks.with_environment(**CALM)


def written(folder: Path, **options: Any) -> Path:
    """Write a playbook with one task of the action."""
    playbook = folder / "deploy.yml"
    options["template"] = str(TEMPLATES / options["template"])
    tasks = [{"name": "Deploy it", "quayside.fargate.stack": options}]
    playbook.write_text(
        json.dumps(
            [{"name": "Deploy", "hosts": "localhost", "gather_facts": False, "tasks": tasks}]
        )
    )
    return playbook


def test_a_deployment_prints_what_has_finished_and_one_that_changes_nothing_nothing(
    calm: Playbooks, name: str
) -> None:
    made = calm.stack(name=name, template="queue.yml").stdout.splitlines()
    assert [line.partition(f"{name}: ")[2] for line in made[1:3]] == [
        "Note 0.0 s, Queue 0.0 s",
        "created",
    ]
    assert len(made) == 4, made  # play, resources, stack, recap
    again = calm.stack(name=name, template="queue.yml").stdout.splitlines()
    assert len(again) == 2, again


def test_an_error_stands_once_and_last(
    calm: Playbooks, name: str, signal: Callable[..., None], cloudformation: Any
) -> None:
    running = calm.start(name=name, template="gate.yml")
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline and running.process.poll() is None:
        with contextlib.suppress(cloudformation.exceptions.ClientError):  # it isn't there yet
            signal(name, "FAILURE")
        time.sleep(0.2)
    failed = running.finish()
    assert failed.output.count("received failed message") == 1, failed.output
    assert failed.message in failed.stdout
    (*_, last, recap) = failed.stdout.splitlines()
    assert last.endswith("Mend that, and run the playbook again.")
    assert recap.startswith("localhost ")
    assert len(failed.stdout.splitlines()) <= 6, failed.stdout


@pytest.mark.parametrize("callback", ["json", "ansible.posix.json", "ansible.posix.jsonl", "page"])
def test_with_a_callback_for_programs_standard_output_is_its_document_and_nothing_else(
    calm: Playbooks, name: str, callback: str
) -> None:
    programs = calm.with_environment(ANSIBLE_STDOUT_CALLBACK=callback)
    made = programs.stack(name=name, template="queue.yml")
    failed = programs.stack(name=name, template="queue.yml", parameters={"Nothing": "there"})
    for run in (made, failed):
        lines = run.stdout.splitlines() if callback.endswith("jsonl") else [run.stdout]
        assert lines
        assert all(json.loads(line) for line in lines), run.stdout
    assert f"{name}: " in made.stderr
    assert (made.code, failed.code) == (0, 2)
    assert ('"failures": 1' if callback == "page" else "Nothing") in failed.stdout


def test_a_terminal_shows_what_waits_in_one_line_that_is_gone_in_the_end(
    aws: LocalAws, name: str, tmp_path: Path, signal: Callable[..., None]
) -> None:
    playbook = written(tmp_path, name=name, template="gate.yml")
    terminal = Terminal.of_playbook(playbook, aws.environment)
    terminal.wait_for("waiting for Gate (AWS::CloudFormation::WaitCondition), 1 s")
    signal(name)
    assert terminal.finish() == 0, terminal.shown
    assert terminal.shown.count("waiting for Gate") > 1
    left = seen(terminal.shown)
    assert not any("waiting for" in line for line in left), left
    assert any(line.endswith(f"{name}: created") for line in left)


@pytest.fixture
def busy(playbooks: Playbooks, name: str, signal: Callable[..., None]) -> Any:
    """A stack that another deployment is busy with; ends that one's wait when called."""
    first = playbooks.start(name=name, template="gate.yml")
    first.wait_for("Gate (AWS::CloudFormation::WaitCondition) CREATE_IN_PROGRESS")

    def free() -> None:
        signal(name)
        assert first.finish().changed

    return free


def has_queue(cloudformation: Any, name: str) -> bool:
    """Whether the second deployment was deployed: its template has a queue, the first one none."""
    resources = cloudformation.describe_stack_resources(StackName=name)["StackResources"]
    return "Queue" in {resource["LogicalResourceId"] for resource in resources}


def test_a_closed_terminal_ends_a_run_that_waits_with_all_its_processes(
    aws: LocalAws, name: str, tmp_path: Path, busy: Callable[[], None], cloudformation: Any
) -> None:
    playbook = written(tmp_path, name=name, template="queue.yml")
    terminal = Terminal.of_playbook(playbook, aws.environment)
    terminal.wait_for("another operation runs, waiting for its end")
    (worker,) = children(terminal.process.pid)
    terminal.close()
    terminal.process.wait(timeout=20)
    deadline = time.monotonic() + 20
    while runs(worker) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not runs(worker), "it waits for the stack, and would deploy then"
    busy()
    assert change_sets(cloudformation, name) == []
    assert not has_queue(cloudformation, name)


def test_under_nohup_a_run_goes_on_when_its_terminal_is_closed(
    aws: LocalAws, name: str, tmp_path: Path, busy: Callable[[], None], cloudformation: Any
) -> None:
    playbook = written(tmp_path, name=name, template="queue.yml")
    terminal = Terminal.of_playbook(playbook, aws.environment, "nohup", folder=tmp_path)
    log, words = tmp_path / "nohup.out", "another operation runs, waiting for its end"
    deadline = time.monotonic() + 30
    while not (log.exists() and words in log.read_text()) and time.monotonic() < deadline:
        time.sleep(0.1)
    terminal.close()
    time.sleep(1)
    assert terminal.process.poll() is None
    busy()
    assert terminal.process.wait(timeout=60) == 0, log.read_text()
    assert has_queue(cloudformation, name)
    assert "\r" not in log.read_text(), "a file is no terminal"


def test_no_secret_is_on_any_screen(playbooks: Playbooks, name: str) -> None:
    # Put together by Ansible, so that the playbook, which Ansible quotes in errors, hasn't got it.
    secret = "{{ 'canary-' ~ '8b0a7c11' }}"
    telling = {
        "Type": "AWS::SSM::Parameter",
        "Properties": {"Name": "/told", "Type": {"Ref": "Secret"}, "Value": "x"},
    }
    options = {"name": name, "template": "queue.yml", "parameters": {"Secret": secret}}
    for environment in (CALM, CALM | {"ANSIBLE_STDOUT_CALLBACK": "json"}):
        screen = playbooks.with_environment(**environment)
        made = screen.stack("--diff", **options)
        failed = screen.stack("--diff", **options, overlay={"Resources": {"Telling": telling}})
        assert [made.code, failed.code] == [0, 2]
        assert "****" in failed.message, "CloudFormation's reason is expected to tell the value"
        assert CANARY not in made.output + failed.output
