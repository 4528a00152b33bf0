"""What ECR knows of an image reference: the digest of a tag, and the folder behind it."""

from __future__ import annotations

import re
from typing import Any

from ministack.core.responses import request_scope
from ministack.services import ecr

from local_aws.images import Image, folder_of, read_image

_ECR_REFERENCE = re.compile(
    r"(?P<account>\d{12})\.dkr\.ecr\.(?P<region>[a-z0-9-]+)\.amazonaws\.com/"
    r"(?P<name>[a-z0-9._/-]+)(?::(?P<tag>[\w.-]+))?(?:@(?P<digest>sha256:[0-9a-f]{64}))?"
)


class NotFoundError(Exception):
    """No registry has the image; the text is the one ECS puts behind CannotPullContainerError."""

    def __init__(self, reference: str) -> None:
        """Say it as containerd does."""
        super().__init__(
            "pull image manifest has been retried 1 time(s): "
            f"failed to resolve ref {reference}: {reference}: not found"
        )


class Registry:
    """The images of ministack's ECR; no other registry can be reached."""

    def _record(self, reference: str) -> dict[str, Any]:
        match = _ECR_REFERENCE.fullmatch(reference)
        if match is None:
            raise NotFoundError(reference)
        wanted = (
            {"imageDigest": match["digest"]}
            if match["digest"]
            else {"imageTag": match["tag"] or "latest"}
        )
        with request_scope(match["account"], match["region"]):
            found = ecr._find_image(match["name"], wanted)
        if not found:
            raise NotFoundError(reference)
        return dict(found)

    def digest(self, reference: str) -> str:
        """Return the digest of the image's manifest.

        Raises:
            NotFoundError: ECR doesn't have it.
        """
        return str(self._record(reference)["imageDigest"])

    def image(self, reference: str) -> Image:
        """Return what to run for an image.

        Raises:
            NotFoundError: ECR doesn't have it, or it was not pushed with `push`.
        """
        folder = folder_of(self._record(reference)["imageManifest"])
        if folder is None or not folder.is_dir():
            raise NotFoundError(reference)
        return read_image(folder)
