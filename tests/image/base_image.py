"""A stand-in for python:3.13-slim where no image registry can be reached.

It is Debian trixie with Debian's own Python 3.13, whose files are what the official image has too,
but for Python itself, which stands in /usr/local there.
"""

from __future__ import annotations

import hashlib
import subprocess
from pathlib import Path

from tests.image.engine import NoEngineError, need

_ENVIRONMENT = (
    "PATH=/usr/local/bin:/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin",
    "LANG=C.UTF-8",
)
_MMDEBSTRAP = (
    "mmdebstrap",
    "--variant=apt",
    "--include=python3,python3-venv,ca-certificates",
    # What slim images leave out.
    *(f"--dpkgopt=path-exclude=/usr/share/{folder}/*" for folder in ("doc", "locale", "man")),
    "--customize-hook=for name in python python3 python3.13; do"
    ' ln -s /usr/bin/python3.13 "$1/usr/local/bin/$name"; done',
    "trixie",
)


def stand_in(folder: Path) -> str:
    """Make the stand-in, unless the engine has it, and return its name.

    Args:
        folder: for the archive that it is made of; one that is there is used again.
    Raises:
        NoEngineError: it can't be made here.
    """
    recipe = hashlib.sha256(repr(_MMDEBSTRAP).encode()).hexdigest()[:12]
    image = f"quayside/python-stand-in:{recipe}"
    known = subprocess.run(["docker", "image", "inspect", image], check=False, capture_output=True)
    if known.returncode == 0:
        return image
    archive = folder / f"{recipe}.tar"
    if not archive.exists():
        _bootstrap(archive)
    changes = [word for variable in _ENVIRONMENT for word in ("--change", f"ENV {variable}")]
    subprocess.run(["docker", "import", *changes, str(archive), image], check=True)
    return image


def _bootstrap(archive: Path) -> None:
    need("mmdebstrap", "mmdebstrap")
    archive.parent.mkdir(parents=True, exist_ok=True)
    draft = archive.with_suffix(".draft.tar")
    command = [*_MMDEBSTRAP, str(draft)]
    answer = subprocess.run(command, capture_output=True, text=True, check=False)
    if answer.returncode:
        last = answer.stderr.strip().splitlines()[-1]
        raise NoEngineError(f"mmdebstrap can't make the base image: {last}")
    draft.rename(archive)
