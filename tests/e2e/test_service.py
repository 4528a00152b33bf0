"""A service, from its playbook to its answers."""

from __future__ import annotations

import json
import re
from typing import Any

from tests.e2e.platform import Platform
from tests.e2e.traffic import traffic_on


def test_a_deployed_service_keeps_what_it_is_told_in_postgresql(orders: Platform) -> None:
    created = orders.call("orders", "/orders", {"item": "rope", "quantity": 3})
    assert created.status == 201
    read = orders.call("orders", f"/orders/{created.body['id']}")
    assert (read.status, read.body["item"], read.body["quantity"]) == (200, "rope", 3)


def test_a_host_name_that_no_service_has_gets_a_404(orders: Platform) -> None:
    assert orders.call("nobody", "/").status == 404


def test_a_second_deployment_changes_nothing(orders: Platform, orders_image: str) -> None:
    before = orders.outputs("shop-service-orders")
    output = orders.play("examples/orders/deploy.yml", **orders.service("orders", orders_image))
    assert re.search(r"changed=0\b", output), output
    assert orders.outputs("shop-service-orders") == before


def test_check_mode_shows_the_change_and_makes_none(orders: Platform, orders_image: str) -> None:
    before = orders.aws.client("cloudformation").describe_stacks(StackName="shop-service-orders")
    variables = orders.service("orders", orders_image, service_cpu=512, service_memory=1024)
    output = orders.play("examples/orders/deploy.yml", "--check", "--diff", **variables)
    assert "TaskDefinition" in output
    after = orders.aws.client("cloudformation").describe_stacks(StackName="shop-service-orders")
    assert after["Stacks"] == before["Stacks"]


CANARY = "canary-5c1fe2a9"
HIDDEN = {"Ref": "Hidden"}  # a NoEcho parameter


def with_canaries(canary: str, level: str) -> dict[str, Any]:
    """Return variables of a service that hold a secret wherever one may stand."""
    container = {
        "Name": "app",
        "DockerLabels": {
            "api-key": canary,
            "settings": json.dumps({"nested": {"TOKEN": canary}}),
        },
        "Command": ["serve", "--with", canary],
        "Environment": [
            {"Name": "DATABASE_URL", "Value": f"postgresql://orders:{canary}@db/orders"},
        ],
    }
    note = {"Type": "AWS::SSM::Parameter", "Properties": {"Type": "String", "Value": HIDDEN}}
    return {
        "service_environment": {"STRIPE_KEY": canary, "API_TOKEN": canary, "LEVEL": level},
        "service_overrides": {
            "Parameters": {"Hidden": {"Type": "String", "NoEcho": True, "Default": canary}},
            "Resources": {
                "TaskDefinition": {"Properties": {"ContainerDefinitions": [container]}},
                "Note": note,
            },
        },
    }


def test_a_preview_shows_no_secret_in_any_place_and_with_v_the_rest(
    orders: Platform, orders_image: str
) -> None:
    new = orders.service("fresh", orders_image, **with_canaries(CANARY, "DEBUG"))
    changed = orders.service("orders", orders_image, **with_canaries(CANARY, "DEBUG"))
    for options in (("--check",), ("--check", "--diff"), ("--check", "--diff", "-v")):
        for variables in (new, changed):
            output = orders.play("examples/orders/deploy.yml", *options, **variables)
            assert f"stack shop-service-{variables['service_name']} " in output
            assert "canary" not in output
            assert ("DEBUG" in output) is ("-v" in options)
            if "-v" not in options:
                assert len(output.splitlines()) < 40
    plain = {**new, "service_secrets": {"SIGNING_SECRET": CANARY}}
    assert "canary" not in orders.play_in_vain("examples/orders/deploy.yml", **plain)


def test_the_image_is_pinned_by_the_digest_that_its_tag_has(orders: Platform) -> None:
    arn = orders.outputs("shop-service-orders")["TaskDefinitionArn"]
    task = orders.aws.client("ecs").describe_task_definition(taskDefinition=arn)["taskDefinition"]
    image = task["containerDefinitions"][0]["image"]
    digest = orders.aws.client("ecr").describe_images(
        repositoryName="orders", imageIds=[{"imageTag": "1"}]
    )["imageDetails"][0]["imageDigest"]
    assert image.endswith(f"/orders@{digest}")


