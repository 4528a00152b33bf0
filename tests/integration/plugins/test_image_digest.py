"""The lookup quayside.fargate.image_digest, run by Ansible against the local AWS's registry."""

from __future__ import annotations

from typing import Any

import pytest

from local_aws.control import LocalAws
from tests.integration.plugins.support import Playbooks, Run


@pytest.fixture(scope="module")
def image(aws: LocalAws) -> Any:
    """An image tagged 1 in the repository digests, as PutImage answers."""
    ecr = aws.client("ecr")
    ecr.create_repository(repositoryName="digests")
    pushed = ecr.put_image(
        repositoryName="digests", imageManifest='{"schemaVersion": 2}', imageTag="1"
    )
    return pushed["image"]


def looked_up(playbooks: Playbooks, *references: str) -> Run:
    terms = ", ".join(f"'{reference}'" for reference in references)
    lookup = f"{{{{ query('quayside.fargate.image_digest', {terms}) }}}}"
    return playbooks.task({"ansible.builtin.debug": {"msg": lookup}})


def registry(aws: LocalAws) -> str:
    return f"{aws.account}.dkr.ecr.{aws.region}.amazonaws.com"


def test_a_tag_becomes_its_digest_and_the_rest_stays(
    playbooks: Playbooks, aws: LocalAws, image: Any
) -> None:
    digest = image["imageId"]["imageDigest"]
    pinned = f"{registry(aws)}/digests@{digest}"
    run = looked_up(playbooks, f"{registry(aws)}/digests:1", pinned, "nginx:1.27")
    assert run.result["msg"] == [pinned, pinned, "nginx:1.27"]


def test_of_what_is_to_be_absent_the_registry_is_not_asked(
    playbooks: Playbooks, aws: LocalAws
) -> None:
    gone = f"{registry(aws)}/of-nobody:1"
    lookup = f"{{{{ lookup('quayside.fargate.image_digest', '{gone}', state='absent') }}}}"
    assert playbooks.task({"ansible.builtin.debug": {"msg": lookup}}).result["msg"] == gone


@pytest.mark.parametrize(
    "host",
    ["dkr-ecr.{}.on.aws", "dkr.ecr.{}.amazonaws.eu", "dkr-ecr.{}.on.amazonwebservices.com.cn"],
)
def test_a_tag_is_pinned_behind_every_name_of_a_registry(
    playbooks: Playbooks, aws: LocalAws, image: Any, host: str
) -> None:
    address = f"{aws.account}.{host.format(aws.region)}/digests"
    run = looked_up(playbooks, f"{address}:1")
    assert run.result["msg"] == [f"{address}@{image['imageId']['imageDigest']}"]


def test_a_tag_that_can_not_be_pinned_is_refused(playbooks: Playbooks, aws: LocalAws) -> None:
    run = looked_up(playbooks, f"{aws.account}.dkr.ecr.{aws.region}.amazonaws.mars/digests:1")
    assert "are in amazonaws.mars, so the tag can't be pinned" in run.message


@pytest.mark.usefixtures("image")
@pytest.mark.parametrize(
    ("reference", "said"),
    [
        ("digests:2", "The repository digests ({region}) has no image tagged 2. Push it first"),
        ("digests", "has no image tagged latest"),
        ("nobody:1", "There is no repository nobody in ECR of account {account}, {region}."),
    ],
)
def test_an_image_that_is_not_there_is_a_sentence(
    playbooks: Playbooks, aws: LocalAws, reference: str, said: str
) -> None:
    run = looked_up(playbooks, f"{registry(aws)}/{reference}")
    assert said.format(account=aws.account, region=aws.region) in run.message


def test_a_role_that_may_not_look_is_told_the_permission(
    playbooks: Playbooks, aws: LocalAws, image: Any
) -> None:
    iam = aws.client("iam")
    iam.create_user(UserName="nobody")
    key = iam.create_access_key(UserName="nobody")["AccessKey"]
    stranger = playbooks.acting_as(key["AccessKeyId"], key["SecretAccessKey"])
    run = looked_up(stranger, f"{registry(aws)}/digests:1")
    assert "Allow ecr:DescribeImages on arn:aws:ecr:" in run.message
    assert f"{aws.account}:repository/digests" in run.message
    assert key["SecretAccessKey"] not in run.output
