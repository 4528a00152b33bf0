"""What status.yml asks of AWS in one call for many services."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from local_aws.control import LocalAws

sys.path.insert(0, str(Path(__file__).parents[3] / "collections"))
from ansible_collections.quayside.fargate.plugins.plugin_utils import services

NAMES = ("listed/orders/db/blue", "listed/orders/db/green")


@pytest.fixture
def secrets(aws: LocalAws) -> Iterator[None]:
    client = aws.client("secretsmanager")
    for name in (*NAMES, "other/orders/db/blue"):
        client.create_secret(Name=name, SecretString="{}")
    yield
    for name in (*NAMES, "other/orders/db/blue"):
        client.delete_secret(SecretId=name, ForceDeleteWithoutRecovery=True)


@pytest.mark.usefixtures("secrets")
def test_secrets_that_are_listed_are_told_as_those_that_are_asked_for_one_by_one(
    aws: LocalAws,
) -> None:
    client = aws.client("secretsmanager")
    assert services.secrets(client, "listed/") == {it: services.secret(client, it) for it in NAMES}
