"""The Parameter Store.

Wrong upstream: ListTagsForResource of a parameter that isn't there answers with no tags instead of
InvalidResourceId, so that a caller takes the parameter for someone else's.
https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_ListTagsForResource.html
"""

from __future__ import annotations

from typing import Any

from ministack.core.responses import error_response_json
from ministack.services import ssm


def install() -> None:
    """Refuse to list the tags of a parameter that isn't there."""
    upstream = ssm._list_tags_for_resource

    def list_tags_for_resource(data: dict[str, Any]) -> Any:
        kind, name = data.get("ResourceType"), data.get("ResourceId", "")
        if kind == "Parameter" and ssm._lookup_parameter(name, flexible_name=True)[1] is None:
            message = f"The resource ID {name} is not valid. Verify the ID and try again."
            return error_response_json("InvalidResourceId", message, 400)
        return upstream(data)

    ssm._list_tags_for_resource = list_tags_for_resource
