"""The repository that a release is made from, as git has it."""

from __future__ import annotations

import io
import subprocess
import tarfile
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from release.errors import ReleaseError


@dataclass(frozen=True)
class Repository:
    """A checkout.

    root: its folder.
    """

    root: Path

    def refuse_changes(self) -> None:
        """Raise ReleaseError if something isn't committed: a release is what a commit says."""
        changed = self._git("status", "--porcelain").splitlines()
        if changed:
            listed = ", ".join(line[3:] for line in changed[:5])
            raise ReleaseError(f"{listed} isn't committed. Commit or remove it first.")

    @property
    def commit(self) -> str:
        """The last commit."""
        return self._git("rev-parse", "HEAD").strip()

    @property
    def moment(self) -> datetime:
        """When it was made."""
        seconds = int(self._git("log", "-1", "--format=%ct"))
        return datetime.fromtimestamp(seconds, UTC)

    def tagged(self, tag: str) -> str | None:
        """Return the commit that has a tag, None if there is no such tag."""
        found = self._git("tag", "--list", tag, "--format=%(*objectname)%(objectname)").strip()
        return found[:40] or None

    def tag(self, tag: str, message: str) -> None:
        """Give the last commit a tag; it is pushed nowhere."""
        self._git("tag", "--annotate", tag, "--message", message)

    def export(self, folder: Path) -> None:
        """Write what is committed into a folder, with the commit's time.

        Args:
            folder: a new one.
        """
        packed = self._run("archive", "HEAD").stdout
        with tarfile.open(fileobj=io.BytesIO(packed)) as archive:
            archive.extractall(folder, filter="tar")

    def _git(self, *words: str) -> str:
        return self._run(*words).stdout.decode()

    def _run(self, *words: str) -> subprocess.CompletedProcess[bytes]:
        done = subprocess.run(["git", *words], cwd=self.root, capture_output=True, check=False)
        if done.returncode:
            said = done.stderr.decode(errors="replace").strip()
            raise ReleaseError(f"git {' '.join(words)} failed: {said}. Mend that first.")
        return done
