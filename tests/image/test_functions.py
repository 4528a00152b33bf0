"""The functions' zips in the deploy image."""

from __future__ import annotations

import json
import struct
import zipfile
from pathlib import Path

import pytest

from custom_resources import build
from tests.e2e.platform import ARCHITECTURE, ROOT
from tests.image.containers import docker, run
from tests.integration.custom_resources.isolation import HANDLERS

IN_IMAGE = "/opt/collections/ansible_collections/quayside/fargate/build/functions"
# e_machine, the number at byte 18 of an ELF file (ELF specification, "ELF header").
MACHINES = {"x86_64": 62, "arm64": 183}


@pytest.fixture(scope="module")
def zips(image: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the functions, copied out of the image."""
    folder = tmp_path_factory.mktemp("zips")
    container = docker("create", image).strip()
    try:
        docker("cp", f"{container}:{IN_IMAGE}/.", str(folder))
    finally:
        docker("rm", container)
    return folder


@pytest.mark.parametrize("architecture", MACHINES)
def test_they_are_byte_for_byte_what_another_python_builds_here(
    zips: Path, architecture: str
) -> None:
    target = f"python3.13-{architecture}"
    output = ROOT / "build" / "functions"
    built = build.build(build.Target("python3.13", architecture), output)

    assert json.loads((zips / target / "manifest.json").read_text()) == built
    for entry in built.values():
        file = str(entry["file"])
        assert (zips / target / file).read_bytes() == (output / target / file).read_bytes()


@pytest.mark.parametrize("architecture", MACHINES)
def test_their_libraries_are_for_their_processor(zips: Path, architecture: str) -> None:
    for path in (zips / f"python3.13-{architecture}").glob("*.zip"):
        with zipfile.ZipFile(path) as archive:
            libraries = [name for name in archive.namelist() if ".so" in Path(name).suffixes]
            headers = [archive.read(name)[:20] for name in libraries]
        assert bool(libraries) == path.name.startswith("postgres-")
        assert {header[:4] for header in headers} <= {b"\x7fELF"}
        machines = {struct.unpack_from("<H", header, 18)[0] for header in headers}
        assert machines <= {MACHINES[architecture]}


@pytest.mark.parametrize("function", build.FUNCTIONS)
def test_they_import_in_python_3_13_with_boto3_beside_them(image: str, function: str) -> None:
    program = (
        "import importlib.util, sys\n"
        f"import {HANDLERS[function].rpartition('.')[0]} as function\n"
        "assert sys.version_info[:2] == (3, 13), sys.version\n"
        "assert callable(function.handler)\n"
        "if importlib.util.find_spec('psycopg2'):\n"
        "    import psycopg2\n"
        "    assert psycopg2.__file__.startswith('/var/tmp/')\n"
    )
    zip_file = f"{IN_IMAGE}/python3.13-{ARCHITECTURE}/{build.FUNCTIONS[function]}-*.zip"
    script = f'cd /var/tmp && python -m zipfile -e {zip_file} . && python -c "$PROGRAM"'
    environment = ("--env", "AWS_REGION=eu-central-1", "--env", f"PROGRAM={program}")
    options = ("--tmpfs", "/var/tmp:exec", *environment)
    run(image, "sh", "-c", script, options=options)
