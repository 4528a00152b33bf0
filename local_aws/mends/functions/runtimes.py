"""Lambda functions in the interpreter of their runtime, and in nothing of this machine's.

Wrong upstream: the server's own interpreter runs every function whatever its Runtime says; the
server's environment and site-packages leak in, so that a zip that lacks a dependency works here and
fails on AWS; any number of processes start at once.
Source: AWS Lambda developer guide, "Lambda runtimes" and "Runtime environment variables".
Last needed: ministack 1.5.33.
"""

from __future__ import annotations

import functools
import importlib.util
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from ministack.core import lambda_runtime
from ministack.services import lambda_svc

from local_aws import processes
from local_aws.mending import Mending
from local_aws.settings import Settings

# What Lambda's Python runtimes carry: boto3 and what it needs.
_RUNTIME_PACKAGES = ("boto3", "botocore", "s3transfer", "jmespath", "dateutil", "urllib3", "six")
# A process takes 30-60 MiB; a hundred stacks may ask for theirs in the same second.
_PROCESSES = 8
OWN_RUNTIME = f"python{sys.version_info.major}.{sys.version_info.minor}"

Slots = threading.BoundedSemaphore


def install(mending: Mending) -> None:
    """Install the mends of this room."""
    packages = _runtime_packages(mending.settings.directory / "lambda-packages")
    mending.around(lambda_runtime, "_detect_runtime_binary", _detect)
    mending.put(lambda_runtime, "subprocess", _isolation(mending.settings, packages))
    slots = threading.BoundedSemaphore(_PROCESSES)
    mending.around(lambda_svc, "acquire_worker", functools.partial(_acquire, slots))
    mending.around(lambda_svc, "release_worker", functools.partial(_release, slots))


def _detect(upstream: Any, runtime: str) -> tuple[str, str]:
    binary, script = upstream(runtime)
    return (interpreter(runtime) if runtime.startswith("python") else binary) or "", script


def interpreter(runtime: str) -> str | None:
    """Return the path of the Python that runs functions of `runtime`, None if there is none."""
    version = runtime.removeprefix("python")
    if not re.fullmatch(r"3\.\d+", version):
        return None
    if runtime == OWN_RUNTIME:
        # the one under the virtual environment, whose packages are no function's business
        return getattr(sys, "_base_executable", sys.executable)
    return _on_path(f"python{version}") or _under_pyenv(version)


def _on_path(name: str) -> str | None:
    found = shutil.which(name)
    return found if found and "/shims/" not in found else None  # pyenv's shims may point nowhere


def _under_pyenv(version: str) -> str | None:
    root = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv")
    found = sorted(root.glob(f"versions/{version}.*/bin/python{version}"))
    return str(found[-1]) if found else None


def _runtime_packages(directory: Path) -> Path:
    """Fill `directory` with links to the packages that Lambda's runtimes carry."""
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir(mode=0o700)
    for name in _RUNTIME_PACKAGES:
        spec = importlib.util.find_spec(name)
        if spec is None or spec.origin is None:
            raise RuntimeError(f"The package {name} of Lambda's runtime is not installed.")
        origin = Path(spec.origin)
        source = origin.parent if origin.name == "__init__.py" else origin
        (directory / source.name).symlink_to(source)
    return directory


def _isolation(settings: Settings, packages: Path) -> SimpleNamespace:
    # lambda_runtime starts workers with subprocess.Popen and {**os.environ, ...} as environment:
    # ours starts them without the server's part of it, and ends them with the server.
    inherited = dict(os.environ)
    kept = {"PATH", "LANG", "AWS_REGION", "AWS_DEFAULT_REGION"}

    def popen(argv: list[str], *, env: dict[str, str], **options: Any) -> Any:
        own = {k: v for k, v in env.items() if k in kept or inherited.get(k) != v}
        given = own | {
            "PYTHONPATH": str(packages),
            "PYTHONNOUSERSITE": "1",
            "AWS_ENDPOINT_URL": settings.endpoint,
            # Stands in for the bundle of RDS's authorities that a function brings along.
            "DATABASE_CA_BUNDLE": str(settings.ca_bundle),
            "SSL_CERT_FILE": str(settings.ca_bundle),
            "AWS_CA_BUNDLE": str(settings.ca_bundle),
        }
        if "python" in Path(argv[0]).name:
            argv = [argv[0], "-S", *argv[1:]]  # -S: no site-packages
            if argv[0] != interpreter(OWN_RUNTIME):  # its bytecode of boto3 is not there yet
                given["PYTHONPYCACHEPREFIX"] = str(settings.directory / "lambda-bytecode")
        return processes.spawn(
            argv,
            env=given,
            cwd=options.pop("cwd"),
            stdin=options.pop("stdin", None),
            stdout=options.pop("stdout", None),
            stderr=options.pop("stderr", None),
            death_signal=signal.SIGKILL,
            **options,
        )

    return SimpleNamespace(
        **{name: getattr(subprocess, name) for name in subprocess.__all__} | {"Popen": popen}
    )


def _acquire(slots: Slots, upstream: Any, *arguments: Any, **options: Any) -> Any:
    slots.acquire()
    try:
        return upstream(*arguments, **options)
    except BaseException:
        slots.release()
        raise


def _release(slots: Slots, upstream: Any, worker: Any) -> Any:
    try:
        return upstream(worker)
    finally:
        slots.release()
