"""The collection's tarball: built by ansible-galaxy, then made the same wherever it is built.

ansible-galaxy lists files in the order of the file system, and writes the moment into the archive.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import os
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path
from typing import Any

from release.errors import ReleaseError

_FILES, _MANIFEST = "FILES.json", "MANIFEST.json"


def build(source: Path, output: Path, seconds: int) -> Path:
    """Build the collection, and return its tarball.

    Args:
        source: what is committed, without anything else.
        output: folder for it.
        seconds: moment since 1970 that everything in it has.

    Raises: ReleaseError with what ansible-galaxy said if it fails.
    """
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run(
            [
                *(Path(sys.executable).with_name("ansible-galaxy"), "collection", "build"),
                *("--output-path", folder),
            ],
            cwd=source,
            env={**os.environ, "ANSIBLE_HOME": f"{folder}/home"},
            capture_output=True,
            text=True,
            check=False,
        )
        built = [*Path(folder).glob("*.tar.gz")]
        if done.returncode or len(built) != 1:
            raise ReleaseError(f"ansible-galaxy built no collection: {done.stderr.strip()}.")
        with tarfile.open(built[0]) as archive:
            files = {it.name: _content(archive, it) for it in archive}
        path = output / built[0].name
    _sort(files)
    path.write_bytes(_packed(files, seconds))
    return path


def _content(archive: tarfile.TarFile, member: tarfile.TarInfo) -> bytes | None:
    """Return what a file holds, None for a folder."""
    opened = archive.extractfile(member)
    return opened.read() if opened else None


def _sort(files: dict[str, bytes | None]) -> None:
    """Sort the list of files, and put its checksum into the manifest."""
    listed = json.loads(files[_FILES] or "")
    listed["files"].sort(key=lambda it: it["name"])
    text = files[_FILES] = _text(listed)
    manifest = json.loads(files[_MANIFEST] or "")
    manifest["file_manifest_file"]["chksum_sha256"] = hashlib.sha256(text).hexdigest()
    files[_MANIFEST] = _text(manifest)


def _text(document: Any) -> bytes:
    return json.dumps(document, indent=1).encode()


def _packed(files: dict[str, bytes | None], seconds: int) -> bytes:
    """Return the archive, the manifest first, as ansible-galaxy has it."""
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for name in sorted(files, key=lambda it: (it not in (_MANIFEST, _FILES), it)):
            member, content = tarfile.TarInfo(name), files[name]
            member.mtime, member.size = seconds, len(content or b"")
            member.type = tarfile.DIRTYPE if content is None else tarfile.REGTYPE
            member.mode = 0o755 if content is None else 0o644
            archive.addfile(member, io.BytesIO(content or b""))
    return gzip.compress(raw.getvalue(), mtime=0)
