"""What the tests of the image say where there is no Docker."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.e2e.platform import ROOT

# Uses an engine, and says whether it answered and whether it is still there afterwards.
PROGRAM = """
import subprocess, sys
from pathlib import Path
from tests.image.engine import NoEngineError, engine

def answers():
    return subprocess.run(["docker", "info"], capture_output=True).returncode == 0

try:
    with engine(Path(sys.argv[1])):
        print("during", answers())
except NoEngineError as reason:
    print("none:", reason)
print("after", answers())
"""
# Any test that needs the image.
TEST = "tests/image/test_content.py::test_it_adds_little_to_its_base_image"


def pytest_without(environment: dict[str, str]) -> tuple[int, str]:
    """Run a test of the image in a pytest of its own; return exit code and output."""
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", TEST]
    kept = {name: value for name, value in os.environ.items() if name != "REQUIRE_DOCKER"}
    answer = subprocess.run(
        command, cwd=ROOT, env=kept | environment, capture_output=True, text=True, check=False
    )
    return answer.returncode, answer.stdout


def end_of(output: str) -> str:
    """Return what stands below the tests' results."""
    return output.partition("short test summary info")[2]


@pytest.fixture
def nowhere(tmp_path: Path) -> dict[str, str]:
    """An environment that names an engine that isn't there."""
    return {"DOCKER_HOST": f"unix://{tmp_path}/docker.sock"}


@pytest.fixture
def bare(tmp_path: Path) -> dict[str, str]:
    """An environment in which there is neither Docker nor a way to install it."""
    return {"PATH": str(tmp_path), "DOCKER_HOST": ""}


def test_an_engine_that_does_not_answer_skips_the_tests_and_the_end_says_why(
    nowhere: dict[str, str],
) -> None:
    code, output = pytest_without(nowhere)
    assert code == 0
    end = end_of(output)
    assert "1 skipped" in end
    assert "the deploy image was NOT tested: the engine that DOCKER_HOST names" in end
    assert nowhere["DOCKER_HOST"] in end


def test_a_machine_without_docker_skips_the_tests_and_the_end_says_why(
    bare: dict[str, str],
) -> None:
    code, output = pytest_without(bare)
    assert code == 0
    end = end_of(output)
    assert "1 skipped" in end
    assert "the deploy image was NOT tested: " in end
    assert "docker is not installed" in end


@pytest.mark.parametrize("missing", ["nowhere", "bare"])
def test_require_docker_turns_the_skip_into_a_failure(
    missing: str, request: pytest.FixtureRequest
) -> None:
    environment = request.getfixturevalue(missing) | {"REQUIRE_DOCKER": "1"}
    code, output = pytest_without(environment)
    assert code == 1
    assert "1 error" in output
    assert "REQUIRE_DOCKER is set, but the deploy image can't be tested: " in output


def on_a_machine_of_its_own(folder: Path) -> str:
    """Run PROGRAM where no engine runs: in other namespaces, with another /run and /var/lib."""
    mounts = f"mount -t tmpfs none /run && mount --bind {folder} /var/lib"
    command = ["unshare", "--mount", "--net", "--pid", "--fork", "--mount-proc", "sh", "-c"]
    command.append(f'{mounts} && exec "$@"')
    python = [sys.executable, "-c", PROGRAM, "/run/dockerd.log"]
    return subprocess.check_output([*command, "--", *python], cwd=ROOT, text=True)


@pytest.fixture
def installed(base: str) -> None:
    """A machine that has Docker, and a user who may start it."""
    if os.geteuid() != 0 or "DOCKER_HOST" in os.environ or not shutil.which("dockerd"):
        pytest.skip("only root can start an engine, where dockerd is")


def test_where_no_engine_runs_one_is_started_and_stopped_again(
    installed: None, tmp_path: Path
) -> None:
    assert on_a_machine_of_its_own(tmp_path).splitlines() == ["during True", "after False"]


def test_an_engine_that_cannot_start_is_none_and_its_last_words_say_why(
    installed: None, tmp_path: Path
) -> None:
    (tmp_path / "docker").write_text("a file where dockerd needs a folder")
    none, after = on_a_machine_of_its_own(tmp_path).splitlines()
    assert none.startswith("none: dockerd doesn't start: ")
    assert "/var/lib/docker" in none
    assert after == "after False"
