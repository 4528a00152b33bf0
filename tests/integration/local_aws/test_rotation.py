"""Rotation: schedules, the four steps, reattempts."""

from __future__ import annotations

import http.client
import urllib.parse
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from local_aws.control import LocalAws
from tests.integration.local_aws.support import Stacks, eventually, function

# It notes its steps; while the file `refuse` is there, it refuses the first one.
CODE = """
import boto3, pathlib

FOLDER = pathlib.Path({folder!r})

def handler(event, context):
    step, arn, token = event["Step"], event["SecretId"], event["ClientRequestToken"]
    with (FOLDER / "steps").open("a") as steps:
        steps.write(step + "\\n")
    if step == "createSecret" and (FOLDER / "refuse").exists():
        raise RuntimeError("refused")
    secrets = boto3.client("secretsmanager")
    if step == "createSecret":
        secrets.put_secret_value(SecretId=arn, ClientRequestToken=token,
                                 SecretString="rotated", VersionStages=["AWSPENDING"])
    if step == "finishSecret":
        stages = secrets.describe_secret(SecretId=arn)["VersionIdsToStages"]
        current = next(v for v, labels in stages.items() if "AWSCURRENT" in labels)
        secrets.update_secret_version_stage(SecretId=arn, VersionStage="AWSCURRENT",
                                            MoveToVersionId=token, RemoveFromVersionId=current)
"""
STEPS = ["createSecret", "setSecret", "testSecret", "finishSecret"]
HOURS = 3


class Rotating:
    """A secret with a schedule, and the function that rotates it."""

    def __init__(self, aws: LocalAws, stacks: Stacks, folder: Path, runtime: str) -> None:
        self.secrets = aws.client("secretsmanager")
        self.folder, self._stacks, self.name = folder, stacks, folder.name
        code = CODE.format(folder=str(folder))
        self.function = function(aws, self.name, code, runtime)
        aws.client("lambda").add_permission(
            FunctionName=self.name,
            StatementId="rotation",
            Action="lambda:InvokeFunction",
            Principal="secretsmanager.amazonaws.com",
        )
        self.arn = ""

    def deploy(self, schedule: str = "cron(0 3 1 * ? *)") -> None:
        """Create or change the secret's schedule, and wait until it was tested."""
        tested = len(self.steps)
        template = {
            "Resources": {
                "Secret": {
                    "Type": "AWS::SecretsManager::Secret",
                    "Properties": {"Name": f"{self.name}/secret", "SecretString": "first"},
                },
                "Schedule": {
                    "Type": "AWS::SecretsManager::RotationSchedule",
                    "Properties": {
                        "SecretId": {"Ref": "Secret"},
                        "RotationLambdaARN": self.function,
                        "RotationRules": {
                            "ScheduleExpression": schedule,
                            "Duration": f"{HOURS}h",
                        },
                        "RotateImmediatelyOnUpdate": False,
                    },
                },
            },
            "Outputs": {"Secret": {"Value": {"Ref": "Secret"}}},
        }
        self.arn = self._stacks.deploy(self.name, template)["Secret"]
        eventually(lambda: len(self.steps) > tested and "AWSPENDING" not in self.labels)

    @property
    def steps(self) -> list[str]:
        """The steps that the function was called for."""
        path = self.folder / "steps"
        return path.read_text().split() if path.exists() else []

    @property
    def value(self) -> str:
        """The current value."""
        return str(self.secrets.get_secret_value(SecretId=self.arn)["SecretString"])

    @property
    def labels(self) -> list[str]:
        """All staging labels of the secret."""
        versions = self.secrets.describe_secret(SecretId=self.arn)["VersionIdsToStages"].values()
        return sorted(label for version in versions for label in version)


@pytest.fixture
def rotating(aws: LocalAws, stacks: Stacks, tmp_path: Path, host_runtime: str) -> Rotating:
    folder = tmp_path / f"rotating-{tmp_path.name[-20:].replace('_', '-')}"
    folder.mkdir()
    return Rotating(aws, stacks, folder, host_runtime)


def test_a_new_or_changed_schedule_is_tested_and_rotates_nothing(rotating: Rotating) -> None:
    rotating.deploy()
    rotating.deploy("cron(0 4 1 * ? *)")
    assert rotating.steps == ["testSecret"] * 2
    assert rotating.labels == ["AWSCURRENT"]
    assert rotating.value == "first"


def test_an_update_that_leaves_the_schedule_alone_calls_nobody(
    rotating: Rotating, stacks: Stacks
) -> None:
    rotating.deploy()
    described = stacks.cloudformation.get_template(StackName=rotating.name)["TemplateBody"]
    stacks.deploy(rotating.name, dict(described) | {"Description": "the same"})
    assert rotating.steps == ["testSecret"]


