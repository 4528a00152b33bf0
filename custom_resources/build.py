"""Builds the zips of the Lambda functions, byte for byte the same wherever they are built.

    python -m custom_resources.build --runtime python3.13 --architecture x86_64

boto3 and botocore stay out: Lambda's Python runtimes have them.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

PACKAGE = Path(__file__).parent
_ALWAYS = ("contract", "shared")
# The packages of ours in each zip. Functions that log in to databases share one: psycopg2 is nearly
# all of it, and the deploy image has the zips of two architectures.
ZIPS = {
    "password": (*_ALWAYS, "password"),
    "postgres": (*_ALWAYS, "postgres", "database", "rotation", "rotation/rotate"),
    "listener-priority": (*_ALWAYS, "listener_priority"),
    "notices": (*_ALWAYS, "notices"),
    "activate": (*_ALWAYS, "rotation", "rotation/activate"),
}
# The zip of each function.
FUNCTIONS = {
    "password": "password",
    "database": "postgres",
    "listener-priority": "listener-priority",
    "notices": "notices",
    "rotate": "postgres",
    "activate": "activate",
}
RUNTIMES = ("python3.11", "python3.12", "python3.13", "python3.14")
_MACHINES = {"x86_64": "x86_64", "arm64": "aarch64"}
# What Lambda's operating systems can load: python3.11 runs on Amazon Linux 2 with glibc 2.26, the
# later ones on Amazon Linux 2023 with glibc 2.34 (Lambda developer guide, "Lambda runtimes").
_AMAZON_LINUX_2 = ("manylinux_2_17", "manylinux2014")
_AMAZON_LINUX_2023 = ("manylinux_2_28", "manylinux_2_27", *_AMAZON_LINUX_2)
# Files of an installed wheel that differ from one installation to the next, or that nobody runs.
_LEFT_OUT = ("/RECORD", "/INSTALLER", "/REQUESTED", "/direct_url.json", ".pyc", ".pyo")
_EARLIEST_ZIP_DATE = (1980, 1, 1, 0, 0, 0)
_UNIX = 3


class BuildError(Exception):
    """The functions can't be built; says what happened and what to do."""


@dataclass(frozen=True)
class Target:
    """What the zips are built for.

    Args:
        runtime: Lambda's name, such as `python3.13`.
        architecture: Lambda's name: `x86_64` or `arm64`.
    """

    runtime: str
    architecture: str

    @property
    def pip_options(self) -> list[str]:
        """Options that make pip choose this target's wheels instead of the running Python's."""
        version = self.runtime.removeprefix("python")
        systems = _AMAZON_LINUX_2 if self.runtime == "python3.11" else _AMAZON_LINUX_2023
        platforms = [f"{system}_{_MACHINES[self.architecture]}" for system in systems]
        abis = [f"cp{version.replace('.', '')}", "abi3", "none"]
        return [
            *("--python-version", version, "--implementation", "cp", "--only-binary", ":all:"),
            *(word for platform in platforms for word in ("--platform", platform)),
            *(word for abi in abis for word in ("--abi", abi)),
        ]


def build(target: Target, output: Path) -> dict[str, dict[str, str | int]]:
    """Build the zips of all functions, unless the same inputs were built before.

    Args:
        target: runtime and architecture.
        output: folder for the zips of all targets; wheels are kept beside it, in `wheels`.
    Returns:
        The manifest: for each function the file's name, SHA-256 and size in bytes.
    Raises:
        BuildError: the wheels can't be had.
    """
    folder = output / f"{target.runtime}-{target.architecture}"
    inputs = _digest(target)
    manifest_file, inputs_file = folder / "manifest.json", folder / "inputs.sha256"
    if _stands(manifest_file, inputs_file, inputs):
        return _manifest(manifest_file)
    folder.mkdir(parents=True, exist_ok=True)
    zips = {
        name: _pack(name, wheels(name, target, output.parent / "wheels"), folder) for name in ZIPS
    }
    manifest = {function: zips[name] for function, name in FUNCTIONS.items()}
    _replace(manifest_file, json.dumps(manifest, indent=2) + "\n")
    _replace(inputs_file, inputs)
    return manifest


def _stands(manifest_file: Path, inputs_file: Path, inputs: str) -> bool:
    if not inputs_file.exists() or inputs_file.read_text() != inputs:
        return False
    return all(
        (manifest_file.parent / str(entry["file"])).exists()
        for entry in _manifest(manifest_file).values()
    )


def _manifest(manifest_file: Path) -> dict[str, dict[str, str | int]]:
    manifest: dict[str, dict[str, str | int]] = json.loads(manifest_file.read_text())
    return manifest


