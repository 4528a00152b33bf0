"""The last release's platform and services become the next version's, and nobody notices.

The last release is the newest tag v* that HEAD comes from, or without one HEAD as it was committed;
the next version is the working tree with another version and a harmless change in each template,
alarm and function. docs/upgrading.md has what is held here as a table: each version's collection on
the other's platform. Figures go to build/walks/upgrade.json.
"""

from __future__ import annotations

import json
import time
import warnings
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from local_aws.control import LocalAws
from tests.e2e.meter import nobody_is_denied
from tests.e2e.platform import ROOT
from tests.e2e.rotating import SETTLED, Rotating
from tests.walks.stacks import FIGURES, seconds_since
from tests.walks.upgrading import (
    HEAD,
    NEW_PLATFORM,
    OLD_PLATFORM,
    Collection,
    Upgraded,
    exported,
    next_one,
    page_table,
    sums,
)

pytestmark = pytest.mark.timeout(1200)
FIRST_PATH = "/health"
SERVICES = ("orders", "payroll")


class Walk:
    """A platform and its two services, with both collections.

    Attributes:
        figures: what goes to build/walks/upgrade.json.
    """

    def __init__(self, platform: Upgraded, old: Collection, new: Collection) -> None:
        self.platform, self.old, self.new = platform, old, new
        self.image = platform.aws.push_image(ROOT / "examples" / "orders", "orders:1")
        self.services = [Rotating(platform, name, self.image) for name in SERVICES]
        self.figures: dict[str, Any] = {
            "from": {"ref": old.ref, "version": old.version},
            "to": {"ref": new.ref, "version": new.version},
            "seconds": {},
            "table": {},
        }

    def deployed(self, name: str, **variables: Any) -> str:
        """Deploy a service with the collection in use; return what was printed."""
        return self.platform.play("playbooks/service.yml", **self.variables(name, **variables))

    def refused(self, name: str, **variables: Any) -> str:
        """Deploy a service, which must be refused, and return what was printed in one line."""
        given = self.variables(name, **variables)
        return " ".join(self.platform.play_in_vain("playbooks/service.yml", **given).split())

    def variables(self, name: str, **more: Any) -> dict[str, Any]:
        """Return the variables of a service with a database."""
        return self.platform.service(name, self.image, **more)

    def flips(self, name: str) -> None:
        """Rotate a service with the collection in use, and see it move to the other user."""
        service = Rotating(self.platform, name, self.image)
        idle = service.idle
        time.sleep(SETTLED)
        self.platform.play("playbooks/rotate.yml", service_platform="shop", service_name=name)
        assert service.active == idle

    def repairs(self, name: str) -> None:
        """Repair a service's database with the collection in use."""
        self.platform.play("playbooks/repair.yml", service_platform="shop", service_name=name)

    def removes(self, name: str) -> None:
        """Remove a service with the collection in use."""
        self.deployed(name, service_state="absent")
        assert f"shop-service-{name}" not in self.platform.stack_names()

    def timed(self, what: str, began: float) -> None:
        """Note how many seconds something took."""
        self.figures["seconds"][what] = seconds_since(began)

    def noted(self, pair: str, what: str, outcome: str) -> None:
        """Note a cell of the table."""
        self.figures["table"].setdefault(pair, {})[what] = outcome


@pytest.fixture(scope="module")
def walk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Walk]:
    """The last release's platform with two of its services; the figures are written at the end."""
    folder = tmp_path_factory.mktemp("upgrade")
    old = exported(folder / "old")
    new = next_one(folder / "new", old)
    print(f"UPGRADE from {old.ref} ({old.version}) to {new.version}")
    if old.ref == HEAD:
        lacking = "No tag v* is reachable: the last commit stands for the last release."
        warnings.warn(lacking, stacklevel=1)
    with LocalAws.start(folder / "aws") as aws:
        walk = Walk(Upgraded(aws, old), old, new)
        began = time.monotonic()
        walk.platform.deploy()
        walk.timed("old platform", began)
        for name in SERVICES:
            walk.deployed(name, service_desired_count=2)
        yield walk
    FIGURES.mkdir(parents=True, exist_ok=True)
    (FIGURES / "upgrade.json").write_text(json.dumps(walk.figures, indent=2) + "\n")


