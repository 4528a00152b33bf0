"""RDS events: who subscribed to which, and what a topic gets.

Wrong upstream: event subscriptions are missing, in the API and as a resource; the one event that
is recorded is told to nobody.
Source: botocore's model of the calls and of what they refuse; schema of
AWS::RDS::EventSubscription; Aurora user guide, "Amazon RDS event categories and event messages for
Aurora", "Granting permissions to publish notifications to an Amazon SNS topic" and "Quotas and
constraints for Amazon Aurora" (20 subscriptions); Lambda developer guide, "Amazon RDS Sample Event"
(a message's form).
Last needed: ministack 1.5.33.
"""

from __future__ import annotations

import json
import time
from typing import Any
from xml.sax.saxutils import escape

from ministack.core.responses import get_account_id, get_region, new_uuid
from ministack.services import rds, sns
from ministack.services.cloudformation import provisioners

from local_aws.mending import Mending
from local_aws.mends.cloudformation.handlers import Created, Properties, answered

_PUBLISHER = "events.rds.amazonaws.com"
_MOST = 20
_KIND = "AWS::RDS::EventSubscription"
_EVENTS = "http://docs.amazonwebservices.com/AmazonRDS/latest/UserGuide/USER_Events.html#"
_RESTARTED = 6  # RDS-EVENT-0006
# What is said to be one of a source type that the templates here use; of others all are taken.
_CATEGORIES = {
    "db-cluster": (
        *("configuration change", "creation", "deletion", "failover", "failure", "global failover"),
        *("maintenance", "notification"),
    ),
    "db-instance": (
        *("availability", "backtrack", "backup", "configuration change", "creation", "deletion"),
        *("failover", "failure", "low storage", "maintenance", "notification", "read replica"),
        *("recovery", "restoration", "security patching"),
    ),
}
_MODIFIABLE = {
    "SnsTopicArn": "topic",
    "SourceType": "kind",
    "EventCategories": "categories",
    "Enabled": "enabled",
}

Subscription = dict[str, Any]
Parameters = dict[str, Any]

_subscriptions: dict[str, Subscription] = {}


