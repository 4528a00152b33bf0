"""Probes of Lambda."""

from __future__ import annotations

import json
import sys

from tests.integration.local_aws.needed.probing import Aws, deploy, shows
from tests.integration.local_aws.support import TRUST, zipped

RUNTIME = f"python3.{sys.version_info.minor}"
LOOKS_AROUND = """
import importlib.util

def handler(event, context):
    return importlib.util.find_spec("hypercorn") is not None
"""


def create_function(aws: Aws, name: str, code: str) -> str:
    """Create a function that runs here, and return its ARN."""
    role = aws.client("iam").create_role(RoleName=name, AssumeRolePolicyDocument=TRUST)["Role"]
    made = aws.client("lambda").create_function(
        FunctionName=name,
        Runtime=RUNTIME,
        Role=role["Arn"],
        Handler="function.handler",
        Code={"ZipFile": zipped(function=code)},
        Timeout=30,
    )
    return str(made["FunctionArn"])


def in_template(**properties: object) -> dict[str, object]:
    """Return a template's function."""
    common = {
        "Runtime": RUNTIME,
        "Handler": "index.handler",
        "Role": "arn:aws:iam::000000000000:role/any",
        "Code": {"ZipFile": "def handler(event, context): pass"},
    }
    return {"Type": "AWS::Lambda::Function", "Properties": common | properties}


@shows("functions.runtimes")
def a_function_has_no_package_of_the_machine(aws: Aws) -> bool:
    create_function(aws, "looks-around", LOOKS_AROUND)
    answer = aws.client("lambda").invoke(FunctionName="looks-around")
    return json.loads(answer["Payload"].read()) is False


@shows("functions.refusals")
def a_function_whose_zip_is_not_there_is_not_created(aws: Aws) -> bool:
    aws.client("s3").create_bucket(
        Bucket="zips", CreateBucketConfiguration={"LocationConstraint": "eu-central-1"}
    )
    code = {"S3Bucket": "zips", "S3Key": "not-there.zip"}
    return deploy(aws, "no-zip", {"Function": in_template(Code=code)}).startswith("ROLLBACK")


@shows("functions.idle")
def a_template_reserves_concurrency(aws: Aws) -> bool:
    function = in_template(FunctionName="reserved", ReservedConcurrentExecutions=5)
    deploy(aws, "reserving", {"Function": function})
    answer = aws.client("lambda").get_function_concurrency(FunctionName="reserved")
    return bool(answer.get("ReservedConcurrentExecutions") == 5)
