"""CloudTrail's event history: who changed which stack.

Wrong upstream: nothing is recorded unless it is switched on, and then each call as made by a user
who is called like its key, refused or not; the first page is the last; several attributes are
taken. On AWS the history is always on. Here it has those of CloudFormation's calls that changed
something, which is what somebody asked for so far.
Source: CloudTrail API reference, LookupEvents (one attribute, at most 50 events a page, NextToken
with the parameters of the first call) and LookupAttribute; user guide, "CloudTrail userIdentity
element" and "CloudTrail record contents" (names in requestParameters begin with a small letter).
On AWS an event is there some minutes later, and an account has two lookups a second; not so here.
Last needed: ministack 1.5.33.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections import deque
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs

from ministack import app
from ministack.core import iam_evaluator, router
from ministack.core.responses import (
    error_response_json,
    get_account_id,
    get_region,
    json_response,
    new_uuid,
)
from ministack.services import cloudtrail

from local_aws.mending import Layer, Mending

_SOURCE = "cloudformation.amazonaws.com"
_READS = ("Describe", "Detect", "Estimate", "Get", "List", "Validate")
# Of a request only what says which stack it is about: on AWS, too, templates and values are left
# out or hidden.
_TOLD = ("StackName", "ChangeSetName", "ClientRequestToken", "RoleARN")
_MOST = 10_000  # events that are kept; those of 90 days on AWS
_PAGE = 50
_ATTRIBUTES = (
    *("AccessKeyId", "EventId", "EventName", "EventSource", "ReadOnly"),
    *("ResourceName", "ResourceType", "Username"),
)

Event = dict[str, Any]

_events: deque[Event] = deque(maxlen=_MOST)


def install(mending: Mending) -> None:
    """Record CloudFormation's calls, and look them up."""
    mending.around(app, "SERVICE_HANDLERS", _recorded, key="cloudformation", layer=Layer.HISTORY)
    mending.put(cloudtrail, "_DISPATCH", _lookup, key="LookupEvents")


async def _recorded(  # noqa: PLR0917 - as upstream
    upstream: Any, method: str, path: str, headers: dict[str, str], body: bytes, query: Any
) -> Any:
    answer = await upstream(method, path, headers, body, query)
    given = {name: values[0] for name, values in parse_qs(body.decode(errors="replace")).items()}
    action = given.get("Action", "")
    if action and not action.startswith(_READS) and answer[0] < 300:  # noqa: PLR2004 - HTTP
        _events.appendleft(_event(action, given, router.extract_access_key_id(headers, query)))
    return answer


def _event(action: str, given: dict[str, str], key: str) -> Event:
    """Return an event as LookupEvents shows it."""
    account, region, at = get_account_id(), get_region(), int(time.time())
    identity = _identity(key, account)
    told = {name[0].lower() + name[1:]: given[name] for name in _TOLD if name in given}
    record = {
        "eventVersion": "1.11",
        "userIdentity": identity,
        "eventTime": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(at)),
        "eventSource": _SOURCE,
        "eventName": action,
        "awsRegion": region,
        "requestParameters": told,
        "eventID": new_uuid(),
        "readOnly": False,
        "eventType": "AwsApiCall",
        "managementEvent": True,
        "recipientAccountId": account,
        "eventCategory": "Management",
    }
    stack = given.get("StackName", "")
    return {
        "EventId": record["eventID"],
        "EventName": action,
        "ReadOnly": "false",
        "AccessKeyId": key,
        "EventTime": at,
        "EventSource": _SOURCE,
        "Username": identity["arn"].rpartition("/")[2].rpartition(":")[2],
        "Resources": [{"ResourceType": "AWS::CloudFormation::Stack", "ResourceName": stack}]
        if stack
        else [],
        "CloudTrailEvent": json.dumps(record),
    }


def _identity(key: str, account: str) -> dict[str, Any]:
    arn = str(getattr(iam_evaluator.resolve_principal(key, account), "arn", ""))
    kind, _, rest = arn.rpartition(":")[2].partition("/")
    common = {"arn": arn, "accountId": account, "accessKeyId": key}
    if kind == "user":
        return {"type": "IAMUser", "userName": rest.rpartition("/")[2], **common}
    if kind == "assumed-role":
        issuer = {"type": "Role", "accountId": account, "userName": rest.partition("/")[0]}
        return {"type": "AssumedRole", "sessionContext": {"sessionIssuer": issuer}, **common}
    return {"type": "Root", **common}


def _lookup(body: dict[str, Any]) -> Any:
    attributes = body.get("LookupAttributes") or []
    most = body.get("MaxResults", _PAGE)
    start, end = body.get("StartTime", 0), body.get("EndTime", float("inf"))
    if len(attributes) > 1 or any(it["AttributeKey"] not in _ATTRIBUTES for it in attributes):
        return _refusal("InvalidLookupAttributesException", "One lookup attribute is taken.")
    if not 1 <= most <= _PAGE:
        return _refusal("InvalidMaxResultsException", "MaxResults is 1 to 50.")
    if start > end:
        return _refusal("InvalidTimeRangeException", "The start time is after the end time.")
    asked = hashlib.sha256(json.dumps([attributes, start, end]).encode()).hexdigest()[:16]
    of, _, after = body.get("NextToken", "").partition(":")
    if of and of != asked:
        return _refusal("InvalidNextTokenException", "The token is another request's.")
    found = [it for it in [*_events] if start <= it["EventTime"] <= end and _fits(it, attributes)]
    page = [*_from(found, after)][: most + 1]
    answer: dict[str, Any] = {"Events": page[:most]}
    if len(page) > most:
        answer["NextToken"] = f"{asked}:{page[most - 1]['EventId']}"
    return json_response(answer)


def _fits(event: Event, attributes: list[dict[str, str]]) -> bool:
    for it in attributes:
        name, value = it["AttributeKey"], it["AttributeValue"]
        told = [event[name]] if name in event else [each[name] for each in event["Resources"]]
        if value not in told:
            return False
    return True


def _from(found: list[Event], after: str) -> Iterator[Event]:
    """Yield the events that stand behind one, all if it is empty."""
    passed = not after
    for it in found:
        if passed:
            yield it
        passed = passed or it["EventId"] == after


def _refusal(code: str, message: str) -> Any:
    return error_response_json(code, message, 400)
