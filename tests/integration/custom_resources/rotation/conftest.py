"""A service to rotate, on PostgreSQL 17 and a local AWS."""

from __future__ import annotations

import contextlib
import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from custom_resources.shared import log
from local_aws.control import LocalAws
from tests.integration.custom_resources import postgres_servers
from tests.integration.custom_resources.postgres_servers import PostgresServer
from tests.integration.custom_resources.rotation.world import PLATFORM, RotatedService
from tests.integration.custom_resources.service import client
from tests.integration.local_aws.support import zipped


@pytest.fixture(autouse=True, scope="session")
def everything_is_logged() -> None:
    """As the functions set it up, at DEBUG."""
    log.begin()


@pytest.fixture(scope="session")
def database(aws: LocalAws) -> Iterator[PostgresServer]:
    with (
        postgres_servers.running_server(17) as server,
        pytest.MonkeyPatch.context() as patch,
    ):
        patch.setenv("DATABASE_CA_BUNDLE", str(server.certificate))
        yield server


@pytest.fixture(scope="session")
def idle_function(aws: LocalAws) -> str:
    """A rotation function that fails, so that RotateSecret only stages a version: were it to
    succeed, Secrets Manager would note an end at any moment of the steps that a test does."""
    functions, iam = aws.client("lambda"), aws.client("iam")
    role = iam.create_role(
        RoleName="idle", AssumeRolePolicyDocument=_trust("lambda.amazonaws.com")
    )["Role"]["Arn"]
    arn = functions.create_function(
        FunctionName="idle",
        Runtime=f"python3.{sys.version_info.minor}",
        Handler="idle.handler",
        Role=role,
        Code={"ZipFile": zipped(idle="def handler(event, context):\n    raise RuntimeError\n")},
    )["FunctionArn"]
    functions.add_permission(
        FunctionName="idle",
        StatementId="rotation",
        Action="lambda:InvokeFunction",
        Principal="secretsmanager.amazonaws.com",
    )
    return str(arn)


@pytest.fixture(scope="session")
def deployment_role(aws: LocalAws) -> str:
    """The service role that CloudFormation takes for service stacks."""
    answer = aws.client("iam").create_role(
        RoleName="deployment", AssumeRolePolicyDocument=_trust("cloudformation.amazonaws.com")
    )
    return str(answer["Role"]["Arn"])


def _trust(principal: str) -> str:
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": principal},
        "Action": "sts:AssumeRole",
    }
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


@pytest.fixture(scope="session")
def container(aws: LocalAws) -> str:
    aws.client("ecs").create_cluster(clusterName=PLATFORM)
    return aws.push_image(Path(__file__).parent / "image", "rotated:1")


@pytest.fixture
def new_service(  # noqa: PLR0917 - fixtures
    aws: LocalAws,
    database: PostgresServer,
    container: str,
    deployment_role: str,
    idle_function: str,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Callable[..., RotatedService]]:
    """Make services with a database and a stack, and delete the stacks in the end."""
    monkeypatch.setenv("SETTLING_SECONDS", "0")
    monkeypatch.setenv("PLATFORM", PLATFORM)
    made: list[RotatedService] = []

    def make(name: str, *, role: str = deployment_role, **parameters: str) -> RotatedService:
        service = RotatedService(aws, database, name, container, role, idle_function)
        made.append(service)
        service.make_database()
        service.deploy(wait=True, **parameters)
        assert (service.stack or {})["StackStatus"] == "CREATE_COMPLETE"
        return service

    yield make
    for service in made:
        _remove(service)


def _remove(service: RotatedService) -> None:
    if service.stack:
        service.settle()
        service.cloudformation.delete_stack(StackName=service.stack_name)
    for arn in service.secret_arns.values():
        with contextlib.suppress(service.secretsmanager.exceptions.ClientError):
            client(service.aws, "secretsmanager").delete_secret(
                SecretId=arn, ForceDeleteWithoutRecovery=True
            )


@pytest.fixture
def service(new_service: Callable[..., RotatedService], name: str) -> RotatedService:
    """A service without tasks, whose active user is blue."""
    return new_service(name)
