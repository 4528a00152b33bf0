"""A custom resource, a database and a service deploy as one platform."""

from __future__ import annotations

import json
from pathlib import Path

import crhelper
import psycopg
import pytest

from local_aws.control import LocalAws
from tests.integration.local_aws.support import (
    LOAD_BALANCER,
    ROLE,
    Stacks,
    call,
    service_template,
    zipped,
)

FUNCTION = """
import boto3
from crhelper import CfnResource
helper = CfnResource(sleep_on_delete=0)

@helper.create
@helper.update
def made(event, context):
    helper.Data["Identity"] = boto3.client("sts").get_caller_identity()["Arn"]
    return "made-" + event["ResourceProperties"]["Name"]

@helper.delete
def deleted(event, context):
    pass

def handler(event, context):
    helper(event, context)
"""


def crhelper_zip() -> bytes:
    package = Path(crhelper.__file__).parent
    modules = {f"crhelper/{path.stem}": path.read_text() for path in package.glob("*.py")}
    return zipped(function=FUNCTION, **modules)


@pytest.fixture(scope="module")
def functions(aws: LocalAws) -> str:
    s3 = aws.client("s3")
    s3.create_bucket(Bucket="code", CreateBucketConfiguration={"LocationConstraint": aws.region})
    s3.put_object(Bucket="code", Key="function.zip", Body=crhelper_zip())
    return "code"


def test_a_custom_resource_answers_over_https_with_its_own_identity(
    stacks: Stacks, functions: str, host_runtime: str
) -> None:
    template = {
        "Resources": {
            "Role": ROLE,
            "Function": {
                "Type": "AWS::Lambda::Function",
                "Properties": {
                    "Runtime": host_runtime,
                    "Handler": "function.handler",
                    "Role": {"Fn::GetAtt": ["Role", "Arn"]},
                    "Code": {"S3Bucket": functions, "S3Key": "function.zip"},
                },
            },
            "Custom": {
                "Type": "Custom::Thing",
                "Properties": {
                    "ServiceToken": {"Fn::GetAtt": ["Function", "Arn"]},
                    "ServiceTimeout": 30,
                    "Name": "thing",
                },
            },
        },
        "Outputs": {
            "Id": {"Value": {"Ref": "Custom"}},
            "Identity": {"Value": {"Fn::GetAtt": ["Custom", "Identity"]}},
        },
    }
    outputs = stacks.deploy("custom", template)
    assert outputs["Id"] == "made-thing"
    assert ":assumed-role/" in outputs["Identity"]


def test_a_database_cluster_is_a_postgresql_whose_certificate_is_verified(
    aws: LocalAws, stacks: Stacks
) -> None:
    template = {
        "Resources": {
            "Cluster": {
                "Type": "AWS::RDS::DBCluster",
                "DeletionPolicy": "Delete",
                "Properties": {
                    "Engine": "aurora-postgresql",
                    "MasterUsername": "quayside",
                    "MasterUserPassword": "a-password",
                },
            },
            "Writer": {
                "Type": "AWS::RDS::DBInstance",
                "Properties": {
                    "Engine": "aurora-postgresql",
                    "DBClusterIdentifier": {"Ref": "Cluster"},
                    "DBInstanceClass": "db.serverless",
                },
            },
        },
        "Outputs": {
            "Host": {"Value": {"Fn::GetAtt": ["Cluster", "Endpoint.Address"]}},
            "Port": {"Value": {"Fn::GetAtt": ["Cluster", "Endpoint.Port"]}},
        },
    }
    outputs = stacks.deploy("database", template)
    with psycopg.connect(
        host=outputs["Host"],
        port=outputs["Port"],
        user="quayside",
        password="a-password",
        dbname="postgres",
        sslmode="verify-full",
        sslrootcert=str(aws.ca_bundle),
    ) as connection:
        row = connection.execute(
            "SELECT rolsuper, rolcreatedb, rolcreaterole FROM pg_roles WHERE rolname = current_user"
        ).fetchone()
    assert row == (False, True, True)


def test_a_service_runs_behind_the_load_balancer_by_its_host_name(
    aws: LocalAws, stacks: Stacks, image: str
) -> None:
    listener = stacks.deploy("balancer", LOAD_BALANCER)["ListenerArn"]
    stacks.deploy(
        "service",
        service_template(image),
        Host="service.example",
        ListenerArn=listener,
        Priority="7",
        Cluster="tests",
    )
    status, environment = call(aws, "service.example")
    assert status == 200
    assert environment["GREETING"] == "from the image"
    logs = aws.client("logs")
    group = aws.client("ecs").describe_task_definition(taskDefinition="service")["taskDefinition"][
        "containerDefinitions"
    ][0]["logConfiguration"]["options"]["awslogs-group"]
    events = logs.filter_log_events(logGroupName=group)["events"]
    assert "listening with plain" in json.dumps(events)
