"""Objects in S3 by version and by owner, for templates, functions and whoever asks.

Wrong upstream: a TemplateURL's versionId is not looked at, nor is x-amz-expected-bucket-owner; a
function whose zip isn't there is created without code; and buckets whose policy asks for TLS refuse
everybody, since loopback has none: here every request counts as encrypted.
Source: S3 user guide, "Verifying bucket ownership with bucket owner condition"; CloudFormation user
guide, "Create a stack" (a template in a versioned bucket: ?versionId=); Lambda API reference,
CreateFunction.
"""

from __future__ import annotations

import urllib.parse
from typing import Any

from ministack.core import iam_evaluator
from ministack.core.responses import get_account_id
from ministack.services import s3
from ministack.services.cloudformation import changesets, handlers, helpers, provisioners

_OWNER_HEADER = "x-amz-expected-bucket-owner"


def install() -> None:
    """Install the mends of this room."""
    _template_versions()
    _expected_owner()
    _missing_zips()
    _loopback_is_private()


def _template_versions() -> None:
    upstream = helpers._resolve_template

    def resolve(parameters: dict[str, Any]) -> Any:
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

    helpers._resolve_template = resolve
    handlers._resolve_template = resolve
    changesets._resolve_template = resolve


def _expected_owner() -> None:
    upstream = s3.handle_request

    async def handle(
        method: str, path: str, headers: dict[str, str], *rest: Any, **options: Any
    ) -> Any:
        expected = headers.get(_OWNER_HEADER)
        if expected and expected != _owner(path):
            return s3._error("AccessDenied", "Access Denied", 403, path)
        return await upstream(method, path, headers, *rest, **options)

    s3.handle_request = handle


def _owner(path: str) -> str:
    """Return the account that owns the bucket of a path; its asker's, if there is no such one."""
    bucket = path.lstrip("/").partition("/")[0]
    return s3._bucket_owner_account(bucket) or str(get_account_id())


def _missing_zips() -> None:
    handler = provisioners._RESOURCE_HANDLERS["AWS::Lambda::Function"]
    upstream = handler["create"]

    def create(logical_id: str, properties: dict[str, Any], *rest: Any) -> Any:
        code = properties.get("Code") or {}
        bucket, key, version = (code.get(n) for n in ("S3Bucket", "S3Key", "S3ObjectVersion"))
        if bucket and key and s3._get_object_data(bucket, key, version_id=version) is None:
            what = "version" if version else "key"
            raise ValueError(
                f"Error occurred while GetObject. S3 Error Code: NoSuch{what.capitalize()}. "
                f"S3 Error Message: The specified {what} does not exist."
            )
        return upstream(logical_id, properties, *rest)

    handler["create"] = create


def _loopback_is_private() -> None:
    upstream = iam_evaluator._resolve_condition_key

    def resolve(key: str, context: Any) -> Any:
        return "true" if key.lower() == "aws:securetransport" else upstream(key, context)

    iam_evaluator._resolve_condition_key = resolve
