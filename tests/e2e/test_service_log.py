"""logs.yml and exec.yml, as people run them on a service that runs."""

from __future__ import annotations

import json
import shlex
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from tests.e2e.platform import Platform

SERVICE = "looked-at"
NAMED = {"service_platform": "shop", "service_name": SERVICE}
LOGS, EXEC = "playbooks/logs.yml", "playbooks/exec.yml"
SILENT = "quayside.fargate.silent"
PATIENCE = 30  # seconds


class Looked:
    """A service without a database that people look into."""

    def __init__(self, platform: Platform, image: str) -> None:
        self.platform = platform
        self._variables = platform.service(SERVICE, image, service_database=False)

    def deploy(self, **variables: Any) -> None:
        """Deploy it with variables besides its own."""
        self.platform.play("playbooks/service.yml", **self._variables | variables)

    def tasks(self) -> list[str]:
        """Return the ids of its tasks that are to run."""
        listed = self.platform.aws.client("ecs").list_tasks(cluster="shop", serviceName=SERVICE)
        return [arn.rpartition("/")[2] for arn in listed["taskArns"]]

    def ecs(self, kind: str, services: str = "*") -> Any:
        """Return a client of somebody who has a policy for services of such names."""
        key = self.platform.deployer(kind, team=f"lookers-{len(services)}", services=services)
        return boto3.client(
            "ecs",
            endpoint_url=self.platform.aws.environment["AWS_ENDPOINT_URL"],
            region_name=self.platform.aws.region,
            aws_access_key_id=key["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=key["AWS_SECRET_ACCESS_KEY"],
        )


@pytest.fixture(scope="module")
def looked(platform: Platform, hello_image: str) -> Iterator[Looked]:
    service = Looked(platform, hello_image)
    service.deploy()
    yield service
    service.deploy(service_state="absent")


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A path on which the two programs are that the printed command needs."""
    for name in ("aws", "session-manager-plugin"):
        program = tmp_path / name
        program.write_text("#!/bin/sh\n")
        program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")


def lines(looked: Looked, *options: str, **variables: Any) -> list[dict[str, Any]]:
    """Return what logs.yml tells a program; what it leaves out it says on standard error."""
    output = looked.platform.play(LOGS, *options, **NAMED, format="json", **variables)
    told = [it for it in output.splitlines() if not it.startswith("Lines from before ")]
    return [json.loads(line) for line in told]


def test_the_log_of_every_task_is_shown_to_who_may_read_it(
    looked: Looked, monkeypatch: pytest.MonkeyPatch
) -> None:
    (task,) = looked.tasks()
    for path in ("/first", "/second"):
        looked.platform.call(SERVICE, path)
    monkeypatch.setenv("ANSIBLE_STDOUT_CALLBACK", SILENT)
    deadline, wanted, said = time.monotonic() + PATIENCE, ["GET /first", "GET /second"], [""]
    while said != wanted and time.monotonic() < deadline:
        time.sleep(0.2)
        told = lines(looked, tail=10_000)
        said = [path for line in told for path in wanted if path in line["message"]]
    assert said == wanted, told
    assert {line["task"] for line in told} == {task}
    assert len(lines(looked, "-e", "filter='\"GET /second\"'", task=task[:8])) == 1
    assert len(lines(looked, tail=1, since="5m")) == 1
    monkeypatch.delenv("ANSIBLE_STDOUT_CALLBACK")
    shown = looked.platform.play(LOGS, **NAMED)
    assert f"  {task[:8]}  " in shown
    json_pattern = ["-e", "filter='{ $.level = \"error\" }'"]
    assert "wrote no line that fits the filter" in looked.platform.play(
        LOGS, *json_pattern, **NAMED
    )
    assert "No task c3c3c3 is in" in looked.platform.play_in_vain(LOGS, **NAMED, task="c3c3c3")


@pytest.mark.usefixtures("programs")
def test_a_shell_is_opened_once_it_is_on_and_its_tasks_are_new(
    looked: Looked, monkeypatch: pytest.MonkeyPatch
) -> None:
    play, in_vain = looked.platform.play, looked.platform.play_in_vain
    (closed,) = looked.tasks()
    assert "service_execute_command: true" in in_vain(EXEC, **NAMED)
    looked.deploy(service_execute_command=True)
    assert looked.tasks() == [closed], "it is switched on in place"
    assert "it was started before ECS Exec was on" in in_vain(EXEC, **NAMED)
    looked.deploy(service_execute_command=True, service_environment={"ANOTHER": "one"})
    (task,) = looked.tasks()
    told = play(EXEC, **NAMED, command="sh -c 'ls /'")
    (typed,) = [line for line in told.splitlines() if line.startswith("aws ")]
    assert "What is typed and shown isn't audited" in told
    words = shlex.split(typed)
    options = dict(zip(words[3::2], words[4::2], strict=False))
    assert options["--cluster"] == "shop"
    assert (options["--task"], options["--container"]) == (task, "app")
    asked = {"cluster": "shop", "container": "app", "interactive": True, "command": "sh"}
    on_call = looked.ecs("operate", services=SERVICE)
    assert on_call.execute_command(**asked, task=task)["session"]["sessionId"]
    for other in (looked.ecs("service"), looked.ecs("read"), looked.ecs("operate", "others-*")):
        with pytest.raises(ClientError, match="AccessDenied"):
            other.execute_command(**asked, task=task)
    monkeypatch.setenv("ANSIBLE_STDOUT_CALLBACK", SILENT)
    document = json.loads(play(EXEC, **NAMED, task=task, format="json"))
    assert (document["task"], document["log_group"]) == (task, "")
