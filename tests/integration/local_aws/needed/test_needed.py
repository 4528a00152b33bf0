"""Each mend is still needed: without it ministack answers otherwise than AWS, with it as AWS."""

from __future__ import annotations

import os
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from botocore.exceptions import ClientError

from local_aws import mends
from local_aws.control import LocalAws
from local_aws.settings import free_port
from tests.integration.local_aws.needed import (
    cloudformation,
    ecs,
    functions,
    iam,
    load_balancing,
    services,
)
from tests.integration.local_aws.needed.probing import PROBES, REGION, Aws, Probe

ROOMS = (cloudformation, ecs, functions, iam, load_balancing, services)
NOT_SHOWN = "Not shown by a probe:"


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Aws]:
    """Start ministack as it comes; it obeys IAM, as the local AWS does."""
    folder, port = tmp_path_factory.mktemp("plain"), free_port()
    environment = {
        "AUTH": "true",
        "BIND_HOST": "127.0.0.1",
        "GATEWAY_PORT": str(port),
        "HOME": str(folder),
        "IOT_MTLS_ENABLED": "0",
        "MINISTACK_REGION": REGION,
        "PATH": os.environ["PATH"],
        "TMPDIR": str(folder),
    }
    with (folder / "log").open("wb") as log:
        command = [sys.executable, "-m", "ministack"]
        process = subprocess.Popen(command, cwd=folder, env=environment, stdout=log, stderr=log)
    try:
        wait_for(f"http://127.0.0.1:{port}/_ministack/health", folder / "log")
        yield Aws(f"http://127.0.0.1:{port}", "test", "test")
    finally:
        process.terminate()
        process.wait(30)


@pytest.fixture(scope="module")
def mended(aws: LocalAws) -> Aws:
    return of(aws)


def of(aws: LocalAws) -> Aws:
    names = ("AWS_ENDPOINT_URL", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")
    return Aws(*(aws.environment[name] for name in names))


def wait_for(url: str, log: Path) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        try:
            urllib.request.urlopen(url, timeout=5).close()
        except OSError:
            time.sleep(0.1)
        else:
            return
    raise AssertionError(log.read_text())


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
