"""Parameter Store.

Source: Systems Manager API reference, ListTagsForResource, AddTagsToResource,
RemoveTagsFromResource. ParameterNotFound's empty message: answers recorded on AWS, in LocalStack's
public tests.
"""

from __future__ import annotations

from typing import Any

from ministack.core.responses import error_response_json
from ministack.services import ssm


def install() -> None:
    """Install the mends of this room."""
    # Wrong upstream: a parameter that doesn't exist has tags, and takes new ones.
    for name in (
        "_list_tags_for_resource",
        "_add_tags_to_resource",
        "_remove_tags_from_resource",
    ):
        _need_the_parameter(name)
    _not_found_says_nothing()


def _need_the_parameter(name: str) -> None:
    upstream = getattr(ssm, name)

    def checked(data: dict[str, Any]) -> Any:
        resource = data.get("ResourceId", "")
        if data.get("ResourceType") == "Parameter" and resource not in ssm._parameters:
            return error_response_json(
                "InvalidResourceId",
                f"The resource ID {resource!r} is not valid. Verify that you entered the correct "
                "ID and try again.",
                400,
            )
        return upstream(data)

    setattr(ssm, name, checked)


def _not_found_says_nothing() -> None:
    # Wrong upstream: a parameter that doesn't exist is told of in words.
    upstream = ssm.error_response_json

    def refuse(code: str, message: str, *rest: Any) -> Any:
        return upstream(code, "" if code == "ParameterNotFound" else message, *rest)

    ssm.error_response_json = refuse
