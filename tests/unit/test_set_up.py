"""Set-up looks for packages where pip is told to look, which uv alone would not."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import zipfile
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from set_up import uv_settings

UV = Path(sys.executable).with_name("uv")


class Index(ThreadingHTTPServer):
    """A package index that has nothing, and remembers what it was asked for."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Nothing)
        self.asked: list[str] = []
        self.url = f"http://127.0.0.1:{self.server_port}/simple"


class Nothing(BaseHTTPRequestHandler):
    """Has no page."""

    server: Index

    def do_GET(self) -> None:
        """Answer 404."""
        self.server.asked.append(self.path)
        self.send_error(404)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
        """Say nothing."""


@pytest.fixture
def index() -> Iterator[Index]:
    with Index() as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def listed(**settings: str) -> str:
    """What pip says of its settings, in an environment with these variables and no files."""
    others = {name: value for name, value in os.environ.items() if not name.startswith("PIP_")}
    return subprocess.run(
        [sys.executable, "-m", "pip", "config", "list"],
        env={**others, "PIP_CONFIG_FILE": os.devnull, **settings},
        capture_output=True,
        text=True,
        check=True,
    ).stdout


def install(settings: str, tmp_path: Path) -> subprocess.CompletedProcess[str]:
    """Let uv look for a package with pip's settings."""
    options, environment = uv_settings(settings)
    return subprocess.run(
        [UV, "pip", "install", "--target", tmp_path, "--no-cache", *options, "quayside-nowhere"],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    )


def test_uv_asks_the_index_that_pip_is_set_up_for(index: Index, tmp_path: Path) -> None:
    failed = install(listed(PIP_INDEX_URL=index.url), tmp_path)

    assert failed.returncode != 0
    assert index.asked == ["/simple/quayside-nowhere/"]


def test_uv_asks_no_index_where_pip_may_not(index: Index, tmp_path: Path) -> None:
    failed = install(listed(PIP_INDEX_URL=index.url, PIP_NO_INDEX="1"), tmp_path)

    assert "quayside-nowhere was not found" in failed.stderr
    assert index.asked == []


def test_uv_finds_the_wheels_that_pip_finds_on_disk(tmp_path: Path) -> None:
    wheel = build("quayside-nowhere", tmp_path / "wheels")
    settings = listed(PIP_NO_INDEX="1", PIP_FIND_LINKS=f"{tmp_path} {wheel.parent}")

    installed = install(settings, tmp_path / "installed")

    assert installed.returncode == 0, installed.stderr


def test_uv_takes_the_best_of_all_indexes_as_pip_does(tmp_path: Path) -> None:
    """A company's index may have an older version of what the public one has."""
    indexes = [tmp_path / name for name in ("public", "company")]
    for index, version in zip(indexes, ("1.0", "0.9"), strict=True):
        package = index / "quayside-nowhere"
        index.mkdir()
        wheel = build("quayside-nowhere", package, version)
        (package / "index.html").write_text(f'<a href="{wheel.name}">{wheel.name}</a>')
    addresses = [f"file://{index}" for index in indexes]
    settings = listed(PIP_INDEX_URL=addresses[0], PIP_EXTRA_INDEX_URL=addresses[1])

    installed = install(settings, tmp_path / "installed")

    assert "quayside-nowhere==1.0" in installed.stderr


def build(name: str, folder: Path, version: str = "1.0") -> Path:
    """Make the smallest wheel."""
    folder.mkdir()
    module = f"{name.replace('-', '_')}-{version}"
    wheel, info = folder / f"{module}-py3-none-any.whl", f"{module}.dist-info"
    about = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
    with zipfile.ZipFile(wheel, "w") as file:
        file.writestr(f"{info}/METADATA", about)
        file.writestr(
            f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        file.writestr(f"{info}/RECORD", "")
    return wheel


def test_no_option_holds_the_password_that_an_address_may_have() -> None:
    """Options stand in the process list."""
    address = "http://me:canary@127.0.0.1/simple"
    options, environment = uv_settings(listed(PIP_INDEX_URL=address, PIP_EXTRA_INDEX_URL=address))

    assert "canary" not in "".join(options)
    assert (environment["UV_DEFAULT_INDEX"], environment["UV_INDEX"]) == (address, address)


def test_uv_trusts_the_certificates_that_pip_trusts() -> None:
    assert uv_settings(listed(PIP_CERT="/some/ca.pem")) == ([], {"SSL_CERT_FILE": "/some/ca.pem"})


def test_a_variable_of_the_environment_comes_before_a_file(tmp_path: Path) -> None:
    file = tmp_path / "pip.conf"
    file.write_text("[global]\nindex-url = http://file.test/simple\n")
    told = listed(PIP_CONFIG_FILE=str(file), PIP_INDEX_URL="http://variable.test/simple")

    assert uv_settings(told)[1]["UV_DEFAULT_INDEX"] == "http://variable.test/simple"


def test_without_settings_of_pips_uv_goes_by_its_own() -> None:
    assert uv_settings(listed()) == ([], {})
