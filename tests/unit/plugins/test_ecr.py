"""An ECR reference is told from others and taken apart."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from botocore.exceptions import ClientError
from botocore.loaders import Loader
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.quayside.fargate.plugins.plugin_utils import ecr, partitions
from ansible_collections.quayside.fargate.plugins.plugin_utils.errors import StackError

REGISTRY = "123456789012.dkr.ecr.eu-central-1.amazonaws.com"
DIGEST = "sha256:" + "a" * 64


@pytest.mark.parametrize(
    ("reference", "repository", "tag"),
    [
        (f"{REGISTRY}/orders:1.4", "orders", "1.4"),
        (f"{REGISTRY}/team/orders_api:v1", "team/orders_api", "v1"),
        (f"{REGISTRY}/orders", "orders", "latest"),
    ],
)
def test_an_ecr_reference_is_taken_apart(reference: str, repository: str, tag: str) -> None:
    image = ecr.parse(reference)
    assert image == ecr.EcrImage(
        "123456789012", "eu-central-1", repository, tag, f"{REGISTRY}/{repository}"
    )


def hosts() -> Iterator[tuple[str, str, str]]:
    """Every name that a registry has, by partition and region of botocore's own data."""
    for partition in Loader().load_data("partitions")["partitions"]:
        outputs = partition["outputs"]
        dual = outputs["dualStackDnsSuffix"].replace("api.", "on.", 1)
        for region in partition["regions"]:
            yield partition["id"], region, f"dkr.ecr.{region}.{outputs['dnsSuffix']}"
            yield partition["id"], region, f"dkr.ecr-fips.{region}.{outputs['dnsSuffix']}"
            yield partition["id"], region, f"dkr-ecr.{region}.{dual}"
            yield partition["id"], region, f"dkr-ecr-fips.{region}.{dual}"


@pytest.mark.parametrize(("partition", "region", "host"), list(hosts()))
def test_a_registry_of_every_partition_is_known_by_each_of_its_names(
    partition: str, region: str, host: str
) -> None:
    image = ecr.parse(f"123456789012.{host}/orders:1")
    assert image is not None
    assert image.region == region
    assert partitions.of_region(region) == partition


# As the ECS agent's own tests (aws/amazon-ecs-agent, uri/ecr) and AWS's pages write them.
@pytest.mark.parametrize(
    "host",
    [
        "dkr.ecr.cn-north-1.amazonaws.com.cn",
        "dkr-ecr.cn-north-1.on.amazonwebservices.com.cn",
        "dkr.ecr-fips.us-gov-west-1.amazonaws.com",
        "dkr-ecr-fips.us-gov-west-1.on.aws",
        "dkr-ecr.eu-west-1.on.aws",
        "dkr.ecr.eusc-de-east-1.amazonaws.eu",
        "dkr.ecr.us-iso-east-1.c2s.ic.gov",
        "dkr-ecr.us-iso-west-1.on.aws.ic.gov",
        "dkr-ecr.us-isob-east-1.on.aws.scloud",
        "dkr-ecr.us-isof-south-1.on.aws.hci.ic.gov",
        "dkr-ecr.eu-isoe-west-1.on.cloud-aws.adc-e.uk",
    ],
)
def test_what_botocore_says_of_the_partitions_gives_the_names_that_aws_writes(host: str) -> None:
    assert ecr.parse(f"123456789012.{host}/orders:1") is not None


def test_a_registry_of_a_partition_that_botocore_does_not_know_is_refused() -> None:
    """Its tag would stay a tag, without a word."""
    host = "123456789012.dkr.ecr.mars-north-1.amazonaws.mars"
    with pytest.raises(StackError, match=r"no partition of AWS .* amazonaws\.mars, so the tag"):
        ecr.parse(f"{host}/orders:1")
    assert ecr.parse(f"{host}/orders@{DIGEST}") is None


@pytest.mark.parametrize("image", ["Orders:1", "orders:-1", "orders@sha256:abc", ""])
def test_what_is_in_ecr_and_names_no_image_is_refused(image: str) -> None:
    with pytest.raises(StackError, match="is no address of an image in ECR"):
        ecr.parse(f"{REGISTRY}/{image}")


def test_a_refused_look_names_the_repository_by_its_partitions_arn() -> None:
    image = ecr.parse("123456789012.dkr.ecr.eusc-de-east-1.amazonaws.eu/orders:1")
    assert image is not None
    error = ClientError({"Error": {"Code": "AccessDeniedException"}}, "DescribeImages")
    assert "arn:aws-eusc:ecr:eusc-de-east-1:123456789012:repository/orders" in ecr._explain(
        error, image
    )


@pytest.mark.parametrize(
    "reference",
    [
        "nginx:1.27",
        "public.ecr.aws/nginx/nginx:1",
        f"{REGISTRY}/orders@{DIGEST}",
        f"{REGISTRY}/orders:1@{DIGEST}",
        f"evil.example/{REGISTRY}/orders:1",
        "12.dkr.ecr.eu-central-1.amazonaws.com/orders:1",
        "",
    ],
)
def test_what_is_not_to_be_pinned_is_left_alone(reference: str) -> None:
    assert ecr.parse(reference) is None


@given(st.text(max_size=80))
def test_any_text_is_read_without_an_error(reference: str) -> None:
    image = ecr.parse(reference)
    assert image is None or reference.startswith(image.address)
