"""The installed collection, used from an empty folder by nothing but its playbooks' names."""

from __future__ import annotations

import json
import os
import re
import subprocess
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from local_aws.control import LocalAws
from tests.collection.tools import BIN, ROOT, start
from tests.e2e.platform import ARCHITECTURE, RUNTIME

PLATFORM = {
    "platform": "shop",
    "support_function_runtime": RUNTIME,
    "support_function_architecture": ARCHITECTURE,
    "rds_reader_count": 0,
}
SERVICE = {
    "service_platform": "shop",
    "service_name": "hello",
    "service_host_name": "hello.shop.test",
    "service_desired_count": 1,
    "service_deregistration_delay_seconds": 1,
}


class User:
    """Somebody who has the collection installed, a local AWS, and an empty folder."""

    def __init__(self, home: Path, folder: Path, aws: LocalAws) -> None:
        self.home, self.folder, self.aws = home, folder, aws

    def attempt(self, playbook: str, **variables: Any) -> subprocess.CompletedProcess[str]:
        """Run a playbook."""
        return start(
            "ansible-playbook",
            playbook,
            "-e",
            json.dumps(variables),
            cwd=self.folder,
            HOME=str(self.home),
            **self.aws.environment,
        )

    def play(self, playbook: str, **variables: Any) -> str:
        """Run a playbook that must succeed; return its output."""
        done = self.attempt(playbook, **variables)
        assert done.returncode == 0, done.stdout
        return done.stdout

    def stacks(self) -> set[str]:
        """Names of the stacks on AWS."""
        described = self.aws.client("cloudformation").describe_stacks()["Stacks"]
        return {stack["StackName"] for stack in described}


@pytest.fixture(scope="module")
def user(home: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[User]:
    folder = tmp_path_factory.mktemp("empty")
    with LocalAws.start(tmp_path_factory.mktemp("aws") / "state") as aws:
        yield User(home, folder, aws)


@pytest.fixture(scope="module")
def command(user: User) -> str:
    """The command that a playbook names when the functions aren't built."""
    done = user.attempt("quayside.fargate.platform", **PLATFORM)
    assert done.returncode != 0, done.stdout
    told = re.search(
        r"cd \S+ && python3 -m custom_resources\.build --runtime \S+ --architecture \w+",
        " ".join(done.stdout.split()),
    )
    assert told, done.stdout
    return told[0]


@pytest.fixture(scope="module")
def platform(user: User, command: str) -> User:
    """The user with the functions built by that command, and a platform."""
    path = f"{BIN}{os.pathsep}{os.environ['PATH']}"
    built = subprocess.run(
        ["bash", "-c", command],
        env={**os.environ, "PATH": path},
        capture_output=True,
        text=True,
        check=False,
    )
    assert built.returncode == 0, built.stdout + built.stderr
    user.play("quayside.fargate.platform", **PLATFORM)
    return user


@pytest.fixture(scope="module")
def service(platform: User) -> User:
    """The user with a service on the platform."""
    image = platform.aws.push_image(ROOT / "tests" / "images" / "hello", "hello:1")
    platform.play("quayside.fargate.service", service_image=image, **SERVICE)
    return platform


def test_functions_that_are_not_built_are_asked_for_by_the_command_that_builds_them(
    command: str, installed: Path
) -> None:
    assert f"cd {installed} " in command
    assert f"--runtime {RUNTIME} --architecture {ARCHITECTURE}" in command


def test_a_platform_stands_after_its_playbook(platform: User) -> None:
    parts = {"cluster", "deployment-all", "load-balancer-public", "network", "rds", "rotation"}
    assert {f"shop-{part}" for part in parts | {"support"}} <= platform.stacks()


def test_a_service_answers_after_its_playbook(service: User) -> None:
    url, headers = service.aws.url("hello.shop.test")
    with urllib.request.urlopen(urllib.request.Request(url, headers=headers)) as answer:
        assert answer.read() == b"hello\n"


def test_the_status_is_told(service: User) -> None:
    told = service.play("quayside.fargate.status", service_platform="shop", format="json")
    assert '"active_user"' in told


def test_region_and_endpoint_are_said_once_for_all_actions(service: User) -> None:
    playbook = service.folder / "status.yml"
    tasks = [{"quayside.fargate.status": {"platform": "shop", "show": "table"}}]
    nowhere = {"group/quayside.fargate.aws": {"endpoint_url": "nowhere"}}
    play = {"hosts": "localhost", "gather_facts": False, "tasks": tasks}
    playbook.write_text(json.dumps([play]))
    assert "hello" in service.play(str(playbook))
    playbook.write_text(json.dumps([play | {"module_defaults": nowhere}]))
    assert "Invalid endpoint: nowhere" in service.attempt(str(playbook)).stdout
    playbook.unlink()


def test_nothing_was_written_into_the_empty_folder(service: User) -> None:
    assert list(service.folder.iterdir()) == []


def test_nothing_stands_after_the_teardown(service: User) -> None:
    service.play("quayside.fargate.teardown", platform="shop", confirm="shop", delete_data="shop")
    assert service.stacks() == set()
