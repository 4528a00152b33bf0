"""The zips that Lambda gets."""

from __future__ import annotations

import os
import shutil
import stat
import zipfile
from pathlib import Path

import pytest

from custom_resources import build
from tests.integration.custom_resources.isolation import HANDLERS, NoInterpreterError, isolated

ROOT = Path(__file__).parents[3]
# The default; for each other one, wheels are downloaded: walks.
USUAL = "python3.13"


@pytest.fixture(
    scope="session",
    params=[
        pytest.param(it, marks=[] if it == USUAL else [pytest.mark.walk]) for it in build.RUNTIMES
    ],
)
def runtime(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="session")
def output() -> Path:
    return ROOT / "build" / "functions"


@pytest.fixture(scope="session")
def zips(runtime: str, output: Path) -> dict[str, Path]:
    target = build.Target(runtime, "x86_64")
    folder = output / f"{runtime}-x86_64"
    manifest = build.build(target, output)
    return {name: folder / str(entry["file"]) for name, entry in manifest.items()}


@pytest.mark.parametrize("function", build.FUNCTIONS)
def test_a_zip_imports_in_its_runtime_with_nothing_but_boto3(
    zips: dict[str, Path], runtime: str, function: str
) -> None:
    module, _, handler = HANDLERS[function].rpartition(".")
    program = (
        f"import {module} as function\n"
        f"assert callable(function.{handler})\n"
        "failed = getattr(getattr(function, '_resource', None), '_init_failed', None)\n"
        "assert failed is None, failed\n"
    )
    try:
        with isolated(zips[function], runtime) as task:
            task.run(program)
    except NoInterpreterError as reason:
        pytest.skip(str(reason))


def test_two_builds_are_the_same_byte_for_byte(tmp_path: Path, output: Path) -> None:
    target = build.Target("python3.13", "x86_64")
    first = build.build(target, output)
    shutil.copytree(output.parent / "wheels", tmp_path / "wheels")
    os.utime(ROOT / "custom_resources" / "password" / "function.py")
    second = build.build(target, tmp_path / "functions")

    assert first == second


@pytest.mark.parametrize("runtime", ["python3.12", "python3.13", "python3.14"])
def test_arm64_gets_a_psycopg2_of_its_own(output: Path, runtime: str) -> None:
    manifest = build.build(build.Target(runtime, "arm64"), output)
    path = output / f"{runtime}-arm64" / str(manifest["database"]["file"])
    (library,) = [name for name in zipfile.ZipFile(path).namelist() if "_psycopg" in name]

    assert library.endswith(f"cpython-{runtime[6:].replace('.', '')}-aarch64-linux-gnu.so")


def test_a_runtime_that_no_wheel_fits_is_refused_by_name(output: Path) -> None:
    with pytest.raises(build.BuildError, match=r"python3\.11 on arm64"):
        build.build(build.Target("python3.11", "arm64"), output)


def test_a_zip_holds_nothing_that_changes_or_that_lambda_has(zips: dict[str, Path]) -> None:
    for path in zips.values():
        with zipfile.ZipFile(path) as archive:
            entries = archive.infolist()
        names = [entry.filename for entry in entries]
        assert names == sorted(names)
        assert {entry.date_time for entry in entries} == {(1980, 1, 1, 0, 0, 0)}
        assert {stat.S_IMODE(entry.external_attr >> 16) for entry in entries} <= {0o644, 0o755}
        assert not [name for name in names if name.endswith((".pyc", "RECORD", "INSTALLER"))]
        assert not [name for name in names if name.startswith(("boto", "tests"))]


def test_only_functions_that_log_in_carry_psycopg2_and_the_root_certificates(
    zips: dict[str, Path],
) -> None:
    for function, path in zips.items():
        names = zipfile.ZipFile(path).namelist()
        logs_in = function in {"database", "rotate"}
        assert ("custom_resources/postgres/rds-ca-bundle.pem" in names) == logs_in
        assert any(name.startswith("psycopg2/") for name in names) == logs_in


def test_a_zip_without_a_custom_resource_carries_no_crhelper(zips: dict[str, Path]) -> None:
    carried = {
        function
        for function, path in zips.items()
        if any(name.startswith("crhelper/") for name in zipfile.ZipFile(path).namelist())
    }
    assert zips.keys() - carried == {"activate", "notices"}
    assert zips["rotate"] == zips["database"]


def test_a_build_whose_inputs_are_unchanged_writes_nothing(
    zips: dict[str, Path], runtime: str, output: Path
) -> None:
    before = {path: path.stat().st_mtime_ns for path in zips.values()}
    build.build(build.Target(runtime, "x86_64"), output)

    assert {path: path.stat().st_mtime_ns for path in zips.values()} == before


def test_another_line_of_code_makes_another_name(tmp_path: Path, output: Path) -> None:
    target = build.Target("python3.13", "x86_64")
    before = build.build(target, output)
    package = tmp_path / "custom_resources"
    ignore = shutil.ignore_patterns("__pycache__")
    shutil.copytree(ROOT / "custom_resources", package, ignore=ignore)
    shutil.copytree(output.parent / "wheels", tmp_path / "build" / "wheels")
    with (package / "password" / "function.py").open("a") as source:
        source.write("# another line\n")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(build, "PACKAGE", package)
        after = build.build(target, tmp_path / "build" / "functions")

    assert after["password"]["file"] != before["password"]["file"]
    assert after["database"] == before["database"]
