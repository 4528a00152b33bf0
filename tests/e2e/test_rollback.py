"""rollback.yml and history.yml, as people run them: back under traffic, and what is refused."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from local_aws.control import LocalAws
from tests.e2e.platform import ROOT, Platform
from tests.e2e.rotating import Rotating
from tests.e2e.traffic import traffic_on

SERVICE, STACK = "undo", "shop-service-undo"
NAMED = {"service_platform": "shop", "service_name": SERVICE}
SILENT = {"ANSIBLE_STDOUT_CALLBACK": "quayside.fargate.silent"}
CANARY = "canary-7d1b0c33"  # a value of the environment, which nothing may show


class Undo(Rotating):
    """A service that is taken back."""

    def definition(self, number: int | None = None) -> dict[str, Any]:
        """The task definition that runs, or a revision of it."""
        ecs = self.platform.aws.client("ecs")
        (found,) = ecs.describe_services(cluster="shop", services=[SERVICE])["services"]
        arn = f"shop-{SERVICE}:{number}" if number else found["taskDefinition"]
        return dict(ecs.describe_task_definition(taskDefinition=arn)["taskDefinition"])

    @property
    def number(self) -> int:
        """The number of the revision that runs."""
        return int(self.definition()["revision"])

    @property
    def environment(self) -> dict[str, str]:
        """Environment variables of the container that runs."""
        (container,) = self.definition()["containerDefinitions"]
        return {it["name"]: it["value"] for it in container["environment"]}

    def rights(self) -> str:
        """What the service's execution role may read of others."""
        parameters = {it["ParameterKey"]: it["ParameterValue"] for it in self.stack["Parameters"]}
        return str(parameters["SecretArns"])

    @property
    def image(self) -> str:
        """The image that runs."""
        (container,) = self.definition()["containerDefinitions"]
        return str(container["image"])

    def back(self, *options: str, **variables: Any) -> str:
        """Run rollback.yml, which must succeed; return its output."""
        return joined(self.platform.play("playbooks/rollback.yml", *options, **NAMED, **variables))

    def refused(self, **variables: Any) -> str:
        """Run rollback.yml, which must change nothing and fail; return its output."""
        before = self.number
        said = self.platform.play_in_vain("playbooks/rollback.yml", **NAMED, **variables)
        assert self.number == before
        return joined(said)

    def history(self, **variables: Any) -> str:
        """Run history.yml; return its standard output alone."""
        environment = {**SILENT, **self.platform.environment("playbooks/history.yml")}
        process = self.platform.start_playbook(
            "playbooks/history.yml", deployer=environment, **NAMED, **variables
        )
        output, _ = process.communicate(timeout=280)
        assert process.returncode == 0, output
        return output


def joined(output: str) -> str:
    return " ".join(output.split())


@pytest.fixture(scope="module")
def images(aws: LocalAws, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str]:
    """Two versions of an image."""
    folders = []
    for number in (1, 2):
        folder = tmp_path_factory.mktemp("images") / f"undo-{number}"
        shutil.copytree(ROOT / "tests" / "images" / "hello", folder)
        program = folder / "server.py"
        program.write_text(program.read_text() + f"\n# {number}\n")
        folders.append(aws.push_image(folder, f"undo:v{number}"))
    return folders[0], folders[1]


@pytest.fixture(scope="module")
def secret(aws: LocalAws) -> Iterator[str]:
    """A secret of others, by its ARN."""
    client = aws.client("secretsmanager")
    arn = client.create_secret(Name="shop/undo/api-key", SecretString="s3cret")["ARN"]
    yield str(arn)
    client.delete_secret(SecretId=arn, ForceDeleteWithoutRecovery=True)


