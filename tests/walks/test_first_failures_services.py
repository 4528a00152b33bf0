"""A database or a service whose first creation failed, at any resource, is deployed anew.

As test_first_failures_platform.py, for the stacks with real servers and tasks behind them.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from local_aws.control import LocalAws
from tests.e2e.platform import ROOT, platform_variables
from tests.walks.first_failures.walking import Walk, play, run, walk

pytestmark = pytest.mark.timeout(1500)
PLATFORM = "walk"


@pytest.fixture(scope="module")
def aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalAws]:
    with LocalAws.start(tmp_path_factory.mktemp("aws") / "state") as running:
        yield running


@pytest.fixture(scope="module")
def platform(aws: LocalAws) -> LocalAws:
    play(aws, "playbooks/platform.yml", platform=PLATFORM, **platform_variables())
    return aws


def test_service(platform: LocalAws, tmp_path: Path) -> None:
    zone = platform.client("route53").create_hosted_zone(Name="shop.test", CallerReference="walk")
    zone_id = zone["HostedZone"]["Id"].rpartition("/")[2]
    given = {
        "service_platform": PLATFORM,
        "service_name": "orders",
        "service_image": platform.push_image(ROOT / "examples" / "orders", "orders:1"),
        "service_host_name": "orders.shop.test",
        "service_hosted_zone_id": zone_id,
        "service_scaling": {"min": 1, "max": 2},
        "service_deregistration_delay_seconds": 0,
    }
    parameters = {
        "Platform": PLATFORM,
        "Name": "orders",
        "HostedZoneId": zone_id,
        "MaxCount": "2",
    }
    own, watching = f"{PLATFORM}-service-orders", f"{PLATFORM}-monitoring-orders"
    it = Walk("service", own, given, parameters, last="Service", beside=watching)
    walk(platform, it, tmp_path / "report")


def test_what_watches_a_service(platform: LocalAws, tmp_path: Path) -> None:
    """The service stays, and is deployed as ever while what watches it fails."""
    given = {
        "service_platform": PLATFORM,
        "service_name": "watched",
        "service_image": platform.push_image(ROOT / "tests" / "images" / "hello", "hello:1"),
        "service_host_name": "watched.shop.test",
        "service_database": False,
    }
    parameters = {
        "Platform": PLATFORM,
        "Name": "watched",
        "LoadBalancerFullName": "app/x/y",
        "TargetGroupFullName": "targetgroup/x/y",
        "AlarmTopicArn": "topic",
    }
    name, watching = "service_monitoring", f"{PLATFORM}-monitoring-watched"
    it = Walk(name, watching, given, parameters, last="ServerErrorAlarm", role="service")
    walk(platform, it, tmp_path / "report")
    remove = "tests/walks/first_failures/remove.yml"
    play(platform, remove, stack=f"{PLATFORM}-service-watched", lift={})


def test_rotation(platform: LocalAws, tmp_path: Path) -> None:
    functions = {
        name.replace("support_", "rotation_"): value
        for name, value in platform_variables().items()
        if name.startswith("support_function")
    }
    given = {"rotation_platform": PLATFORM, **functions}
    name = f"{PLATFORM}-rotation"
    play(platform, "tests/walks/first_failures/remove.yml", stack=name, lift={})
    it = Walk("rotation", name, given, {"Platform": PLATFORM}, last="OverdueAlarm")
    walk(platform, it, tmp_path / "report")


def test_rds(platform: LocalAws, tmp_path: Path) -> None:
    """After the walk over the rotation, which stands on it, and is gone now."""
    given = {"rds_platform": PLATFORM, "rds_reader_count": 1}
    parameters = {"Platform": PLATFORM, "ReaderCount": "1", "AlarmTopicArn": "topic"}
    name, lift = f"{PLATFORM}-rds", {"DeletionProtection": False}
    play(
        platform,
        "tests/walks/first_failures/remove.yml",
        stack=name,
        lift=lift,
    )
    it = Walk("rds", name, given, parameters, last="FirstInstance", lift=lift)
    walk(platform, it, tmp_path / "report")


def test_a_cluster_that_is_not_protected_yet_is_named_and_protected_by_the_next_run(
    platform: LocalAws,
) -> None:
    """Deletion protection comes by a second update, which may fail by itself."""

    def protected() -> bool:
        (cluster,) = platform.client("rds").describe_db_clusters()["DBClusters"]
        return bool(cluster["DeletionProtection"])

    role = {"role": "quayside.fargate.rds", "rds_platform": PLATFORM}
    platform.fail(f"{PLATFORM}-rds", "Cluster", "UPDATE")
    assert run(platform, "tests/walks/first_failures/role.yml", **role).returncode != 0
    assert not protected()
    status = play(platform, "playbooks/status.yml", service_platform=PLATFORM)
    assert "isn't protected from deletion as asked" in status
    play(platform, "tests/walks/first_failures/role.yml", **role)
    assert protected()
    status = play(platform, "playbooks/status.yml", service_platform=PLATFORM)
    assert "isn't protected" not in status
