"""The templates deploy, change and go away again, and lose nothing on the way."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from typing import Any

import psycopg
import pytest
from botocore.exceptions import ClientError

from tests.integration.templates.conftest import Platform


def call(platform: Platform, host: str, path: str) -> tuple[int, str]:
    """GET through the load balancer."""
    url, headers = platform.aws.url(host, path)
    request = urllib.request.Request(url, headers=headers)
    try:
        with urllib.request.urlopen(request, timeout=10) as response:
            return response.status, response.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def connect(platform: Platform, user: str, password: str, database: str) -> psycopg.Connection[Any]:
    """Log in to the database cluster over verified TLS."""
    rds = platform.outputs["rds"]
    return psycopg.connect(
        host=rds["DatabaseHost"],
        port=int(rds["DatabasePort"]),
        user=user,
        password=password,
        dbname=database,
        sslmode="verify-full",
        sslrootcert=str(platform.aws.ca_bundle),
        autocommit=True,
    )


def secret_of(platform: Platform, service: str, user: str) -> dict[str, Any]:
    """A database user's secret."""
    secrets = platform.aws.client("secretsmanager")
    text = secrets.get_secret_value(SecretId=f"shop/{service}/db/{user}")["SecretString"]
    return dict(json.loads(text))


def test_a_network_changes_its_ways_out_and_grows_without_moving_a_subnet(
    platform: Platform,
) -> None:
    before = platform.outputs["network"]
    assert before["PrivateSubnetIds"].count(",") == 1
    none = platform.deploy("network", "network", NatGateways="none")
    third = platform.deploy("network", "network", NatGateways="none", ZoneCount="3")
    zones = platform.deploy("network", "network", NatGateways="per-zone", ZoneCount="3")
    assert none == before
    assert zones == third
    for key in ("PrivateSubnetIds", "PublicSubnetIds"):
        assert third[key].startswith(before[key] + ",")
    platform.deploy("network", "network")
    assert platform.outputs["network"] == before


def test_a_service_answers_at_its_host_name_with_its_own_database(
    platform: Platform, orders: str
) -> None:
    outputs = platform.service("orders", orders)
    assert outputs["Url"] == "http://orders.example.com/"
    assert outputs["DatabaseName"] == "orders"
    assert call(platform, "orders.example.com", "/health")[0] == 200
    for user in ("blue", "green"):
        secret = secret_of(platform, "orders", user)
        assert secret["username"] == f"orders_{user}"
        assert secret["engine"] == "postgres"
        assert "dbname" not in secret
        with connect(platform, secret["username"], secret["password"], "orders") as connection:
            assert connection.execute("SELECT current_user").fetchone() == ("orders_owner",)


def test_a_flip_moves_tasks_and_parameter_and_changes_no_password(
    platform: Platform, orders: str
) -> None:
    platform.service("orders", orders)
    before = secret_of(platform, "orders", "green")
    outputs = platform.service("orders", orders, ActiveUser="green")
    ssm = platform.aws.client("ssm")
    parameter = ssm.get_parameter(Name="/shop/orders/db/active-user")["Parameter"]
    assert parameter["Value"] == "green"
    ecs = platform.aws.client("ecs")
    task = ecs.describe_task_definition(taskDefinition=outputs["TaskDefinitionArn"])
    (container,) = task["taskDefinition"]["containerDefinitions"]
    used = {it["name"]: it["valueFrom"] for it in container["secrets"]}
    assert used["DB_PASSWORD"] == f"{outputs['GreenSecretArn']}:password::"
    assert secret_of(platform, "orders", "green") == before
    assert call(platform, "orders.example.com", "/health")[0] == 200


def test_green_comes_later_and_leaves_blue_as_it_is(platform: Platform, orders: str) -> None:
    alone = platform.service("books", orders, DatabaseUsers="blue")
    assert "GreenSecretArn" not in alone
    blue = secret_of(platform, "books", "blue")
    both = platform.service("books", orders)
    assert secret_of(platform, "books", "blue") == blue
    assert both["BlueSecretArn"] == alone["BlueSecretArn"]
    green = secret_of(platform, "books", "green")
    with connect(platform, green["username"], green["password"], "books") as connection:
        assert connection.execute("SELECT current_user").fetchone() == ("books_owner",)
    platform.delete("service-books")