@pytest.fixture(scope="module")
def versions(images: tuple[str, str], secret: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """The variables of two versions of the service, which differ in all that is taken back."""
    one = {
        "service_image": images[0],
        "service_environment": {"GREETING": f"{CANARY}-1", "OLD": "x"},
        "service_secrets": {"API_KEY": secret},
        "service_health_check_command": "true",
    }
    two = {
        "service_image": images[1],
        "service_environment": {"GREETING": f"{CANARY}-2", "NEW": "y"},
        "service_cpu": 512,
        "service_memory": 1024,
        "service_container_port": 8081,
        "service_stop_timeout_seconds": 7,
        "service_allow": ["service_secrets"],
    }
    return one, two


@pytest.fixture(scope="module")
def undo(
    platform: Platform, images: tuple[str, str], versions: tuple[dict[str, Any], dict[str, Any]]
) -> Iterator[Undo]:
    made = Undo(platform, SERVICE, images[0])
    made.deploy(**versions[0])
    yield made
    made.deploy(service_state="absent", service_database_deletion="Drop")


def test_a_service_goes_back_under_traffic_and_keeps_the_user_of_a_flip_in_between(
    undo: Undo,
    versions: tuple[dict[str, Any], dict[str, Any]],
    record_property: Callable[[str, object], None],
) -> None:
    first, was = undo.number, undo.definition()
    said = joined(undo.deploy(**versions[1]))
    assert "new image undo sha256:" in said
    assert "cpu 256 -> 512; memory 512 -> 1024; container_port 8080 -> 8081" in said
    assert "environment GREETING changed, NEW new, OLD gone; secrets API_KEY gone" in said
    flipped = undo.rotate()
    undo.wait_for(flipped)
    start, policy = undo.number, undo.rights()

    planned = undo.back("--check", "--diff")
    assert f"back from shop-undo:{start} to what shop-undo:{first} was" in planned
    assert "TaskDefinition" in planned
    assert undo.number == start

    with traffic_on(undo.platform, SERVICE, "/") as traffic:
        began = time.monotonic()
        output = undo.back()
        seconds = time.monotonic() - began
    record_property("seconds of a rollback", round(seconds, 1))
    record_property("requests", traffic.sent)
    record_property("requests lost", len(traffic.failures))
    assert traffic.failures == []
    assert traffic.sent > 20
    assert f"the user {flipped} stays" in output
    assert CANARY not in planned + output

    assert undo.number == start + 1
    assert undo.active == flipped
    now, old = told(undo.definition()), told(was)
    assert now["DB_ACTIVE_USER"] == flipped != old["DB_ACTIVE_USER"]
    users = {"DB_ACTIVE_USER", "DB_SECRET_ARN", "DB_USERNAME", "DB_PASSWORD"}
    assert {it: now[it] for it in now.keys() - users} == {it: old[it] for it in old.keys() - users}
    # What isn't taken back is as the stack has it.
    assert undo.definition()["containerDefinitions"][0]["stopTimeout"] == 7
    assert undo.rights() != policy
    assert versions[0]["service_secrets"]["API_KEY"] in undo.rights()


def test_the_next_rollback_goes_on_from_there_and_a_named_revision_takes_it_back(
    undo: Undo, versions: tuple[dict[str, Any], dict[str, Any]], images: tuple[str, str]
) -> None:
    running = undo.number
    said = undo.refused()
    assert "There is nothing to go back to" in said
    assert f"A rollback went from shop-undo:{running - 1} back to" in said
    assert "is what runs; nothing changes" in undo.back(revision=str(running))

    undo.back(revision=str(running - 1))
    assert undo.environment["GREETING"] == f"{CANARY}-2"
    changed = versions[1] | {"service_environment": {"GREETING": f"{CANARY}-3"}}
    said = joined(undo.deploy(**changed))
    assert f"it went from shop-undo:{running} back to what shop-undo:{running - 1} was" in said
    assert "new environment GREETING changed, NEW gone" in said
    again = joined(undo.deploy(**changed))
    assert "A rollback was in between" not in again
    assert "new nothing" in again
    assert undo.image.partition("@")[0] == images[1].partition(":")[0]


def test_what_is_not_there_any_more_is_refused(undo: Undo, aws: LocalAws, secret: str) -> None:
    aws.client("secretsmanager").delete_secret(SecretId=secret, RecoveryWindowInDays=7)
    said = undo.refused(revision="1")
    assert "shop-undo:1 can't run any more." in said
    assert f"The secret {secret} is to be deleted (aws secretsmanager restore-secret" in said
    aws.client("secretsmanager").restore_secret(SecretId=secret)

    (container,) = undo.definition(1)["containerDefinitions"]
    digest = container["image"].partition("@")[2]
    aws.client("ecr").batch_delete_image(repositoryName="undo", imageIds=[{"imageDigest": digest}])
    said = undo.refused(revision="1")
    assert f"Its image is gone from ECR: {container['image']}" in said

    for revision, why in (
        ("99", "no deployment of shop-undo:99 that succeeded, in the last 90 days. Name another"),
        ("shop-orders:1", "of the task definition shop-orders, and the service runs shop-undo"),
        ("newest", "the number of a revision of the task definition shop-undo is due"),
    ):
        assert why in undo.refused(revision=revision)


def test_while_another_operation_runs_nothing_is_rolled_back(
    undo: Undo, versions: tuple[dict[str, Any], dict[str, Any]]
) -> None:
    slow = versions[1] | {"service_environment": {"HEALTHY_AFTER": "4"}}
    deploying = undo.platform.start_playbook("playbooks/service.yml", **undo.variables | slow)
    end = time.monotonic() + 60
    while undo.stack["StackStatus"] != "UPDATE_IN_PROGRESS":
        assert time.monotonic() < end
        time.sleep(0.1)
    said = joined(undo.platform.play_in_vain("playbooks/rollback.yml", **NAMED))
    assert "stack shop-service-undo is UPDATE_IN_PROGRESS by another operation" in said
    deploying.communicate(timeout=120)
    assert deploying.returncode == 0


def test_history_tells_what_became_of_the_service_and_no_value(undo: Undo) -> None:
    printed = undo.history(format="json")
    entries = json.loads(printed)
    assert [it["kind"] for it in entries[::-1]] == [
        *("deployment", "deployment", "flip", "rollback", "rollback", "deployment", "deployment")
    ]
    assert {it["result"] for it in entries} == {"succeeded"}
    assert all(it["seconds"] >= 0 for it in entries)
    assert [it["revision"] for it in entries] == [f"shop-undo:{it}" for it in range(7, 0, -1)]
    (newest,) = json.loads(undo.history(format="json", limit=1))
    assert newest == entries[0]
    assert newest["digest"].startswith("sha256:")
    assert newest["image"].endswith(newest["digest"])
    assert newest["tags"] == ["v2"]
    table = undo.history()
    assert table.startswith("begun (UTC)")
    assert "undo:v2 sha256:" in table
    assert CANARY not in printed + table


def told(definition: dict[str, Any]) -> dict[str, Any]:
    """Return what a rollback takes over of a task definition, by names."""
    (container,) = definition["containerDefinitions"]
    return {
        **{it["name"]: it["value"] for it in container["environment"]},
        **{it["name"]: it["valueFrom"] for it in container["secrets"]},
        **{name: container.get(name) for name in ("image", "command", "entryPoint", "healthCheck")},
        "ports": [it["containerPort"] for it in container["portMappings"]],
        "size": (definition["cpu"], definition["memory"]),
    }
