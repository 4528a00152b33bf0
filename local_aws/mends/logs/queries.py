"""Saved queries of Logs Insights, by API and by template.

Wrong upstream: there are none. They are kept and shown; a query itself is run by upstream, which
knows no fields of JSON lines.
Source: CloudWatch Logs API reference, PutQueryDefinition, DescribeQueryDefinitions,
DeleteQueryDefinition; user guide, "CloudWatch Logs quotas" (1,000 a region and account, for
nobody more); CloudFormation reference, AWS::Logs::QueryDefinition.
Last needed: ministack 1.5.33.
"""

from __future__ import annotations

import json
import time
from typing import Any

from ministack import app
from ministack.core.responses import (
    error_response_json,
    get_account_id,
    get_region,
    json_response,
    new_uuid,
)

from local_aws.mending import Layer, Mending
from local_aws.mends.cloudformation.handlers import Created, Handler, Properties

Definition = dict[str, Any]
_KEPT = ("name", "queryString", "logGroupNames", "queryLanguage", "parameters")
_MOST = 1000
_FULL = "Resource limit exceeded."
_saved: dict[tuple[str, str], dict[str, Definition]] = {}


def install(mending: Mending) -> None:
    """Serve them, and make them from templates."""
    mending.around(app, "SERVICE_HANDLERS", _handle, key="logs", layer=Layer.INPUT)
    mending.lacking("_RESOURCE_HANDLERS", "AWS::Logs::QueryDefinition", _type())


async def _handle(upstream: Any, *call: Any) -> Any:
    _method, _path, headers, body, _query = call
    action = headers.get("x-amz-target", "").rpartition(".")[2]
    if not action.endswith(("QueryDefinition", "QueryDefinitions")):
        return await upstream(*call)
    request = json.loads(body or b"{}")
    known, identifier = _own(), request.get("queryDefinitionId")
    if action == "DescribeQueryDefinitions":
        prefix = request.get("queryDefinitionNamePrefix", "")
        found = [it for it in known.values() if it["name"].startswith(prefix)]
        return json_response({"queryDefinitions": sorted(found, key=lambda it: it["name"])})
    if identifier is not None and identifier not in known:
        said = "The specified query definition does not exist."
        return error_response_json("ResourceNotFoundException", said, 400)
    if action == "DeleteQueryDefinition":
        return json_response({"success": known.pop(identifier) is not None})
    if identifier is None and len(known) >= _MOST:
        return error_response_json("LimitExceededException", _FULL, 400)
    return json_response({"queryDefinitionId": _put(request, identifier or new_uuid())})


def _own() -> dict[str, Definition]:
    return _saved.setdefault((get_account_id(), get_region()), {})


def _put(request: Definition, identifier: str) -> str:
    told = {name: request[name] for name in _KEPT if name in request}
    moment = int(time.time() * 1000)
    _own()[identifier] = {**told, "queryDefinitionId": identifier, "lastModified": moment}
    return identifier


def _type() -> Handler:
    def create(_: str, properties: Properties, __: str) -> Created:
        if len(_own()) >= _MOST:
            raise ValueError(
                f'Resource handler returned message: "{_FULL} (Service: CloudWatchLogs, '
                'Status Code: 400)" (HandlerErrorCode: ServiceLimitExceeded)'
            )
        return saved(new_uuid(), properties)

    def update(made: str, _: Properties, new: Properties, __: str) -> Created:
        return saved(made, new)

    def saved(identifier: str, properties: Properties) -> Created:
        _put(_request(properties), identifier)
        return identifier, {"QueryDefinitionId": identifier}

    def delete(made: str, _: Properties) -> None:
        _own().pop(made, None)

    return {"create": create, "update": update, "delete": delete}


def _request(properties: Properties) -> Definition:
    """Return the API's request of a template's properties: the members' names begin small."""
    request = {_small(name): value for name, value in properties.items()}
    parameters = [{_small(k): v for k, v in it.items()} for it in request.get("parameters", [])]
    return {**request, "parameters": parameters} if parameters else request


def _small(name: str) -> str:
    return name[0].lower() + name[1:]
