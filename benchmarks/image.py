"""Size of the deploy image and seconds of its build, beside one with the whole package ansible.

Both are built from wheels, without a network, on the base image that tests/image uses.

    python -m benchmarks.image
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tempfile
import time
from pathlib import Path

from tests.image import base_image, deploy_image
from tests.image.engine import engine

ROOT = Path(__file__).parents[1]
RESULT = ROOT / "build" / "bench" / "image.json"
NOT_SENT = shutil.ignore_patterns(".*", "build", "collections", "__pycache__")
Figures = dict[str, float]


def measure(context: Path, base: str) -> Figures:
    """Build the image of a folder three times and weigh it.

    Args:
        context: a copy of the repository; a playbook in it is changed.
        base: name of a base image with procps.
    Returns:
        megabytes of the image, as the engine and as a registry stores it, and seconds of a build
        without any cache, of one that finds all in the cache, and of one after such a change.
    """
    tag = "quayside/fargate-benchmark"
    command = ["docker", "build", "--quiet", "--network", "none", "--tag", tag]
    arguments = ["--build-arg", "PIP_NO_INDEX=1", "--build-arg", f"BASE_IMAGE={base}"]
    build = [*command, *arguments, str(context)]
    figures = {"cold_seconds": _seconds([*build, "--no-cache"])}
    _seconds(
        build
    )  # after --no-cache, the classic builder may take some layers from earlier builds
    figures["unchanged_seconds"] = _seconds(build)
    with (context / "playbooks" / "service.yml").open("a") as playbook:
        playbook.write("# another line\n")
    figures["changed_playbook_seconds"] = _seconds(build)
    size = subprocess.check_output(["docker", "inspect", "--format", "{{.Size}}", tag])
    figures["megabytes"] = round(int(size) / 1e6, 1)
    compressed = subprocess.check_output(f"docker save {tag} | gzip | wc -c", shell=True)
    figures["compressed_megabytes"] = round(int(compressed) / 1e6, 1)
    subprocess.run(["docker", "rmi", tag], check=True, capture_output=True)
    return figures


def _seconds(command: list[str]) -> float:
    began = time.perf_counter()
    subprocess.run(command, check=True, capture_output=True)
    return round(time.perf_counter() - began, 1)


def _with_all_of_ansible(context: Path) -> None:
    """Let pip install the whole package, and take no collection out of it."""
    folder = context / "deploy_image"
    pins = (folder / "collections.txt").read_text()
    with (folder / "requirements.txt").open("a") as requirements:
        requirements.write(pins)
    (folder / "unpack_collection.py").write_text("")


def main() -> None:
    """Measure both, print a table and write build/bench/image.json."""
    RESULT.parent.mkdir(parents=True, exist_ok=True)
    folder = ROOT / "build" / "image"
    folder.mkdir(parents=True, exist_ok=True)
    with engine(folder / "dockerd.log"), tempfile.TemporaryDirectory() as temporary:
        stand_in = base_image.stand_in(folder)
        deploy_image.build(stand_in)
        figures = {}
        load = os.getloadavg()[0]
        for name in "deploy image", "with all of ansible":
            context = Path(temporary) / name
            shutil.copytree(ROOT, context, ignore=NOT_SENT)
            shutil.copy(ROOT / ".dockerignore", context)
            if name == "with all of ansible":
                _with_all_of_ansible(context)
            figures[name] = measure(context, f"{deploy_image.NAME}-base")
    RESULT.write_text(json.dumps(figures, indent=2) + "\n")
    print(f"{os.cpu_count()} processors, load {load:.1f} before")
    for name, measured in figures.items():
        print(name)
        for figure, value in measured.items():
            print(f"  {figure.replace('_', ' '):26}{value:>8}")


if __name__ == "__main__":
    main()
