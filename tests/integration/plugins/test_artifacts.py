"""Nobody can plant what a stack is deployed from: files and large templates in the bucket."""

from __future__ import annotations

import hashlib
import json
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from local_aws.control import LocalAws
from tests.integration.plugins.support import TEMPLATES, Playbooks
from tests.permissions import policies


@dataclass(frozen=True)
class Store:
    """A bucket on a local AWS that keeps versions, named as the platform shop's would be."""

    aws: LocalAws
    bucket: str

    @property
    def s3(self) -> Any:
        """Root's client."""
        return self.aws.client("s3")

    def versions(self) -> list[dict[str, Any]]:
        """What lies in the bucket, delete markers not among it."""
        return list(self.s3.list_object_versions(Bucket=self.bucket).get("Versions", []))

    def plant(self, key: str, content: bytes) -> None:
        """Put something under a key, as whoever may write there could."""
        self.s3.put_object(Bucket=self.bucket, Key=key, Body=content)

    def answer_of(self, function: str) -> Any:
        """What a function answers."""
        answered = self.aws.client("lambda").invoke(FunctionName=function)
        return json.loads(answered["Payload"].read())


@pytest.fixture
def store(aws: LocalAws, name: str) -> Store:
    s3, bucket = aws.client("s3"), f"shop-artifacts-{hashlib.sha256(name.encode()).hexdigest()[:8]}"
    s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": aws.region})
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    return Store(aws, bucket)


@pytest.fixture
def role(aws: LocalAws) -> str:
    """The ARN of a role that a function may have."""
    iam = aws.client("iam")
    principal = {"Service": "lambda.amazonaws.com"}
    statement = {"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole"}
    trust = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    try:
        created = iam.create_role(RoleName="artifacts", AssumeRolePolicyDocument=trust)
    except iam.exceptions.EntityAlreadyExistsException:
        created = iam.get_role(RoleName="artifacts")
    return str(created["Role"]["Arn"])


def large_template(folder: Path) -> Path:
    """Return the path of queue.yml with more metadata than a request takes."""
    text = (TEMPLATES / "queue.yml").read_text("utf-8")
    path = folder / "large.yml"
    path.write_text(f"{text}Metadata:\n  Filler: {'x' * 60_000}\n", encoding="utf-8")
    return path


def function_zip(path: Path, answer: str) -> Path:
    """Write the zip of a function that gives an answer."""
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("app.py", f"def handler(event, context):\n    return {answer!r}\n")
    return path


def key_of(stack: str, path: Path, kind: str) -> str:
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    name = f"{digest}/{path.name}" if kind == "files" else f"{digest}.yml"
    return f"stacks/{stack}/{kind}/{name}"


def service_deployer(aws: LocalAws, playbooks: Playbooks, service: str) -> tuple[Playbooks, Any]:
    """Return playbooks and an S3 client of who may deploy one service of the platform shop."""
    given = {"PLATFORM": "shop", "ACCOUNT": aws.account, "SERVICES": service, "TEAM": "all"}
    text = policies.text("service", **given)
    iam, user = aws.client("iam"), f"{service}-pipeline"
    iam.create_user(UserName=user)
    iam.put_user_policy(UserName=user, PolicyName="deploy", PolicyDocument=text)
    key = iam.create_access_key(UserName=user)["AccessKey"]
    client = boto3.client(
        "s3",
        endpoint_url=aws.environment["AWS_ENDPOINT_URL"],
        region_name=aws.region,
        aws_access_key_id=key["AccessKeyId"],
        aws_secret_access_key=key["SecretAccessKey"],
    )
    return playbooks.acting_as(key["AccessKeyId"], key["SecretAccessKey"]), client


def function_options(name: str, store: Store, role: str, zip_file: Path) -> dict[str, Any]:
    return {
        "name": name,
        "template": "function.yml",
        "artifacts_bucket": store.bucket,
        "parameters": {"Bucket": store.bucket, "RoleArn": role},
        "files": {"CodeKey": str(zip_file)},
    }


def test_a_large_template_goes_through_the_bucket_by_its_version(
    playbooks: Playbooks, name: str, tmp_path: Path, store: Store
) -> None:
    template = large_template(tmp_path)
    refused = playbooks.stack(name=name, template=str(template))
    assert "a request takes 51,200. Give option artifacts_bucket." in refused.message

    options = {"name": name, "template": str(template), "artifacts_bucket": store.bucket}
    assert playbooks.stack("--check", **options).changed
    assert store.versions() == []
    assert playbooks.stack(**options).changed
    assert not playbooks.stack(**options).changed
    (stored,) = store.versions()
    assert stored["Key"] == key_of(name, template, "templates")


