"""Databases and users of services, as PostgreSQL itself shows them."""

from __future__ import annotations

import json
from collections.abc import Iterator

import psycopg2
import pytest
from psycopg2.extensions import connection

from tests.e2e.platform import Platform


def connect(platform: Platform, service: str, user: str, database: str) -> connection:
    """Log in as the blue or green user of a service, with what its secret holds."""
    secret = platform.aws.client("secretsmanager").get_secret_value(
        SecretId=f"shop/{service}/db/{user}"
    )
    login = json.loads(secret["SecretString"])
    opened = psycopg2.connect(
        host=login["host"],
        port=login["port"],
        user=login["username"],
        password=login["password"],
        dbname=database,
        connect_timeout=10,
    )
    opened.autocommit = True
    return opened


@pytest.fixture(scope="module")
def invoices(orders: Platform, orders_image: str) -> Iterator[Platform]:
    """A second service with a database, from the playbook of the first."""
    variables = orders.service("invoices", orders_image)
    orders.play("examples/orders/deploy.yml", **variables)
    yield orders
    orders.play("examples/orders/deploy.yml", service_state="absent", **variables)


@pytest.mark.parametrize(("first", "second"), [("blue", "green"), ("green", "blue")])
def test_what_one_user_creates_the_other_alters_and_drops(
    orders: Platform, first: str, second: str
) -> None:
    with connect(orders, "orders", first, "orders").cursor() as creator:
        creator.execute("create table shared_by_both (id int primary key)")
        creator.execute("insert into shared_by_both values (1)")
    with connect(orders, "orders", second, "orders").cursor() as other:
        other.execute("alter table shared_by_both add column note text default 'kept'")
        other.execute("select note from shared_by_both")
        assert other.fetchall() == [("kept",)]
        other.execute("drop table shared_by_both")


def test_a_service_is_denied_the_database_of_another(invoices: Platform) -> None:
    with pytest.raises(psycopg2.OperationalError, match="permission denied for database"):
        connect(invoices, "orders", "blue", "invoices")


def test_a_task_logs_in_as_the_active_user(orders: Platform) -> None:
    active = orders.outputs("shop-service-orders")["ActiveUser"]
    idle = {"blue": "green", "green": "blue"}[active]
    with connect(orders, "orders", idle, "orders").cursor() as cursor:
        cursor.execute("select distinct usename from pg_stat_activity where datname = 'orders'")
        users = {row[0] for row in cursor.fetchall()}
    assert f"orders_{active}" in users


def test_data_outlive_the_service_and_return_with_it(orders: Platform, orders_image: str) -> None:
    variables = orders.service("ledger", orders_image)
    orders.play("examples/orders/deploy.yml", **variables)
    created = orders.call("ledger", "/orders", {"item": "anchor", "quantity": 1})
    orders.play("examples/orders/deploy.yml", service_state="absent", **variables)
    orders.play("examples/orders/deploy.yml", **variables)
    assert orders.call("ledger", f"/orders/{created.body['id']}").body["item"] == "anchor"
    orders.play("examples/orders/deploy.yml", service_state="absent", **variables)


def test_a_database_is_dropped_once_a_snapshot_of_it_is_there(
    orders: Platform, orders_image: str
) -> None:
    rds = orders.aws.client("rds")
    given = {"service_database_deletion": "Drop", "service_snapshot_before_drop": True}
    variables = orders.service("fleeting", orders_image, **given)
    orders.play("examples/orders/deploy.yml", **variables)
    assert connect(orders, "fleeting", "blue", "fleeting")
    orders.play("examples/orders/deploy.yml", service_state="absent", **variables)

    (taken,) = [
        it
        for it in rds.describe_db_cluster_snapshots(SnapshotType="manual")["DBClusterSnapshots"]
        if it["DBClusterSnapshotIdentifier"].startswith("shop-fleeting-drop-")
    ]
    assert taken["Status"] == "available"
    with connect(orders, "orders", "blue", "orders").cursor() as cursor:
        cursor.execute("select 1 from pg_database where datname = 'fleeting'")
        assert cursor.fetchone() is None
    rds.delete_db_cluster_snapshot(DBClusterSnapshotIdentifier=taken["DBClusterSnapshotIdentifier"])
