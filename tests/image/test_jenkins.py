"""The deploy image as the agent of a Jenkins pipeline, under a uid that has no name."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator

import pytest

from tests.e2e.platform import ROOT, Platform
from tests.image.containers import HARDENED
from tests.image.jenkins_agent import JenkinsAgent, ScriptError


@pytest.fixture
def agent(image: str, platform: Platform) -> Iterator[JenkinsAgent]:
    """An agent that sees the local AWS, and a checkout of the example service."""
    options = [*HARDENED, "--network", "host"]
    with JenkinsAgent(image, "4711:4712", options, platform.aws.environment) as running:
        running.check_out(ROOT / "examples" / "orders")
        yield running


def test_a_pipeline_deploys_a_service_that_answers(
    agent: JenkinsAgent, platform: Platform, orders_image: str
) -> None:
    variables = json.dumps(platform.service("orders", orders_image))
    user, group = agent.uid.split(":")
    assert f"uid={user} gid={group} groups={group}\n" in agent.sh("id"), "neither has a name"

    log = agent.sh('ansible-playbook deploy.yml -e "$VARIABLES"', {"VARIABLES": variables})

    assert "failed=0" in log
    created = platform.call("orders", "/orders", {"item": "rope", "quantity": 3})
    assert created.status == 201
    assert platform.call("orders", f"/orders/{created.body['id']}").body["item"] == "rope"


def test_a_preview_stays_in_the_workspace_as_an_artifact(
    agent: JenkinsAgent, platform: Platform, orders_image: str
) -> None:
    variables = json.dumps(platform.service("preview", orders_image))
    script = 'ansible-playbook deploy.yml -e "$VARIABLES" --check --diff > preview.txt'

    agent.sh(script, {"VARIABLES": variables})

    assert "TaskDefinition" in (agent.workspace / "preview.txt").read_text()
    assert "shop-service-preview" not in platform.stack_names()


def test_a_failing_script_fails_the_step_with_its_exit_code(agent: JenkinsAgent) -> None:
    with pytest.raises(ScriptError, match="There is no platform nowhere") as failed:
        agent.sh("ansible-playbook deploy.yml -e service_platform=nowhere -e service_image=a/b:1")
    assert failed.value.code == 2


def test_an_abort_ends_the_scripts_processes_and_leaves_the_agent(agent: JenkinsAgent) -> None:
    script = agent.start("sleep 4711 & echo started; sleep 4712")
    while "started" not in script.log:
        time.sleep(0.1)

    agent.abort()

    with pytest.raises(ScriptError) as ended:
        script.wait()
    assert ended.value.code == 128 + 15
    assert "sleep 471" not in agent.sh("set +x; ps -A -o command")
