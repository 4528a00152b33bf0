"""Makes the virtual environment that everything here runs in; `make setup` calls it.

    python3 set_up.py .venv

It needs nothing but Python: pip installs the uv that requirements-dev.txt pins, and uv the rest in
a tenth of pip's time, from the package index that pip is set up for.
"""

from __future__ import annotations

import os
import platform
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parent
REQUIREMENTS = ("requirements-dev.txt", "examples/orders/requirements.txt")
# Nobody writes bytecode later (the Makefile forbids it, for the checkout's sake), so all that runs
# is compiled here. What never does would take longer: most of it is Ansible's other collections,
# and its modules, which are sent as text.
_NEVER_RUN = (
    r"/ansible_collections/(?!amazon/)|/ansible/modules/|/tests/"
    r"|/(babel|docutils|mypyc?|snowballstemmer|sphinx)/"
)
# pip's settings that say where packages come from, uv's variables for the same, and what stands
# between two values there. Variables, since an address may hold a password, and every process of
# the machine sees options. https://docs.astral.sh/uv/reference/environment
_VARIABLES = {
    "index-url": ("UV_DEFAULT_INDEX", " "),
    "extra-index-url": ("UV_INDEX", " "),
    "find-links": ("UV_FIND_LINKS", ","),
    "trusted-host": ("UV_INSECURE_HOST", " "),
    "cert": ("SSL_CERT_FILE", " "),
}


def set_up(folder: Path) -> None:
    """Make the virtual environment, or bring it up to date, and say so in a line a step.

    Args:
        folder: of the virtual environment; one of another version of Python is made anew.

    Raises:
        subprocess.CalledProcessError: a program failed; it has said why.
    """
    python = str(folder / "bin" / "python")
    with step(f"Python {platform.python_version()} in {folder}"):
        _run([sys.executable, "-m", "venv", *_anew(folder), str(folder)])
    pin = _pin("uv")
    with step(pin.replace("==", " ")):
        _run([python, "-m", "pip", "install", "-qq", "--disable-pip-version-check", pin])
    with step("Ansible, the local AWS, tools for tests") as told:
        listed = subprocess.run(
            [python, "-m", "pip", "config", "list"], check=True, capture_output=True, text=True
        )
        options, environment = uv_settings(listed.stdout)
        files = [word for name in REQUIREMENTS for word in ("--requirement", str(ROOT / name))]
        what = ["--constraint", str(ROOT / "constraints.txt"), *files]
        uv = [str(folder / "bin" / "uv"), "pip", "install", "--python", python]
        _follow([*uv, *options, *what], environment, told)
    with step("Compiled"):
        subprocess.run(
            [python, "-m", "compileall", "-qq", "-j", "0", "-x", _NEVER_RUN, str(folder / "lib")],
            check=False,  # what can't be compiled is for other Pythons, or text
        )


def _anew(folder: Path) -> list[str]:
    settings = folder / "pyvenv.cfg"
    version = "{}.{}.".format(*sys.version_info)
    stands = settings.exists() and f"version = {version}" in settings.read_text()
    return [] if stands else ["--clear"]


def _pin(package: str) -> str:
    """Return the line of requirements-dev.txt that pins a package."""
    lines = (ROOT / "requirements-dev.txt").read_text().splitlines()
    return next(line for line in lines if line.startswith(f"{package}=="))


@contextmanager
def step(title: str) -> Iterator[Callable[[str], None]]:
    """Say what happens and, when it is done, how long it took, in one line.

    Yields:
        a function that shows where it is, on a terminal only.
    """
    start = "\r\033[K" if sys.stdout.isatty() else ""

    def tell(where: str) -> None:
        if start:
            print(f"{start}{title} ... {where}", end="", flush=True)

    print(f"{title} ... ", end="", flush=True)
    began = time.monotonic()
    yield tell
    tell("")
    print(f"{time.monotonic() - began:.1f} s", flush=True)


def _run(command: list[str]) -> None:
    subprocess.run(command, check=True)


def _follow(command: list[str], environment: dict[str, str], told: Callable[[str], None]) -> None:
    """Run uv; its lines are shown one over the other, and all of them when it fails."""
    lines = []
    with subprocess.Popen(
        command, env={**os.environ, **environment}, stderr=subprocess.PIPE, text=True
    ) as process:
        for line in process.stderr or ():
            lines.append(line)
            told(line.strip()[:40])
    if process.returncode:
        print("", *lines, sep="\n", end="")
        raise subprocess.CalledProcessError(process.returncode, command)


def uv_settings(listed: str) -> tuple[list[str], dict[str, str]]:
    """Return what makes uv look for packages where pip does: options, and environment variables.

    Args:
        listed: what `pip config list` prints.
    """
    found: dict[str, str] = {}
    for source in ("global", "install", ":env:"):  # a later one wins, as for pip
        lines = re.findall(rf"^{source}\.([\w-]+)='(.*)'$", listed, re.MULTILINE)
        found |= {name: value.replace("\\n", " ") for name, value in lines}
    no_index = found.get("no-index", "").lower() in ("1", "true", "yes", "on")
    environment = {
        variable: between.join(found[name].split())
        for name, (variable, between) in _VARIABLES.items()
        if name in found
    }
    if "extra-index-url" in found:  # of all indexes the best version, as pip does
        environment["UV_INDEX_STRATEGY"] = "unsafe-best-match"
    return ["--no-index"] if no_index else [], environment


def main() -> int:
    """Set up the folder that the command line names; 1 if that fails."""
    try:
        set_up(Path(sys.argv[1]))
    except subprocess.CalledProcessError as error:
        program = " ".join(error.cmd[:3])
        print(f"\n{program} failed; what it said stands above. Set-up is not done.")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
