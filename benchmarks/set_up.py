"""Seconds of set-up beside pip's, one after the other, both with nothing downloaded before.

python -m benchmarks.set_up
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import set_up

ROOT = Path(__file__).parents[1]
RESULT = ROOT / "build" / "bench" / "set_up.json"


def with_uv(folder: Path) -> None:
    """Set up as `make setup` does."""
    cache = {"UV_CACHE_DIR": str(folder.parent / "cache"), "PIP_NO_CACHE_DIR": "1"}
    _run([sys.executable, str(ROOT / "set_up.py"), str(folder)], cache)


def with_pip(folder: Path) -> None:
    """Set up with what every Python has, as `make setup` did until 1.0.0."""
    _run([sys.executable, "-m", "venv", str(folder)], {})
    pip = [str(folder / "bin" / "pip"), "install", "--disable-pip-version-check", "--no-cache-dir"]
    constraint = ["--constraint", "constraints.txt"]
    for name, options in zip(set_up.REQUIREMENTS, (constraint, []), strict=True):
        _run([*pip, "--quiet", *options, "--requirement", name], {})


def _run(command: list[str], environment: dict[str, str]) -> None:
    subprocess.run(command, cwd=ROOT, env={**os.environ, **environment}, check=True)


def seconds(make: Callable[[Path], None]) -> float:
    """Wall-clock seconds of one set-up in an empty folder."""
    with tempfile.TemporaryDirectory() as folder:
        began = time.monotonic()
        make(Path(folder) / "venv")
        return round(time.monotonic() - began, 1)


def main() -> None:
    """Measure, print, and write build/bench/set_up.json."""
    measured: dict[str, float | list[float]] = {
        "load_before": [round(it, 1) for it in os.getloadavg()]
    }
    measured |= {"seconds": seconds(with_uv), "pip_seconds": seconds(with_pip)}
    RESULT.parent.mkdir(parents=True, exist_ok=True)
    RESULT.write_text(json.dumps(measured, indent=2) + "\n")
    print(json.dumps(measured, indent=2))


if __name__ == "__main__":
    main()
