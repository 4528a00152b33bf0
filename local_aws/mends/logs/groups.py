"""What log groups keep beside their lines: data protection, field indexes, deletion protection.

Wrong upstream: there is none of the three, by API or by template; a log group takes any number of
subscription filters, and streams without a role. Here nothing is masked and nothing indexed:
policies are kept, shown, and refused when they are malformed.
Source: CloudWatch Logs API reference, PutDataProtectionPolicy, PutIndexPolicy,
PutLogGroupDeletionProtection, PutSubscriptionFilter; user guide, "Protecting log groups from
deletion" and "CloudWatch Logs quotas".
Last needed: ministack 1.5.33.
"""

from __future__ import annotations

import fnmatch
import json
import time
from collections.abc import Callable
from typing import Any

from ministack import app
from ministack.core.responses import error_response_json, json_response
from ministack.services import cloudwatch_logs

from local_aws.mending import Mending
from local_aws.mends.cloudformation.handlers import Created, Properties, answered
from local_aws.mends.logs.documents import RefusedError, check_index, check_protection

Request = dict[str, Any]
Group = dict[str, Any]
_PROTECTED = (
    "Cannot delete log group with deletion protection enabled. Disable deletion protection first."
)
_MOST_SUBSCRIPTIONS = 2
_DELIVERY = "delivery.logs.amazonaws.com"
_KIND = "AWS::Logs::LogGroup"


def install(mending: Mending) -> None:
    """Install the mends of log groups."""
    mending.around(app, "SERVICE_HANDLERS", _handle, key="logs")
    mending.around(cloudwatch_logs, "_create_log_group", _create_log_group)
    mending.around(cloudwatch_logs, "_delete_log_group", _delete_log_group)
    mending.around(cloudwatch_logs, "_describe_log_groups", _describe_log_groups)
    mending.around(cloudwatch_logs, "_put_subscription_filter", _put_subscription_filter)
    mending.handler(_KIND, "create", _create)
    mending.handler(_KIND, "update", _update)
    mending.handler(_KIND, "delete", _delete)


async def _handle(upstream: Any, *call: Any) -> Any:
    _method, _path, headers, body, _query = call
    action = headers.get("x-amz-target", "").rpartition(".")[2]
    if action not in _ACTIONS:
        return await upstream(*call)
    request = json.loads(body or b"{}")
    (identifier,) = request.get("logGroupIdentifiers") or [request.get("logGroupIdentifier", "")]
    name = identifier.partition(":log-group:")[2].removesuffix(":*") or identifier
    group = cloudwatch_logs._log_groups.get(name)
    if group is None:
        said = "The specified log group does not exist."
        return error_response_json("ResourceNotFoundException", said, 400)
    try:
        return json_response(_ACTIONS[action](name, group, request))
    except RefusedError as error:
        return error_response_json("InvalidParameterException", str(error), 400)


def _put_protection(name: str, group: Group, request: Request) -> Request:
    text = request["policyDocument"]
    check_protection(text, _refuse_destination)
    group["dataProtection"] = {
        "logGroupIdentifier": name,
        "policyDocument": text,
        "lastUpdatedTime": _now(),
    }
    return dict(group["dataProtection"])


def _get_protection(name: str, group: Group, _: Request) -> Request:
    return dict(group.get("dataProtection") or {"logGroupIdentifier": name})


def _delete_protection(_: str, group: Group, __: Request) -> Request:
    group.pop("dataProtection", None)
    return {}


def _put_index(name: str, group: Group, request: Request) -> Request:
    check_index(request["policyDocument"])
    group["indexPolicy"] = {
        "logGroupIdentifier": name,
        "policyDocument": request["policyDocument"],
        "lastUpdateTime": _now(),
        "source": "LOG_GROUP",
    }
    return {"indexPolicy": group["indexPolicy"]}


def _describe_indexes(_: str, group: Group, __: Request) -> Request:
    return {"indexPolicies": [group["indexPolicy"]] if "indexPolicy" in group else []}


def _delete_index(_: str, group: Group, __: Request) -> Request:
    group.pop("indexPolicy", None)
    return {}


def _protect(_: str, group: Group, request: Request) -> Request:
    group["deletionProtectionEnabled"] = request["deletionProtectionEnabled"]
    return {}


_ACTIONS: dict[str, Callable[[str, Group, Request], Request]] = {
    "PutDataProtectionPolicy": _put_protection,
    "GetDataProtectionPolicy": _get_protection,
    "DeleteDataProtectionPolicy": _delete_protection,
    "PutIndexPolicy": _put_index,
    "DescribeIndexPolicies": _describe_indexes,
    "DeleteIndexPolicy": _delete_index,
    "PutLogGroupDeletionProtection": _protect,
}


