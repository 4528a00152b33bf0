"""Lambda functions: interpreter, isolation, number of processes."""

from __future__ import annotations

import concurrent.futures
import json
import os
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from local_aws.control import LocalAws
from local_aws.mends.functions.runtimes import interpreter
from tests.integration.local_aws.support import TRUST, Stacks, zipped

CODE = """
import importlib, json, os, sys, time

def show(event, context):
    found = {}
    for name in event["modules"]:
        try:
            found[name] = importlib.import_module(name).__name__
        except ImportError:
            found[name] = None
    return {"version": list(sys.version_info[:2]), "environment": dict(os.environ),
            "modules": found, "pid": os.getpid()}

def sleep(event, context):
    with open(event["log"], "a") as log:
        log.write(f"+{os.getpid()}\\n")
        log.flush()
        time.sleep(0.3)
        log.write(f"-{os.getpid()}\\n")
"""
ROLE = "arn:aws:iam::000000000000:role/functions"


@pytest.fixture(scope="module")
def lambdas(aws: LocalAws) -> Any:
    trust = {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Principal": {"Service": "lambda.amazonaws.com"},
                "Action": "sts:AssumeRole",
            }
        ],
    }
    aws.client("iam").create_role(RoleName="functions", AssumeRolePolicyDocument=json.dumps(trust))
    return aws.client("lambda")


def create(lambdas: Any, name: str, runtime: str, handler: str = "function.show") -> None:
    lambdas.create_function(
        FunctionName=name,
        Runtime=runtime,
        Role=ROLE,
        Handler=handler,
        Code={"ZipFile": zipped(function=CODE)},
        Timeout=60,
        Environment={"Variables": {"OWN": "variable"}},
    )


def invoke(lambdas: Any, name: str, **event: Any) -> Any:
    answer = lambdas.invoke(FunctionName=name, Payload=json.dumps(event))
    payload = json.loads(answer["Payload"].read())
    assert "FunctionError" not in answer, payload
    return payload


def other_runtime() -> str | None:
    for minor in range(10, 15):
        if minor != sys.version_info.minor and interpreter(f"python3.{minor}"):
            return f"python3.{minor}"
    return None


def test_a_function_sees_boto3_and_nothing_else_of_this_machine(
    lambdas: Any, host_runtime: str
) -> None:
    create(lambdas, "isolated", host_runtime)
    modules = ["boto3", "botocore", "urllib3", "psycopg", "psycopg2", "crhelper", "ministack"]
    seen = invoke(lambdas, "isolated", modules=[*modules, "local_aws", "pytest"])
    assert {name for name, found in seen["modules"].items() if found} == {
        "boto3",
        "botocore",
        "urllib3",
    }
    assert seen["environment"]["OWN"] == "variable"
    assert seen["environment"]["AWS_ACCESS_KEY_ID"].startswith("ASIA")
    for hidden in ("HOME", "AUTH", "GATEWAY_PORT", "BIND_HOST", "MINISTACK_REGION"):
        assert hidden not in seen["environment"]


@pytest.mark.skipif(other_runtime() is None, reason="this machine has one Python only")
def test_a_function_runs_in_the_interpreter_of_its_runtime(lambdas: Any) -> None:
    runtime = other_runtime()
    assert runtime
    create(lambdas, "other-runtime", runtime)
    seen = invoke(lambdas, "other-runtime", modules=["boto3"])
    assert f"python{seen['version'][0]}.{seen['version'][1]}" == runtime
    assert seen["modules"]["boto3"] == "boto3"


def test_a_runtime_that_this_machine_lacks_is_refused_with_what_to_do(
    lambdas: Any, stacks: Stacks
) -> None:
    function = {
        "Type": "AWS::Lambda::Function",
        "Properties": {
            "Runtime": "python3.99",
            "Handler": "index.handler",
            "Role": ROLE,
            "Code": {"ZipFile": "def handler(event, context): pass"},
        },
    }
    with pytest.raises(AssertionError, match=r"python3\.99 is not a valid enum value"):
        stacks.deploy("no-runtime", {"Resources": {"Function": function}})
    with pytest.raises(Exception, match=r"no interpreter for the runtime python3\.99.*Install"):
        create(lambdas, "no-runtime", "python3.99")


def test_thirty_calls_at_once_take_eight_processes_at_most(
    lambdas: Any, host_runtime: str, tmp_path: Path
) -> None:
    create(lambdas, "bounded", host_runtime, "function.sleep")
    log = tmp_path / "log"
    with concurrent.futures.ThreadPoolExecutor(30) as pool:
        calls = [pool.submit(invoke, lambdas, "bounded", log=str(log)) for _ in range(30)]
        for call in calls:
            call.result()
    running, most = 0, 0
    for line in log.read_text().splitlines():
        running += 1 if line.startswith("+") else -1
        most = max(most, running)
    assert len(log.read_text().splitlines()) == 60
    assert 1 < most <= 8


@pytest.mark.skipif(sys.platform != "linux", reason="/proc is Linux's")
def test_a_function_in_the_middle_of_a_call_ends_with_a_killed_server(
    tmp_path: Path, host_runtime: str
) -> None:
    with LocalAws.start(tmp_path / "aws") as own:
        own.client("iam").create_role(RoleName="functions", AssumeRolePolicyDocument=TRUST)
        client = own.client("lambda")
        create(client, "sleeping", host_runtime)
        pid = invoke(client, "sleeping", modules=[])["pid"]
        os.kill(int((own.directory / "server.pid").read_text()), 9)
        for _ in range(500):
            if not Path(f"/proc/{pid}").exists():
                break
            time.sleep(0.01)
        else:
            raise AssertionError(f"the function's process {pid} still runs")
