"""No-op redeploy of one stack: ansible-playbook beside `aws cloudformation deploy`.

Whole processes, the same template on the same local AWS, interleaved, so that a noisy machine is
noisy for both. With --playbook it runs another playbook, against the AWS of the environment, beside
a redeploy of the stack that this playbook deploys.

    python -m benchmarks.noop_redeploy
    python -m benchmarks.noop_redeploy --playbook playbooks/service.yml \
        --stack shop-service-orders --template templates/service.yml -- -e service_name=orders
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
import venv
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
BENCH = ROOT / "build" / "bench"
REQUIREMENTS = ROOT / "benchmarks" / "requirements.txt"
RUNS = 9
RESOURCES = 10


@dataclass(frozen=True)
class Case:
    """The two commands, and the environment that both run in."""

    ansible: list[str]
    aws: list[str]
    environment: dict[str, str]


def aws_cli() -> str:
    """Return the path of the AWS CLI, installed in a virtual environment of its own."""
    folder = BENCH / "venv"
    if not (folder / "bin" / "aws").exists():
        venv.create(folder, with_pip=True)
        pip = [str(folder / "bin" / "pip"), "install", "--quiet", "--requirement"]
        subprocess.run([*pip, str(REQUIREMENTS)], check=True)
    return str(folder / "bin" / "aws")


def template() -> str:
    """Return a template of ten queues, as JSON, which is YAML."""
    queue = {"Type": "AWS::SQS::Queue", "Properties": {"VisibilityTimeout": {"Ref": "Seconds"}}}
    return json.dumps(
        {
            "Parameters": {"Seconds": {"Type": "Number", "Default": 30}},
            "Resources": {f"Queue{number}": queue for number in range(RESOURCES)},
        }
    )


def deploy_command(stack: str, path: Path) -> list[str]:
    """Return the peer's command."""
    return [
        *(aws_cli(), "cloudformation", "deploy", "--stack-name", stack),
        *("--template-file", str(path), "--capabilities", "CAPABILITY_NAMED_IAM"),
        "--no-fail-on-empty-changeset",
    ]


def ansible_command(playbook: Path, *arguments: str) -> list[str]:
    """Return our command, with the ansible-playbook of this Python."""
    return [str(Path(sys.executable).with_name("ansible-playbook")), str(playbook), *arguments]


@contextlib.contextmanager
def own_case() -> Iterator[Case]:
    """Yield the case of ten queues on a local AWS, which ends with it."""
    from local_aws.control import LocalAws

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "queues.yml").write_text(template(), encoding="utf-8")
        task = {"name": "queues", "template": str(folder / "queues.yml")}
        play = {"hosts": "localhost", "gather_facts": False}
        tasks = [{"quayside.fargate.stack": task}]
        (folder / "playbook.yml").write_text(json.dumps([{**play, "tasks": tasks}]), "utf-8")
        with LocalAws.start(folder / "aws") as aws:
            yield Case(
                ansible=ansible_command(folder / "playbook.yml"),
                aws=deploy_command("queues", folder / "queues.yml"),
                environment={**os.environ, **aws.environment},
            )


def given_case(arguments: argparse.Namespace) -> Case:
    """Return the case of a given playbook, on the AWS of the environment."""
    return Case(
        ansible=ansible_command(arguments.playbook, *arguments.rest),
        aws=[*deploy_command(arguments.stack, arguments.template), *arguments.deploy_option],
        environment=dict(os.environ),
    )


def seconds(command: list[str], environment: dict[str, str]) -> float:
    """Run a command and return its seconds; raises CalledProcessError if it fails."""
    start = time.perf_counter()
    subprocess.run(command, cwd=ROOT, env=environment, check=True, capture_output=True)
    return time.perf_counter() - start


def measure(case: Case, runs: int) -> dict[str, object]:
    """Run both commands in turn and return their medians and the ratio."""
    seconds(case.ansible, case.environment)  # deploys the stack, fills the file cache
    seconds(case.aws, case.environment)
    taken: dict[str, list[float]] = {"ansible": [], "aws": []}
    for _ in range(runs):
        taken["ansible"].append(seconds(case.ansible, case.environment))
        taken["aws"].append(seconds(case.aws, case.environment))
    medians = {name: round(statistics.median(values), 3) for name, values in taken.items()}
    return {
        "runs": runs,
        "median_seconds": medians,
        "least_seconds": {name: round(min(values), 3) for name, values in taken.items()},
        "ratio": round(medians["ansible"] / medians["aws"], 2),
        "load_average": os.getloadavg()[0],
    }


def parse(arguments: list[str]) -> argparse.Namespace:
    """Read the command line; what stands behind -- goes to ansible-playbook."""
    split = arguments.index("--") if "--" in arguments else len(arguments)
    parser = argparse.ArgumentParser(description="Measure a no-op redeploy.")
    parser.add_argument("--runs", type=int, default=RUNS)
    parser.add_argument("--playbook", type=Path)
    parser.add_argument("--stack", help="the stack that the playbook deploys")
    parser.add_argument("--template", type=Path, help="the template that the playbook deploys")
    parser.add_argument(
        "--deploy-option", action="append", default=[], help="one more word for the AWS CLI"
    )
    parser.add_argument("--output", type=Path, default=BENCH / "noop_redeploy.json")
    parsed = parser.parse_args(arguments[:split])
    if parsed.playbook and not (parsed.stack and parsed.template):
        parser.error("--playbook needs --stack and --template, for the AWS CLI")
    parsed.rest = arguments[split + 1 :]
    return parsed


def main() -> None:
    """Measure, print and write the figures."""
    arguments = parse(sys.argv[1:])
    if arguments.playbook:
        figures = measure(given_case(arguments), arguments.runs)
    else:
        with own_case() as case:
            figures = measure(case, arguments.runs)
    arguments.output.parent.mkdir(parents=True, exist_ok=True)
    arguments.output.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")
    print(json.dumps(figures, indent=2))


if __name__ == "__main__":
    main()
