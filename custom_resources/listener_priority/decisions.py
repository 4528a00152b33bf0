"""Which priority to try next. No calls."""

from __future__ import annotations

import itertools
import random
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from custom_resources.shared.properties import Properties

# Priorities of a rule: 1 to 50000 (Elastic Load Balancing API reference, CreateRule).
LOWEST, HIGHEST = 1, 50_000


@dataclass(frozen=True)
class ListenerPriorityProperties:
    """Properties of Custom::ListenerPriority.

    Args:
        listener_arn: ARN of the Application Load Balancer's listener.
    """

    listener_arn: str

    @classmethod
    def of(cls, given: Mapping[str, object]) -> ListenerPriorityProperties:
        """Check the properties.

        Args:
            given: `ResourceProperties` as CloudFormation sends them.
        Raises:
            Failure: naming the property that is wrong.
        """
        return cls(
            Properties(given, ["ListenerArn"]).text(
                "ListenerArn",
                pattern=r"arn:[a-z-]+:elasticloadbalancing:[a-z0-9-]+:\d{12}:listener/app/\S{1,200}",
                form="the ARN of a listener of an Application Load Balancer",
            )
        )


def choose(taken: Collection[int], attempt: int) -> int | None:
    """A free priority: the lowest at first, later one of the lowest 4, 16, 64 and so on.

    Deployments that begin together all want the lowest; by spreading out after a lost race, fifty
    of them are done in three or four rounds instead of fifty.

    Args:
        taken: priorities that are reserved or that a rule has.
        attempt: races lost so far.
    Returns:
        A priority, or None if all 50,000 are taken.
    """
    taken = set(taken)
    free = (number for number in range(LOWEST, HIGHEST + 1) if number not in taken)
    candidates = list(itertools.islice(free, 4**attempt))
    return random.choice(candidates) if candidates else None  # noqa: S311 - not a secret