@pytest.fixture
def new_on_old(walk: Walk) -> Iterator[Walk]:
    """The walk with the new collection in hand, before the platform is upgraded."""
    assert set(walk.platform.versions().values()) == {walk.old.version}
    walk.platform.using = walk.new
    yield walk
    walk.platform.using = walk.old


def test_both_collections_have_templates_and_functions_of_their_own(walk: Walk) -> None:
    assert walk.old.version != walk.new.version
    zips = walk.old.zips, walk.new.zips
    assert zips[0].keys() == zips[1].keys()
    assert not set(zips[0].values()) & set(zips[1].values())


def test_a_first_deployment_by_the_new_one_waits_for_the_platform(new_on_old: Walk) -> None:
    said = new_on_old.refused("newcomer")
    assert "Upgrade the platform first" in said
    assert f"is from {new_on_old.old.version}" in said
    assert "shop-service-newcomer" not in new_on_old.platform.stack_names()
    new_on_old.noted(OLD_PLATFORM, "first deployment", "refused")


def test_a_change_by_the_new_one_waits_for_the_platform(new_on_old: Walk) -> None:
    before = new_on_old.platform.events("shop-service-orders")
    said = new_on_old.refused("orders", service_desired_count=2, service_environment={"A": "b"})
    assert "Upgrade the platform first" in said
    assert new_on_old.platform.events("shop-service-orders") == before
    new_on_old.noted(OLD_PLATFORM, "change", "refused")


def test_the_new_one_flips_and_repairs_on_the_old_platform(new_on_old: Walk) -> None:
    new_on_old.flips("orders")
    new_on_old.noted(OLD_PLATFORM, "flip", "works")
    new_on_old.repairs("orders")
    new_on_old.noted(OLD_PLATFORM, "repair", "works")


def test_the_new_one_removes_an_old_service(walk: Walk) -> None:
    walk.deployed("goer")
    walk.platform.using = walk.new
    walk.removes("goer")
    walk.platform.using = walk.old
    walk.noted(OLD_PLATFORM, "removal", "works")


def test_the_new_one_names_every_stack_that_is_behind(new_on_old: Walk) -> None:
    platform = new_on_old.platform
    said = platform.play_in_vain("playbooks/status.yml", service_platform="shop", outdated=True)
    for stack in platform.stack_names():
        assert f"Stack {stack} is from {new_on_old.old.version}," in said


@pytest.fixture(scope="module")
def upgraded(walk: Walk) -> Walk:
    """The walk after the upgrade of platform and services, under requests and logins."""
    platform = walk.platform
    before = {stack: platform.change_sets(stack) for stack in platform.stack_names()}
    resources = platform.resources()
    platform.using = walk.new
    counted: list[dict[str, int]] = []
    try:
        with ExitStack() as traffic:
            for service in walk.services:
                counted.append(traffic.enter_context(nobody_is_denied(service, FIRST_PATH)))
            began = time.monotonic()
            platform.deploy()
            walk.timed("platform", began)
            for name in SERVICES:
                began = time.monotonic()
                walk.deployed(name, service_desired_count=2)
                walk.timed(name, began)
    finally:
        walk.figures |= sums(counted)
    made = {
        arn: changes
        for stack, earlier in before.items()
        for arn, changes in platform.change_sets(stack).items()
        if arn not in earlier
    }
    every = [change for changes in made.values() for change in changes]
    after = platform.resources()
    walk.figures |= {
        "change_sets": len(made),
        "changed_resources": len(every),
        "replacements": [
            it["LogicalResourceId"]
            for it in every
            if it["Action"] != "Modify" or it.get("Replacement") == "True"
        ],
        # What refers to a resource that is modified: only the ids tell that it stayed.
        "conditional": [
            it["LogicalResourceId"] for it in every if it.get("Replacement") == "Conditional"
        ],
        "other_ids": sorted(
            f"{stack}.{name}"
            for stack, name in resources.keys() | after.keys()
            if resources.get((stack, name)) != after.get((stack, name))
        ),
    }
    return walk


