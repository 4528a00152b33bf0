"""Takes one collection out of the wheel of the package ansible, which carries a hundred.

    python unpack_collection.py ansible-14.5.0-py3-none-any.whl amazon.aws /opt/collections

Every file is checked against the collection's own list of checksums, and that list against its
manifest, as `ansible-galaxy collection verify --offline` does, which wants the tests as well.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
import zipfile
from pathlib import Path

_MANIFEST = "MANIFEST.json"
_RUNS = ("meta/", "plugins/")


class CollectionError(Exception):
    """The wheel doesn't hold the collection as it was published; says what is wrong."""


def unpack(wheel: Path, collection: str, target: Path) -> int:
    """Write a collection's files below `target`/ansible_collections.

    Args:
        wheel: file of the package ansible. It leaves out a collection's tests and dot files.
        collection: full name, such as `amazon.aws`.
        target: a folder of collections.
    Returns:
        The number of files.
    Raises:
        CollectionError: the collection isn't in the wheel, a file that runs is missing, or a file
            isn't what it should be.
    """
    folder = f"ansible_collections/{collection.replace('.', '/')}/"
    with zipfile.ZipFile(wheel) as archive:
        files = {
            name.removeprefix(folder): archive.read(name)
            for name in archive.namelist()
            if name.startswith(folder) and not name.endswith("/")
        }
    if _MANIFEST not in files:
        raise CollectionError(f"{wheel.name} has no collection {collection}. Mend its name.")
    _check(files)
    for name, content in files.items():
        path = target / folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return len(files)


def _check(files: dict[str, bytes]) -> None:
    listed = json.loads(files[_MANIFEST])["file_manifest_file"]
    checksums = {listed["name"]: listed["chksum_sha256"]}
    checksums |= {
        file["name"]: file["chksum_sha256"]
        for file in json.loads(files[listed["name"]])["files"]
        if file["ftype"] == "file"
    }
    missing = {name for name in checksums if name.startswith(_RUNS)} - files.keys()
    changed = {
        name
        for name, content in files.items()
        if name != _MANIFEST and hashlib.sha256(content).hexdigest() != checksums.get(name)
    }
    for what, names in ("missing", missing), ("not as published", changed):
        if names:
            raise CollectionError(f"{what}: {', '.join(sorted(names))}. Take an unaltered wheel.")


def main() -> int:
    """Unpack what the command line names; 1 if that fails."""
    parser = argparse.ArgumentParser(description="Take a collection out of ansible's wheel.")
    parser.add_argument("wheel", type=Path)
    parser.add_argument("collection")
    parser.add_argument("target", type=Path)
    options = parser.parse_args()
    try:
        files = unpack(options.wheel, options.collection, options.target)
    except CollectionError as error:
        print(error, file=sys.stderr)
        return 1
    print(f"{options.collection}: {files} files, checksums as published")
    return 0


if __name__ == "__main__":
    sys.exit(main())
