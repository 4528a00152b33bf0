"""Which revisions of a service's task definition a rollback may go back to; no call is made here.

ECS remembers a service's deployments for 90 days, and with each the service revision that it was
for, which names a revision of the task definition.

https://docs.aws.amazon.com/AmazonECS/latest/developerguide/service-deployment.html
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ansible_collections.quayside.fargate.plugins.plugin_utils.errors import StackError

_NAMED = re.compile(
    r"(arn:aws[a-z-]*:ecs:[a-z0-9-]+:\d{12}:task-definition/)?((?P<family>[\w-]+):)?(?P<number>\d+)",
    re.ASCII,
)
_DAYS = 90


@dataclass(frozen=True)
class Revision:
    """A revision of a task definition that a deployment of the service brought.

    Attributes:
        arn: of the task definition's revision.
        images: references of the images, by the container's name.
        digests: of the images as ECS resolved them, by the container's name; of a tag, this is what
            it named then.
        finished: when its deployment ended.
    """

    arn: str
    images: Mapping[str, str] = field(default_factory=dict)
    digests: Mapping[str, str] = field(default_factory=dict)
    finished: datetime.datetime | None = None

    @property
    def family(self) -> str:
        """Name of the task definition."""
        return self.name.rpartition(":")[0]

    @property
    def number(self) -> int:
        """Number of the revision."""
        return int(self.name.rpartition(":")[2])

    @property
    def name(self) -> str:
        """FAMILY:NUMBER."""
        return name_of(self.arn)

    @property
    def account(self) -> str:
        """Number of the account."""
        return self.arn.split(":")[4]

    @classmethod
    def of(cls, told: Mapping[str, Any], finished: datetime.datetime | None) -> Revision | None:
        """Read what DescribeServiceRevisions tells; None without a task definition's revision."""
        arn = str(told.get("taskDefinition", ""))
        known = [it for it in told.get("containerImages", []) if it.get("containerName")]
        images, digests = (
            {str(it.get("containerName")): it[member] for it in known if it.get(member)}
            for member in ("image", "imageDigest")
        )
        return cls(arn, images, digests, finished) if _NAMED.fullmatch(arn) else None


def name_of(arn: str) -> str:
    """Return FAMILY:NUMBER of a task definition's ARN."""
    return arn.rpartition("/")[2]


def named(wanted: str, family: str) -> int | None:
    """Return the number of the revision that somebody named, None if nobody did.

    Args:
        wanted: N, FAMILY:N or an ARN; "" for none.
        family: the task definition that the service runs.

    Raises: StackError for anything else, or another family.
    """
    if not wanted:
        return None
    found = _NAMED.fullmatch(wanted)
    if found is None or int(found["number"]) == 0:
        raise StackError(
            f"revision is {wanted!r}, and the number of a revision of the task definition {family} "
            "is due. Name one that history.yml lists, such as -e revision=7."
        )
    other = found.group("family")
    if other not in (None, family):
        raise StackError(
            f"revision is {wanted!r}, of the task definition {other}, and the service "
            f"runs {family}. Name a revision of that one."
        )
    return int(found["number"])


def candidates(
    succeeded: Iterable[Revision], running: Revision, before: int | None, wanted: int | None
) -> Iterator[Revision]:
    """Yield the revisions to go back to, the one to be preferred first, each once.

    Args:
        succeeded: those of successful deployments, the newest deployment first.
        running: the one that runs.
        before: number of the revision that the last rollback went back to, if no deployment came
            since: the next one goes on from there, and not back to what the first one undid.
        wanted: number of the revision that somebody named.
    """
    seen = {running.arn}
    for it in succeeded:
        is_due = it.number == wanted if wanted else before is None or it.number < before
        if it.family == running.family and it.arn not in seen and is_due:
            seen.add(it.arn)
            yield it


def nothing(stack: str, running: Revision, note: Mapping[str, Any]) -> StackError:
    """Return the error of a service that there is no way back for.

    Args:
        stack: its stack's name.
        running: the revision that runs.
        note: of the last rollback, empty without one.
    """
    done = ""
    if note:
        done = (
            f" A rollback went from {note.get('From')} back to {note.get('To')} already; to take "
            f"that back, name the former (-e revision=N), or deploy."
        )
    return StackError(
        f"There is nothing to go back to: of the last {_DAYS} days ECS remembers no deployment of "
        f"stack {stack} that succeeded with anything else than what runs ({running.name}).{done} "
        "Deploy the version that you want."
    )


def not_among(wanted: int, succeeded: Sequence[Revision], running: Revision) -> StackError:
    """Return the error of a named revision whose deployment didn't succeed.

    Args:
        wanted: its number.
        succeeded: those that did.
        running: the one that runs.
    """
    numbers = sorted({it.number for it in succeeded if it.family == running.family})
    known = ", ".join(map(str, numbers[-20:])) or "none"
    return StackError(
        f"ECS remembers no deployment of {running.family}:{wanted} that succeeded, in the last "
        f"{_DAYS} days. Name another; those that did: {known}."
    )


def pinned(definition: Mapping[str, Any], revision: Revision) -> dict[str, Any]:
    """Return a task definition with its images by digest where it names them by a tag.

    Args:
        definition: as DescribeTaskDefinition tells it.
        revision: that knows the digests.
    """
    containers = []
    for container in definition.get("containerDefinitions", []):
        image, digest = container.get("image", ""), revision.digests.get(container.get("name"))
        if digest and "@" not in image:
            path, slash, last = image.rpartition("/")
            image = f"{path}{slash}{last.partition(':')[0]}@{digest}"
        containers.append({**container, "image": image})
    return {**definition, "containerDefinitions": containers}
