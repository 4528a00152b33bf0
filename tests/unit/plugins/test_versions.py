"""Which versions work together, and what is said of those that don't."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from ansible_collections.quayside.fargate.plugins.plugin_utils import versions
from ansible_collections.quayside.fargate.plugins.plugin_utils.versions import Origin
from release import version as release_version
from tests.unit.templates.templates import NAMES, load


def told(version: str | None) -> dict[str, str]:
    """Outputs of a stack of a version; None for one of before there was one."""
    return {"Arn": "arn:1"} if version is None else {"Template": "support", "Version": version}


def refusal(own: str | None, platform: str | None) -> str:
    """What is said of a service's template on a platform's stack, "" if they fit."""
    sources = {"shop-support": told(platform)}
    return versions.mismatch("shop-service-orders", Origin("service", own), sources) or ""


@pytest.mark.parametrize("name", NAMES)
def test_a_template_of_the_collection_tells_its_name_and_the_collections_version(name: str) -> None:
    assert Origin.of_template(load(name)) == Origin(name, versions.of_collection())


def test_a_template_of_ones_own_tells_nothing_and_is_held_against_nothing() -> None:
    own = Origin.of_template({"Outputs": {"Version": {"Value": {"Ref": "Label"}}}})
    assert own == Origin(None, None)
    assert refusal(None, None) == ""
    assert refusal(None, "9.0.0") == ""


@pytest.mark.parametrize("platform", ["1.1.0", "1.1.7", "1.2.0", "1.10.0"])
def test_a_service_fits_a_platform_of_its_own_minor_version_or_a_newer_one(platform: str) -> None:
    assert refusal("1.1.0", platform) == ""


def test_a_newer_patch_fits_since_it_brings_no_outputs() -> None:
    assert refusal("1.1.3", "1.1.0") == ""


@pytest.mark.parametrize("platform", ["1.1.9", "1.9.0", None])
def test_a_service_of_a_newer_minor_version_waits_for_the_platform(platform: str | None) -> None:
    assert refusal("1.10.0", platform) == (
        "Stack shop-service-orders can't be deployed: its template is from Quayside 1.10.0, and "
        f"stack shop-support, which it takes values from, is from {platform or 'before 1.1.0'}. "
        "Upgrade the platform first: deploy stack shop-support with 1.10.0."
    )


def test_a_service_of_a_newer_major_version_waits_for_the_platform() -> None:
    assert "Upgrade the platform first" in refusal("2.0.0", "1.9.0")


def test_a_service_of_an_older_major_version_takes_the_platforms_collection() -> None:
    assert refusal("1.9.0", "2.0.0").endswith("Take the collection of 2.0.0 here too.")


def test_what_is_no_version_counts_as_before_there_was_one() -> None:
    assert Origin.of_stack({"Version": "soon"}) == Origin(None, None)
    assert str(Origin.of_stack({})) == versions.UNTOLD


@pytest.mark.parametrize(
    ("own", "deployed", "is_told"),
    [
        ("1.1.0", "1.2.0", True),
        ("1.1.0", "2.0.0", True),
        ("1.1.0", "1.1.4", False),
        ("1.2.0", "1.1.0", False),
        ("1.1.0", None, False),
        (None, "1.1.0", False),
    ],
)
def test_a_step_back_to_an_older_minor_version_is_told(
    own: str | None, deployed: str | None, is_told: bool
) -> None:
    back = versions.step_back(Origin("service", own), told(deployed))
    assert bool(back) == is_told
    if back:
        assert f"from Quayside {deployed} to {own}" in back


def test_ten_comes_after_nine() -> None:
    assert Origin("service", "1.9.0").is_behind("1.10.0")
    assert Origin("service", "1.10.0").is_ahead("1.9.0")
    assert Origin(None, None).is_behind("1.1.0")
    same = Origin("service", "1.1.0")
    assert not same.is_behind("1.1.0")
    assert not same.is_ahead("1.1.0")


def test_an_installed_collection_knows_its_version_by_its_manifest(tmp_path: Path) -> None:
    (tmp_path / "MANIFEST.json").write_text(json.dumps({"collection_info": {"version": "1.2.3"}}))
    assert versions.of_collection(tmp_path) == "1.2.3"


def test_a_checkout_knows_it_by_galaxy_yml(tmp_path: Path) -> None:
    (tmp_path / "galaxy.yml").write_text("name: fargate\nversion: 1.2.4\n")
    assert versions.of_collection(tmp_path) == "1.2.4"
    assert versions.of_collection() == release_version.current()
    assert re.fullmatch(r"\d+\.\d+\.\d+", versions.of_collection())
