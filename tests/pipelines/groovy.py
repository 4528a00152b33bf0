"""Finds Groovy 2.4, the version inside Jenkins, or installs Debian's package of it."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

JAR = Path("/usr/share/java/groovy-all.jar")
PACKAGES = ("groovy", "default-jre-headless")


class NoGroovyError(Exception):
    """Groovy can't be had; says why."""


def command() -> list[str]:
    """Return the words that start Groovy's interpreter; installs what is missing.

    Raises:
        NoGroovyError: it is missing, and can't be installed.
    """
    if not JAR.exists() or shutil.which("java") is None:
        _install()
    return ["java", "-XX:TieredStopAtLevel=1", "-cp", f"{JAR}:.", "groovy.ui.GroovyMain"]


def _install() -> None:
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        raise NoGroovyError(f"apt-get install {' '.join(PACKAGES)}: needs root and Debian")
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    options = ["-q", "-y", "-o", "DPkg::Lock::Timeout=120"]
    for words in (["update"], ["install", "--no-install-recommends", *PACKAGES]):
        command = ["apt-get", *options, *words]
        answer = subprocess.run(
            command, env=environment, capture_output=True, text=True, check=False
        )
        if answer.returncode:
            raise NoGroovyError(f"{' '.join(command)}: {answer.stderr.strip()[-300:]}")