def test_a_stack_that_keeps_its_large_template_needs_no_bucket(
    playbooks: Playbooks, name: str, tmp_path: Path, store: Store
) -> None:
    template = large_template(tmp_path)
    playbooks.stack(name=name, template=str(template), artifacts_bucket=store.bucket)
    store.s3.delete_object(Bucket=store.bucket, Key=key_of(name, template, "templates"))
    assert playbooks.stack(name=name, parameters={"Seconds": 77}).changed
    assert not playbooks.stack(name=name, parameters={"Seconds": 77}).changed
    client = store.aws.client("cloudformation")
    assert client.get_template(StackName=name)["TemplateBody"] == template.read_text()
    overlay = {"Metadata": {"More": "of it"}}
    refused = playbooks.stack(name=name, overlay=overlay)
    assert "Give option artifacts_bucket." in refused.message


def test_a_planted_template_is_not_used(
    playbooks: Playbooks, name: str, tmp_path: Path, store: Store
) -> None:
    template = large_template(tmp_path)
    key = key_of(name, template, "templates")
    store.plant(key, template.read_text().replace("VisibilityTimeout", "DelaySeconds").encode())
    options = {"name": name, "template": str(template), "artifacts_bucket": store.bucket}
    assert playbooks.stack(**options).changed
    deployed = store.aws.client("cloudformation").get_template(StackName=name)["TemplateBody"]
    assert deployed == template.read_text()
    assert [item["Key"] for item in store.versions()] == [key, key]


def test_a_function_runs_the_very_version_that_was_uploaded(
    playbooks: Playbooks, name: str, tmp_path: Path, store: Store, role: str
) -> None:
    zip_file = function_zip(tmp_path / "function.zip", "ours")
    planted = function_zip(tmp_path / "planted.zip", "planted").read_bytes()
    key = key_of(name, zip_file, "files")
    store.plant(key, planted)
    options = function_options(name, store, role, zip_file)
    planned = playbooks.stack("--check", "--diff", "-v", **options)
    assert "parameter CodeVersion: (none) -> to-be-uploaded" in planned.output
    created = playbooks.stack(**options).result["outputs"]
    assert store.answer_of(created["Function"]) == "ours"
    ours = store.s3.head_object(Bucket=store.bucket, Key=key)["VersionId"]
    assert created["CodeVersion"] == ours
    assert not playbooks.stack(**options).changed

    store.plant(key, planted)
    kept = playbooks.stack(name=name, tags={"moved": "on"}, parameters={"Note": "moved"})
    assert kept.result["outputs"]["CodeVersion"] == ours, "the newest is the planted one"
    assert store.answer_of(created["Function"]) == "ours"
    again = playbooks.stack(**options).result["outputs"]
    assert again["CodeVersion"] != ours, "what isn't ours is not the newest any more"
    assert store.answer_of(created["Function"]) == "ours"


def test_a_function_whose_code_was_changed_by_hand_is_named(
    playbooks: Playbooks, name: str, tmp_path: Path, store: Store, role: str
) -> None:
    zip_file = function_zip(tmp_path / "function.zip", "ours")
    options = function_options(name, store, role, zip_file)
    function = playbooks.stack(**options).result["outputs"]["Function"]
    foreign = function_zip(tmp_path / "foreign.zip", "foreign").read_bytes()
    store.aws.client("lambda").update_function_code(FunctionName=function, ZipFile=foreign)
    run = playbooks.stack(**options)
    assert run.message.startswith("Other code runs than was deployed: the CodeSha256 of ")
    assert f"{function} (CodeKey)" in run.message


def test_a_bucket_without_versions_is_refused(
    playbooks: Playbooks, name: str, tmp_path: Path, store: Store
) -> None:
    store.s3.put_bucket_versioning(
        Bucket=store.bucket, VersioningConfiguration={"Status": "Suspended"}
    )
    template = str(large_template(tmp_path))
    run = playbooks.stack(name=name, template=template, artifacts_bucket=store.bucket)
    assert run.message.startswith(f"Bucket {store.bucket} keeps no versions")
    assert "put-bucket-versioning" in run.message


def test_a_services_pipeline_writes_below_its_own_stack_and_nowhere_else(
    playbooks: Playbooks, tmp_path: Path, store: Store
) -> None:
    template = large_template(tmp_path)
    pipeline, s3 = service_deployer(store.aws, playbooks, "orders")
    for key in (
        key_of("shop-support", template, "files"),
        key_of("shop-support", template, "templates"),
        key_of("shop-service-billing", template, "templates"),
        "stacks/shop-service-orders",
        "anything",
    ):
        with pytest.raises(ClientError, match="AccessDenied"):
            s3.put_object(Bucket=store.bucket, Key=key, Body=b"planted")
        with pytest.raises(ClientError, match="AccessDenied"):
            s3.delete_object(Bucket=store.bucket, Key=key)

    own = {"name": "shop-service-orders", "template": str(template)}
    assert pipeline.stack("--check", **own, artifacts_bucket=store.bucket).changed
    assert store.versions() == []
