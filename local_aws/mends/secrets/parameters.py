"""Parameter Store.

Wrong upstream: a parameter that doesn't exist has tags and takes new ones, and ParameterNotFound
has a message.
Source: Systems Manager API reference, ListTagsForResource, AddTagsToResource,
RemoveTagsFromResource. ParameterNotFound's empty message: answers recorded on AWS, in LocalStack's
public tests.
Last needed: ministack 1.5.33.
"""

from __future__ import annotations

from typing import Any

from ministack.core.responses import error_response_json
from ministack.services import ssm

from local_aws.mending import Layer, Mending


def install(mending: Mending) -> None:
    """Install the mends of this room."""
    for name in (
        "_list_tags_for_resource",
        "_add_tags_to_resource",
        "_remove_tags_from_resource",
    ):
        mending.around(ssm, name, _of_a_parameter, layer=Layer.VALIDATION)
    mending.around(ssm, "error_response_json", _refuse)


def _of_a_parameter(upstream: Any, data: dict[str, Any]) -> Any:
    # Wrong upstream: a parameter that doesn't exist has tags, and takes new ones.
    resource = data.get("ResourceId", "")
    if data.get("ResourceType") == "Parameter" and resource not in ssm._parameters:
        return error_response_json(
            "InvalidResourceId",
            f"The resource ID {resource!r} is not valid. Verify that you entered the correct "
            "ID and try again.",
            400,
        )
    return upstream(data)


def _refuse(upstream: Any, code: str, message: str, *rest: Any) -> Any:
    # Wrong upstream: a parameter that doesn't exist is told of in words.
    return upstream(code, "" if code == "ParameterNotFound" else message, *rest)
