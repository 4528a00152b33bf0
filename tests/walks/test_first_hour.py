"""README's first hour, word for word, in a bare folder: with a Python, git, make and curl."""

from __future__ import annotations

import os
import pty
import re
import subprocess
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from local_aws.mends.functions.runtimes import interpreter

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()
REPOSITORY = "https://github.com/quayside/fargate"
PYTHONS = ["python3.11", "python3.13"]
# Between two commands; no program prints it.
MARK = "\x01"


@dataclass(frozen=True)
class Step:
    """A command of README's, and what it shows of the answer."""

    command: str
    shown: list[str]


@dataclass(frozen=True)
class Hour:
    """The steps as they went: what the terminal showed after each, and the exit status."""

    answers: list[str]
    status: int


def steps() -> list[Step]:
    """Return the commands of the first hour, in their order."""
    section = README.partition("\n## The first hour\n")[2].partition("\n## ")[0]
    found: list[Step] = []
    for block in re.findall(r"^```console\n(.*?)^```", section, re.DOTALL | re.MULTILINE):
        for line in block.splitlines():
            if line.startswith("$ "):
                found.append(Step(line[2:], []))
            elif line != "...":
                found[-1].shown.append(line)
    return found


def alike(line: str) -> str:
    """Return a line without what differs from run to run: numbers, dates, colours, width.

    Which user is active at first goes by the date, an image's digest by what is in its folder.
    """
    plain = re.sub(r"\x1b\[[\d;]*[A-Za-z]", "", line.rpartition("\r")[2])
    plain = re.sub(r"\b[0-9a-f]{7}\b", "DIGEST", plain)  # as status.yml shows it
    plain = re.sub(r"\bblue\b|\bgreen\b", "USER", re.sub(r"\d+", "N", plain))
    return re.sub(r"\s+", " ", plain).strip()


def walk(program: str, folder: Path) -> Hour:
    """Type README's commands into one shell on a terminal, where only this Python is known.

    The repository's address leads to this checkout, as it was committed last.
    """
    script = "".join(f"printf '{MARK}'\n{step.command}\n" for step in steps())
    bare = {
        "HOME": str(folder),
        "PATH": f"{Path(program).parent}:/usr/local/bin:/usr/bin:/bin",
        "LANG": "C.UTF-8",
        "TERM": "xterm",
        "ANSIBLE_NOCOLOR": "1",
        "GIT_CONFIG_COUNT": "1",
        "GIT_CONFIG_KEY_0": f"url.file://{ROOT}.insteadOf",
        "GIT_CONFIG_VALUE_0": REPOSITORY,
    }
    kept = {name: os.environ[name] for name in os.environ if name.startswith(("PIP_", "UV_"))}
    terminal, inside = pty.openpty()
    shown: list[bytes] = []
    reader = threading.Thread(target=lambda: shown.extend(_read(terminal)))
    reader.start()
    with subprocess.Popen(
        ["bash", "-eu", "-o", "pipefail", "-c", script],
        cwd=folder,
        env=kept | bare,
        stdin=subprocess.DEVNULL,
        stdout=inside,
        stderr=inside,
        start_new_session=True,
    ) as shell:
        os.close(inside)
    reader.join()
    answers = b"".join(shown).decode(errors="replace").replace("\r\n", "\n")
    return Hour(answers.split(MARK)[1:], shell.returncode)


def _read(terminal: int) -> Iterator[bytes]:
    while True:
        try:
            yield os.read(terminal, 1 << 16)
        except OSError:  # what Linux says at the end of a terminal
            os.close(terminal)
            return


@pytest.fixture(scope="module", params=PYTHONS)
def hour(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Hour]:
    """The first hour with one Python, in a folder with nothing in it."""
    program = interpreter(request.param)
    if program is None:
        pytest.skip(f"no {request.param} on this machine")
    folder = tmp_path_factory.mktemp("bare")
    yield walk(program, folder)
    # Stopped by its own last command, but for a walk that failed on its way there.
    python = folder / "fargate" / ".venv" / "bin" / "python"
    if python.exists():
        subprocess.run([python, "-m", "local_aws", "stop"], cwd=folder / "fargate", check=True)


@pytest.mark.timeout(1200)
def test_every_command_of_the_first_hour_works(hour: Hour) -> None:
    failed = steps()[len(hour.answers) - 1].command
    assert hour.status == 0, f"$ {failed}\n{hour.answers[-1]}"
    assert len(hour.answers) == len(steps())


def test_each_command_answers_what_the_readme_shows(hour: Hour) -> None:
    for step, answer in zip(steps(), hour.answers, strict=True):
        answered = [alike(line) for line in answer.splitlines()]
        for line in step.shown:
            assert alike(line) in answered, f"$ {step.command}\n{line}\nis not in\n{answer}"


def test_set_up_warns_of_nothing(hour: Hour) -> None:
    (answer,) = [
        it for step, it in zip(steps(), hour.answers, strict=True) if step.command == "make up"
    ]
    assert "warn" not in answer.lower()
