"""A service's database keeps its name, without the roles too: nothing is lost by trying another."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import WaiterError

from tests.integration.templates.conftest import Platform
from tests.integration.templates.test_platform import connect, secret_of


def secrets(platform: Platform, service: str) -> dict[str, Any]:
    """What the users' secrets hold, with the versions that hold it."""
    client = platform.aws.client("secretsmanager")
    return {
        user: (
            secret_of(platform, service, user),
            client.describe_secret(SecretId=f"shop/{service}/db/{user}")["VersionIdsToStages"],
        )
        for user in ("blue", "green")
    }


@pytest.mark.parametrize("deletion", ["Drop", "Retain"])
def test_another_database_name_is_rolled_back_and_every_secret_stays_as_it_was(
    platform: Platform, orders: str, deletion: str
) -> None:
    service = f"kept-{deletion.lower()}"
    platform.service(service, orders, DatabaseDeletion=deletion)
    before = secrets(platform, service)
    with pytest.raises((AssertionError, WaiterError)):
        platform.service(service, orders, DatabaseDeletion=deletion, DatabaseName="another")
    (stack,) = platform.describe(f"service-{service}")
    assert stack["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"
    assert secrets(platform, service) == before
    for user, (secret, _versions) in before.items():
        assert {"host", "port", "engine"} <= secret.keys(), user
        with connect(platform, secret["username"], secret["password"], f"kept_{deletion.lower()}"):
            pass
    platform.delete(f"service-{service}")
