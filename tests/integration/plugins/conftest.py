"""A local AWS for the plugins' tests, and what makes its stacks slow or broken on demand."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from local_aws.control import LocalAws
from tests.integration.plugins.support import Playbooks


@pytest.fixture(scope="session")
def aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalAws]:
    with LocalAws.start(tmp_path_factory.mktemp("local-aws")) as running:
        yield running


@pytest.fixture(scope="session")
def cloudformation(aws: LocalAws) -> Any:
    return aws.client("cloudformation")


@pytest.fixture
def playbooks(aws: LocalAws, tmp_path: Path) -> Playbooks:
    return Playbooks(tmp_path, dict(aws.environment))


@pytest.fixture
def name(request: pytest.FixtureRequest, cloudformation: Any) -> Iterator[str]:
    """The name of a stack for this test; the stack is deleted after it."""
    stack = request.node.originalname.replace("_", "-")[:100]
    yield stack
    for deleted in (stack, f"{stack}-source"):
        with contextlib.suppress(cloudformation.exceptions.ClientError):
            cloudformation.update_termination_protection(
                StackName=deleted, EnableTerminationProtection=False
            )
        cloudformation.delete_stack(StackName=deleted)


@pytest.fixture
def signal(cloudformation: Any) -> Callable[..., None]:
    """Ends the wait of gate.yml's Gate, which keeps a stack busy until then."""

    def send(stack: str, status: str = "SUCCESS", gate: str = "Gate") -> None:
        cloudformation.signal_resource(
            StackName=stack, LogicalResourceId=gate, UniqueId="test", Status=status
        )

    return send


@pytest.fixture
def status(cloudformation: Any) -> Callable[[str], str]:
    """Tells a stack's status, "absent" if there is none."""

    def ask(stack: str) -> str:
        try:
            found = cloudformation.describe_stacks(StackName=stack)["Stacks"][0]["StackStatus"]
        except cloudformation.exceptions.ClientError:
            return "absent"
        return "absent" if found == "DELETE_COMPLETE" else str(found)

    return ask
