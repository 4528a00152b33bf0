"""Who called what: a line of JSON for each authorization that a request asked of IAM.

What CloudFormation's handlers call is not among them: here they call nothing.
Wrong upstream: nothing; no API tells a test who called what a moment ago.
Source: Service Authorization Reference, whose actions these are (HeadObject asks for s3:GetObject,
ListObjectsV2 for s3:ListBucket, a transaction for each of its items' actions).
Last needed: ministack 1.5.33. Not shown by a probe: upstream has nothing of the kind.
"""

from __future__ import annotations

import json
import threading
from typing import Any

from ministack.core import iam_evaluator
from ministack.core.responses import get_account_id

from local_aws.mending import Layer, Mending

_writing = threading.Lock()


def install(mending: Mending) -> None:
    """Write down every call; the file is as old as the server."""
    calls = mending.settings.calls
    calls.write_text("")

    def enforce(  # noqa: PLR0917 - as upstream
        upstream: Any,
        access_key_id: str,
        iam_action: str,
        service: str,
        region: str,
        resource_arn: str = "*",
        service_context: dict[str, Any] | None = None,
    ) -> Any:
        refusal = upstream(
            access_key_id, iam_action, service, region, resource_arn, service_context
        )
        line = {
            "principal": _principal(access_key_id),
            "action": iam_action,
            "resource": resource_arn,
            "error": _error(refusal),
        }
        with _writing, calls.open("a") as file:
            file.write(json.dumps(line) + "\n")
        return refusal

    mending.around(iam_evaluator, "enforce", enforce, layer=Layer.HISTORY)


def _principal(access_key_id: str) -> str:
    resolved = iam_evaluator.resolve_principal(access_key_id or "", get_account_id())
    return getattr(resolved, "arn", "")


def _error(refusal: Any) -> str:
    if refusal is None:
        return ""
    return str(getattr(refusal, "code", "") or "AccessDenied")
