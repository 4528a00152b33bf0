"""Image references of Amazon ECR: read, and pinned by digest."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from ansible_collections.quayside.fargate.plugins.plugin_utils import aws
from ansible_collections.quayside.fargate.plugins.plugin_utils.errors import StackError

# https://docs.aws.amazon.com/AmazonECR/latest/userguide/Registries.html (also FIPS, dual stack and
# China); a tag as the OCI distribution specification has it.
_REFERENCE = re.compile(
    r"(?P<account>\d{12})\.dkr[.-]ecr(?:-fips)?\.(?P<region>[a-z0-9-]+)"
    r"\.(?:amazonaws\.com(?:\.cn)?|on\.aws)"
    r"/(?P<repository>[a-z0-9]+(?:[._/-]+[a-z0-9]+)*)"
    r"(?::(?P<tag>\w[\w.-]{0,127}))?"
    r"(?:@(?P<digest>sha256:[0-9a-f]{64}))?",
    re.ASCII,
)


@dataclass(frozen=True)
class EcrImage:
    """An image in ECR that is named by a tag.

    account, region, repository: where it is; address: the reference without its tag.
    """

    account: str
    region: str
    repository: str
    tag: str
    address: str

    @property
    def reference(self) -> str:
        """The reference with its tag."""
        return f"{self.address}:{self.tag}"


def parse(reference: str) -> EcrImage | None:
    """Return the parts of an ECR reference; None if it is not in ECR or has a digest already."""
    match = _REFERENCE.fullmatch(reference)
    if match is None or match["digest"]:
        return None
    return EcrImage(
        account=match["account"],
        region=match["region"],
        repository=match["repository"],
        tag=match["tag"] or "latest",
        address=reference[: match.end("repository")],
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


def _explain(error: Exception, image: EcrImage) -> str:
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
            f"ECR doesn't let us see {image.reference}. Allow ecr:DescribeImages on "
            f"arn:aws:ecr:{image.region}:{image.account}:repository/{image.repository}."
        )
    return str(aws.explain(error, f"DescribeImages of {image.reference}"))


def _no_image(image: EcrImage) -> str:
    return (
        f"The repository {image.repository} ({image.region}) has no image tagged {image.tag}. "
        "Push it first, or mend the tag."
    )
