"""Image references of Amazon ECR: read, pinned by digest, and the tags of digests."""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ansible_collections.quayside.fargate.plugins.plugin_utils import aws, partitions
from ansible_collections.quayside.fargate.plugins.plugin_utils.errors import StackError

_HOST = re.compile(r"\d{12}\.dkr[.-]ecr(?:-fips)?\.[a-z0-9-]+\.(?P<domain>[a-z0-9.-]+)", re.ASCII)


@functools.cache
def _reference() -> re.Pattern[str]:
    """Return what matches a reference of ECR's.

    https://docs.aws.amazon.com/AmazonECR/latest/userguide/Registries.html (also FIPS and dual
    stack); a tag as the OCI distribution specification has it.
    """
    domains = "|".join(re.escape(it) for it in partitions.registry_domains())
    return re.compile(
        r"(?P<account>\d{12})\.dkr[.-]ecr(?:-fips)?\.(?P<region>[a-z0-9-]+)"
        rf"\.(?:{domains})"
        r"/(?P<repository>[a-z0-9]+(?:[._/-]+[a-z0-9]+)*)"
        r"(?::(?P<tag>\w[\w.-]{0,127}))?"
        r"(?:@(?P<digest>sha256:[0-9a-f]{64}))?",
        re.ASCII,
    )


@dataclass(frozen=True)
class EcrImage:
    """An image in ECR that is named by a tag or a digest.

    account, region, repository: where it is; address: the reference without tag and digest; digest:
    empty if it is named by its tag.
    """

    account: str
    region: str
    repository: str
    tag: str
    address: str
    digest: str = ""

    @property
    def reference(self) -> str:
        """The reference with its tag, or its digest."""
        return f"{self.address}@{self.digest}" if self.digest else f"{self.address}:{self.tag}"

    @property
    def id(self) -> dict[str, str]:
        """The image in its repository, as ECR's calls take it."""
        return {"imageDigest": self.digest} if self.digest else {"imageTag": self.tag}


@dataclass(frozen=True)
class Manifest:
    """What ECR keeps of an image: its manifest, the media type of it, and its digest."""

    content: dict[str, Any]
    media_type: str
    digest: str


def place(reference: str) -> tuple[str, str, str] | None:
    """Return account, region and repository of an image in ECR; None if it isn't there.

    Args:
        reference: by tag or by digest.
    """
    match = _reference().fullmatch(reference)
    return (match["account"], match["region"], match["repository"]) if match else None


def parse(reference: str, *, by_digest: bool = False) -> EcrImage | None:
    """Return the parts of an ECR reference; None if it is not in ECR or has a digest already.

    Args:
        reference: an image's.
        by_digest: whether one that has a digest is wanted too.
    Raises: StackError if the host is named as ECR's are and the rest isn't an image's name, or
        botocore doesn't know its domain: a flip could roll out what else has the same tag.
    """
    match = _reference().fullmatch(reference)
    if match is None:
        _refuse_unpinnable(reference)
    if match is None or (match["digest"] and not by_digest):
        return None
    return EcrImage(
        account=match["account"],
        region=match["region"],
        repository=match["repository"],
        tag=match["tag"] or "latest",
        address=reference[: match.end("repository")],
        digest=match["digest"] or "",
    )


def _refuse_unpinnable(reference: str) -> None:
    """Refuse what is named as ECR's images are and isn't one: its tag would stay a tag."""
    host, _slash, image = reference.partition("/")
    found = _HOST.fullmatch(host)
    if not found:
        return
    if found["domain"] in partitions.registry_domains():
        raise StackError(
            f"{reference} is no address of an image in ECR. After the host comes a repository in "
            "lower case, and then :TAG or @sha256:DIGEST."
        )
    if "@" not in image:
        raise StackError(
            f"{reference}: botocore knows no partition of AWS whose registries are in "
            f"{found['domain']}, so the tag can't be pinned. Mend the host, install a newer "
            "botocore, or name the image by its digest (@sha256:...)."
        )


