"""Functions that Lambda refuses to create.

Wrong upstream: a function whose zip isn't in the bucket is created without code; any runtime is
taken, also one that this machine doesn't have.
Source: Lambda API reference, CreateFunction.
Last needed: ministack 1.5.33.
"""

from __future__ import annotations

from typing import Any

from ministack.core.responses import error_response_json
from ministack.services import lambda_svc, s3

from local_aws.mending import Layer, Mending
from local_aws.mends.functions.runtimes import OWN_RUNTIME, interpreter


def install(mending: Mending) -> None:
    """Refuse them, by API and by template."""
    mending.around(lambda_svc, "_create_function", _create_by_api, layer=Layer.VALIDATION)
    mending.handler("AWS::Lambda::Function", "create", _create, Layer.VALIDATION)
    mending.handler("AWS::Lambda::Function", "update", _update, Layer.VALIDATION)


def _create_by_api(upstream: Any, data: dict[str, Any], *rest: Any) -> Any:
    refusal = _refusal(data.get("Runtime"))
    if refusal:
        return error_response_json("InvalidParameterValueException", refusal, 400)
    return upstream(data, *rest)


def _create(upstream: Any, logical_id: str, properties: dict[str, Any], *rest: Any) -> Any:
    refusal = _refusal(properties.get("Runtime")) or _missing_zip(properties.get("Code") or {})
    if refusal:
        raise ValueError(refusal)
    return upstream(logical_id, properties, *rest)


def _update(upstream: Any, physical_id: str, old: Any, new: dict[str, Any], *rest: Any) -> Any:
    refusal = _refusal(new.get("Runtime"))
    if refusal:
        raise ValueError(refusal)
    return upstream(physical_id, old, new, *rest)


def _missing_zip(code: dict[str, Any]) -> str | None:
    bucket, key, version = (code.get(n) for n in ("S3Bucket", "S3Key", "S3ObjectVersion"))
    if not (bucket and key) or s3._get_object_data(bucket, key, version_id=version) is not None:
        return None
    what = "version" if version else "key"
    return (
        f"Error occurred while GetObject. S3 Error Code: NoSuch{what.capitalize()}. "
        f"S3 Error Message: The specified {what} does not exist."
    )


def _refusal(runtime: str | None) -> str | None:
    if not (runtime or "").startswith("python") or interpreter(runtime or ""):
        return None
    return (
        f"This machine has no interpreter for the runtime {runtime}. "
        f"Install {(runtime or '').replace('python', 'Python ')} on the PATH or with pyenv, "
        f"or use {OWN_RUNTIME}."
    )
