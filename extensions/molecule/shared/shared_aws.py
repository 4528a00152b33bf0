"""Start or stop molecule's local AWS; start tells ansible-playbook where it is.

Its port and root key are new at each start, but molecule's configuration takes fixed environment
variables only: so they go into AWS's own configuration files, and what else scenarios must know
into facts.json.
"""

from __future__ import annotations

import configparser
import contextlib
import json
import os
import shutil
import sys
from pathlib import Path

from local_aws.control import LocalAws
from local_aws.errors import LocalAwsError

BUILD = Path(__file__).parents[3] / "build" / "molecule"
DIRECTORY, AWS_FILES, FACTS = BUILD / "local_aws", BUILD / "aws", BUILD / "facts.json"
LOG = BUILD / "ansible.log"


def start() -> None:
    """Start a fresh local AWS, in place of one that a broken off run left; say where it is."""
    stop()
    aws = LocalAws.start(DIRECTORY, attached=False)
    environment = aws.environment
    AWS_FILES.mkdir(mode=0o700, parents=True, exist_ok=True)
    write("config", region=aws.region, endpoint_url=environment["AWS_ENDPOINT_URL"])
    write(
        "credentials",
        aws_access_key_id=environment["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=environment["AWS_SECRET_ACCESS_KEY"],
    )
    url, _ = aws.url("any.test", "")
    facts = {
        "front_url": url,
        "runtime": f"python3.{sys.version_info.minor}",
        "architecture": "arm64" if os.uname().machine == "aarch64" else "x86_64",
    }
    FACTS.write_text(json.dumps(facts))
    LOG.write_text("")  # of an earlier run


def write(name: str, **settings: str) -> None:
    """Write one of AWS's configuration files, with the default profile."""
    parser = configparser.RawConfigParser()
    parser["default"] = settings
    with (AWS_FILES / name).open("w") as file:
        parser.write(file)


def stop() -> None:
    """Stop it; nothing to do if it doesn't run."""
    with contextlib.suppress(LocalAwsError):
        LocalAws.running(DIRECTORY).stop()
    shutil.rmtree(AWS_FILES, ignore_errors=True)


if __name__ == "__main__":
    {"start": start, "stop": stop}[sys.argv[1]]()
