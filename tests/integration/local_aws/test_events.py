"""From a staging label's move to a function: rule, queue, dead letters; events of a stack."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from local_aws.control import LocalAws
from tests.integration.local_aws.support import Stacks, eventually, function

# It notes the version of every message; while the file `refuse` is there, it hands them back.
CODE = """
import json, pathlib

FOLDER = pathlib.Path({folder!r})

def handler(event, context):
    (record,) = event["Records"]
    body = json.loads(record["body"])
    with (FOLDER / "received").open("a") as received:
        received.write(json.dumps([record["attributes"]["ApproximateReceiveCount"], body]) + "\\n")
    refused = (FOLDER / "refuse").exists()
    return {{"batchItemFailures": [{{"itemIdentifier": record["messageId"]}}] if refused else []}}
"""
RETRIES = {"MaximumRetryAttempts": 5, "MaximumEventAgeInSeconds": 3600}
# Seconds that the function has, and that a message stays invisible: with less it would come again
# while the function still has it.
TIMEOUT = 5
ACTIONS = ("sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:ReceiveMessage")


def queue(name: str, **properties: Any) -> dict[str, Any]:
    return {"Type": "AWS::SQS::Queue", "Properties": {"QueueName": name, **properties}}


def policy(of: str, source: Any) -> dict[str, Any]:
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": "events.amazonaws.com"},
        "Action": "sqs:SendMessage",
        "Resource": {"Fn::GetAtt": [of, "Arn"]},
        "Condition": {"ArnEquals": {"aws:SourceArn": source}},
    }
    document = {"Version": "2012-10-17", "Statement": [statement]}
    return {
        "Type": "AWS::SQS::QueuePolicy",
        "Properties": {"Queues": [{"Ref": of}], "PolicyDocument": document},
    }


def template(name: str, target: str) -> dict[str, Any]:
    """Rule -> queue -> function, with dead letters of both; three tries."""
    rule = {"Fn::GetAtt": ["Rule", "Arn"]}
    dead = {"Fn::GetAtt": ["Dead", "Arn"]}
    pattern = {
        "source": ["aws.secretsmanager"],
        "detail-type": ["Secret Label Updated"],
        "detail": {"labelUpdated": ["FINISHED"], "name": [{"prefix": f"{name}/"}]},
    }
    return {
        "Resources": {
            "Dead": queue(f"{name}-dead"),
            "Queue": queue(
                f"{name}-queue",
                VisibilityTimeout=TIMEOUT,
                RedrivePolicy={"deadLetterTargetArn": dead, "maxReceiveCount": 3},
            ),
            "QueuePolicy": policy("Queue", rule),
            "DeadPolicy": policy("Dead", rule),
            "Rule": {
                "Type": "AWS::Events::Rule",
                "Properties": {
                    "Name": f"{name}-rule",
                    "EventPattern": pattern,
                    "Targets": [
                        {
                            "Id": "queue",
                            "Arn": {"Fn::GetAtt": ["Queue", "Arn"]},
                            "DeadLetterConfig": {"Arn": dead},
                            "RetryPolicy": RETRIES,
                        }
                    ],
                },
            },
            "Mapping": {
                "Type": "AWS::Lambda::EventSourceMapping",
                "Properties": {
                    "EventSourceArn": {"Fn::GetAtt": ["Queue", "Arn"]},
                    "FunctionName": target,
                    "BatchSize": 1,
                    "FunctionResponseTypes": ["ReportBatchItemFailures"],
                    "ScalingConfig": {"MaximumConcurrency": 2},
                },
            },
        },
        "Outputs": {
            "Queue": {"Value": {"Ref": "Queue"}},
            "Dead": {"Value": {"Ref": "Dead"}},
            "Rule": {"Value": rule},
        },
    }


class Chain:
    """A secret whose label's moves reach a function by rule and queue."""

    def __init__(self, aws: LocalAws, stacks: Stacks, folder: Path, runtime: str) -> None:
        self.secrets, self.sqs = aws.client("secretsmanager"), aws.client("sqs")
        self.folder, self.name, self._stacks = folder, folder.name, stacks
        code = CODE.format(folder=str(folder))
        target = function(aws, self.name, code, runtime, actions=ACTIONS, timeout=TIMEOUT)
        self.template = template(self.name, target)
        self.outputs = stacks.deploy(self.name, self.template)
        self.secret = f"{self.name}/secret"
        self.versions = [
            self.secrets.create_secret(Name=self.secret, SecretString="one")["VersionId"],
            self.secrets.put_secret_value(SecretId=self.secret, SecretString="two")["VersionId"],
        ]

    def move(self, label: str) -> None:
        """Move a label to the newest version."""
        self.secrets.update_secret_version_stage(
            SecretId=self.secret, VersionStage=label, MoveToVersionId=self.versions[-1]
        )

    @property
    def received(self) -> list[Any]:
        """How often each message was received, and its event."""
        path = self.folder / "received"
        return (
            [json.loads(line) for line in path.read_text().split("\n")[:-1]]
            if path.exists()
            else []
        )

    def dead(self) -> Any:
        """The first message of the dead-letter queue."""
        answer = self.sqs.receive_message(
            QueueUrl=self.outputs["Dead"], MessageAttributeNames=["All"], WaitTimeSeconds=1
        )
        return next(iter(answer.get("Messages", [])), None)


