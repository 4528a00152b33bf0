"""Each mend is still needed: without it ministack answers otherwise than AWS, with it as AWS."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from botocore.exceptions import ClientError

from local_aws import control, mends
from local_aws.control import LocalAws
from local_aws.settings import Settings, free_port
from tests.integration.local_aws.needed import (
    cloudformation,
    ecs,
    functions,
    iam,
    load_balancing,
    more,
    services,
)
from tests.integration.local_aws.needed.probing import PROBES, REGION, Aws, Probe

ROOMS = (cloudformation, ecs, functions, iam, load_balancing, more, services)
NOT_SHOWN = "Not shown by a probe:"


@pytest.fixture(scope="module")
def mended(aws: LocalAws) -> Aws:
    return of(aws)


def of(aws: LocalAws) -> Aws:
    names = ("AWS_ENDPOINT_URL", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")
    return Aws(*(aws.environment[name] for name in names))


def is_refused_or_wrong(probe: Probe, plain: Aws) -> bool:
    """Whether ministack answers otherwise than AWS; what it lacks, it refuses."""
    try:
        return not probe.ask(plain)
    except ClientError:
        return True


@pytest.mark.parametrize("probe", PROBES, ids=str)
def test_without_its_mend_it_is_not_as_on_aws(probe: Probe, plain: Aws) -> None:
    assert is_refused_or_wrong(probe, plain), (
        f"ministack does as AWS does: {', '.join(probe.mends)} may be needed no more"
    )


@pytest.mark.parametrize("probe", [it for it in PROBES if not it.strict], ids=str)
def test_with_its_mend_it_is_as_on_aws(probe: Probe, mended: Aws) -> None:
    assert probe.ask(mended)


def test_in_strict_mode_it_is_as_on_aws(tmp_path: Path) -> None:
    with LocalAws.start(tmp_path, strict=True) as aws:
        for probe in (it for it in PROBES if it.strict):
            assert probe.ask(of(aws)), str(probe)


def test_every_mend_has_a_probe_or_says_why_not() -> None:
    probed = {f"{mends.__name__}.{name}" for probe in PROBES for name in probe.mends}
    silent = {it.__name__ for it in mends.mends() if NOT_SHOWN not in (it.__doc__ or "")}
    assert probed == silent


# Where several mends stand at one place.
CHAINS = {
    "a_change_set_of_outputs_alone_can_be_executed",
    "a_change_set_tells_property_values",
    "a_custom_resource_that_failed_is_deleted_and_quoted",
    "an_export_in_use_can_not_change",
    "another_subnet_begins_a_deployment",
    "fargate_has_no_task_of_any_size",
    "two_change_sets_that_create_a_stack_are_about_one_stack",
    "what_a_resource_needs_that_can_not_be_deleted_stays",
    "what_does_not_change_has_no_events",
}


@pytest.mark.timeout(120)
def test_installed_in_another_order_it_is_as_on_aws(tmp_path: Path) -> None:
    settings = Settings.fresh(tmp_path, free_port(), REGION)
    control._prepare(settings)
    command = [sys.executable, "-m", "tests.unit.local_aws.shuffled", str(tmp_path), "Hugin"]
    with settings.log.open("wb") as log:
        process = subprocess.Popen([*command, "serve"], stdout=log, stderr=log)
    try:
        control._wait_until_healthy(settings, process)
        aws = Aws(settings.endpoint, settings.access_key, settings.secret_key)
        asked = [probe for probe in PROBES if str(probe) in CHAINS]
        assert len(asked) == len(CHAINS)
        assert [str(probe) for probe in asked if not probe.ask(aws)] == []
    finally:
        process.terminate()
        process.wait(30)
