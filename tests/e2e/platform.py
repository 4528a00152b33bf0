"""A platform on a local AWS as its users see it; end-to-end tests and benchmarks share it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import urllib.error
import urllib.request
from dataclasses import dataclass
from http.client import HTTPResponse
from pathlib import Path
from typing import Any

from local_aws.control import LocalAws
from tests.permissions import policies
from tests.warm import playbooks as warm

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


# Whose policies of docs/permissions a playbook is run with; any other one's are the platform's.
DEPLOYER = {
    "examples/orders/deploy.yml": "service",
    "playbooks/exec.yml": "operate",
    "playbooks/history.yml": "read",
    "playbooks/logs.yml": "read",
    "playbooks/repair.yml": "operate",
    "playbooks/restore.yml": "restore",
    "playbooks/rollback.yml": "operate",
    "playbooks/rotate.yml": "operate",
    "playbooks/service.yml": "service",
    "playbooks/status.yml": "read",
    "playbooks/verify.yml": "read",
}
KINDS = ("platform", "service", "read", "operate", "restore")


class Platform:
    """The platform under test, as its users see it: playbooks, HTTP and AWS's API.

    Playbooks run as IAM users that have the permissions of docs/permissions and no others: each as
    the one that it is for.

    Args:
        aws: where.
        cold: every playbook is started as a user starts it, for who measures that.
    """

    name = "shop"
    deployment = ""  # what its own deployment printed

    def __init__(self, aws: LocalAws, *, cold: bool = False) -> None:
        self.aws = aws
        self._cold = cold
        self._deployers = {kind: self.deployer(kind) for kind in KINDS}

    def deployer(self, kind: str, team: str = "all", services: str = "*") -> dict[str, str]:
        """Create an IAM user with the policies of docs/permissions; return its environment.

        Args:
            kind: one of KINDS.
            team: whose services it is for.
            services: what their names are like.
        """
        given = {
            "PLATFORM": self.name,
            "ACCOUNT": self.aws.account,
            "SERVICES": services,
            "TEAM": team,
        }
        user = f"{self.name}-{kind}-deployer" + ("" if team == "all" else f"-{team}")
        iam = self.aws.client("iam")
        iam.create_user(UserName=user)
        for name in policies.names(kind):
            made = iam.create_policy(
                PolicyName=f"{user}-{name}", PolicyDocument=policies.text(name, **given)
            )
            iam.attach_user_policy(UserName=user, PolicyArn=made["Policy"]["Arn"])
        key = iam.create_access_key(UserName=user)["AccessKey"]
        return {
            "AWS_ACCESS_KEY_ID": key["AccessKeyId"],
            "AWS_SECRET_ACCESS_KEY": key["SecretAccessKey"],
        }

    def deploy(self) -> str:
        """Deploy the platform; return what was printed."""
        return self.play("playbooks/platform.yml", platform=self.name, **platform_variables())

    def environment(self, playbook: str) -> dict[str, str]:
        """Return the environment of the IAM user whom a playbook is for."""
        return dict(self._deployers[DEPLOYER.get(playbook, "platform")])

    def start_playbook(
        self, playbook: str, *options: str, deployer: Any = None, **variables: Any
    ) -> subprocess.Popen[str]:
        """Start ansible-playbook with extra variables; its output is one stream.

        Args:
            playbook: its path.
            options: of ansible-playbook.
            deployer: environment of an IAM user; without it, the one that the playbook is for.
            variables: extra ones.
        """
        kind = DEPLOYER.get(playbook, "platform")
        deployer = self._deployers[kind] if deployer is None else deployer
        environment = {**os.environ, **self.aws.environment, **deployer, "ANSIBLE_NOCOLOR": "1"}
        program = [str(warm.PROGRAM)] if self._cold else warm.command(environment)
        return subprocess.Popen(
            [*program, playbook, *options, "-e", json.dumps(variables)],
            cwd=ROOT,
            env=environment,
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

    def play_in_vain(self, playbook: str, *options: str, **variables: Any) -> str:
        """Run a playbook that must fail; return its output."""
        process = self.start_playbook(playbook, *options, **variables)
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


def build_functions() -> Path:
    """Build the functions for the Python and the processor at hand; return their folder."""
    output = ROOT / "build" / "functions"
    options = ["--runtime", RUNTIME, "--architecture", ARCHITECTURE, "--output", str(output)]
    subprocess.run([sys.executable, "-m", "custom_resources.build", *options], cwd=ROOT, check=True)
    return output


def platform_variables() -> dict[str, Any]:
    """Return what playbooks/platform.yml needs to be told on this machine."""
    return {
        "support_functions_directory": str(build_functions()),
        "support_function_runtime": RUNTIME,
        "support_function_architecture": ARCHITECTURE,
        "rds_reader_count": 0,
        "cluster_masking_audits": True,
        # Nobody waits for a busy stack, or for ECS to settle, as long as on AWS.
        "rotation_settling_seconds": 2,
        "rotation_dashboard": True,
        "rotation_overrides": {
            "Resources": {
                "ActivationQueue": {"Properties": {"VisibilityTimeout": 3}},
                # Each refusal rings anew.
                "RotateFunctionAlarm": {"Properties": {"Period": 10}},
            }
        },
    }