def pinned(client: Any, image: EcrImage) -> str:
    """Return the image's reference by digest (DescribeImages).

    Raises: StackError if repository or tag don't exist or may not be seen.
    """
    try:
        details = client.describe_images(
            registryId=image.account,
            repositoryName=image.repository,
            imageIds=[{"imageTag": image.tag}],
        )["imageDetails"]
    except aws.AwsError as error:
        raise StackError(_explain(error, image)) from error
    if not details:
        raise StackError(_no_image(image))
    return f"{image.address}@{details[0]['imageDigest']}"


def manifest(client: Any, image: EcrImage, media_types: Sequence[str]) -> Manifest:
    """Return an image's manifest (BatchGetImage).

    Args:
        client: botocore's for ECR.
        image: what to look at.
        media_types: of the manifests that are understood.
    Raises: StackError if repository or image don't exist or may not be seen.
    """
    try:
        answer = client.batch_get_image(
            registryId=image.account,
            repositoryName=image.repository,
            imageIds=[image.id],
            acceptedMediaTypes=list(media_types),
        )
    except aws.AwsError as error:
        raise StackError(_explain(error, image, "BatchGetImage")) from error
    found = next(iter(answer.get("images") or ()), None)
    if found is None:
        failure = (answer.get("failures") or [{}])[0]
        if failure.get("failureCode", "ImageNotFound") != "ImageNotFound":
            reason = failure.get("failureReason") or str(failure.get("failureCode"))
            raise StackError(
                f"ECR doesn't give {image.reference}: {reason.rstrip('.')}. Mend that, or the "
                "reference."
            )
        raise StackError(_no_image(image))
    try:
        told = json.loads(found.get("imageManifest", ""))
    except ValueError:
        told = {}
    media_type = found.get("imageManifestMediaType") or told.get("mediaType") or ""
    return Manifest(told, media_type, found.get("imageId", {}).get("imageDigest", ""))


def tags(
    client: Any, account: str, repository: str, digests: Sequence[str]
) -> dict[str, list[str]]:
    """Return the tags of images by digest, sorted; those that aren't there any more are left out.

    Args:
        client: botocore's client for ECR.
        account: the registry's.
        repository: its name.
        digests: at most a hundred, such as ``sha256:...`` (DescribeImages).
    """
    try:
        details = client.describe_images(
            registryId=account,
            repositoryName=repository,
            imageIds=[{"imageDigest": it} for it in digests],
        )["imageDetails"]
    except aws.AwsError as error:
        if aws.code(error) not in ("ImageNotFoundException", "RepositoryNotFoundException"):
            raise
        # One image that is gone is the answer for all of them.
        alone = digests if len(digests) > 1 else []
        found = [tags(client, account, repository, [it]) for it in alone]
        return {digest: them for each in found for digest, them in each.items()}
    return {it["imageDigest"]: sorted(it.get("imageTags", [])) for it in details}


def details(client: Any, image: EcrImage) -> dict[str, Any] | None:
    """Return what ECR tells of an image (DescribeImages), None if it or its repository is gone.

    Raises: botocore's error for anything else.
    """
    try:
        found = client.describe_images(
            registryId=image.account, repositoryName=image.repository, imageIds=[image.id]
        )["imageDetails"]
    except aws.AwsError as error:
        if aws.code(error) in ("ImageNotFoundException", "RepositoryNotFoundException"):
            return None
        raise
    return dict(found[0]) if found else None


def _explain(error: Exception, image: EcrImage, operation: str = "DescribeImages") -> str:
    code = aws.code(error)
    if code == "RepositoryNotFoundException":
        return (
            f"There is no repository {image.repository} in ECR of account {image.account}, "
            f"{image.region}. Create it and push the image, or mend the reference."
        )
    if code == "ImageNotFoundException":
        return _no_image(image)
    if code in aws.DENIED:
        return (
            f"ECR doesn't let us see {image.reference}. Allow ecr:{operation} on "
            f"arn:{partitions.of_region(image.region)}:ecr:{image.region}:{image.account}:repository/"
            f"{image.repository}."
        )
    return str(aws.explain(error, f"{operation} of {image.reference}"))


def _no_image(image: EcrImage) -> str:
    named = f"with the digest {image.digest}" if image.digest else f"tagged {image.tag}"
    return (
        f"The repository {image.repository} ({image.region}) has no image {named}. Push it first, "
        f"or mend the {'digest' if image.digest else 'tag'}."
    )