def test_what_a_task_writes_stands_in_the_service_log(orders: Platform) -> None:
    orders.call("orders", "/orders")
    events = orders.aws.client("logs").filter_log_events(logGroupName="/shop/orders")["events"]
    assert any(json.loads(e["message"]).get("path") == "/orders" for e in events)


def test_an_image_that_crashes_is_rolled_back_and_no_request_is_lost(
    orders: Platform, orders_image: str, crash_image: str
) -> None:
    variables = orders.service("orders", crash_image)
    watching = described(orders, "shop-monitoring-orders")
    with traffic_on(orders, "orders", "/orders") as traffic:
        output = orders.play_in_vain("examples/orders/deploy.yml", **variables)
    assert "Circuit Breaker" in output
    assert "crash: this image always fails" in output, "the task's own words say why"
    assert traffic.failures == []
    assert traffic.sent > 20
    stacks = orders.aws.client("cloudformation").describe_stacks(StackName="shop-service-orders")
    assert stacks["Stacks"][0]["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"
    assert described(orders, "shop-monitoring-orders") == watching
    orders.play("examples/orders/deploy.yml", **orders.service("orders", orders_image))


def test_a_first_deployment_that_failed_is_replaced_by_the_next(
    platform: Platform, crash_image: str, hello_image: str
) -> None:
    variables = {"service_database": False}
    platform.play_in_vain(
        "playbooks/service.yml", **platform.service("phoenix", crash_image, **variables)
    )
    platform.play("playbooks/service.yml", **platform.service("phoenix", hello_image, **variables))
    assert platform.call("phoenix", "/health").status == 200
    platform.play(
        "playbooks/service.yml",
        service_state="absent",
        **platform.service("phoenix", hello_image, **variables),
    )


def test_a_bad_value_is_refused_by_the_name_of_its_variable(platform: Platform) -> None:
    image = "registry.test/nothing:1"
    refused = {
        "service_cpu": 300,
        "service_memory": 640,
        "service_host_name": "not a host",
        "service_container_port": 70000,
        "service_health_check_path": "health",
        "service_database_name": "Orders; drop",
        "service_environment": {"DEBUG": True},
        "service_log_retention_days": 31,
        "service_rotation_duration": "two hours",
    }
    for name, value in refused.items():
        variables = {**platform.service("refused", image), name: value}
        output = platform.play_in_vain("playbooks/service.yml", **variables)
        assert name in output, f"{name} isn't named in:\n{output}"
    assert "shop-service-refused" not in platform.stack_names()


def test_what_would_make_a_service_invisible_is_refused(platform: Platform) -> None:
    """To rotation, status, teardown and permissions, which find things by names and tags."""
    renamed = {"Resources": {"Service": {"Properties": {"ServiceName": "mine"}}}}
    refused = {
        "service_stack_name": ("mine", "service_stack_name: a service's stack is called PLATFORM"),
        "service_tags": (
            {"quayside:platform": "mine"},
            "service_tags.quayside:platform: things are found by this tag",
        ),
        "service_overrides": (
            renamed,
            "service_overrides.Resources.Service.Properties.ServiceName: rotation, status",
        ),
    }
    before = platform.stack_names()
    for name, (value, told) in refused.items():
        variables = platform.service("refused", "registry.test/nothing:1", **{name: value})
        output = " ".join(platform.play_in_vain("playbooks/service.yml", **variables).split())
        assert told in output
    assert platform.stack_names() == before


def test_a_platform_that_is_not_there_is_called_that(platform: Platform, hello_image: str) -> None:
    variables = platform.service("lost", hello_image) | {"service_platform": "shp"}
    admin = dict(platform.aws.environment)  # who deploys for one platform may not look at another
    lost = platform.play_in_vain("playbooks/service.yml", **variables, deployer=admin)
    output = " ".join(lost.split())
    assert "There is no platform shp (looked for: no stack shp-support in eu-central-1)." in output
    assert "Mend service_platform, or deploy the platform" in output
    assert "shp-cluster" not in output
    assert "parameters_from" not in output


def test_a_service_gets_the_environment_that_its_playbook_names(
    platform: Platform, hello_image: str
) -> None:
    variables = platform.service(
        "settings", hello_image, service_database=False, service_environment={"GREETING": "ahoy"}
    )
    platform.play("playbooks/service.yml", **variables)
    arn = platform.outputs("shop-service-settings")["TaskDefinitionArn"]
    task = platform.aws.client("ecs").describe_task_definition(taskDefinition=arn)["taskDefinition"]
    environment = {e["name"]: e["value"] for e in task["containerDefinitions"][0]["environment"]}
    assert environment["GREETING"] == "ahoy"
    assert environment["PORT"] == "8080"
    platform.play("playbooks/service.yml", service_state="absent", **variables)


def described(platform: Platform, stack: str) -> dict[str, Any]:
    """Return what CloudFormation says of a stack."""
    cloudformation = platform.aws.client("cloudformation")
    (found,) = cloudformation.describe_stacks(StackName=stack)["Stacks"]
    return dict(found)


def test_what_watches_a_service_has_a_stack_beside_it_that_comes_and_goes_with_it(
    platform: Platform, hello_image: str
) -> None:
    own, watching = "shop-service-seen", "shop-monitoring-seen"
    variables = platform.service("seen", hello_image, service_database=False)
    variables |= {"service_tags": {"team": "sea"}, "service_termination_protection": True}
    threshold = {"Resources": {"CpuAlarm": {"Properties": {"Threshold": 80}}}}
    deploy = "playbooks/service.yml"
    platform.play(deploy, **variables, service_monitoring_overrides=threshold)

    stack = described(platform, watching)
    assert stack["EnableTerminationProtection"]
    assert {"Key": "team", "Value": "sea"} in stack["Tags"]
    assert {"Key": "quayside:service", "Value": "seen"} in stack["Tags"]
    assert stack["RoleARN"] == described(platform, own)["RoleARN"]
    found = alarms(platform, own)
    dimensions = {it["Name"]: it["Value"] for it in found[f"{own}-5xx"]["Dimensions"]}
    group = platform.outputs(own)["TargetGroupFullName"]
    balancer = platform.outputs("shop-load-balancer-public")["LoadBalancerFullName"]
    assert dimensions == {"TargetGroup": group, "LoadBalancer": balancer}
    assert found[f"{own}-cpu"]["Threshold"] == 80

    output = platform.play(deploy, **variables)
    assert "service_monitoring_overrides isn't given" in output.replace("\n", " ")
    assert alarms(platform, own)[f"{own}-cpu"]["Threshold"] == 90

    absent = variables | {"service_state": "absent"}
    platform.play_in_vain(deploy, **absent | {"service_termination_protection": True})
    assert {own, watching} <= platform.stack_names()
    platform.play(deploy, **absent | {"service_termination_protection": False})
    assert not {own, watching} & platform.stack_names()
    assert alarms(platform, own) == {}


def alarms(platform: Platform, service: str) -> dict[str, Any]:
    """Return a service's alarms by name."""
    found = platform.aws.client("cloudwatch").describe_alarms(AlarmNamePrefix=f"{service}-")
    return {it["AlarmName"]: it for it in found["MetricAlarms"]}


def test_a_host_name_goes_over_to_another_service_and_no_request_is_lost(
    platform: Platform, hello_image: str
) -> None:
    old = platform.service("ferry", hello_image, service_database=False)
    new = platform.service("ferry-next", hello_image, service_database=False)
    for service in (old, new):
        platform.play("playbooks/service.yml", **service)
    new["service_host_name"] = old["service_host_name"]
    refused = " ".join(platform.play_in_vain("playbooks/service.yml", **new).split())
    assert "host name: ferry.shop.test is routed by rule" in refused
    assert "already, that of the service ferry" in refused
    assert "service_takes_over" in refused

    with traffic_on(platform, "ferry", "/") as traffic:
        platform.play("playbooks/service.yml", **new, service_takes_over="ferry")
        platform.play("playbooks/service.yml", **old, service_state="absent")
        platform.play("playbooks/service.yml", **new)
    assert traffic.sent > 0
    assert traffic.failures == []
    platform.play("playbooks/service.yml", **new, service_state="absent")
