"""Lookup: the passwords that stand in a log."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import boto3
from ansible.errors import AnsibleLookupError
from ansible.plugins.lookup import LookupBase


class LookupModule(LookupBase):  # type: ignore[misc]
    """query('leaked', 'ansible.log', platform='shop')."""

    def run(
        self,
        terms: list[str],
        variables: Any = None,  # noqa: ARG002 - Ansible gives it
        *,
        platform: str,
    ) -> list[str]:
        """Return the names of a platform's secrets and parameters with a password in a log.

        Args:
            terms: path of the log.
            variables: of the play, not used.
            platform: whose passwords are looked for.

        Raises: AnsibleLookupError if the log isn't one of this platform's deployment.
        """
        (path,) = map(str, terms)
        log = Path(path).read_text()
        if f"{platform}-service-" not in log:
            raise AnsibleLookupError(f"{path} knows nothing of a service of {platform}.")
        return [name for name, password in passwords(str(platform)) if password in log]


def passwords(platform: str) -> list[tuple[str, str]]:
    """Return every password of a platform, old ones too, with the name of what holds it."""
    ssm, manager = boto3.client("ssm"), boto3.client("secretsmanager")
    name = f"/{platform}/rds/admin-password"
    found = [(name, ssm.get_parameter(Name=name, WithDecryption=True)["Parameter"]["Value"])]
    for secret in manager.list_secrets()["SecretList"]:
        if secret["Name"].startswith(f"{platform}/"):
            for version in manager.describe_secret(SecretId=secret["Name"])["VersionIdsToStages"]:
                value = manager.get_secret_value(SecretId=secret["Name"], VersionId=version)
                found.append((secret["Name"], json.loads(value["SecretString"])["password"]))
    return found
