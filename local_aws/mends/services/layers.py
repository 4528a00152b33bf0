"""What is pushed to ECR by its own calls, and downloaded again: layers, and images' configurations.

Wrong upstream: what UploadLayerPart sends is thrown away, CompleteLayerUpload takes any digest, and
GetDownloadUrlForLayer names an address of AWS's own for whatever is asked.
Source: ECR API reference, InitiateLayerUpload, UploadLayerPart, CompleteLayerUpload
(InvalidLayerException), GetDownloadUrlForLayer (LayersNotFoundException).
Last needed: ministack 1.5.33.
"""

from __future__ import annotations

import base64
import hashlib
from typing import Any

from ministack.core.responses import (
    error_response_json,
    get_account_id,
    get_region,
    json_response,
)
from ministack.services import ecr

from local_aws.mending import Mending

Data = dict[str, Any]

_parts: dict[str, bytes] = {}  # by uploadId


def install(mending: Mending) -> None:
    """Install the mends of this room."""

    def download(upstream: Any, data: Data) -> Any:
        name, digest = data.get("repositoryName", ""), data.get("layerDigest", "")
        if name in ecr._repositories and digest not in ecr._layer_blobs.get(name, {}):
            said = f"The layer with digest '{digest}' does not exist in the repository '{name}'"
            return error_response_json("LayersNotFoundException", said, 400)
        status, headers, body = upstream(data)
        if status != 200:  # noqa: PLR2004
            return status, headers, body
        host = f"{get_account_id()}.dkr.ecr.{get_region()}.amazonaws.com"
        url = f"http://127.0.0.1:{mending.settings.port}/v2/{name}/blobs/{digest}?ns={host}"
        return json_response({"downloadUrl": url, "layerDigest": digest})

    mending.around(ecr, "_upload_layer_part", _upload)
    mending.around(ecr, "_complete_layer_upload", _complete)
    mending.around(ecr, "_get_download_url_for_layer", download)


def _upload(upstream: Any, data: Data) -> Any:
    upload, part = data.get("uploadId", ""), base64.b64decode(data.get("layerPartBlob", ""))
    _parts[upload] = _parts.get(upload, b"") + part
    return upstream(data)


def _complete(upstream: Any, data: Data) -> Any:
    name, digests = data.get("repositoryName", ""), data.get("layerDigests") or [""]
    if name in ecr._repositories:
        blob = _parts.pop(data.get("uploadId", ""), b"")
        found = f"sha256:{hashlib.sha256(blob).hexdigest()}"
        if found != digests[0]:
            said = f"Layer upload has the digest '{found}', not the given '{digests[0]}'"
            return error_response_json("InvalidLayerException", said, 400)
        ecr._layer_blobs.setdefault(name, {})[found] = blob
    return upstream(data)