def _digest(target: Target) -> str:
    """A hash of everything the zips are made of."""
    digest = hashlib.sha256(f"{target}".encode())
    for path in sorted(path for path in PACKAGE.rglob("*") if _is_source(path)):
        digest.update(f"{path.relative_to(PACKAGE)}\0".encode())
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


def _is_source(path: Path) -> bool:
    return path.is_file() and path.suffix in {".py", ".pem", ".txt"}


def _requirements(name: str) -> list[Path]:
    files = (PACKAGE / package / "requirements.txt" for package in ZIPS[name])
    return [path for path in files if path.exists()]


def wheels(name: str, target: Target, cache: Path) -> list[Path]:
    """The pinned wheels of a zip, from the cache or by pip, whose own settings say whence."""
    requirements = _requirements(name)
    if not requirements:
        return []
    pins = b"".join(path.read_bytes() for path in requirements)
    key = hashlib.sha256(pins + repr(target.pip_options).encode())
    folder = cache / key.hexdigest()[:16]
    if not folder.exists():
        cache.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=cache) as temporary:
            _download(requirements, target, Path(temporary) / "wheels")
            # Another build may have been faster; its wheels are the same.
            if not folder.exists():
                (Path(temporary) / "wheels").rename(folder)
    return sorted(folder.glob("*.whl"))


def _download(requirements: list[Path], target: Target, folder: Path) -> None:
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet"]
    files = [word for path in requirements for word in ("--requirement", str(path))]
    what = ["--no-deps", "--require-hashes", *files]
    command = [*pip, "download", *what, *target.pip_options, "--dest", str(folder)]
    answer = subprocess.run(command, capture_output=True, text=True, check=False)
    if answer.returncode:
        raise BuildError(
            f"pip has no wheels of {', '.join(map(str, requirements))} for {target.runtime} on "
            f"{target.architecture}: "
            f"{answer.stderr.strip()}\n"
            "Check pip's settings and the network, or choose another runtime or architecture."
        )


def _pack(name: str, wheels: list[Path], folder: Path) -> dict[str, str | int]:
    files = dict(_own_files(name))
    for wheel in wheels:
        files.update(_wheel_files(wheel))
    with tempfile.TemporaryDirectory(dir=folder) as temporary:
        draft = Path(temporary) / "draft.zip"
        with zipfile.ZipFile(draft, "w") as archive:
            for path in sorted(files):
                archive.writestr(_entry(path), files[path], compresslevel=9)
        content = draft.read_bytes()
        sha256 = hashlib.sha256(content).hexdigest()
        file = f"{name}-{sha256[:16]}.zip"
        shutil.move(draft, folder / file)
    return {"file": file, "sha256": sha256, "bytes": len(content)}


def _own_files(name: str) -> Iterator[tuple[str, bytes]]:
    yield "custom_resources/__init__.py", (PACKAGE / "__init__.py").read_bytes()
    for package in ZIPS[name]:
        for path in (PACKAGE / package).iterdir():
            if _is_source(path) and path.suffix != ".txt":
                yield f"custom_resources/{package}/{path.name}", path.read_bytes()


def _wheel_files(wheel: Path) -> Iterator[tuple[str, bytes]]:
    with zipfile.ZipFile(wheel) as archive:
        for name in archive.namelist():
            if not name.endswith(("/", *_LEFT_OUT)):
                yield name, archive.read(name)


def _entry(name: str) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(name, _EARLIEST_ZIP_DATE)
    entry.create_system = _UNIX
    entry.compress_type = zipfile.ZIP_DEFLATED
    mode = 0o755 if ".so" in Path(name).suffixes else 0o644
    entry.external_attr = (0o100000 | mode) << 16
    return entry


def _replace(path: Path, text: str) -> None:
    """Write a file so that a reader sees the old one or the new one, whole."""
    with tempfile.NamedTemporaryFile("w", dir=path.parent, delete=False) as draft:
        draft.write(text)
    Path(draft.name).chmod(0o644)  # the file of tempfile's is its owner's alone
    Path(draft.name).rename(path)


def main() -> int:
    """Build for one target and print its manifest; 1 if that fails."""
    parser = argparse.ArgumentParser(description="Build the zips of the Lambda functions.")
    parser.add_argument("--runtime", choices=RUNTIMES, default="python3.13")
    parser.add_argument("--architecture", choices=sorted(_MACHINES), default="x86_64")
    parser.add_argument("--output", type=Path, default=Path("build/functions"))
    options = parser.parse_args()
    try:
        manifest = build(Target(options.runtime, options.architecture), options.output)
    except BuildError as error:
        print(error, file=sys.stderr)
        return 1
    print(json.dumps(manifest, indent=2))
    return 0


if __name__ == "__main__":
    sys.exit(main())
