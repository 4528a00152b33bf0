"""Functions in a VPC that nobody invoked for a fortnight."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from local_aws.control import LocalAws
from tests.integration.local_aws.support import ROLE, Stacks, eventually

CODE = """
import json, pathlib, urllib.request

def handler(event, context):
    with open({path!r}, "a") as calls:
        calls.write("call\\n")
    if "ResponseURL" in event:
        import ssl, os
        answer = {{"Status": "SUCCESS", "PhysicalResourceId": "it", "StackId": event["StackId"],
                  "RequestId": event["RequestId"], "LogicalResourceId": event["LogicalResourceId"]}}
        request = urllib.request.Request(event["ResponseURL"], json.dumps(answer).encode(),
                                         {{"content-type": ""}}, method="PUT")
        urllib.request.urlopen(request)
    return "done"
"""
ONCE = Config(retries={"total_max_attempts": 1})


class Sleeper:
    """A function of a template, in a VPC or not."""

    def __init__(self, aws: LocalAws, stacks: Stacks, folder: Path, runtime: str) -> None:
        self.aws, self._stacks, self._calls = aws, stacks, folder / "calls"
        self.name, self._runtime = folder.name.replace("_", "-"), runtime
        self._lambda = aws.client("lambda", config=ONCE)

    def deploy(self, *, in_vpc: bool = True, **more: Any) -> None:
        network = {"VpcConfig": {"SubnetIds": ["subnet-1"], "SecurityGroupIds": ["sg-1"]}}
        function = {
            "Type": "AWS::Lambda::Function",
            "Properties": {
                "FunctionName": self.name,
                "Runtime": self._runtime,
                "Handler": "index.handler",
                "Role": {"Fn::GetAtt": ["Role", "Arn"]},
                "Timeout": 20,
                "ReservedConcurrentExecutions": 7,
                "Code": {"ZipFile": CODE.format(path=str(self._calls))},
                **(network if in_vpc else {}),
            },
        }
        template = {"Resources": {"Role": ROLE, "Function": function, **more}}
        self._stacks.deploy(self.name, template)

    def invoke(self) -> str:
        """Return what came of it: the function's answer, or the error's code."""
        try:
            answer = self._lambda.invoke(FunctionName=self.name)
        except ClientError as error:
            return str(error.response["Error"]["Code"])
        return str(json.loads(answer["Payload"].read()))

    @property
    def state(self) -> tuple[str, str]:
        found = self._lambda.get_function_configuration(FunctionName=self.name)
        return found["State"], found.get("StateReasonCode", "")

    @property
    def calls(self) -> int:
        return self._calls.read_text().count("call") if self._calls.exists() else 0


@pytest.fixture
def sleeper(aws: LocalAws, stacks: Stacks, tmp_path: Path, host_runtime: str) -> Sleeper:
    return Sleeper(aws, stacks, tmp_path, host_runtime)


def test_network_and_reserved_concurrency_of_a_template_are_kept(sleeper: Sleeper) -> None:
    sleeper.deploy()
    client = sleeper.aws.client("lambda")
    network = client.get_function_configuration(FunctionName=sleeper.name)["VpcConfig"]
    assert (network["SubnetIds"], network["SecurityGroupIds"]) == (["subnet-1"], ["sg-1"])
    concurrency = client.get_function_concurrency(FunctionName=sleeper.name)
    assert concurrency["ReservedConcurrentExecutions"] == 7


def test_the_first_invocation_after_a_fortnight_fails_and_wakes_it(sleeper: Sleeper) -> None:
    sleeper.deploy()
    sleeper.aws.idle(13)
    assert sleeper.invoke() == "done"
    sleeper.aws.idle(13)
    assert sleeper.state[0] == "Active"
    sleeper.aws.idle(1, restoring=1.5)
    assert sleeper.state == ("Inactive", "Idle")
    assert sleeper.invoke() == "ResourceNotReadyException"
    assert sleeper.state == ("Pending", "Restoring")
    assert sleeper.invoke() == "ResourceConflictException"
    assert eventually(lambda: sleeper.state[0] == "Active")
    assert sleeper.invoke() == "done"
    assert sleeper.calls == 2


def test_a_function_outside_a_vpc_is_always_active(sleeper: Sleeper) -> None:
    sleeper.deploy(in_vpc=False)
    sleeper.aws.idle(100)
    assert sleeper.state[0] == "Active"
    assert sleeper.invoke() == "done"


def test_a_custom_resource_of_an_inactive_function_fails_at_once(sleeper: Sleeper) -> None:
    sleeper.deploy()
    sleeper.aws.idle(14, restoring=1)
    custom = {
        "Type": "Custom::It",
        "Properties": {
            "ServiceToken": {"Fn::GetAtt": ["Function", "Arn"]},
            "ServiceTimeout": 20,
        },
    }
    with pytest.raises(AssertionError, match="The function is inactive"):
        sleeper.deploy(Custom=custom)
    assert sleeper.calls == 0
    eventually(lambda: sleeper.state[0] == "Active")
    sleeper.deploy(Custom=custom)
    assert sleeper.calls == 1


def test_what_a_rule_sends_to_an_inactive_function_arrives_when_it_is_active(
    sleeper: Sleeper,
) -> None:
    sleeper.deploy()
    arn = sleeper.aws.client("lambda").get_function(FunctionName=sleeper.name)
    events = sleeper.aws.client("events")
    rule = events.put_rule(Name=sleeper.name, EventPattern=json.dumps({"source": [sleeper.name]}))
    sleeper.aws.client("lambda").add_permission(
        FunctionName=sleeper.name,
        StatementId="rule",
        Action="lambda:InvokeFunction",
        Principal="events.amazonaws.com",
        SourceArn=rule["RuleArn"],
    )
    function_arn = arn["Configuration"]["FunctionArn"]
    events.put_targets(Rule=sleeper.name, Targets=[{"Id": "it", "Arn": function_arn}])
    sleeper.aws.idle(14, restoring=1)
    entry = {"Source": sleeper.name, "DetailType": "any", "Detail": "{}"}
    started = time.monotonic()
    events.put_events(Entries=[entry])
    eventually(lambda: sleeper.calls)
    assert time.monotonic() - started > 1
    assert sleeper.calls == 1
    events.remove_targets(Rule=sleeper.name, Ids=["it"])
    events.delete_rule(Name=sleeper.name)
