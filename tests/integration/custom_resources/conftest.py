"""A local AWS, a CloudFormation that takes answers, and PostgreSQL servers of every version."""

from __future__ import annotations

import logging
import os
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from custom_resources.shared import late
from local_aws.control import LocalAws
from tests.integration.custom_resources import postgres_servers
from tests.integration.custom_resources.postgres_servers import NoServerError, PostgresServer
from tests.integration.custom_resources.service import Service
from tests.integration.custom_resources.support import CloudFormation, cloudformation

# What every commit is tried with; the other versions are walks.
USUAL = 17
NOT_FOUND = {"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "404"}}

# The functions read it when they are imported: nothing secret may show even at DEBUG.
os.environ["LOG_LEVEL"] = "DEBUG"


@pytest.fixture(scope="session")
def aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalAws]:
    with (
        LocalAws.start(tmp_path_factory.mktemp("local-aws")) as running,
        pytest.MonkeyPatch.context() as patch,
    ):
        for name, value in running.environment.items():
            patch.setenv(name, value)
        yield running


@pytest.fixture(scope="session")
def cfn(aws: LocalAws, tmp_path_factory: pytest.TempPathFactory) -> Iterator[CloudFormation]:
    folder = tmp_path_factory.mktemp("cloudformation")
    postgres_servers.write_certificate(folder)
    certificate = folder / "server.crt"
    with (
        cloudformation(certificate, folder / "server.key") as endpoint,
        pytest.MonkeyPatch.context() as patch,
    ):
        patch.setenv("SSL_CERT_FILE", str(certificate))
        yield endpoint


@pytest.fixture(
    scope="session",
    params=[
        pytest.param(major, marks=[] if major == USUAL else [pytest.mark.walk])
        for major in postgres_servers.MAJORS
    ],
    ids=lambda major: f"postgres{major}",
)
def postgres(request: pytest.FixtureRequest, aws: LocalAws) -> Iterator[PostgresServer]:
    try:
        with (
            postgres_servers.running_server(request.param) as server,
            pytest.MonkeyPatch.context() as patch,
        ):
            patch.setenv("DATABASE_CA_BUNDLE", str(server.certificate))
            yield server
    except NoServerError as reason:
        pytest.skip(str(reason))


@pytest.fixture(autouse=True)
def answers_are_not_old(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody waits for what isn't there: all that is there is in each answer."""
    monkeypatch.setattr(late, "_LATE_SECONDS", 0.5)


@pytest.fixture
def new_stack(aws: LocalAws) -> Callable[[], str]:
    """Make a stack that really exists, and return its id."""

    def make() -> str:
        stacks = aws.client("cloudformation")
        template = '{"Resources": {"Handle": {"Type": "AWS::CloudFormation::WaitConditionHandle"}}}'
        name = f"stack-{uuid.uuid4().hex[:12]}"
        stack_id = stacks.create_stack(StackName=name, TemplateBody=template)["StackId"]
        stacks.get_waiter("stack_create_complete").wait(
            StackName=name, WaiterConfig={"Delay": 0.1, "MaxAttempts": 100}
        )
        return str(stack_id)

    return make


@pytest.fixture
def stack_id(new_stack: Callable[[], str]) -> str:
    return new_stack()


@pytest.fixture
def name() -> str:
    """A name that no other test has."""
    return f"t{uuid.uuid4().hex[:10]}"


@pytest.fixture
def service(aws: LocalAws, postgres: PostgresServer, name: str, stack_id: str) -> Service:
    return Service(aws, postgres, name, stack_id)


@pytest.fixture
def log_lines() -> Iterator[list[str]]:
    """All that is logged during a test, by whomever, with tracebacks."""
    lines: list[str] = []

    class Collector(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            lines.append(logging.Formatter().format(record))

    collector = Collector()
    logging.getLogger().addHandler(collector)
    yield lines
    logging.getLogger().removeHandler(collector)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """All tests of one PostgreSQL version after each other, so that one server runs at a time."""
    folder = Path(__file__).parent
    ours = {item for item in items if folder in item.path.parents}
    by_version = iter(sorted((item for item in items if item in ours), key=_version))
    items[:] = [next(by_version) if item in ours else item for item in items]


def _version(item: pytest.Item) -> int:
    call = getattr(item, "callspec", None)
    return int(call.params.get("postgres", 0)) if call else 0


@pytest.fixture
def table(aws: LocalAws, name: str, monkeypatch: pytest.MonkeyPatch) -> str:
    aws.client("dynamodb").create_table(
        TableName=name,
        BillingMode="PAY_PER_REQUEST",
        KeySchema=[
            {"AttributeName": "ListenerArn", "KeyType": "HASH"},
            {"AttributeName": "Entry", "KeyType": "RANGE"},
        ],
        AttributeDefinitions=[
            {"AttributeName": "ListenerArn", "AttributeType": "S"},
            {"AttributeName": "Entry", "AttributeType": "S"},
        ],
    )
    monkeypatch.setenv("TABLE_NAME", name)
    return name


@pytest.fixture
def elbv2(aws: LocalAws) -> Any:
    return aws.client("elbv2")


@pytest.fixture
def new_listener(aws: LocalAws, elbv2: Any, name: str) -> Callable[[], str]:
    def make(suffix: str = "") -> str:
        network = aws.client("ec2").describe_subnets()["Subnets"]
        subnets = [subnet["SubnetId"] for subnet in network[:2]]
        created = elbv2.create_load_balancer(Name=f"{name}{suffix}", Subnets=subnets)
        answer = elbv2.create_listener(
            LoadBalancerArn=created["LoadBalancers"][0]["LoadBalancerArn"],
            Protocol="HTTP",
            Port=80,
            DefaultActions=[NOT_FOUND],
        )
        return str(answer["Listeners"][0]["ListenerArn"])

    return make
