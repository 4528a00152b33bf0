"""What the benchmarks share: a platform on a local AWS of its own, and the report."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from local_aws.control import LocalAws
from tests.e2e.platform import Platform, platform_variables


@contextmanager
def local_platform() -> Iterator[Platform]:
    """The platform ``shop``, deployed by its playbook, as long as the block lasts."""
    with (
        tempfile.TemporaryDirectory(prefix="quayside-") as folder,
        LocalAws.start(Path(folder) / "state") as aws,
    ):
        deployed = Platform(aws, cold=True)
        deployed.play("playbooks/platform.yml", platform="shop", **platform_variables())
        yield deployed


def write_report(path: Path, report: Mapping[str, Any]) -> None:
    """Write a report as JSON, and make its folder if it isn't there."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(report, indent=2) + "\n")
