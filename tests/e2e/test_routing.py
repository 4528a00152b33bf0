"""Options of a route on a service that has requests, and a service that only others may call."""

from __future__ import annotations

from typing import Any

from tests.e2e.platform import ROOT, Platform, platform_variables
from tests.e2e.traffic import traffic_on

SWITCHED_ON: dict[str, Any] = {
    "service_more_host_names": ["paths-too.shop.test"],
    "service_path_patterns": ["/*"],
    "service_redirected_host_names": ["paths-old.shop.test"],
    "service_stickiness": "lb_cookie",
    "service_health_check_interval_seconds": 15,
}
CHANGED: dict[str, Any] = {
    "service_more_host_names": ["paths-also.shop.test"],
    "service_path_patterns": ["/", "/health"],
    "service_redirected_host_names": ["paths-older.shop.test"],
    "service_redirect_status_code": "HTTP_301",
    "service_stickiness_seconds": 60,
    "service_stickiness": "lb_cookie",
    "service_health_check_interval_seconds": 20,
}


def kept(platform: Platform) -> tuple[dict[str, str], list[str]]:
    """What must be neither replaced nor restarted: resources by logical ids, and tasks."""
    pages = platform.aws.client("cloudformation").get_paginator("list_stack_resources")
    named = {
        it["LogicalResourceId"]: it["PhysicalResourceId"]
        for page in pages.paginate(StackName="shop-service-paths")
        for it in page["StackResourceSummaries"]
        if it["LogicalResourceId"] in ("Service", "TargetGroup", "ListenerRule", "TaskDefinition")
    }
    ecs = platform.aws.client("ecs")
    return named, ecs.list_tasks(cluster="shop", serviceName="paths")["taskArns"]


def test_a_routes_options_come_change_and_go_and_no_request_is_lost(
    platform: Platform, hello_image: str
) -> None:
    service = platform.service("paths", hello_image, service_database=False)
    platform.play("playbooks/service.yml", **service)
    before = kept(platform)
    assert len(before[0]) == 4
    with traffic_on(platform, "paths", "/") as traffic:
        platform.play("playbooks/service.yml", **service, **SWITCHED_ON)
        assert platform.call("paths-too", "/").status == 200
        platform.play("playbooks/service.yml", **service, **CHANGED)
        assert platform.call("paths-too", "/").status == 404
        assert platform.call("paths-also", "/").status == 200
        assert platform.call("paths", "/elsewhere").body == "No service has this host name."
        platform.play("playbooks/service.yml", **service, service_allow=["RedirectRule"])
    assert platform.call("paths-also", "/").status == 404
    assert platform.call("paths", "/elsewhere").body == "not found\n"
    assert traffic.sent > 0
    assert traffic.failures == []
    assert kept(platform) == before
    platform.play("playbooks/service.yml", **service, service_state="absent")


def test_a_service_calls_another_that_has_a_name_in_the_vpc_only(
    platform: Platform, hello_image: str
) -> None:
    """docs/routing.md, Services without a public name."""
    public = platform.outputs("shop-load-balancer-public")
    internal = {"load_balancer_name": "internal", "load_balancer_scheme": "internal"}
    given = {"platform": platform.name, **platform_variables()}
    platform.play("playbooks/platform.yml", **given, **internal)
    balancer = platform.outputs("shop-load-balancer-internal")
    assert platform.outputs("shop-load-balancer-public") == public
    route53 = platform.aws.client("route53")
    vpc = {"VPCRegion": platform.aws.region, "VPCId": platform.outputs("shop-network")["VpcId"]}
    zone = route53.create_hosted_zone(
        Name="shop.internal", CallerReference="shop-internal", VPC=vpc
    )["HostedZone"]["Id"].rpartition("/")[2]

    stock = platform.service("stock", hello_image, service_database=False)
    stock |= {
        "service_load_balancer": "internal",
        "service_host_name": "stock.shop.internal",
        "service_hosted_zone_id": zone,
    }
    platform.play("playbooks/service.yml", **stock)
    records = route53.list_resource_record_sets(HostedZoneId=zone)["ResourceRecordSets"]
    aliases = {it["Type"]: it["AliasTarget"]["DNSName"] for it in records if "AliasTarget" in it}
    assert {it.rstrip(".") for it in aliases.values()} == {balancer["LoadBalancerDnsName"]}
    assert aliases.keys() == {"A", "AAAA"}

    address = platform.aws.url("stock.shop.internal")[0]  # no DNS here knows the zone
    environment = {"ASKED_URL": "http://stock.shop.internal/", "ASKED_ADDRESS": address}
    image = platform.aws.push_image(ROOT / "tests" / "images" / "asker", "asker:1")
    shop = platform.service("asker", image, service_database=False)
    platform.play("playbooks/service.yml", **shop, service_environment=environment)
    answer = platform.call("asker", "/")
    assert (answer.status, answer.body) == (200, "it says hello\n")

    for service in (shop, stock):
        platform.play("playbooks/service.yml", **service, service_state="absent")
    platform.aws.client("cloudformation").update_termination_protection(
        StackName="shop-load-balancer-internal", EnableTerminationProtection=False
    )
    platform.aws.client("cloudformation").delete_stack(StackName="shop-load-balancer-internal")