def test_a_service_without_database_and_route_is_parameters(platform: Platform, hello: str) -> None:
    outputs = platform.service("worker", hello, Database="false", Route="false", HostName="")
    assert not {"Url", "DatabaseName", "ListenerPriority"} & outputs.keys()
    resources = platform.cloudformation.describe_stack_resources(StackName="shop-service-worker")
    kinds = {resource["ResourceType"] for resource in resources["StackResources"]}
    assert not {kind for kind in kinds if kind.startswith("Custom::") or "Secret" in kind}
    platform.delete("service-worker")


def test_a_scaled_service_keeps_its_count_at_the_next_deployment(
    platform: Platform, hello: str
) -> None:
    scaled = {"Database": "false", "MinCount": "1", "MaxCount": "4"}
    platform.service("web", hello, **scaled)
    ecs = platform.aws.client("ecs")
    ecs.update_service(cluster="shop", service="web", desiredCount=2)  # as scaling does
    platform.service("web", hello, **scaled, LogRetentionDays="7", StopTimeoutSeconds="20")
    (service,) = ecs.describe_services(cluster="shop", services=["web"])["services"]
    assert service["desiredCount"] == 2
    platform.delete("service-web")


def test_parameters_that_do_not_fit_together_are_refused_before_anything_is_made(
    platform: Platform, hello: str
) -> None:
    with pytest.raises(ClientError, match="HostName is empty"):
        platform.service("lost", hello, Database="false", HostName="")
    with pytest.raises(ClientError, match=r"Name.*30 lower-case letters"):
        platform.service("Lost", hello, Database="false")


def test_a_certificate_moves_services_to_https_and_http_redirects(
    platform: Platform, hello: str
) -> None:
    certificate = platform.aws.client("acm").request_certificate(DomainName="*.example.com")
    subnets = platform.outputs["network"]["PrivateSubnetIds"]
    internal = {"Name": "internal", "Scheme": "internal", "SubnetIds": subnets}
    used = ("load-balancer-internal", "load_balancer", "support", "cluster")
    plain = platform.deploy(*used, **internal)
    platform.outputs["load-balancer-public"], public = (
        plain,
        platform.outputs["load-balancer-public"],
    )
    given = {"Database": "false", "LoadBalancer": "internal"}
    platform.service("inner", hello, **given)
    secure = platform.deploy(*used, **internal, CertificateArn=certificate["CertificateArn"])
    assert secure["ListenerArn"] != plain["ListenerArn"]
    platform.outputs["load-balancer-public"] = secure
    outputs = platform.service("inner", hello, **given)
    platform.outputs["load-balancer-public"] = public
    assert outputs["Url"] == "https://inner.example.com/"
    elb = platform.aws.client("elbv2")
    listener = platform.physical_id("load-balancer-internal", "HttpListener")
    (described,) = elb.describe_listeners(ListenerArns=[listener])["Listeners"]
    assert described["DefaultActions"][0]["Type"] == "redirect"
    platform.delete("service-inner")
    platform.delete("load-balancer-internal")


def test_a_stack_in_use_can_not_be_deleted(platform: Platform, orders: str) -> None:
    platform.service("orders", orders)
    for stack in ("network", "support", "deployment-all", "cluster", "rds", "rotation"):
        with pytest.raises(ClientError, match="imported by"):
            platform.cloudformation.delete_stack(StackName=f"shop-{stack}")


