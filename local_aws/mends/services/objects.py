"""Objects in S3 by version and by owner, for templates and whoever asks.

Wrong upstream: a TemplateURL's versionId is not looked at, nor is x-amz-expected-bucket-owner.
Source: S3 user guide, "Verifying bucket ownership with bucket owner condition"; CloudFormation user
guide, "Create a stack" (a template in a versioned bucket: ?versionId=).
Last needed: ministack 1.5.33.
"""

from __future__ import annotations

import urllib.parse
from typing import Any

from ministack.core.responses import get_account_id
from ministack.services import s3
from ministack.services.cloudformation import helpers

from local_aws.mending import Layer, Mending

_OWNER_HEADER = "x-amz-expected-bucket-owner"


def install(mending: Mending) -> None:
    """Install the mends of this room."""
    mending.around(helpers, "_resolve_template", _resolve)
    mending.around(s3, "handle_request", _handle, layer=Layer.PERMISSION)


def _resolve(upstream: Any, parameters: dict[str, Any]) -> Any:
    url = urllib.parse.urlsplit(helpers._p(parameters, "TemplateURL") or "")
    version = urllib.parse.parse_qs(url.query).get("versionId")
    if not version:
        return upstream(parameters)
    bucket, _, key = urllib.parse.unquote(url.path).lstrip("/").partition("/")
    content = s3._get_object_data(bucket, key, version_id=version[0])
    if content is None:
        said = "S3 error: The specified version does not exist."
        return None, helpers._error("ValidationError", said)
    return content.decode(), None


async def _handle(
    upstream: Any, method: str, path: str, headers: dict[str, str], *rest: Any, **options: Any
) -> Any:
    expected = headers.get(_OWNER_HEADER)
    if expected and expected != _owner(path):
        return s3._error("AccessDenied", "Access Denied", 403, path)
    return await upstream(method, path, headers, *rest, **options)


def _owner(path: str) -> str:
    """Return the account that owns the bucket of a path; its asker's, if there is no such one."""
    bucket = path.lstrip("/").partition("/")[0]
    return s3._bucket_owner_account(bucket) or str(get_account_id())
