"""Every template says which one it is, and of which version: what upgrades go by."""

from __future__ import annotations

import pytest

from release import version
from tests.unit.templates.templates import FOLDER, NAMES, load

IMAGE = "quayside/fargate"


@pytest.mark.parametrize("name", NAMES)
def test_a_stack_tells_its_template_and_version_last(name: str) -> None:
    outputs = load(name)["Outputs"]
    told = {key: outputs[key]["Value"] for key in list(outputs)[-2:]}
    assert told == {"Template": name, "Version": version.current()}


@pytest.mark.parametrize("name", NAMES)
def test_both_are_as_make_version_writes_them(name: str) -> None:
    text = (FOLDER / f"{name}.yml").read_text()
    assert version.in_template(text, name, version.current()) == text


@pytest.mark.parametrize("name", NAMES)
def test_the_outputs_are_the_templates_last_section(name: str) -> None:
    assert list(load(name))[-1] == "Outputs"


def test_another_version_takes_the_place_of_the_one_before() -> None:
    text = "Outputs:\n  Arn:\n    Value: a\n"
    before = version.in_template(text, "service", "1.1.0")
    after = version.in_template(before, "service", "1.2.0")
    assert after == before.replace("1.1.0", "1.2.0")
    assert after.startswith(text)
    assert "1.1.0" not in after


def test_examples_deploy_with_the_image_of_this_version() -> None:
    image = f"image: $REGISTRY/{IMAGE}:{{}}\npython: 3.13.0\n"
    assert version.in_text(image.format("1.0.0"), "1.1.0") == image.format("1.1.0")


def test_readme_shows_stacks_of_this_version() -> None:
    shown = "orders   ok     2/2    1 ef88d46  2026-11-29 04:52 ok  root  green  {}    http://a/\n"
    assert version.in_text(shown.format("1.0.0"), "1.1.0") == shown.format("1.1.0")
    assert version.current() in (version.ROOT / "README.md").read_text()


def test_a_platforms_rows_of_status_are_of_this_version() -> None:
    shown = "shop-rds      UPDATE_COMPLETE  {}\nshop-support  CREATE_COMPLETE  {}\n"
    assert version.in_text(shown.format("1.0.0", "1.0.0"), "1.1.0") == shown.format(*["1.1.0"] * 2)


def test_no_file_waits_for_make_version() -> None:
    assert version.waiting() == {}
