"""examples/start_with_secret: a container that reads the active user's secret itself."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.aws_cli import aws_cli
from tests.e2e.platform import ROOT, Platform

SERVICE, STACK = "resolver", "shop-service-resolver"
START = ROOT / "examples" / "start_with_secret" / "start.sh"
# What the example's README tells to put into the playbook.
OVERRIDES = {
    "Resources": {
        "TaskDefinition": {
            "Properties": {
                "ContainerDefinitions": [{"Name": "app", "Essential": True, "Secrets": None}]
            }
        }
    }
}


@pytest.fixture(scope="module")
def image(platform: Platform, tmp_path_factory: pytest.TempPathFactory) -> str:
    """examples/orders behind the start script, with the AWS CLI in its path."""
    folder = tmp_path_factory.mktemp("image") / "orders"
    shutil.copytree(ROOT / "examples" / "orders", folder)
    shutil.copy(START, folder)
    with (folder / "Dockerfile").open("a") as dockerfile:
        dockerfile.write(f"ENV PATH={Path(aws_cli()).parent}:{os.environ['PATH']}\n")
        dockerfile.write('ENTRYPOINT ["./start.sh"]\n')
        dockerfile.write('CMD ["python", "-m", "orders"]\n')
    return platform.aws.push_image(folder, "resolver:1")


@pytest.fixture(scope="module")
def resolver(platform: Platform, image: str) -> Iterator[Platform]:
    variables = platform.service(SERVICE, image, service_overrides=OVERRIDES)
    platform.play("examples/orders/deploy.yml", **variables)
    yield platform
    platform.play("examples/orders/deploy.yml", **{**variables, "service_state": "absent"})


def start(*command: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run the script with a command to become, without AWS at hand."""
    return subprocess.run(
        [START, *command],
        env={"PATH": os.environ["PATH"], **environment},
        capture_output=True,
        text=True,
        check=False,
    )


def an_aws(folder: Path, secret: str) -> str:
    """Put an `aws` into a folder that answers with a secret, and return a PATH that finds it."""
    program = folder / "aws"
    (folder / "secret").write_text(secret)
    program.write_text(f"#!/bin/sh\nexec cat {folder}/secret\n")
    program.chmod(0o755)
    return f"{folder}:{os.environ['PATH']}"


def test_the_service_answers_with_what_it_read_before_and_after_a_rotation(
    resolver: Platform,
) -> None:
    before = resolver.outputs(STACK)["ActiveUser"]
    created = resolver.call(SERVICE, "/orders", {"item": "rope", "quantity": 3})
    assert created.status == 201
    resolver.play("playbooks/rotate.yml", service_platform="shop", service_name=SERVICE)
    assert resolver.outputs(STACK)["ActiveUser"] != before
    assert resolver.call(SERVICE, f"/orders/{created.body['id']}").status == 200


def test_its_task_definition_holds_no_password(resolver: Platform) -> None:
    arn = resolver.outputs(STACK)["TaskDefinitionArn"]
    task = resolver.aws.client("ecs").describe_task_definition(taskDefinition=arn)["taskDefinition"]
    (container,) = task["containerDefinitions"]
    assert not container.get("secrets")
    names = {entry["name"] for entry in container["environment"]}
    assert {"DB_SECRET_ARN", "DB_ACTIVE_USER"} <= names


def test_a_task_without_a_secret_is_told_what_to_do() -> None:
    ended = start("true")
    assert ended.returncode == 1
    assert "DB_SECRET_ARN is missing" in ended.stderr


def test_a_secret_that_cant_be_read_ends_the_start(tmp_path: Path) -> None:
    path = an_aws(tmp_path, "")
    (tmp_path / "secret").unlink()
    ended = start("true", PATH=path, DB_SECRET_ARN="arn", DB_ACTIVE_USER="blue")
    assert ended.returncode == 1
    assert "the secret of the user blue can't be read" in ended.stderr


@pytest.mark.parametrize("secret", ["{}", "", '{"username": "u", "password": "a\\"b"}', "None"])
def test_a_secret_of_another_form_is_refused_and_not_shown(tmp_path: Path, secret: str) -> None:
    ended = start("env", PATH=an_aws(tmp_path, secret), DB_SECRET_ARN="arn", DB_ACTIVE_USER="blue")
    assert ended.returncode == 1
    assert "has no username or password" in ended.stderr
    assert 'a\\"b' not in ended.stdout + ended.stderr


def test_the_command_gets_the_name_and_the_password_and_its_own_arguments(tmp_path: Path) -> None:
    login = {"username": "orders_blue", "host": "db", "password": "Aa0"}
    ended = start(
        *("python3", "-c", "import os, sys; print(os.environ['DB_USERNAME'], sys.argv[1:])", "a b"),
        PATH=an_aws(tmp_path, json.dumps(login)),
        DB_SECRET_ARN="arn",
        DB_ACTIVE_USER="blue",
    )
    assert ended.stdout.strip() == "orders_blue ['a b']", ended.stderr
