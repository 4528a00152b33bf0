"""No-op redeploy of one stack: ansible-playbook beside `aws cloudformation deploy`.

Whole processes, the same template, parameters and tags on the same local AWS, interleaved, so that
a noisy machine is noisy for both; the seconds of processor time say what is left without the noise.
By itself it starts a local AWS and deploys ten queues. With --playbook it runs that one on the AWS
of the environment, beside a redeploy of the stack that it deploys:

    python -m benchmarks.noop_redeploy
    python -m benchmarks.noop_redeploy --playbook deploy.yml --stack shop-service-orders -- -e a=b
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import botocore.session

from tests.e2e.aws_cli import aws_cli

ROOT = Path(__file__).parents[1]
BENCH = ROOT / "build" / "bench"
RUNS = 9
RESOURCES = 10


@dataclass(frozen=True)
class Case:
    """The two commands, and the environment that both run in."""

    ansible: list[str]
    aws: list[str]
    environment: dict[str, str]


def template() -> str:
    """Return a template of ten queues, as JSON, which is YAML."""
    queue = {"Type": "AWS::SQS::Queue", "Properties": {"VisibilityTimeout": {"Ref": "Seconds"}}}
    return json.dumps(
        {
            "Parameters": {"Seconds": {"Type": "Number", "Default": 30}},
            "Resources": {f"Queue{number}": queue for number in range(RESOURCES)},
        }
    )


def deploy_command(stack: str, template: Path, *options: str) -> list[str]:
    """Return the peer's command; it keeps the stack's parameters, as our action does."""
    return [
        *(aws_cli(), "cloudformation", "deploy", "--stack-name", stack),
        *("--template-file", str(template), "--capabilities", "CAPABILITY_NAMED_IAM"),
        *("--no-fail-on-empty-changeset", *options),
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


def given_case(playbook: Path, stack: str, bucket: str | None, rest: list[str]) -> Case:
    """Return the case of a playbook and the stack that it deployed, on the environment's AWS."""
    region = os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION")
    client = botocore.session.Session().create_client("cloudformation", region_name=region)
    body = client.get_template(StackName=stack)["TemplateBody"]
    template = BENCH / f"{stack}.yml"
    template.parent.mkdir(parents=True, exist_ok=True)
    template.write_text(body if isinstance(body, str) else json.dumps(body), encoding="utf-8")
    tags = client.describe_stacks(StackName=stack)["Stacks"][0]["Tags"]
    options = [f"{tag['Key']}={tag['Value']}" for tag in tags]
    options = ["--tags", *options] if options else []
    options += ["--s3-bucket", bucket] if bucket else []
    return Case(
        ansible=ansible_command(playbook, *rest),
        aws=deploy_command(stack, template, *options),
        environment={**os.environ, "AWS_DEFAULT_REGION": region or ""},
    )


def run(command: list[str], environment: dict[str, str]) -> str:
    """Run a command and return what it printed; ends the benchmark if it fails."""
    pipe, both = subprocess.PIPE, subprocess.STDOUT
    done = subprocess.run(command, cwd=ROOT, env=environment, stdout=pipe, stderr=both, check=False)
    output = done.stdout.decode(errors="replace")
    if done.returncode:
        sys.exit(f"{' '.join(command)} failed:\n{output}")
    return output


def seconds(command: list[str], environment: dict[str, str]) -> tuple[float, float]:
    """Run a command and return its seconds, by the clock and of the processor."""
    start, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
    run(command, environment)
    end, after = time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
    spent = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return end - start, spent


def refuse_changes(case: Case) -> None:
    """End the benchmark if either command has anything to change."""
    run(case.ansible, case.environment)
    for command, words in ((case.ansible, "changed=0"), (case.aws, "No changes to deploy")):
        output = run(command, case.environment)
        if words not in output:
            sys.exit(f"{' '.join(command)} is no no-op:\n{output}")


def measure(case: Case, runs: int) -> dict[str, object]:
    """Run both commands in turn and return their medians and the ratio."""
    refuse_changes(case)
    commands = {"ansible": case.ansible, "aws": case.aws}
    taken: dict[str, list[tuple[float, float]]] = {name: [] for name in commands}
    for _ in range(runs):
        for name, command in commands.items():
            taken[name].append(seconds(command, case.environment))
    medians = {name: statistics.median(clock for clock, _ in taken[name]) for name in commands}
    processor = {name: statistics.median(spent for _, spent in taken[name]) for name in commands}
    return {
        "runs": runs,
        "median_seconds": rounded(medians),
        "ratio": round(medians["ansible"] / medians["aws"], 2),
        "median_processor_seconds": rounded(processor),
        "processor_ratio": round(processor["ansible"] / processor["aws"], 2),
        "load_average": round(os.getloadavg()[0], 1),
    }


def rounded(values: dict[str, float]) -> dict[str, float]:
    """Return seconds to the millisecond."""
    return {name: round(value, 3) for name, value in values.items()}


def parse(arguments: list[str]) -> argparse.Namespace:
    """Read the command line; what stands behind -- goes to ansible-playbook."""
    split = arguments.index("--") if "--" in arguments else len(arguments)
    parser = argparse.ArgumentParser(description="Measure a no-op redeploy.")
    parser.add_argument("--runs", type=int, default=RUNS)
    parser.add_argument("--playbook", type=Path)
    parser.add_argument("--stack", help="the stack that the playbook deploys")
    parser.add_argument("--bucket", help="for the AWS CLI, if the template is over 51,200 bytes")
    parser.add_argument("--output", type=Path, default=BENCH / "noop_redeploy.json")
    parsed = parser.parse_args(arguments[:split])
    if bool(parsed.playbook) != bool(parsed.stack):
        parser.error("--playbook and --stack go together")
    parsed.rest = arguments[split + 1 :]
    return parsed


def main() -> None:
    """Measure, print and write the figures."""
    arguments = parse(sys.argv[1:])
    if arguments.playbook:
        case = given_case(arguments.playbook, arguments.stack, arguments.bucket, arguments.rest)
        figures = measure(case, arguments.runs)
    else:
        with own_case() as case:
            figures = measure(case, arguments.runs)
    arguments.output.parent.mkdir(parents=True, exist_ok=True)
    arguments.output.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")
    print(json.dumps(figures, indent=2))


if __name__ == "__main__":
    main()
