"""What a platform on this machine's local AWS is given, by `make demo` and by `make up`."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from custom_resources import build

ROOT = Path(__file__).parents[1]
PLATFORM = "shop"
_FUNCTIONS = ROOT / "build" / "functions"
# The local AWS runs functions with a Python of this machine; one is surely there.
_TARGET = build.Target(
    f"python3.{sys.version_info.minor}", "arm64" if os.uname().machine == "aarch64" else "x86_64"
)
VARIABLES = {
    "platform": PLATFORM,
    "support_functions_directory": str(_FUNCTIONS),
    "support_function_runtime": _TARGET.runtime,
    "support_function_architecture": _TARGET.architecture,
    # Nobody waits five minutes for the local ECS to settle; the default is for AWS's.
    "rotation_settling_seconds": 1,
}


def build_functions() -> None:
    """Build the Lambda functions for the Python that runs here.

    Raises:
        build.BuildError: the wheels can't be had.
    """
    build.build(_TARGET, _FUNCTIONS)