def _refuse_destination(name: str) -> None:
    """Raise RefusedError for a log group that isn't there, or that no resource policy opens.

    AWS would write the policy itself for a caller who may (user guide, "IAM permissions required to
    create or work with a data protection policy"); CloudFormation's callers here are asked nothing.
    """
    group = cloudwatch_logs._log_groups.get(name)
    if group is None:
        raise RefusedError(f"The log group {name} of FindingsDestination does not exist.")
    own = cloudwatch_logs._log_group_policies.get(name)
    policies = [*cloudwatch_logs._resource_policies.values(), *([own] if own else [])]
    arn = group["arn"].removesuffix(":*") + ":log-stream:any"
    if not any(_lets_in(json.loads(it["policyDocument"]), arn) for it in policies):
        raise RefusedError(f"No resource policy lets {_DELIVERY} write into the log group {name}.")


def _lets_in(policy: Request, arn: str) -> bool:
    return any(
        it["Effect"] == "Allow"
        and it["Principal"] == {"Service": _DELIVERY}
        and {"logs:CreateLogStream", "logs:PutLogEvents"} <= {*_listed(it["Action"])}
        and any(fnmatch.fnmatchcase(arn, resource) for resource in _listed(it["Resource"]))
        for it in policy["Statement"]
    )


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _create_log_group(upstream: Any, request: Request) -> Any:
    answer = upstream(request)
    if answer[0] < 400 and request.get("deletionProtectionEnabled"):  # noqa: PLR2004 - HTTP
        cloudwatch_logs._log_groups[request["logGroupName"]]["deletionProtectionEnabled"] = True
    return answer


def _delete_log_group(upstream: Any, request: Request) -> Any:
    group = cloudwatch_logs._log_groups.get(request.get("logGroupName"))
    if group and group.get("deletionProtectionEnabled"):
        return error_response_json("ValidationException", _PROTECTED, 400)
    return upstream(request)


def _describe_log_groups(upstream: Any, request: Request) -> Any:
    status, headers, body = upstream(request)
    answer = json.loads(body)
    for told in answer.get("logGroups", []):
        group = cloudwatch_logs._log_groups[told["logGroupName"]]
        told["deletionProtectionEnabled"] = bool(group.get("deletionProtectionEnabled"))
        if "dataProtection" in group:
            told["dataProtectionStatus"] = "ACTIVATED"
    return status, headers, json.dumps(answer).encode()


def _put_subscription_filter(upstream: Any, request: Request) -> Any:
    group = cloudwatch_logs._log_groups.get(request.get("logGroupName"))
    filters = (group or {}).get("subscriptionFilters") or {}
    if request.get("filterName") not in filters and len(filters) >= _MOST_SUBSCRIPTIONS:
        return error_response_json("LimitExceededException", "Resource limit exceeded.", 400)
    destination = str(request.get("destinationArn", ""))
    if not request.get("roleArn") and destination.split(":")[2:3] in (["kinesis"], ["firehose"]):
        said = "destinationArn for vendor kinesis and firehose needs a roleArn."
        return error_response_json("InvalidParameterException", said, 400)
    return upstream(request)


def _create(upstream: Any, logical_id: str, properties: Properties, stack: str) -> Created:
    made, attributes = upstream(logical_id, properties, stack)
    try:
        _apply(made, properties)
    except ValueError:
        cloudwatch_logs._log_groups.pop(made, None)
        raise
    return made, attributes


def _update(upstream: Any, made: str, old: Properties, new: Properties, *of: str) -> Created:
    updated: Created = upstream(made, old, new, *of)
    _apply(updated[0], new)
    return updated


def _apply(name: str, properties: Properties) -> None:
    group = cloudwatch_logs._log_groups[name]
    protection, indexes = (
        properties.get(it) for it in ("DataProtectionPolicy", "FieldIndexPolicies")
    )
    try:
        if protection:
            _put_protection(name, group, {"policyDocument": _text(protection)})
        else:
            _delete_protection(name, group, {})
        if indexes:
            _put_index(name, group, {"policyDocument": _text(indexes[0])})
        else:
            _delete_index(name, group, {})
    except RefusedError as error:
        raise ValueError(
            f'Resource handler returned message: "Invalid request provided: {error} (Service: '
            'CloudWatchLogs, Status Code: 400)"'
        ) from error
    protected = str(properties.get("DeletionProtectionEnabled", "false")).lower() == "true"
    group["deletionProtectionEnabled"] = protected


def _delete(upstream: Any, made: str, properties: Properties) -> None:
    group = cloudwatch_logs._log_groups.get(made)
    if group and group.get("deletionProtectionEnabled"):
        answered(cloudwatch_logs._delete_log_group({"logGroupName": made}), "DeleteLogGroup")
    upstream(made, properties)


def _text(document: Any) -> str:
    return document if isinstance(document, str) else json.dumps(document)


def _now() -> int:
    return int(time.time() * 1000)
