"""An ECR reference is told from others and taken apart."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.quayside.fargate.plugins.plugin_utils import ecr

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


@pytest.mark.parametrize(
    ("host", "region"),
    [
        ("123456789012.dkr.ecr.cn-north-1.amazonaws.com.cn", "cn-north-1"),
        ("123456789012.dkr.ecr-fips.us-gov-west-1.amazonaws.com", "us-gov-west-1"),
        ("123456789012.dkr-ecr.eu-west-1.on.aws", "eu-west-1"),
    ],
)
def test_the_other_addresses_of_ecr_are_known(host: str, region: str) -> None:
    image = ecr.parse(f"{host}/orders:1")
    assert image is not None
    assert image.region == region


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
