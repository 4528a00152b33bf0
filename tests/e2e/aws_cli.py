"""The AWS CLI of users, apart from the packages of the project."""

from __future__ import annotations

import subprocess
import venv
from pathlib import Path

HERE = Path(__file__).parent
FOLDER = HERE.parents[1] / "build" / "aws_cli"
REQUIREMENTS = HERE / "aws_cli.txt"


def aws_cli() -> str:
    """Return the path of the AWS CLI, installed in a virtual environment of its own."""
    if not (FOLDER / "bin" / "aws").exists():
        venv.create(FOLDER, with_pip=True)
        pip = [str(FOLDER / "bin" / "pip"), "install", "--quiet", "--requirement"]
        subprocess.run([*pip, str(REQUIREMENTS)], check=True)
    return str(FOLDER / "bin" / "aws")
