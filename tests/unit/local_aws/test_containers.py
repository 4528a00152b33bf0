"""Containers that are processes."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from local_aws import containers
from local_aws.containers import Container


@pytest.fixture
def container() -> Iterator[Container]:
    made = Container("app", {}, "127.0.0.2")
    yield made
    made.kill()


def run(container: Container, code: str, folder: Path) -> None:
    container.start([sys.executable, "-c", code], folder, {})
    container.process.wait()


def test_its_end_is_told_once_its_last_lines_are_in_its_log(
    container: Container, tmp_path: Path
) -> None:
    container.open_log()
    run(container, "print('last words')", tmp_path)
    container.reload()
    assert container.status == "running"
    assert list(container.logs(stream=True)) == [b"last words\n"]
    container.close_log()
    container.reload()
    assert container.status == "exited"
    assert container.attrs["State"] == {"ExitCode": 0}


def test_without_a_log_it_is_told_at_once(container: Container, tmp_path: Path) -> None:
    run(container, "raise SystemExit(3)", tmp_path)
    container.reload()
    assert (container.status, container.wait()) == ("exited", {"StatusCode": 3})


def test_a_log_that_never_ends_holds_its_end_up_for_a_while_only(
    container: Container, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(containers, "_LAST_LINES", 0.1)
    container.open_log()
    run(container, "print('last words')", tmp_path)
    end = time.monotonic() + 10
    while container.status != "exited":
        assert time.monotonic() < end
        container.reload()
