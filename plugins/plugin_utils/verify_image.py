"""Whether a service's image is in ECR, and built for the processor that its tasks get."""

from __future__ import annotations

import json
import urllib.error
from collections.abc import Iterable, Mapping
from typing import Any

from ansible.module_utils.urls import open_url

from ansible_collections.quayside.fargate.plugins.plugin_utils import aws, ecr
from ansible_collections.quayside.fargate.plugins.plugin_utils.doctor_findings import (
    WARNING,
    Finding,
    failed,
    ok,
    warning,
)
from ansible_collections.quayside.fargate.plugins.plugin_utils.errors import StackError
from ansible_collections.quayside.fargate.plugins.plugin_utils.verify_candidate import Candidate

_CHECK = "image"
# service_architecture's words, and those of images (OCI image specification, platform).
_IN_IMAGES = {"X86_64": "amd64", "ARM64": "arm64"}
_LISTS = (
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
)
_CONFIGS = (
    "application/vnd.oci.image.config.v1+json",
    "application/vnd.docker.container.image.v1+json",
)
_MANIFESTS = (
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.v2+json",
)
_SECONDS = 10
_MOST_BYTES = 4 * 2**20  # of an image's configuration


def image(candidate: Candidate) -> tuple[list[Finding], str]:
    """Look at the image.

    Returns: the findings, and the reference to deploy: by digest if it is in ECR, as it was given
        if it has one, "" if the digest isn't known.
    Raises: botocore's errors.
    """
    reference = str(candidate.values.get("image") or "")
    if not reference:
        return [], ""
    found = client = None
    try:
        found = ecr.parse(reference, by_digest=True)
        if found is None:
            what = f"{reference} isn't in ECR, so nobody was asked for it."
            return [ok(_CHECK, what)], reference
        client = candidate.client("ecr", found.region)
        told = ecr.manifest(client, found, (*_LISTS, *_MANIFESTS))
    except StackError as error:
        refused = _refused(error)
        known = found and refused.result == WARNING
        return [refused], _pinned(client, found, reference) if known else ""
    pinned = reference if found.digest else f"{found.address}@{told.digest}"
    if _is_known(candidate, pinned):
        return [ok(_CHECK, f"{reference} is {told.digest[:19]}, which runs already.")], pinned
    return [_of_manifest(candidate, client, found, told)], pinned


def _pinned(client: Any, found: ecr.EcrImage, reference: str) -> str:
    """Return the reference to deploy for who may see that the image is there, and not its manifest;
    "" if neither.
    """
    try:
        return reference if found.digest else str(ecr.pinned(client, found))
    except StackError:
        return ""


def _of_manifest(
    candidate: Candidate, client: Any, found: ecr.EcrImage, told: ecr.Manifest
) -> Finding:
    if told.media_type in _LISTS or "manifests" in told.content:
        built = platforms(told.content)
    else:
        try:
            built = _of_config(client, found, told.content)
        except (*aws.AwsError, OSError, ValueError) as error:
            return _untold(found.reference, error, candidate.policy)
    wanted = _IN_IMAGES[candidate.values["architecture"]]
    return judged(found.reference, told.digest, built, wanted)


def _is_known(candidate: Candidate, pinned: str) -> bool:
    """Say whether the service stands with this very image on this processor."""
    before = candidate.before or {}
    same = before.get("Architecture") == candidate.values["architecture"]
    return same and before.get("Image") == pinned


def platforms(index: Mapping[str, Any]) -> set[str]:
    """Return the processors that an image index has Linux images for.

    Attestations stand in it as images of the platform unknown/unknown (BuildKit).
    """
    listed = (it.get("platform") or {} for it in index.get("manifests") or ())
    return {it.get("architecture", "") for it in listed if it.get("os", "linux") == "linux"} - {""}


def judged(reference: str, digest: str, built: Iterable[str], wanted: str) -> Finding:
    """Hold the processors that an image was built for against the wanted one.

    Args:
        reference: the image, as it was given.
        digest: of its manifest.
        built: names of processors, as images have them; none if the image doesn't say.
        wanted: such a name.
    """
    names = {inside: name for name, inside in _IN_IMAGES.items()}
    found = sorted(names.get(it, it) for it in built)
    if not found:
        what = f"{reference} is {digest[:19]}, and doesn't say for which processor it was built."
        return ok(_CHECK, what)
    if names[wanted] in found:
        return ok(_CHECK, f"{reference} is {digest[:19]}, built for {' and '.join(found)}.")
    return failed(
        _CHECK,
        f"{reference} is built for {' and '.join(found)}, and the service's tasks are "
        f"{names[wanted]}: its containers would end with an exec format error.",
        f"Build it for linux/{wanted} (docker buildx build --platform), or set "
        f"service_architecture to {found[0]}.",
    )


def _of_config(client: Any, found: ecr.EcrImage, manifest: Mapping[str, Any]) -> set[str]:
    """Return the processor that the configuration of an image names.

    Raises: botocore's errors, OSError, ValueError.
    """
    config = manifest.get("config") or {}
    if config.get("mediaType") not in _CONFIGS:
        return set()
    answer = client.get_download_url_for_layer(
        registryId=found.account,
        repositoryName=found.repository,
        layerDigest=config.get("digest", ""),
    )
    url = str(answer.get("downloadUrl", ""))
    if not url.startswith(("https://", f"{client.meta.endpoint_url}/")):
        raise ValueError(f"ECR names no address of {found.reference}'s configuration")
    # The address is signed: a login of ~/.netrc beside its signature would be refused.
    with open_url(url, timeout=_SECONDS, use_netrc=False) as response:
        told = json.loads(response.read(_MOST_BYTES))
    return {str(told.get("architecture") or "")} - {""}


def _untold(reference: str, error: Exception, policy: str) -> Finding:
    """Return a warning for an image that is there, and whose processor couldn't be seen."""
    if isinstance(error, urllib.error.URLError):
        said = str(error.reason)
    else:
        said = aws.message(error).rstrip(".")
    what = f"{reference} is there; for which processor couldn't be looked at: {said}."
    denied = aws.code(error) in aws.DENIED
    return warning(_CHECK, what, f"Allow {policy}, or look yourself." if denied else "Look again.")


def _refused(error: StackError) -> Finding:
    what, _stop, to_do = str(error).partition(". ")
    if aws.code(error.__cause__ or error) in aws.DENIED:
        return warning(_CHECK, f"{what}.", to_do)
    return failed(_CHECK, f"{what}.", to_do)
