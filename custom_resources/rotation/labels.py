"""Moving staging labels."""

from __future__ import annotations

from typing import Any

from custom_resources.contract.labels import Labels, holder


def move_label(
    secretsmanager: Any,
    secret_id: str,
    labels: Labels,
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
    before = holder(labels, label)
    if before == version:
        return
    stage = {"SecretId": secret_id, "VersionStage": label}
    if not before:
        before = next((it for it in labels if it != version), "")
        if before:
            secretsmanager.update_secret_version_stage(**stage, MoveToVersionId=before)
    removal = {"RemoveFromVersionId": before} if before else {}
    secretsmanager.update_secret_version_stage(**stage, MoveToVersionId=version, **removal)