def test_every_stack_is_of_the_new_version_after_the_upgrade(upgraded: Walk) -> None:
    versions = upgraded.platform.versions()
    assert versions == dict.fromkeys(versions, upgraded.new.version)
    assert upgraded.figures["change_sets"] >= len(versions)
    done = upgraded.platform.play("playbooks/status.yml", service_platform="shop", outdated=True)
    assert f"All stacks of shop that were asked for are from {upgraded.new.version}." in done
    upgraded.noted(OLD_PLATFORM, "platform.yml", "works")


def test_the_upgrade_changed_alarms_and_functions_and_replaced_nothing(upgraded: Walk) -> None:
    assert upgraded.figures["changed_resources"] >= len(upgraded.new.zips)
    assert upgraded.figures["replacements"] == []
    assert upgraded.figures["other_ids"] == []


def test_a_second_upgrade_changes_nothing(upgraded: Walk) -> None:
    before = {it: upgraded.platform.events(it) for it in upgraded.platform.stack_names()}
    upgraded.platform.deploy()
    for name in SERVICES:
        upgraded.deployed(name, service_desired_count=2)
    assert {it: upgraded.platform.events(it) for it in before} == before


def test_an_upgraded_service_changes_and_flips_and_loses_nothing(upgraded: Walk) -> None:
    (orders, _) = upgraded.services
    with nobody_is_denied(orders, FIRST_PATH):
        upgraded.deployed("orders", service_desired_count=2, service_environment={"NEXT": "1"})
        upgraded.flips("orders")


@pytest.fixture
def old_on_new(upgraded: Walk) -> Iterator[Walk]:
    """The walk with the old collection in hand, after the upgrade."""
    upgraded.platform.using = upgraded.old
    yield upgraded
    upgraded.platform.using = upgraded.new


def test_the_old_one_does_all_with_its_own_services_on_the_new_platform(old_on_new: Walk) -> None:
    old_on_new.deployed("latecomer")
    old_on_new.noted(NEW_PLATFORM, "first deployment", "works")
    old_on_new.deployed("latecomer", service_environment={"LATE": "1"})
    old_on_new.noted(NEW_PLATFORM, "change", "works")
    old_on_new.flips("latecomer")
    old_on_new.noted(NEW_PLATFORM, "flip", "works")
    old_on_new.repairs("latecomer")
    old_on_new.noted(NEW_PLATFORM, "repair", "works")
    old_on_new.removes("latecomer")
    old_on_new.noted(NEW_PLATFORM, "removal", "works")


def test_the_old_one_takes_no_upgraded_service_back_unasked(old_on_new: Walk) -> None:
    before = old_on_new.platform.events("shop-service-payroll")
    said = old_on_new.refused("payroll", service_desired_count=2)
    assert "would go back from Quayside" in said
    assert "service_allow: [Version]" in said
    assert old_on_new.platform.events("shop-service-payroll") == before
    old_on_new.noted(NEW_PLATFORM, "change of an upgraded service", "stops")


def test_the_old_one_takes_an_upgraded_service_back_if_it_is_meant(old_on_new: Walk) -> None:
    done = old_on_new.deployed("payroll", service_desired_count=2, service_allow=["Version"])
    assert "wasn't needed" not in done
    versions = old_on_new.platform.versions()
    for kind in ("service", "monitoring"):
        assert versions[f"shop-{kind}-payroll"] == old_on_new.old.version


def test_the_old_one_takes_no_upgraded_platform_back_unasked(old_on_new: Walk) -> None:
    variables = old_on_new.old.platform_variables
    said = old_on_new.platform.play_in_vain("playbooks/platform.yml", platform="shop", **variables)
    assert "would go back from Quayside" in said
    assert "network_allow: [Version]" in said
    old_on_new.noted(NEW_PLATFORM, "platform.yml", "stops")


def test_the_pages_table_is_what_was_seen(old_on_new: Walk) -> None:
    page = (ROOT / "docs" / "upgrading.md").read_text()
    assert page_table(page) == old_on_new.figures["table"]
