"""Container images that are folders: a Dockerfile's CMD and ENV, and the manifest of a push."""

from __future__ import annotations

import hashlib
import json
import re
import shlex
import shutil
import string
from dataclasses import dataclass
from pathlib import Path

from local_aws.errors import LocalAwsError

FOLDER_ANNOTATION = "local-aws.folder"
MANIFEST_TYPE = "application/vnd.oci.image.manifest.v1+json"
_LEFT_OUT = shutil.ignore_patterns(
    ".git", ".venv", "__pycache__", "*.pyc", ".pytest_cache", ".mypy_cache", ".ruff_cache"
)
_NAME_AND_TAG = re.compile(
    r"(?P<name>[a-z0-9]+(?:[._/-][a-z0-9]+)*):(?P<tag>[A-Za-z0-9_][\w.-]{0,127})"
)


@dataclass(frozen=True)
class Image:
    """What of an image a process needs: its files, what it runs, and its environment."""

    folder: Path
    command: list[str]
    environment: dict[str, str]


def name_and_tag(reference: str) -> tuple[str, str]:
    """Return repository name and tag of NAME:TAG.

    Raises:
        LocalAwsError: it isn't of that form (ECR's CreateRepository and PutImage name the rules).
    """
    match = _NAME_AND_TAG.fullmatch(reference)
    if match is None:
        raise LocalAwsError(
            f"The image {reference!r} is not of the form NAME:TAG. "
            "Write the repository's name in lower case, a colon and a tag, as orders:1."
        )
    return match["name"], match["tag"]


def read_image(folder: Path) -> Image:
    """Return the image that `folder` builds, as far as a process needs it.

    Understood are CMD and ENTRYPOINT in their JSON form, and ENV (Dockerfile reference).

    Raises:
        LocalAwsError: no Dockerfile, or no command in the JSON form.
    """
    dockerfile = folder / "Dockerfile"
    if not dockerfile.is_file():
        raise LocalAwsError(f"There is no {dockerfile}. Push a folder that holds a Dockerfile.")
    command: dict[str, list[str]] = {"ENTRYPOINT": [], "CMD": []}
    environment: dict[str, str] = {}
    for instruction, value in _instructions(dockerfile.read_text()):
        if instruction == "FROM":  # a new stage starts from another image
            command, environment = {"ENTRYPOINT": [], "CMD": []}, {}
        elif instruction in command:
            command[instruction] = _exec_form(instruction, value, dockerfile)
        elif instruction == "ENV":
            environment |= _environment(value, environment)
    words = command["ENTRYPOINT"] + command["CMD"]
    if not words:
        raise LocalAwsError(f'{dockerfile} has no CMD. Add one, as CMD ["python", "app.py"].')
    return Image(folder, words, environment)


def store(folder: Path, images: Path) -> tuple[str, str]:
    """Copy `folder` below `images`, and return its manifest (JSON) and the manifest's digest.

    A copy, since a pushed image never changes: a rollback to it must find what was pushed.
    """
    read_image(folder)
    content = _content_digest(folder)
    kept = images / content.replace(":", "-")
    if not kept.exists():
        shutil.copytree(folder, kept, ignore=_LEFT_OUT)
    manifest = json.dumps(
        {
            "schemaVersion": 2,
            "mediaType": MANIFEST_TYPE,
            "config": {
                "mediaType": "application/vnd.oci.empty.v1+json",
                "digest": f"sha256:{hashlib.sha256(b'{}').hexdigest()}",
                "size": 2,
            },
            "layers": [
                {
                    "mediaType": "application/vnd.oci.image.layer.v1.tar",
                    "digest": content,
                    "size": sum(f.stat().st_size for f in kept.rglob("*") if f.is_file()),
                }
            ],
            "annotations": {FOLDER_ANNOTATION: str(kept)},
        }
    )
    return manifest, f"sha256:{hashlib.sha256(manifest.encode()).hexdigest()}"


def folder_of(manifest: str) -> Path | None:
    """Return the folder a manifest names, None if the image was not pushed with `push`."""
    annotations = json.loads(manifest).get("annotations") or {}
    folder = annotations.get(FOLDER_ANNOTATION)
    return Path(folder) if folder else None


def _content_digest(folder: Path) -> str:
    digest = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        parts = path.relative_to(folder).parts
        if path.is_file() and not any(_LEFT_OUT("", [part]) for part in parts):
            digest.update(f"{'/'.join(parts)}\0{path.stat().st_size}\0".encode())
            digest.update(path.read_bytes())
    return f"sha256:{digest.hexdigest()}"


def _instructions(dockerfile: str) -> list[tuple[str, str]]:
    lines = [line for line in dockerfile.splitlines() if not line.lstrip().startswith("#")]
    joined = re.sub(r"\\[ \t]*\n", " ", "\n".join(lines))
    words = [line.strip().split(None, 1) for line in joined.splitlines()]
    return [(pair[0].upper(), pair[1].strip()) for pair in words if len(pair) == 2]  # noqa: PLR2004


def _exec_form(instruction: str, value: str, dockerfile: Path) -> list[str]:
    try:
        words = json.loads(value)
    except ValueError:
        words = None
    if not isinstance(words, list) or not all(isinstance(word, str) for word in words):
        raise LocalAwsError(
            f"{instruction} in {dockerfile} is not in the JSON form. "
            f'Write it as {instruction} ["python", "app.py"]: a shell would swallow SIGTERM.'
        )
    return words


def _environment(value: str, before: dict[str, str]) -> dict[str, str]:
    words = shlex.split(value)
    if words and "=" not in words[0]:  # the old form: ENV NAME value
        words = [f"{words[0]}={value.split(None, 1)[1] if len(words) > 1 else ''}"]
    pairs = (word.partition("=") for word in words)
    return {name: string.Template(text).safe_substitute(before) for name, _, text in pairs}