class _RefusedError(Exception):
    def __init__(self, code: str, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.answer = rds._error(code, message, status)


def install(mending: Mending) -> None:
    """Answer the calls, make the resource, and tell what is recorded."""
    for action, function in _CALLS.items():
        mending.put(rds, "_ACTION_MAP", _answering(action, function), key=action)
    mending.lacking(
        "_RESOURCE_HANDLERS",
        _KIND,
        {"create": _made, "update": _changed, "update_with_logical_id": True, "delete": _gone},
    )
    mending.lacking("_STACK_TAG_PROPERTY", _KIND, ("Tags", "list"))
    mending.around(rds, "_record_reboot_event", _rebooted)


def tell(  # noqa: PLR0917 - what an event is
    kind: str, identifier: str, arn: str, category: str, number: int, message: str
) -> None:
    """Record an RDS event, and publish it to the topics of those who subscribed to it.

    Args:
        kind: `db-cluster` or `db-instance`.
        identifier: of the source.
        arn: of the source.
        category: one of AWS's categories.
        number: of the event: 71 is RDS-EVENT-0071.
        message: AWS's words.
    """
    now = time.time()
    rds._events[new_uuid()] = {
        "SourceIdentifier": identifier,
        "SourceType": kind,
        "SourceArn": arn,
        "Message": message,
        "Date": now,
        "EventCategories": [category],
    }
    _publish(kind, identifier, arn, category, number, message)


def _publish(  # noqa: PLR0917 - as `tell`
    kind: str, identifier: str, arn: str, category: str, number: int, message: str
) -> None:
    shown = kind.replace("-", "")
    text = {
        "Event Source": kind,
        "Event Time": time.strftime("%Y-%m-%d %H:%M:%S.000", time.gmtime()),
        "Identifier Link": f"https://console.aws.amazon.com/rds/home?region={get_region()}"
        f"#{shown}:id={identifier}",
        "Source ID": identifier,
        "Source ARN": arn,
        "Event ID": f"{_EVENTS}RDS-EVENT-{number:04d}",
        "Event Message": message,
    }
    for each in list(_subscriptions.values()):
        if _wants(each, kind, identifier, category) and _may_publish(each["topic"], arn):
            sns.publish_internal(each["topic"], json.dumps(text), "RDS Notification Message")


def _wants(subscription: Subscription, kind: str, identifier: str, category: str) -> bool:
    return bool(
        subscription["enabled"]
        and subscription["kind"] in ("", kind)
        and (not subscription["sources"] or identifier in subscription["sources"])
        and (not subscription["categories"] or category in subscription["categories"])
    )


def _may_publish(topic: str, source: str) -> bool:
    return bool(sns.topic_policy_allows(topic, _PUBLISHER, source, get_account_id()))


def _rebooted(upstream: Any, instance: dict[str, Any]) -> None:
    upstream(instance)
    name, arn = instance["DBInstanceIdentifier"], instance.get("DBInstanceArn", "")
    message = "DB instance restarted."
    _publish("db-instance", name, arn, "availability", _RESTARTED, message)


def _answering(action: str, function: Any) -> Any:
    def answer(parameters: Parameters) -> Any:
        try:
            inner = function(parameters)
        except _RefusedError as refused:
            return refused.answer
        return rds._xml(200, f"{action}Response", f"<{action}Result>{inner}</{action}Result>")

    return answer


def _create(parameters: Parameters) -> str:
    name = str(rds._p(parameters, "SubscriptionName")).lower()
    if name in _subscriptions:
        raise _RefusedError("SubscriptionAlreadyExist", f"Subscription {name} already exists.")
    if len(_subscriptions) >= _MOST:
        raise _RefusedError(
            "EventSubscriptionQuotaExceeded",
            "You have reached the maximum number of event subscriptions.",
        )
    given = _given(parameters) | {
        "sources": rds._parse_member_list(parameters, "SourceIds"),
        "name": name,
        "arn": f"arn:aws:rds:{get_region()}:{get_account_id()}:es:{name}",
        "created": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
    }
    _check(given)
    _subscriptions[name] = given
    return _xml(given)


def _given(parameters: Parameters) -> Subscription:
    return {
        "topic": rds._p(parameters, "SnsTopicArn"),
        "kind": rds._p(parameters, "SourceType"),
        "categories": rds._parse_member_list(parameters, "EventCategories"),
        "enabled": rds._p(parameters, "Enabled", "true").lower() == "true",
    }


def _check(given: Subscription) -> None:
    topic = given["topic"]
    if sns._topic_by_arn_any_scope(topic) is None:
        raise _RefusedError("SNSTopicArnNotFound", f"The SNS topic {topic} does not exist.", 404)
    if topic.endswith(".fifo"):
        raise _RefusedError("SNSInvalidTopic", "A FIFO topic is not supported.")
    if not _may_publish(topic, given.get("arn", "")):
        raise _RefusedError(
            "SNSNoAuthorization", "You do not have permission to publish to the SNS topic ARN."
        )
    if given["sources"] and not given["kind"]:
        raise _RefusedError(
            "InvalidParameterCombination", "SourceIds are supplied without a SourceType."
        )
    known = _CATEGORIES.get(given["kind"])
    for category in given["categories"] if known else ():
        if category not in (known or ()):
            raise _RefusedError(
                "SubscriptionCategoryNotFound", f"The category {category} does not exist.", 404
            )
    for source in given["sources"]:
        _check_source(given["kind"], source)


def _check_source(kind: str, source: str) -> None:
    known = {"db-cluster": rds._clusters, "db-instance": rds._instances}.get(kind)
    if known is not None and source not in known:
        raise _RefusedError("SourceNotFound", f"The source {source} could not be found.", 404)


def _modify(parameters: Parameters) -> str:
    kept, given = _found(parameters), _given(parameters)
    told = {name.split(".")[0] for name in parameters}
    changed = {field: given[field] for name, field in _MODIFIABLE.items() if name in told}
    _check(kept | changed)
    kept.update(changed)
    return _xml(kept)


def _add(parameters: Parameters) -> str:
    kept, source = _found(parameters), rds._p(parameters, "SourceIdentifier")
    _check_source(kept["kind"], source)
    if source not in kept["sources"]:
        kept["sources"].append(source)
    return _xml(kept)


def _remove(parameters: Parameters) -> str:
    kept, source = _found(parameters), rds._p(parameters, "SourceIdentifier")
    if source not in kept["sources"]:
        raise _RefusedError("SourceNotFound", f"The source {source} could not be found.", 404)
    kept["sources"].remove(source)
    return _xml(kept)


def _delete(parameters: Parameters) -> str:
    kept = _found(parameters)
    del _subscriptions[kept["name"]]
    return _xml(kept)


def _describe(parameters: Parameters) -> str:
    wanted = rds._p(parameters, "SubscriptionName")
    listed = [_found(parameters)] if wanted else list(_subscriptions.values())
    return f"<EventSubscriptionsList>{''.join(map(_xml, listed))}</EventSubscriptionsList>"


def _found(parameters: Parameters) -> Subscription:
    name = str(rds._p(parameters, "SubscriptionName")).lower()
    if name not in _subscriptions:
        raise _RefusedError("SubscriptionNotFound", f"Subscription {name} does not exist.", 404)
    return _subscriptions[name]


def _xml(it: Subscription) -> str:
    def listed(field: str, element: str) -> str:
        return "".join(f"<{element}>{escape(each)}</{element}>" for each in it[field])

    return (
        f"<EventSubscription><CustomerAwsId>{get_account_id()}</CustomerAwsId>"
        f"<CustSubscriptionId>{it['name']}</CustSubscriptionId>"
        f"<SnsTopicArn>{it['topic']}</SnsTopicArn><Status>active</Status>"
        f"<SubscriptionCreationTime>{it['created']}</SubscriptionCreationTime>"
        f"<SourceType>{it['kind']}</SourceType>"
        f"<SourceIdsList>{listed('sources', 'SourceId')}</SourceIdsList>"
        f"<EventCategoriesList>{listed('categories', 'EventCategory')}</EventCategoriesList>"
        f"<Enabled>{str(it['enabled']).lower()}</Enabled>"
        f"<EventSubscriptionArn>{it['arn']}</EventSubscriptionArn></EventSubscription>"
    )


_CALLS = {
    "CreateEventSubscription": _create,
    "ModifyEventSubscription": _modify,
    "AddSourceIdentifierToSubscription": _add,
    "RemoveSourceIdentifierFromSubscription": _remove,
    "DeleteEventSubscription": _delete,
    "DescribeEventSubscriptions": _describe,
}


def _query(properties: Properties) -> Parameters:
    """Return the parameters of a call that properties are."""
    query: Parameters = {
        name: [str(properties[name])]
        for name in ("SnsTopicArn", "SourceType")
        if name in properties
    }
    query["Enabled"] = [str(properties.get("Enabled", True)).lower()]
    for name in ("EventCategories", "SourceIds"):
        for number, value in enumerate(properties.get(name) or (), 1):
            query[f"{name}.member.{number}"] = [str(value)]
    return query


def _made(logical_id: str, properties: Properties, stack: str) -> Created:
    name = str(
        properties.get("SubscriptionName")
        or provisioners._physical_name(stack, logical_id, lowercase=True, max_len=255)
    ).lower()
    call = _answering("CreateEventSubscription", _create)
    answered(call(_query(properties) | {"SubscriptionName": [name]}), "CreateEventSubscription")
    return name, {}


def _changed(
    made: str, old: Properties, new: Properties, stack: str, logical_id: str = ""
) -> Created:
    if old["SnsTopicArn"] != new["SnsTopicArn"]:  # a new one; CloudFormation deletes the old one
        return _made(logical_id, new, stack)
    query = {name: value for name, value in _query(new).items() if "SourceIds" not in name}
    changes = [("ModifyEventSubscription", _modify, query)]
    before, after = old.get("SourceIds") or [], new.get("SourceIds") or []
    for source in after:
        if source not in before:
            changes.append(
                ("AddSourceIdentifierToSubscription", _add, {"SourceIdentifier": [source]})
            )
    for source in before:
        if source not in after:
            one = {"SourceIdentifier": [source]}
            changes.append(("RemoveSourceIdentifierFromSubscription", _remove, one))
    for action, function, parameters in changes:
        call = _answering(action, function)
        answered(call(parameters | {"SubscriptionName": [made]}), action)
    return made, {}


def _gone(made: str, _: Properties) -> None:
    _subscriptions.pop(made, None)
