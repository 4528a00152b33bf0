"""What a release gives out: the collection, the functions' zips, their bills, and checksums."""

from __future__ import annotations

import hashlib
import re
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from custom_resources import build as functions
from release import changelog, sbom, tarball, version
from release.errors import ReleaseError
from release.repository import Repository

# As the deploy image carries them (Dockerfile).
TARGETS = [functions.Target("python3.13", it) for it in ("x86_64", "arm64")]
SUMS = "SHA256SUMS"


def build(root: Path, output: Path) -> list[Path]:
    """Write everything that a release gives out, the same whenever and wherever it is built.

    Args:
        root: folder of the repository.
        output: a folder that is new or empty.

    Returns: the files.
    Raises: ReleaseError before anything is written if what is committed isn't a release.
    """
    repository = Repository(root)
    refuse_unreleased(repository)
    if output.exists() and any(output.iterdir()):
        raise ReleaseError(f"{output} isn't empty. Remove it, or give another --output.")
    output.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "source"
        repository.export(source)
        tarball.build(source, output, int(repository.moment.timestamp()))
    for target in TARGETS:
        _functions(repository, target, output)
    (output / f"image-{version.current(root)}.cdx.json").write_text(_image_bill(repository))
    names = sorted(str(it.relative_to(output)) for it in output.rglob("*") if it.is_file())
    sums = [f"{_sha256(output / name)}  {name}\n" for name in names]
    (output / SUMS).write_text("".join(sums))
    return [output / name for name in [*names, SUMS]]


def refuse_unreleased(repository: Repository) -> None:
    """Raise ReleaseError unless what is committed is a release that `prepare` has made."""
    repository.refuse_changes()
    root = repository.root
    current, left = version.current(root), [*changelog.fragments(root)]
    again = f"Prepare it first: python -m release prepare {current}"
    if current not in changelog.released(root):
        raise ReleaseError(f"The changelog has no {current}, which galaxy.yml names. {again}")
    if left:
        raise ReleaseError(f"News that no release has: {', '.join(left)}. {again}")
    if stale := version.waiting(root):
        names = ", ".join(str(path.relative_to(root)) for path in stale)
        raise ReleaseError(f"{names} doesn't name {current}. Run make version, and commit.")
    commit = repository.tagged(f"v{current}")
    if commit not in (None, repository.commit):
        raise ReleaseError(
            f"Tag v{current} is of another commit, {commit}. Check that out, or prepare the next."
        )


def _functions(repository: Repository, target: functions.Target, output: Path) -> None:
    """Write the zips for one target with their manifest and their bill."""
    cache = repository.root / "build" / "functions"
    try:
        manifest = functions.build(target, cache)
    except functions.BuildError as error:
        raise ReleaseError(str(error)) from error
    name = f"{target.runtime}-{target.architecture}"
    folder = output / "functions" / name
    folder.mkdir(parents=True)
    files = {str(it["file"]): str(it["sha256"]) for it in manifest.values()}
    for file in [*files, "manifest.json"]:
        shutil.copyfile(cache / name / file, folder / file)
    held = {file: [*_held(file, target, cache)] for file in files}
    current = version.current(repository.root)
    bill = sbom.of_functions(name, current, repository.moment, files, held)
    (output / f"functions-{current}-{name}.cdx.json").write_text(bill)


def _held(file: str, target: functions.Target, cache: Path) -> Iterator[sbom.Package]:
    """Yield the packages that a zip holds: the wheels that it was built from."""
    for wheel in functions.wheels(file.rpartition("-")[0], target, cache.parent / "wheels"):
        name, number = wheel.name.split("-")[:2]
        yield sbom.Package(name.replace("_", "-"), number, _sha256(wheel))


def _image_bill(repository: Repository) -> str:
    root = repository.root
    texts = [
        (root / "deploy_image" / f"{it}.txt").read_text() for it in ("requirements", "collections")
    ]
    packages = [it for text in texts for it in sbom.pinned(text)]
    (base,) = re.findall(r"(?m)^ARG BASE_IMAGE=(\S+)$", (root / "Dockerfile").read_text())
    return sbom.of_image(version.current(root), repository.moment, base, packages)


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
