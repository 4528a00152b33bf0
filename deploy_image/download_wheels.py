"""Downloads all wheels that the image is built from, so that it can be built without a network.

    python -m deploy_image.download_wheels

pip's own settings say whence; the hashes in the requirements files say what.
"""

from __future__ import annotations

import hashlib
import platform
import subprocess
import sys
from pathlib import Path

from custom_resources import build

FOLDER = Path(__file__).parent
WHEELS = FOLDER / "wheels"
IMAGE = (FOLDER / "requirements.txt", FOLDER / "collections.txt")
FUNCTIONS = tuple(sorted(build.PACKAGE.glob("*/requirements.txt")))
RUNTIME = "python3.13"
_ARCHITECTURES = {"x86_64": "x86_64", "aarch64": "arm64", "arm64": "arm64"}


def download() -> None:
    """Download the image's wheels for this machine's processor and the functions' for both.

    Raises:
        subprocess.CalledProcessError: pip can't get one; it has said why.
    """
    _fetch(build.Target(RUNTIME, _ARCHITECTURES[platform.machine()]), IMAGE)
    for architecture in ("x86_64", "arm64"):
        _fetch(build.Target(RUNTIME, architecture), FUNCTIONS)


def _fetch(target: build.Target, requirements: tuple[Path, ...]) -> None:
    files = [word for path in requirements for word in ("--requirement", str(path))]
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet", "download"]
    options = ["--no-deps", "--require-hashes", *target.pip_options, "--dest", str(WHEELS)]
    subprocess.run([*pip, *options, *files], check=True)


def _inputs() -> str:
    """Return a hash of all that says which wheels are needed."""
    texts = [platform.machine().encode(), *(path.read_bytes() for path in IMAGE + FUNCTIONS)]
    return hashlib.sha256(b"\0".join(texts)).hexdigest()


def main() -> int:
    """Download the wheels, unless they are there; pip's exit code if that fails."""
    inputs, stamp = _inputs(), WHEELS / "inputs.sha256"
    if stamp.exists() and stamp.read_text() == inputs:
        return 0
    try:
        download()
    except subprocess.CalledProcessError as error:
        print("The image's wheels can't be had; pip says why above.", file=sys.stderr)
        return error.returncode
    stamp.write_text(inputs)
    return 0


if __name__ == "__main__":
    sys.exit(main())
