"""What a restore asks for, refuses and tells."""

from __future__ import annotations

import contextlib
import datetime
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.quayside.fargate.custom_resources.contract.names import Service
from ansible_collections.quayside.fargate.plugins.plugin_utils import restore
from ansible_collections.quayside.fargate.plugins.plugin_utils.errors import StackError

SERVICE = Service("shop", "orders")
NOW = datetime.datetime(2026, 11, 29, 12, 0, 0, tzinfo=datetime.UTC)
NOTHING = {"moment": "", "swap": "", "drop": "", "clean": False, "image": ""}
GIVEN = {
    "Database": "true",
    "ActiveUser": "green",
    "DatabaseHost": "host",
    "DatabasePort": "5432",
    "DatabaseAdminUsername": "quayside",
    "DatabaseAdminPasswordParameter": "/shop/rds/admin-password",
    "DatabaseExtensions": "citext,pgcrypto",
    "StatementTimeoutSeconds": "30",
    "ConnectionLimit": "0",
    "PrivateSubnetIds": "subnet-1,subnet-2",
    "ContainerSecurityGroupId": "sg-1",
}
OUTPUTS = {
    "DatabaseName": "orders",
    "BlueSecretArn": "arn:blue",
    "GreenSecretArn": "arn:green",
}


def described(status: str = "UPDATE_COMPLETE") -> dict[str, Any]:
    outputs = [{"OutputKey": key, "OutputValue": value} for key, value in OUTPUTS.items()]
    return {"StackId": "arn:stack", "StackStatus": status, "Outputs": outputs}


def home(**changed: str) -> restore.Home:
    return restore.home(SERVICE, described(), {**GIVEN, **changed})


def at(text: str) -> datetime.datetime:
    return datetime.datetime.fromisoformat(text)


@pytest.mark.parametrize("text", ["2026-11-29T11:59:59Z", "2026-11-29T11:59:59+00:00"])
def test_a_moment_is_taken_in_utc(text: str) -> None:
    assert restore.moment(text, NOW) == NOW - datetime.timedelta(seconds=1)


@pytest.mark.parametrize(
    "text",
    [
        *("yesterday", "2026-11-29", "2026-11-29T11:00:00", "2026-11-29T11:00:00+01:00"),
        *("2026-11-29T11:00:00.5Z", "2026-02-30T11:00:00Z", "2026-11-29T11:00:00Z\n"),
    ],
)
def test_what_is_no_moment_is_refused(text: str) -> None:
    with pytest.raises(StackError, match=r"isn't one\. Write it in UTC"):
        restore.moment(text, NOW)


@given(st.text())
def test_any_text_is_a_moment_or_refused(text: str) -> None:
    with contextlib.suppress(StackError):
        assert restore.moment(text, NOW) < NOW


@pytest.mark.parametrize("text", ["2026-11-29T12:00:00Z", "2126-11-29T12:00:00Z"])
def test_a_moment_that_is_not_past_is_refused(text: str) -> None:
    with pytest.raises(StackError, match="isn't past, at 2026-11-29T12:00:00Z"):
        restore.moment(text, NOW)


@pytest.mark.parametrize(
    ("wanted", "refusal"),
    [
        ("2026-11-20T00:00:00Z", "begin at 2026-11-22T01:00:00Z, after 2026-11-20T00:00:00Z"),
        ("2026-11-29T11:58:00Z", "reach to 2026-11-29T11:55:00Z, not to 2026-11-29T11:58:00Z"),
    ],
)
def test_a_moment_outside_the_backups_is_refused(wanted: str, refusal: str) -> None:
    cluster = {
        "DBClusterIdentifier": "shop-rds",
        "EarliestRestorableTime": at("2026-11-22T01:00:00Z"),
        "LatestRestorableTime": at("2026-11-29T11:55:00Z"),
    }
    restore.refuse_outside(at("2026-11-22T01:00:00Z"), cluster)
    restore.refuse_outside(at("2026-11-29T11:55:00Z"), cluster)
    with pytest.raises(StackError, match=refusal):
        restore.refuse_outside(at(wanted), cluster)


def test_a_cluster_without_a_backup_is_refused() -> None:
    with pytest.raises(StackError, match="the cluster shop-rds has no backup yet"):
        restore.refuse_outside(NOW, {"DBClusterIdentifier": "shop-rds"})


def test_one_wish_is_asked_for_and_a_moment_has_an_image() -> None:
    for wish in ("moment", "swap", "drop", "clean"):
        assert restore.wish({**NOTHING, wish: "it", "image": "postgres:17"}) == wish
    for asked in ({}, {"moment": "m", "swap": "s"}):
        with pytest.raises(StackError, match="give one of moment, swap, drop, clean, not"):
            restore.wish({**NOTHING, "image": "i", **asked})
    with pytest.raises(StackError, match="needs an image with pg_dump and pg_restore"):
        restore.wish({**NOTHING, "moment": "m"})


