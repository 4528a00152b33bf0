"""The zips as Lambda functions, called by CloudFormation."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg2
import pytest

from custom_resources import build
from local_aws.control import LocalAws
from tests.integration.custom_resources.isolation import HANDLERS
from tests.integration.local_aws.support import ROLE, Stacks

ROOT = Path(__file__).parents[3]
BUCKET = "functions"
_AWAY_SECONDS = 6.0
ACTIONS = [
    "cloudformation:DescribeStacks",
    "kms:*",
    "secretsmanager:GetSecretValue",
    "ssm:*",
]


@pytest.fixture(scope="session")
def functions(aws: LocalAws) -> dict[str, str]:
    """The functions' ARNs."""
    target = build.Target(f"python3.{sys.version_info.minor}", "x86_64")
    manifest = build.build(target, ROOT / "build" / "functions")
    folder = ROOT / "build" / "functions" / f"{target.runtime}-x86_64"
    s3 = aws.client("s3")
    s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": aws.region})
    for entry in manifest.values():
        s3.upload_file(str(folder / str(entry["file"])), BUCKET, str(entry["file"]))
    resources: dict[str, Any] = {"Role": _role()}
    for name, handler in HANDLERS.items():
        resources[name.replace("-", "")] = {
            "Type": "AWS::Lambda::Function",
            "Properties": {
                "FunctionName": name,
                "Handler": handler,
                "Runtime": target.runtime,
                "Code": {"S3Bucket": BUCKET, "S3Key": str(manifest[name]["file"])},
                "Role": {"Fn::GetAtt": ["Role", "Arn"]},
                "Timeout": 240,
                "MemorySize": 256,
            },
        }
    outputs = {
        name: {"Value": {"Fn::GetAtt": [name.replace("-", ""), "Arn"]}}
        for name in ("password", "database")
    }
    return Stacks(aws).deploy("functions", {"Resources": resources, "Outputs": outputs})


def _role() -> dict[str, Any]:
    role: dict[str, Any] = json.loads(json.dumps(ROLE))
    statement = {"Effect": "Allow", "Action": ACTIONS, "Resource": "*"}
    document = {"Version": "2012-10-17", "Statement": [statement]}
    role["Properties"]["Policies"] = [{"PolicyName": "all", "PolicyDocument": document}]
    return role


@pytest.fixture
def stacks(aws: LocalAws) -> Iterator[Stacks]:
    deployed = Stacks(aws)
    yield deployed
    for name in reversed(list(deployed.names)):
        deployed.delete(name)


def custom(function: str, kind: str, **properties: Any) -> dict[str, Any]:
    given = {"ServiceToken": function, "ServiceTimeout": 150, **properties}
    return {"Type": f"Custom::{kind}", "Properties": given}


def secret(name: str, colour: str) -> dict[str, Any]:
    generate = {
        "SecretStringTemplate": json.dumps({"username": f"{name}_{colour}"}),
        "GenerateStringKey": "password",
        "ExcludePunctuation": True,
    }
    properties = {"Name": f"{name}/{colour}", "GenerateSecretString": generate}
    return {"Type": "AWS::SecretsManager::Secret", "Properties": properties}


def template(functions: dict[str, str], name: str, *, broken: bool = False) -> dict[str, Any]:
    """Cluster with its admin's password, and a service's database in it."""
    resolved = "{{resolve:ssm-secure:${Admin.ParameterName}:${Admin.Version}}}"
    host = {"Fn::GetAtt": ["Cluster", "Endpoint.Address"]}
    resources = {
        "Admin": custom(
            functions["password"],
            "Password",
            ParameterName=f"/{name}/admin-password",
            KeyId="alias/aws/ssm",
            Rotation={"Ref": "Rotation"},
        ),
        "Cluster": {
            "Type": "AWS::RDS::DBCluster",
            "Properties": {
                "Engine": "aurora-postgresql",
                "DBClusterIdentifier": name,
                "MasterUsername": "quayside",
                "MasterUserPassword": {"Fn::Sub": resolved},
            },
        },
        "Blue": secret(name, "blue"),
        "Green": secret(name, "green"),
        "Database": custom(
            functions["database"],
            "Database",
            Host=host,
            Port={"Fn::GetAtt": ["Cluster", "Endpoint.Port"]},
            AdminUsername="quayside",
            AdminPasswordParameter={"Fn::GetAtt": ["Admin", "ParameterName"]},
            Database=name,
            BlueSecretArn={"Ref": "Blue"},
            GreenSecretArn={"Ref": "Green"},
            ActiveUser={"Ref": "ActiveUser"},
        ),
    }
    if broken:
        resources["Broken"] = custom(
            functions["password"], "Password", ParameterName="/x", KeyId="x", Length=99
        ) | {"DependsOn": "Database"}
    return {
        "Parameters": {
            "ActiveUser": {"Type": "String", "Default": "blue"},
            "Rotation": {"Type": "String", "Default": "1"},
        },
        "Resources": resources,
        "Outputs": {
            "Host": {"Value": host},
            "Port": {"Value": {"Fn::GetAtt": ["Cluster", "Endpoint.Port"]}},
            "Version": {"Value": {"Fn::GetAtt": ["Admin", "Version"]}},
            "ActiveUser": {"Value": {"Fn::GetAtt": ["Database", "ActiveUser"]}},
        },
    }


