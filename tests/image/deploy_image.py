"""Building the deploy image for the tests, as `make image OFFLINE=1` does for its users."""

from __future__ import annotations

import functools
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
NAME = "quayside/fargate-test"
# What must not be found in the image again; it is given to the build as a user's index would be.
CANARY = "canary-5b1f0c"
INDEX = f"https://user:{CANARY}@index.invalid/simple"


@functools.cache
def build(base: str) -> str:
    """Build the image from wheels and without a network, once, and return its name.

    Args:
        base: name of the base image.
    Raises:
        subprocess.CalledProcessError: the build failed.
    """
    subprocess.run([sys.executable, "-m", "deploy_image.download_wheels"], cwd=ROOT, check=True)
    # procps comes from Debian: so the first stage has the network.
    with_procps = f"{NAME}-base"
    first = ["--network", "host", "--target", "base", "--build-arg", f"BASE_IMAGE={base}"]
    subprocess.run(["docker", "build", *first, "--tag", with_procps, "."], cwd=ROOT, check=True)
    variables = ["OFFLINE=1", f"BASE_IMAGE={with_procps}", f"IMAGE={NAME}"]
    environment = {**os.environ, "PIP_INDEX_URL": INDEX}
    subprocess.run(["make", "image", *variables], cwd=ROOT, check=True, env=environment)
    return f"{NAME}:dev"