@pytest.fixture
def chain(aws: LocalAws, stacks: Stacks, tmp_path: Path, host_runtime: str) -> Iterator[Chain]:
    folder = tmp_path / f"chain-{tmp_path.name[-16:].replace('_', '-').rstrip('-')}"
    folder.mkdir()
    made = Chain(aws, stacks, folder, host_runtime)
    yield made
    made.secrets.delete_secret(SecretId=made.secret, ForceDeleteWithoutRecovery=True)


def test_a_targets_retry_policy_is_shown(aws: LocalAws, chain: Chain) -> None:
    rule = chain.outputs["Rule"].rsplit("/", 1)[-1]
    (target,) = aws.client("events").list_targets_by_rule(Rule=rule)["Targets"]
    assert target["RetryPolicy"] == RETRIES


def test_the_move_of_a_label_of_ones_own_reaches_the_function(chain: Chain) -> None:
    chain.move("OTHER")
    chain.move("FINISHED")
    eventually(lambda: chain.received)
    ((count, event),) = chain.received
    assert count == "1"
    assert event["source"] == "aws.secretsmanager"
    assert event["detail"] == {
        "name": chain.secret,
        "labelUpdated": "FINISHED",
        "versionId": chain.versions[-1],
    }
    (arn,) = event["resources"]
    assert arn == chain.secrets.describe_secret(SecretId=chain.secret)["ARN"]


def test_a_message_that_is_handed_back_comes_again_until_it_is_taken(chain: Chain) -> None:
    (chain.folder / "refuse").touch()
    chain.move("FINISHED")
    eventually(lambda: [count for count, _ in chain.received] == ["1", "2"])
    (chain.folder / "refuse").unlink()
    eventually(lambda: [count for count, _ in chain.received] == ["1", "2", "3"])
    queue_attributes = chain.sqs.get_queue_attributes(
        QueueUrl=chain.outputs["Queue"], AttributeNames=["All"]
    )["Attributes"]
    assert queue_attributes["ApproximateNumberOfMessages"] == "0"
    assert chain.dead() is None


def test_a_message_that_is_handed_back_too_often_is_kept_as_a_dead_letter(chain: Chain) -> None:
    (chain.folder / "refuse").touch()
    chain.move("FINISHED")
    dead = eventually(chain.dead)
    assert json.loads(dead["Body"])["detail"]["versionId"] == chain.versions[-1]
    assert [count for count, _ in chain.received] == ["1", "2", "3"]


def test_what_a_rule_can_not_deliver_is_kept_with_the_reason(chain: Chain) -> None:
    chain.sqs.set_queue_attributes(QueueUrl=chain.outputs["Queue"], Attributes={"Policy": ""})
    chain.move("FINISHED")
    dead = eventually(chain.dead)
    assert json.loads(dead["Body"])["detail"]["labelUpdated"] == "FINISHED"
    attributes = {key: it["StringValue"] for key, it in dead["MessageAttributes"].items()}
    assert attributes["ERROR_CODE"] == "NO_PERMISSIONS"
    assert attributes["RULE_ARN"] == chain.outputs["Rule"]
    assert chain.received == []


GROUP = {"Type": "AWS::Logs::LogGroup"}
NEVER = {
    "Handle": {"Type": "AWS::CloudFormation::WaitConditionHandle"},
    "Wait": {
        "Type": "AWS::CloudFormation::WaitCondition",
        "Properties": {"Handle": {"Ref": "Handle"}, "Timeout": "2"},
    },
}


def test_all_events_of_an_update_and_its_rollback_have_its_token_and_a_busy_stack_takes_no_other(
    stacks: Stacks,
) -> None:
    cloudformation = stacks.cloudformation
    stacks.deploy("busy", {"Resources": {"Group": GROUP}})
    request = {
        "StackName": "busy",
        "TemplateBody": json.dumps({"Resources": {"Group": GROUP, **NEVER}}),
    }
    cloudformation.update_stack(**request, ClientRequestToken="flip-1")
    with pytest.raises(ClientError, match=r"is in UPDATE_IN_PROGRESS state and can not be updated"):
        cloudformation.update_stack(**request, ClientRequestToken="flip-2")

    def status() -> str:
        return str(cloudformation.describe_stacks(StackName="busy")["Stacks"][0]["StackStatus"])

    eventually(lambda: status() == "UPDATE_ROLLBACK_COMPLETE")
    events = cloudformation.describe_stack_events(StackName="busy")["StackEvents"]
    begun = [it for it in events if it.get("ClientRequestToken") == "flip-1"]
    own = [it["ResourceStatus"] for it in begun if it["LogicalResourceId"] == "busy"]
    assert own[0] == "UPDATE_ROLLBACK_COMPLETE"
    assert own[-1] == "UPDATE_IN_PROGRESS"
    assert {it.get("ClientRequestToken") for it in events} == {None, "flip-1"}