def logs_in(aws: LocalAws, outputs: dict[str, str], name: str, colour: str) -> bool:
    answer = aws.client("secretsmanager").get_secret_value(SecretId=f"{name}/{colour}")
    user = json.loads(answer["SecretString"])
    try:
        psycopg2.connect(
            host=outputs["Host"],
            port=outputs["Port"],
            user=user["username"],
            password=user["password"],
            dbname=name,
            sslmode="verify-full",
            sslrootcert=str(aws.ca_bundle),
        ).close()
    except psycopg2.OperationalError:
        return False
    return True


def test_a_cluster_and_a_database_come_flip_and_go(
    aws: LocalAws, stacks: Stacks, functions: dict[str, str], name: str
) -> None:
    made = stacks.deploy(name, template(functions, name))
    flipped = stacks.deploy(name, template(functions, name), ActiveUser="green", Rotation="2")
    able = [logs_in(aws, flipped, name, colour) for colour in ("blue", "green")]
    stacks.delete(name)

    assert (made["ActiveUser"], made["Version"]) == ("blue", "1")
    assert (flipped["ActiveUser"], flipped["Version"]) == ("green", "2")
    assert able == [True, True]
    assert not aws.client("ssm").get_parameters(Names=[f"/{name}/admin-password"])["Parameters"]


def test_a_failure_reaches_the_stacks_events_as_a_sentence(
    stacks: Stacks, functions: dict[str, str], name: str
) -> None:
    with pytest.raises(AssertionError) as failed:
        stacks.deploy(name, template(functions, name, broken=True))

    sentence = "Property Length is 99. It must be a whole number from 8 to 41."
    assert sentence in str(failed.value)
    (stack,) = stacks.cloudformation.describe_stacks(StackName=name)["Stacks"]
    assert stack["StackStatus"] == "ROLLBACK_COMPLETE"


def test_a_rollback_is_not_held_up_by_a_user_that_cannot_log_in(
    aws: LocalAws, stacks: Stacks, functions: dict[str, str], name: str
) -> None:
    stacks.deploy(name, template(functions, name))
    aws.client("secretsmanager").put_secret_value(
        SecretId=f"{name}/blue",
        SecretString=json.dumps({"username": f"{name}_blue", "password": "by hand"}),
    )
    with pytest.raises(AssertionError, match="Length is 99"):
        stacks.deploy(name, template(functions, name, broken=True), ActiveUser="green")

    (stack,) = stacks.cloudformation.describe_stacks(StackName=name)["Stacks"]
    assert stack["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"
    logged = aws.client("logs").filter_log_events(logGroupName="/aws/lambda/database")["events"]
    assert any("a rollback is not held up" in event["message"] for event in logged)


@pytest.mark.parametrize("how", ["stop", "cut", "failover"])
def test_a_deployment_outlasts_a_database_that_is_away(
    aws: LocalAws, stacks: Stacks, functions: dict[str, str], name: str, how: str
) -> None:
    stacks.deploy(name, template(functions, name))
    aws.database_away(name, _AWAY_SECONDS, how)
    began = time.monotonic()
    flipped = stacks.deploy(name, template(functions, name), ActiveUser="green")

    assert time.monotonic() - began >= _AWAY_SECONDS - 1
    assert flipped["ActiveUser"] == "green"
    assert [logs_in(aws, flipped, name, colour) for colour in ("blue", "green")] == [True, True]