def test_what_watches_a_service_is_deployed_beside_it_and_deleted_before_it(
    platform: Platform, hello: str
) -> None:
    """A service without it is deployed all the same, as all the tests here do."""
    platform.service("seen", hello, Database="false")
    used = ("support", "cluster", "load-balancer-public", "service-seen")
    platform.deploy("monitoring-seen", "service_monitoring", *used, Name="seen")
    cloudwatch = platform.aws.client("cloudwatch")
    found = cloudwatch.describe_alarms(AlarmNamePrefix="shop-service-seen-")["MetricAlarms"]
    (errors,) = [it for it in found if it["AlarmName"].endswith("-5xx")]
    dimensions = {it["Name"]: it["Value"] for it in errors["Dimensions"]}
    assert dimensions["TargetGroup"] == platform.outputs["service-seen"]["TargetGroupFullName"]
    assert {it["AlarmName"].removeprefix("shop-service-seen-") for it in found} == {
        *("no-task", "cpu", "memory", "unhealthy-host", "connection-errors", "5xx")
    }
    with pytest.raises(ClientError, match="imported by"):
        platform.cloudformation.delete_stack(StackName="shop-service-seen")
    platform.delete("monitoring-seen")
    platform.delete("service-seen")


def test_a_restored_snapshot_has_the_data_the_admins_password_and_stays(
    platform: Platform, orders: str
) -> None:
    platform.service("orders", orders)
    green = secret_of(platform, "orders", "green")
    with connect(platform, green["username"], green["password"], "orders") as connection:
        connection.execute("CREATE TABLE proof AS SELECT 42 AS answer")
    rds = platform.aws.client("rds")
    cluster = platform.outputs["rds"]["DatabaseClusterIdentifier"]
    rds.create_db_cluster_snapshot(
        DBClusterIdentifier=cluster, DBClusterSnapshotIdentifier="before-the-accident"
    )
    used = ("support", "cluster")
    given = {"DeletionProtection": "false", "ReaderCount": "0"}
    # A password of after the snapshot, which the restored cluster must take over.
    platform.deploy("rds", "rds", *used, **given, AdminPasswordRotation="2")
    given |= {"AdminPasswordRotation": "2", "SnapshotIdentifier": "before-the-accident"}
    restored = platform.deploy("rds", "rds", *used, **given)
    assert restored["DatabaseClusterIdentifier"] != cluster
    ssm = platform.aws.client("ssm")
    name = restored["DatabaseAdminPasswordParameter"]
    password = ssm.get_parameter(Name=name, WithDecryption=True)["Parameter"]["Value"]
    with connect(platform, restored["DatabaseAdminUsername"], password, "postgres") as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)

    platform.service("orders", orders)
    assert call(platform, "orders.example.com", "/health")[0] == 200
    with connect(platform, green["username"], green["password"], "orders") as connection:
        assert connection.execute("SELECT answer FROM proof").fetchone() == (42,)
    again = platform.deploy("rds", "rds", *used, **given, BackupRetentionDays="14")
    assert again == restored


def test_a_deleted_service_leaves_its_data_and_nothing_else(
    platform: Platform, orders: str
) -> None:
    platform.service("gone", orders)
    key = platform.physical_id("service-gone", "Key")
    platform.delete("service-gone")
    clients = platform.aws.client
    secrets = clients("secretsmanager").list_secrets()["SecretList"]
    assert not [it for it in secrets if it["Name"].startswith("shop/gone/")]
    groups = clients("logs").describe_log_groups(logGroupNamePrefix="/shop/gone")["logGroups"]
    assert groups == []
    parameters = clients("ssm").describe_parameters()["Parameters"]
    assert not [it for it in parameters if it["Name"].startswith("/shop/gone/")]
    assert clients("kms").describe_key(KeyId=key)["KeyMetadata"]["KeyState"] == "PendingDeletion"
    admin = platform.outputs["rds"]["DatabaseAdminPasswordParameter"]
    password = clients("ssm").get_parameter(Name=admin, WithDecryption=True)["Parameter"]["Value"]
    with connect(platform, "quayside", password, "postgres") as connection:
        rows = connection.execute("SELECT datname FROM pg_database WHERE datname = 'gone'")
        assert rows.fetchall() == [("gone",)]
