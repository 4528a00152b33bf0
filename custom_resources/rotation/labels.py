"""Moving staging labels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any


def move_label(
    secretsmanager: Any,
    secret_id: str,
    labels: Mapping[str, Sequence[str]],
    label: str,
    version: str,
) -> None:
    """Move a label to a version; it may be there already.

    One that no version has is put on another version first: the event that activates a user is
    documented for a label that moves, and not for one that is put somewhere for the first time.

    Args:
        secretsmanager: boto3 client.
        secret_id: name or ARN.
        labels: staging labels by version.
        label: to be moved.
        version: where to.
    Raises:
        ClientError: the call was refused.

    Source: Secrets Manager user guide, events ("Secret Label Updated"); API reference,
    UpdateSecretVersionStage: where the label is has to be named.
    """
    holder = next((it for it, own in labels.items() if label in own), "")
    if holder == version:
        return
    stage = {"SecretId": secret_id, "VersionStage": label}
    if not holder:
        holder = next((it for it in labels if it != version), "")
        if holder:
            secretsmanager.update_secret_version_stage(**stage, MoveToVersionId=holder)
    removal = {"RemoveFromVersionId": holder} if holder else {}
    secretsmanager.update_secret_version_stage(**stage, MoveToVersionId=version, **removal)
