"""A stack that isn't there is called what a user calls it."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.quayside.fargate.plugins.plugin_utils.variable_sources import sources

SERVICE = {"platform": "shop", "team": "all", "load_balancer": "public", "route": True}
SHOWN = {"dashboard": True, "load_balancer": "public"}
SERVICE |= {"database": True, "rotation": True, "database_users": "blue-green"}


@pytest.mark.parametrize(
    ("role", "values", "names"),
    [
        ("network", {}, []),
        ("support", {"vpc_id": ""}, ["network"]),
        ("support", {"vpc_id": "vpc-1"}, []),
        ("cluster", {"vpc_id": ""}, ["network"]),
        ("deployment_role", {}, ["support"]),
        ("load_balancer", {"subnet_ids": []}, ["support", "cluster", "network"]),
        ("load_balancer", {"subnet_ids": ["subnet-1"]}, ["support", "cluster"]),
        ("rds", {}, ["support", "cluster"]),
        ("rotation", SHOWN | {"dashboard": False}, ["support", "rds"]),
        ("rotation", SHOWN | {"load_balancer": ""}, ["support", "rds"]),
        ("rotation", SHOWN, ["support", "rds", "load-balancer-public"]),
        (
            "service",
            SERVICE,
            ["support", "deployment-all", "cluster", "load-balancer-public", "rds", "rotation"],
        ),
        (
            "service",
            SERVICE | {"rotation": False},
            ["support", "deployment-all", "cluster", "load-balancer-public", "rds"],
        ),
        (
            "service",
            SERVICE | {"database_users": "blue"},
            ["support", "deployment-all", "cluster", "load-balancer-public", "rds"],
        ),
        (
            "service",
            SERVICE | {"route": False, "database": False, "team": "pay"},
            ["support", "deployment-pay", "cluster"],
        ),
        ("", {}, []),
    ],
)
def test_a_role_takes_values_from_what_it_stands_on(
    role: str, values: dict[str, Any], names: list[str]
) -> None:
    found = sources(role, {"platform": "shop"} | values)
    assert list(found) == [f"shop-{name}" for name in names]


@pytest.mark.parametrize(
    ("role", "values", "stack", "said"),
    [
        ("service", {}, "shop-support", "There is no platform shop. Mend service_platform, or "),
        ("rds", {}, "shop-support", "There is no platform shop. Mend rds_platform, or "),
        ("service", {"team": "pay"}, "shop-deployment-pay", "The platform shop has no team pay. "),
        (
            "service",
            {"load_balancer": "internal"},
            "shop-load-balancer-internal",
            "The platform shop has no load balancer internal. Mend service_load_balancer, ",
        ),
        ("service", {}, "shop-rds", "The platform shop has no database cluster. "),
        ("service", {}, "shop-rotation", "The platform shop has no rotation. Deploy it (role "),
        ("rotation", SHOWN, "shop-rds", "The platform shop has no database cluster, and no passw"),
        (
            "rotation",
            SHOWN | {"load_balancer": "internal"},
            "shop-load-balancer-internal",
            "The platform shop has no load balancer internal. Mend rotation_load_balancer, ",
        ),
        ("cluster", {"vpc_id": ""}, "shop-network", "The platform shop has no network of its own"),
        ("rds", {}, "shop-cluster", "The platform shop isn't whole: it has no cluster. First "),
    ],
)
def test_what_is_missing_is_said_with_what_to_do(
    role: str, values: dict[str, Any], stack: str, said: str
) -> None:
    words = sources(role, SERVICE | values)[stack]
    assert words.startswith(said)
    assert "parameters_from" not in words
