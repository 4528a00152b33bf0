"""Downloads all wheels that the image is built from, so that it can be built without a network.

    python -m deploy_image.wheels

pip's own settings say whence; the hashes in the requirements files say what.
"""

from __future__ import annotations

import platform
import subprocess
import sys
from pathlib import Path

from custom_resources import build

FOLDER = Path(__file__).parent
WHEELS = FOLDER / "wheels"
RUNTIME = "python3.13"
ARCHITECTURES = {"x86_64": "x86_64", "aarch64": "arm64", "arm64": "arm64"}


def download(target: build.Target, requirements: list[Path]) -> None:
    """Download the wheels of requirements files for a target into `WHEELS`.

    Raises:
        subprocess.CalledProcessError: pip can't get one; it has said why.
    """
    files = [word for path in requirements for word in ("--requirement", str(path))]
    command = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet", "download"]
    options = ["--no-deps", "--require-hashes", *target.pip_options, "--dest", str(WHEELS)]
    subprocess.run([*command, *options, *files], check=True)


def main() -> int:
    """Download the image's wheels for this machine's processor and the functions' for both."""
    image = [FOLDER / "requirements.txt", FOLDER / "collections.txt"]
    functions = sorted(build.PACKAGE.glob("*/requirements.txt"))
    try:
        download(build.Target(RUNTIME, ARCHITECTURES[platform.machine()]), image)
        for architecture in ("x86_64", "arm64"):
            download(build.Target(RUNTIME, architecture), functions)
    except subprocess.CalledProcessError as error:
        print("The image's wheels can't be had; pip says why above.", file=sys.stderr)
        return error.returncode
    return 0


if __name__ == "__main__":
    sys.exit(main())
