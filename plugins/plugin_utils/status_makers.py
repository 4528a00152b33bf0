"""Who made a deployment, as CloudTrail tells it.

A role's deployment executes a change set. CloudTrail's call finds events by one attribute, here the
call's name, newest first; it is answered twice a second for a whole account (CloudTrail API
reference, LookupEvents).
"""

from __future__ import annotations

import datetime
import json
import time
from collections import defaultdict
from collections.abc import Iterable, Mapping, Set
from dataclasses import dataclass
from typing import Any

from ansible_collections.quayside.fargate.custom_resources.contract.stacks import name_of

ACTION = "cloudtrail:LookupEvents"
_CALL = "ExecuteChangeSet"
_PAGES = 4  # of 50 events: two seconds
_PAUSE = 0.5  # seconds between two pages
# How far clocks of CloudTrail, CloudFormation and ECS may be apart.
_SLACK = datetime.timedelta(seconds=60)


@dataclass(frozen=True)
class Made:
    """That a change set was executed: when, and by whom."""

    at: datetime.datetime
    by: str


def lookup(client: Any, stacks: Set[str]) -> dict[str, list[Made]]:
    """Return who executed change sets, of CloudTrail's newest 200, as `by_stack` does.

    Args:
        client: botocore's client for CloudTrail.
        stacks: names of those that are looked for; once each has one, no more pages are asked for.
    """
    request: dict[str, Any] = {
        "LookupAttributes": [{"AttributeKey": "EventName", "AttributeValue": _CALL}],
        "MaxResults": 50,
    }
    found: list[dict[str, Any]] = []
    made: dict[str, list[Made]] = {}
    for page in range(_PAGES):
        if page:
            time.sleep(_PAUSE)
        answer = client.lookup_events(**request)
        found += answer.get("Events", [])
        made = by_stack(found)
        token = answer.get("NextToken")
        if not token or stacks <= made.keys():
            break
        request["NextToken"] = token
    return made


def by_stack(events: Iterable[Mapping[str, Any]]) -> dict[str, list[Made]]:
    """Return who executed change sets of each stack, by its name, the newest first.

    Args:
        events: LookupEvents' entries.
    """
    found: dict[str, list[Made]] = defaultdict(list)
    for event in events:
        told = json.loads(event.get("CloudTrailEvent") or "{}")
        stack = str((told.get("requestParameters") or {}).get("stackName") or "")
        if not stack or told.get("errorCode"):
            continue
        name = name_of(stack) if stack.startswith("arn:") else stack
        who = _who(told.get("userIdentity") or {}) or event.get("Username", "")
        found[name].append(Made(event["EventTime"], who))
    return {name: sorted(them, key=lambda it: it.at)[::-1] for name, them in found.items()}


def _who(identity: Mapping[str, Any]) -> str:
    """Return a user's name, ROLE/SESSION of an assumed role, or what else its ARN ends with.

    Source: CloudTrail user guide, "CloudTrail userIdentity element".
    """
    arn = str(identity.get("arn") or "")
    kind, _slash, rest = arn.rpartition(":")[2].partition("/")
    if kind == "user":
        return rest.rpartition("/")[2]
    return rest or kind or str(identity.get("invokedBy") or "")


def maker(deployed: str | None, stack: Mapping[str, Any], made: Iterable[Made]) -> str | None:
    """Return who made a deployment; None if that isn't known.

    It is known while the stack's last operation is the one that deployed: a flip is an operation
    too, and after it the deployment is nobody's.

    Args:
        deployed: when the deployment was made, in ISO 8601.
        stack: DescribeStacks' entry.
        made: who executed change sets of this stack, the newest first.
    """
    began = stack.get("LastUpdatedTime") or stack.get("CreationTime")
    if deployed is None or began is None:
        return None
    at = datetime.datetime.fromisoformat(deployed)
    if at < began - _SLACK:
        return None
    return next(
        (it.by for it in made if began - _SLACK <= it.at <= at + _SLACK),
        None,
    )
