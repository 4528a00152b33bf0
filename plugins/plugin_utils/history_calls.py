"""Asks AWS what became of a service."""

from __future__ import annotations

import datetime
import functools
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import takewhile
from typing import Any

from ansible_collections.quayside.fargate.custom_resources.contract.names import Service
from ansible_collections.quayside.fargate.plugins.plugin_utils import aws, ecr, history, services
from ansible_collections.quayside.fargate.plugins.plugin_utils.ecs_history import EcsHistory
from ansible_collections.quayside.fargate.plugins.plugin_utils.errors import StackError
from ansible_collections.quayside.fargate.plugins.plugin_utils.history import Image, Operation
from ansible_collections.quayside.fargate.plugins.plugin_utils.rollback_revisions import Revision
from ansible_collections.quayside.fargate.plugins.plugin_utils.stack import describe

MOST = 200
_AT_ONCE = 8
# CloudFormation's calls that begin an operation. LookupEvents takes one attribute, answers two
# calls a second, and goes back 90 days (CloudTrail API reference).
_BEGINNERS = ("ExecuteChangeSet", "UpdateStack")
_MOST_PAGES = 4  # of each of them


class History:
    """Asks about one service.

    Args:
        account_of: makes an account of a region, None for the task's own.
        service: which.
    """

    def __init__(self, account_of: Callable[[str | None], aws.Account], service: Service) -> None:
        self._account_of = account_of
        self._account = account_of(None)
        self._service = service
        self._client = self._account.client("cloudformation")
        self._ecs = EcsHistory(self._account, service)
        self._ecr = functools.cache(lambda region: account_of(region).client("ecr"))

    def entries(self, limit: int) -> list[dict[str, Any]]:
        """Return what is told of the newest operations (history.entry), the newest first.

        Args:
            limit: how many, 1 to MOST.

        Raises: StackError if there is no such service, or AWS refuses to tell.
        """
        if not 1 <= limit <= MOST:
            raise StackError(f"limit is {limit}, and a number from 1 to {MOST} is due.")
        made = history.operations(history.newest(self._events(), limit))
        oldest = min((it.begun for it in made), default=None)
        since = oldest and oldest - datetime.timedelta(minutes=1)  # their clocks may differ
        told = takewhile(
            lambda it: since is None or it.get("createdAt", since) >= since,
            self._ecs.deployments(),
        )
        found = history.joined(made, told)[:limit]
        revisions = self._ecs.revisions([it.deployment for it in found])
        brought = [revisions.get(it.service_revision) for it in found]
        with ThreadPoolExecutor(max_workers=_AT_ONCE) as pool:
            images = list(pool.map(self._image, brought))
        who = self._who(found)
        return [
            history.entry(it, revision and revision.name, image, who.get(it.token))
            for it, revision, image in zip(found, brought, images, strict=True)
        ]

    def _events(self) -> Iterator[Mapping[str, Any]]:
        """Yield the stack's events, the newest first, as they are asked for."""
        if describe(self._client, self._service.stack) is None:
            states = services.stack_states(self._client)
            services.refuse_unknown_platform(states, self._service.platform, self._account.region)
            raise services.missing(self._service.stack)
        pages = self._client.get_paginator("describe_stack_events").paginate(
            StackName=self._service.stack
        )
        try:
            for page in pages:
                yield from page["StackEvents"]
        except aws.AwsError as error:
            doing = f"DescribeStackEvents of stack {self._service.stack}"
            raise StackError(aws.explain(error, doing)) from error

    def _image(self, revision: Revision | None) -> Image | None:
        """Return the first image that ECS told of a revision, with its tags."""
        if revision is None or not revision.images:
            return None
        name, reference = next(iter(revision.images.items()))
        digest = revision.digests.get(name) or reference.partition("@")[2]
        return Image(reference, digest, self._tags(reference))

    def _tags(self, reference: str) -> Sequence[str]:
        """Return what ECR says an image is tagged now; nothing where it isn't there, or denied."""
        try:
            image = ecr.parse(reference, by_digest=True)
            if image is None or not image.digest:
                return ()
            return sorted((ecr.details(self._ecr(image.region), image) or {}).get("imageTags", []))
        except (*aws.AwsError, StackError):
            return ()

    def _who(self, found: Sequence[Operation]) -> dict[str, str]:
        """Return who began operations, by their tokens; nothing where nobody may ask."""
        tokens = {it.token for it in found if it.token}
        if not tokens:
            return {}
        since = min(it.begun for it in found) - datetime.timedelta(minutes=5)
        known: dict[str, str] = {}
        try:
            client = self._account.client("cloudtrail")
            for name in _BEGINNERS:
                known |= self._began(client, name, since, tokens)
        except (*aws.AwsError, StackError):
            return known
        return known

    @staticmethod
    def _began(
        client: Any, name: str, since: datetime.datetime, tokens: set[str]
    ) -> dict[str, str]:
        pages = client.get_paginator("lookup_events").paginate(
            LookupAttributes=[{"AttributeKey": "EventName", "AttributeValue": name}],
            StartTime=since,
        )
        known: dict[str, str] = {}
        for number, page in enumerate(pages, 1):
            known |= history.names_by_token(page.get("Events", []))
            if tokens <= known.keys() or number == _MOST_PAGES:
                break
        return known
