"""Operations on a resource fail on demand, and stacks take it as they take a handler's failure."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError

from local_aws.control import LocalAws
from local_aws.errors import LocalAwsError
from tests.integration.local_aws.support import Stacks, eventually, function

PARAMETERS = {
    "Parameters": {"Value": {"Type": "String", "Default": "1"}},
    "Resources": {
        name: {
            "Type": "AWS::SSM::Parameter",
            "Properties": {
                "Name": f"/failures/{name}",
                "Type": "String",
                "Value": {"Ref": "Value"},
            },
            **({"DependsOn": "First"} if name == "Second" else {}),
        }
        for name in ("First", "Second")
    },
}


def names(aws: LocalAws) -> list[str]:
    found = aws.client("ssm").get_parameters_by_path(Path="/failures")["Parameters"]
    return sorted(parameter["Name"] for parameter in found)


def events(stacks: Stacks, name: str, resource: str) -> list[str]:
    found = stacks.cloudformation.describe_stack_events(StackName=name)["StackEvents"]
    return [e["ResourceStatus"] for e in reversed(found) if e["LogicalResourceId"] == resource]


@pytest.mark.parametrize("after", [False, True])
def test_a_creation_fails_as_often_as_asked_and_is_rolled_back(
    aws: LocalAws, stacks: Stacks, *, after: bool
) -> None:
    aws.fail("fails", "Second", reason="No luck", times=2, after=after)
    for _ in range(2):
        with pytest.raises(AssertionError, match="Second: No luck"):
            stacks.deploy("fails", PARAMETERS)
        assert stacks.status("fails") == "ROLLBACK_COMPLETE"
        assert ("DELETE_COMPLETE" in events(stacks, "fails", "Second")) is after
        assert names(aws) == []
        stacks.delete("fails")
    stacks.deploy("fails", PARAMETERS)
    assert len(names(aws)) == 2


def test_a_failed_update_is_rolled_back(aws: LocalAws, stacks: Stacks) -> None:
    stacks.deploy("updated", PARAMETERS)
    aws.fail("updated", "Second", "UPDATE")
    with pytest.raises(AssertionError, match="Second: Injected failure"):
        stacks.deploy("updated", PARAMETERS, Value="2")
    eventually(lambda: stacks.status("updated") == "UPDATE_ROLLBACK_COMPLETE")
    values = aws.client("ssm").get_parameters_by_path(Path="/failures")["Parameters"]
    assert {parameter["Value"] for parameter in values} == {"1"}


def test_a_failed_deletion_leaves_the_stack_to_be_deleted_again(
    aws: LocalAws, stacks: Stacks
) -> None:
    stacks.deploy("kept", PARAMETERS)
    aws.fail("kept", "First", "DELETE")
    with pytest.raises(AssertionError, match="First: Injected failure"):
        stacks.delete("kept")
    assert stacks.status("kept") == "DELETE_FAILED"
    stacks.delete("kept")
    assert names(aws) == []


def test_a_failure_can_be_taken_back(aws: LocalAws, stacks: Stacks) -> None:
    aws.fail("spared", "First")
    aws.fail("spared", "First", times=0)
    stacks.deploy("spared", PARAMETERS)


def test_an_action_that_does_not_exist_is_refused(aws: LocalAws) -> None:
    with pytest.raises(LocalAwsError, match="'MAKE' is none of CREATE, UPDATE, DELETE"):
        aws.fail("any", "Any", "MAKE")


RESPONDER = """
import json, os, ssl, urllib.request

def handler(event, _):
    properties = event["ResourceProperties"]
    create = event["RequestType"] == "Create"
    body = {
        "Status": "FAILED" if create else "SUCCESS",
        "Reason": "as asked",
        "PhysicalResourceId": "made" if create else event["PhysicalResourceId"],
        "StackId": event["StackId"],
        "RequestId": event["RequestId"],
        "LogicalResourceId": event["LogicalResourceId"],
    }
    print(event["RequestType"], body["PhysicalResourceId"])
    request = urllib.request.Request(event["ResponseURL"], json.dumps(body).encode(), method="PUT")
    trust = ssl.create_default_context(cafile=os.environ["AWS_CA_BUNDLE"])
    urllib.request.urlopen(request, context=trust)
"""


def test_a_custom_resource_that_could_not_be_created_is_asked_to_delete(
    aws: LocalAws, stacks: Stacks, host_runtime: str
) -> None:
    token = function(aws, "half-made", RESPONDER, host_runtime)
    resource: dict[str, Any] = {"Type": "Custom::Half", "Properties": {"ServiceToken": token}}
    with pytest.raises(AssertionError, match="Message returned: as asked"):
        stacks.deploy("half", {"Resources": {"Half": resource}})
    assert events(stacks, "half", "Half")[-2:] == ["DELETE_IN_PROGRESS", "DELETE_COMPLETE"]
    logs = aws.client("logs")

    def asked() -> list[str]:
        try:
            found = logs.filter_log_events(logGroupName="/aws/lambda/half-made")["events"]
        except ClientError:
            return []
        return [e["message"].strip() for e in found if e["message"].strip().endswith(" made")]

    eventually(lambda: asked() == ["Create made", "Delete made"])