def test_a_rotation_calls_its_function_for_four_steps_and_moves_the_label(
    rotating: Rotating,
) -> None:
    rotating.deploy()
    rotating.secrets.rotate_secret(SecretId=rotating.arn)
    eventually(lambda: rotating.labels == ["AWSCURRENT", "AWSPREVIOUS"])
    assert rotating.value == "rotated"
    assert rotating.steps == ["testSecret", *STEPS]
    assert rotating.secrets.describe_secret(SecretId=rotating.arn)["LastRotatedDate"]


def test_without_the_functions_permission_there_is_no_schedule(
    aws: LocalAws, rotating: Rotating
) -> None:
    aws.client("lambda").remove_permission(FunctionName=rotating.name, StatementId="rotation")
    with pytest.raises(AssertionError, match="cannot invoke the specified Lambda function"):
        rotating.deploy()


def test_a_schedule_fires_in_its_minute_and_in_no_other(aws: LocalAws, rotating: Rotating) -> None:
    rotating.deploy("cron(0 3 1 * ? *)")
    secret = f"{rotating.name}/secret"
    for other in ((2027, 3, 15, 3, 0), (2027, 3, 1, 3, 1), (2027, 3, 1, 4, 0)):
        assert secret not in aws.rotate_as_scheduled(datetime(*other, tzinfo=UTC))
    assert rotating.value == "first"
    assert secret in aws.rotate_as_scheduled(datetime(2027, 3, 1, 3, 0, tzinfo=UTC))
    eventually(lambda: rotating.value == "rotated")


def test_a_secret_says_when_it_is_rotated_next_at_the_latest(rotating: Rotating) -> None:
    rotating.deploy("cron(0 3 1 * ? *)")
    described = rotating.secrets.describe_secret(SecretId=rotating.arn)
    latest = described["NextRotationDate"].astimezone(UTC)
    begin = latest + timedelta(seconds=1) - timedelta(hours=HOURS)
    assert (begin.day, begin.hour, begin.minute) == (1, 3, 0)
    assert begin > datetime.now(UTC)


def test_nobody_strikes_the_clock_without_the_roots_key(aws: LocalAws) -> None:
    server = urllib.parse.urlsplit(aws.environment["AWS_ENDPOINT_URL"]).netloc
    connection = http.client.HTTPConnection(server)
    connection.request("POST", "/_local/rotate", '{"moment": "2027-03-01T03:00+00:00"}')
    assert connection.getresponse().status == 403


def test_a_failed_rotation_is_reattempted_by_itself(rotating: Rotating) -> None:
    rotating.deploy()
    refuse = rotating.folder / "refuse"
    refuse.touch()
    rotating.secrets.rotate_secret(SecretId=rotating.arn)
    eventually(lambda: rotating.steps.count("createSecret") == 1)
    with pytest.raises(ClientError, match="A previous rotation isn't complete"):
        rotating.secrets.rotate_secret(SecretId=rotating.arn)
    with pytest.raises(ClientError, match="can't find the specified secret value for staging"):
        rotating.secrets.get_secret_value(SecretId=rotating.arn, VersionStage="AWSPENDING")
    assert rotating.value == "first"
    refuse.unlink()
    eventually(lambda: rotating.value == "rotated")


def test_a_rotation_whose_label_was_taken_away_is_not_reattempted(rotating: Rotating) -> None:
    rotating.deploy()
    (rotating.folder / "refuse").touch()
    version = rotating.secrets.rotate_secret(SecretId=rotating.arn)["VersionId"]
    eventually(lambda: "createSecret" in rotating.steps)
    rotating.secrets.update_secret_version_stage(
        SecretId=rotating.arn, VersionStage="AWSPENDING", RemoveFromVersionId=version
    )
    (rotating.folder / "refuse").unlink()
    rotating.secrets.rotate_secret(SecretId=rotating.arn)  # a new one, which isn't refused
    eventually(lambda: rotating.value == "rotated")
    done = rotating.secrets.describe_secret(SecretId=rotating.arn)["VersionIdsToStages"]
    assert "AWSCURRENT" not in done.get(version, [])


def test_a_deleted_schedule_leaves_the_secret_unrotated(
    aws: LocalAws, rotating: Rotating, stacks: Stacks
) -> None:
    rotating.deploy()
    described: Any = stacks.cloudformation.get_template(StackName=rotating.name)["TemplateBody"]
    del described["Resources"]["Schedule"]
    stacks.deploy(rotating.name, described)
    rotates: Callable[[], bool] = lambda: rotating.secrets.describe_secret(  # noqa: E731
        SecretId=rotating.arn
    )["RotationEnabled"]
    assert not rotates()
    moment = datetime(2027, 3, 1, 3, 0, tzinfo=UTC)
    assert f"{rotating.name}/secret" not in aws.rotate_as_scheduled(moment)
