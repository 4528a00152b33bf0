"""A platform that the playbooks deployed on a local AWS, once for all end-to-end tests."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from http.client import HTTPResponse
from pathlib import Path
from typing import Any

import pytest

from local_aws.control import LocalAws

ROOT = Path(__file__).parents[2]
RUNTIME = f"python3.{sys.version_info.minor}"
ARCHITECTURE = "arm64" if os.uname().machine == "aarch64" else "x86_64"


@dataclass(frozen=True)
class Answer:
    """What a service answered; JSON comes parsed, anything else as text."""

    status: int
    body: Any

    @classmethod
    def of(cls, response: HTTPResponse | urllib.error.HTTPError) -> Answer:
        """Read a response of urllib's."""
        text = response.read().decode()
        is_json = "json" in response.headers.get("Content-Type", "")
        return cls(response.status or 0, json.loads(text) if is_json else text)


class Platform:
    """The platform under test, as its users see it: playbooks, HTTP and AWS's API."""

    name = "shop"

    def __init__(self, aws: LocalAws) -> None:
        self.aws = aws

    def start_playbook(
        self, playbook: str, *options: str, **variables: Any
    ) -> subprocess.Popen[str]:
        """Start ansible-playbook with extra variables; its output is one stream."""
        program = Path(sys.executable).parent / "ansible-playbook"
        return subprocess.Popen(
            [program, playbook, *options, "-e", json.dumps(variables)],
            cwd=ROOT,
            env={**os.environ, **self.aws.environment, "ANSIBLE_NOCOLOR": "1"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def play(self, playbook: str, *options: str, **variables: Any) -> str:
        """Run a playbook that must succeed; return its output."""
        process = self.start_playbook(playbook, *options, **variables)
        output, _ = process.communicate(timeout=280)
        assert process.returncode == 0, output
        return output

    def play_in_vain(self, playbook: str, **variables: Any) -> str:
        """Run a playbook that must fail; return its output."""
        process = self.start_playbook(playbook, **variables)
        output, _ = process.communicate(timeout=280)
        assert process.returncode != 0, output
        return output

    def service(self, name: str, image: str, **variables: Any) -> dict[str, Any]:
        """Return the variables of a service with one task, for the service's playbook."""
        return {
            "service_platform": self.name,
            "service_name": name,
            "service_image": image,
            "service_host_name": f"{name}.shop.test",
            "service_desired_count": 1,
            "service_deregistration_delay_seconds": 1,  # nobody waits for a slow client here
            **variables,
        }

    def call(self, service: str, path: str, body: Any = None) -> Answer:
        """Call a service through the load balancer by its host name; a body is posted as JSON."""
        url, headers = self.aws.url(f"{service}.shop.test", path)
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(url, data, {**headers, "Content-Type": "application/json"})
        try:
            with urllib.request.urlopen(request, timeout=10) as response:
                return Answer.of(response)
        except urllib.error.HTTPError as error:
            return Answer.of(error)

    def outputs(self, stack: str) -> dict[str, str]:
        """Return a stack's outputs."""
        described = self.aws.client("cloudformation").describe_stacks(StackName=stack)
        return {o["OutputKey"]: o["OutputValue"] for o in described["Stacks"][0]["Outputs"]}

    def stack_names(self) -> set[str]:
        """Return the names of all stacks that are not deleted."""
        pages = self.aws.client("cloudformation").get_paginator("describe_stacks").paginate()
        return {stack["StackName"] for page in pages for stack in page["Stacks"]}


@pytest.fixture(scope="session")
def aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalAws]:
    """A local AWS of the tests' own."""
    with LocalAws.start(tmp_path_factory.mktemp("aws") / "state") as running:
        yield running


@pytest.fixture(scope="session")
def functions() -> Path:
    """The folder with the functions' zips, built for the Python at hand."""
    output = ROOT / "build" / "functions"
    options = ["--runtime", RUNTIME, "--architecture", ARCHITECTURE, "--output", str(output)]
    subprocess.run(
        [sys.executable, "-m", "custom_resources.build", *options],
        cwd=ROOT,
        check=True,
    )
    return output


@pytest.fixture(scope="session")
def platform_variables(functions: Path) -> dict[str, Any]:
    """What a platform needs to be told on this machine."""
    return {
        "support_functions_directory": str(functions),
        "support_function_runtime": RUNTIME,
        "support_function_architecture": ARCHITECTURE,
        "rds_reader_count": 0,
    }


@pytest.fixture(scope="session")
def platform(aws: LocalAws, platform_variables: dict[str, Any]) -> Platform:
    """The platform ``shop``, deployed by playbooks/platform.yml."""
    deployed = Platform(aws)
    deployed.play("playbooks/platform.yml", platform=deployed.name, **platform_variables)
    return deployed


@pytest.fixture(scope="session")
def orders_image(aws: LocalAws) -> str:
    """The image of examples/orders."""
    return aws.push_image(ROOT / "examples" / "orders", "orders:1")


@pytest.fixture(scope="session")
def hello_image(aws: LocalAws) -> str:
    """The image of a service without a database."""
    return aws.push_image(ROOT / "tests" / "images" / "hello", "hello:1")


@pytest.fixture(scope="session")
def crash_image(aws: LocalAws) -> str:
    """An image whose container ends at once."""
    return aws.push_image(ROOT / "tests" / "images" / "crash", "crash:1")


@pytest.fixture(scope="session")
def orders(platform: Platform, orders_image: str) -> Platform:
    """The platform with the service ``orders``, deployed by the playbook of examples/orders."""
    platform.play("examples/orders/deploy.yml", **platform.service("orders", orders_image))
    return platform


@pytest.fixture
def until() -> Callable[[Callable[[], bool]], None]:
    """Wait for a condition for 30 seconds at most."""

    def wait(condition: Callable[[], bool]) -> None:
        end = time.monotonic() + 30
        while not condition():
            assert time.monotonic() < end, "the condition didn't come true in 30 seconds"
            time.sleep(0.2)

    return wait