def test_a_service_without_a_database_is_refused() -> None:
    with pytest.raises(StackError, match="shop-service-orders has no database"):
        home(Database="false")


@pytest.mark.parametrize("status", ["UPDATE_IN_PROGRESS", "UPDATE_ROLLBACK_FAILED"])
def test_a_stack_that_a_flip_or_a_deployment_is_busy_with_is_refused(status: str) -> None:
    with pytest.raises(StackError, match=f"shop-service-orders is {status}"):
        restore.home(SERVICE, described(status), GIVEN)


def test_a_rotation_under_way_is_refused() -> None:
    restore.refuse_rotation(SERVICE, [])
    with pytest.raises(StackError, match="a rotation of blue of shop/orders is under way"):
        restore.refuse_rotation(SERVICE, ["blue"])


def test_a_running_application_keeps_its_database() -> None:
    restore.refuse_running(SERVICE, None)
    restore.refuse_running(SERVICE, {"runningCount": 0, "pendingCount": 0, "desiredCount": 0})
    for busy in ({"runningCount": 1}, {"pendingCount": 1}, {"desiredCount": 1}):
        with pytest.raises(StackError, match="service_desired_count: 0"):
            restore.refuse_running(SERVICE, busy)


@given(st.from_regex(r"[a-z][a-z0-9_]{0,56}", fullmatch=True), st.datetimes())
def test_every_name_fits_postgresql_and_says_when(database: str, when: datetime.datetime) -> None:
    for name, word in (
        (restore.beside(database, when), "at"),
        (restore.kept(database, when), "before"),
    ):
        assert len(name) <= 63
        assert re.fullmatch(rf"[a-z][a-z0-9_]*_{word}_\d+t\d{{6}}", name)
        assert name.startswith(database[:37])


def test_a_copy_is_asked_about_as_it_was_and_the_cluster_as_it_is() -> None:
    copy = home().properties(host="second", port="5433", copy=True)
    assert (copy["Host"], copy["Port"], copy["Database"]) == ("second", "5433", "orders")
    assert {"Extensions", "StatementTimeoutSeconds", "ConnectionLimit"}.isdisjoint(copy)
    own = home().properties()
    assert (own["Host"], own["Extensions"]) == ("host", ["citext", "pgcrypto"])
    assert (own["StatementTimeoutSeconds"], "ConnectionLimit" in own) == ("30", False)
    assert own["GreenSecretArn"] == copy["GreenSecretArn"] == "arn:green"


def test_the_second_cluster_is_as_the_first_and_the_move_as_the_active_user() -> None:
    cluster = {
        "DBClusterIdentifier": "shop-rds",
        "DBSubnetGroup": "subnets",
        "VpcSecurityGroups": [{"VpcSecurityGroupId": "sg-1"}, {"VpcSecurityGroupId": "sg-2"}],
        "DBClusterParameterGroup": "group",
        "KmsKeyId": "arn:key",
        "Port": 5432,
        "ServerlessV2ScalingConfiguration": {"MinCapacity": 0.5, "MaxCapacity": 8.0},
    }
    definition = {
        "executionRoleArn": "arn:role",
        "runtimePlatform": {"cpuArchitecture": "ARM64"},
        "containerDefinitions": [{"logConfiguration": {"options": {"awslogs-group": "/shop/o"}}}],
    }
    writer = {"DBInstanceClass": "db.serverless"}
    made = restore.parameters(home(), cluster, writer, definition, at("2026-11-29T11:00:00Z"), "i")
    assert made["SourceSecurityGroupIds"] == "sg-1,sg-2"
    assert (made["SecondInstanceClass"], made["SecondMaxCapacity"]) == ("db.serverless", 8.0)
    assert (made["SecretArn"], made["TargetDatabase"]) == (
        "arn:green",
        "orders_at_20261129t110000",
    )
    assert made["MoveArchitecture"] == "ARM64"


@pytest.mark.parametrize(
    ("container", "why"),
    [
        ({"exitCode": 1}, "ended with 1: pg_restore: error: no."),
        (
            {"reason": "CannotPullContainerError: gone"},
            "ended before it began: pg_restore: ",
        ),
    ],
)
def test_why_data_were_not_moved_is_told(container: dict[str, Any], why: str) -> None:
    assert restore.failed_move({"containers": [{"exitCode": 0}]}, []) is None
    told = restore.failed_move({"containers": [container]}, ["pg_restore: error: no."])
    assert told is not None
    assert why in told


def test_what_costs_on_is_named_with_what_removes_it() -> None:
    told = restore.costs_on(home())
    assert "shop-restore-orders" in told
    assert "-e clean=true" in told
