"""Custom::Database with the role that the support stack gives it, and nothing else."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import boto3
import pytest

from local_aws.control import LocalAws
from tests.integration.custom_resources.postgres_servers import PostgresServer
from tests.integration.custom_resources.service import Service
from tests.unit.templates.templates import Stack

pytestmark = pytest.mark.parametrize("postgres", [17], indirect=True, ids=["postgres17"])


@pytest.fixture
def as_the_function(aws: LocalAws, name: str) -> Callable[[str], Any]:
    """Makes clients with the credentials of the function's role in a platform of that name."""
    stack = Stack("support", {"Platform": name})
    stack.parameters |= {"AWS::AccountId": aws.account, "AWS::Region": aws.region}
    role = stack.resources["DatabaseFunctionRole"]["Properties"]
    iam = aws.client("iam")
    trust = json.dumps(role["AssumeRolePolicyDocument"])
    arn = iam.create_role(RoleName=name, AssumeRolePolicyDocument=trust)["Role"]["Arn"]
    for policy in role["Policies"]:
        document = json.dumps(policy["PolicyDocument"])
        iam.put_role_policy(RoleName=name, PolicyName=policy["PolicyName"], PolicyDocument=document)
    given = aws.client("sts").assume_role(RoleArn=arn, RoleSessionName="test")["Credentials"]
    session = boto3.Session(
        given["AccessKeyId"], given["SecretAccessKey"], given["SessionToken"], aws.region
    )
    clients: Callable[[str], Any] = session.client
    return clients


@pytest.fixture
def service(aws: LocalAws, postgres: PostgresServer, name: str, stack_id: str) -> Service:
    """Secrets and parameter have the names that the templates give them."""
    prefix, parameter = f"{name}/orders/db", f"/{name}/rds/admin-password"
    return Service(aws, postgres, name, stack_id, prefix, parameter)


def test_the_role_lets_it_create_flip_and_delete(
    service: Service, as_the_function: Callable[[str], Any]
) -> None:
    service.convergence(service.both, as_the_function).create()
    service.convergence(service.both | {"ActiveUser": "green"}, as_the_function).update()
    assert service.run("green", "SELECT 1") == [(1,)]
    service.convergence(service.both | {"DeletionPolicy": "Drop"}, as_the_function).delete()


def test_the_role_lets_it_read_the_admins_password_before_the_newest(
    service: Service, as_the_function: Callable[[str], Any]
) -> None:
    service.put_admin_password("not yet in the cluster")
    service.convergence(service.both, as_the_function).create()

    assert service.run("blue", "SELECT 1") == [(1,)]


def test_the_role_reads_no_other_parameter(
    service: Service, as_the_function: Callable[[str], Any]
) -> None:
    ssm = as_the_function("ssm")
    other = f"{service.parameter}-2"
    service.aws.client("ssm").put_parameter(Name=other, Value="x", Type="String")

    with pytest.raises(ssm.exceptions.ClientError, match="not authorized"):
        ssm.get_parameter(Name=other)
