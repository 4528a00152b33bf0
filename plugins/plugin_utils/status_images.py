"""The images of services: reference, digest, and the tags that ECR knows of a digest."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

from ansible_collections.quayside.fargate.plugins.plugin_utils import ecr, status_service
from ansible_collections.quayside.fargate.plugins.plugin_utils.status_calls import (
    Questions,
    chunks,
)

_AT_A_TIME = 100  # digests (ECR API reference, DescribeImages)
_REPOSITORY = tuple[str, str]  # account and name

# A service's image: its reference, and its digest if it is known.
Image = tuple[str | None, str | None]


def describe(
    images: Mapping[str, Image],
    client: Callable[[], Any],
    region: str | None,
    questions: Questions,
) -> dict[str, dict[str, Any] | None]:
    """Return what is told of each service's image: reference, repository, digest and tags.

    Args:
        images: by service.
        client: makes botocore's client for ECR, if it is needed.
        region: where that asks; the tags of images elsewhere aren't told.
        questions: asks side by side.
    """
    wanted: dict[_REPOSITORY, set[str]] = defaultdict(set)
    for reference, digest in images.values():
        where = ecr.place(reference or "")
        if where and digest and where[1] == region:
            wanted[where[0], where[2]].add(digest)
    known = _tags(wanted, client, questions) if wanted else {}
    return {name: _told(*image, known) for name, image in images.items()}


def _tags(
    wanted: Mapping[_REPOSITORY, set[str]], client: Callable[[], Any], questions: Questions
) -> dict[tuple[_REPOSITORY, str], list[str]]:
    asked = client()
    groups = [
        (where, digests)
        for where, them in wanted.items()
        for digests in chunks(sorted(them), _AT_A_TIME)
    ]

    def ask(group: tuple[_REPOSITORY, Sequence[str]]) -> dict[str, list[str]]:
        (account, repository), digests = group
        call = partial(ecr.tags, asked, account, repository, digests)
        none: dict[str, list[str]] = {}
        return dict(questions.ask(call, none, "tags of images", "ecr:DescribeImages"))

    answers = questions.each(groups, ask)()
    return {
        (where, digest): tags
        for (where, _digests), answer in zip(groups, answers, strict=True)
        for digest, tags in answer.items()
    }


def _told(
    reference: str | None,
    digest: str | None,
    known: Mapping[tuple[_REPOSITORY, str], list[str]],
) -> dict[str, Any] | None:
    if not reference:
        return None
    where = ecr.place(reference)
    tag = status_service.tag_of(reference)
    found = known.get(((where[0], where[2]), digest or ""), []) if where else []
    return {
        "reference": reference,
        "repository": status_service.repository_of(reference),
        "tags": found or ([tag] if tag else []),
        "digest": digest,
    }
