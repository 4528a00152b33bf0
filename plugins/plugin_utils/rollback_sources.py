"""Whether what a revision needs is still there: its images, and the secrets of others.

No value is read. What may not be asked is a warning.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from ansible_collections.quayside.fargate.plugins.plugin_utils import aws, ecr, variable_maps
from ansible_collections.quayside.fargate.plugins.plugin_utils.errors import StackError
from ansible_collections.quayside.fargate.plugins.plugin_utils.secret_references import (
    CURRENT,
    Reference,
)
from ansible_collections.quayside.fargate.plugins.plugin_utils.verify_secrets import version_of

_LISTING = "ssm:DescribeParameters"
_KEY_ID = re.compile(r"(mrk-)?[0-9a-f-]{32,36}")


@dataclass
class Found:
    """What was found.

    Attributes:
        keys: ARNs of the KMS keys that secrets are encrypted under, by the secrets' references.
        warnings: what couldn't be asked, in words.
    """

    keys: dict[str, str] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)


class Sources:
    """Asks for what a revision needs.

    Args:
        clients: makes a client by the service's name and a region, None for the account's own.
        what: the revision, in messages.
        account: the account's number; another's parameters aren't listed by DescribeParameters.
    """

    def __init__(self, clients: Callable[[str, str | None], Any], what: str, account: str) -> None:
        self._clients = clients
        self._account = account
        self._what = what
        self._found = Found()

    def asked(self, images: Iterable[str], secrets: Iterable[str]) -> Found:
        """Ask for images, and for secrets as containers refer to them.

        Raises: StackError with a sentence each for what is gone.
        """
        gone = [it for image in images for it in self._image(image)]
        gone += [it for secret in secrets for it in self._secret(secret)]
        if gone:
            raise StackError(
                f"Nothing was rolled back: {self._what} can't run any more. {' '.join(gone)} Name "
                "another revision (-e revision=N), or deploy."
            )
        return self._found

    def _image(self, reference: str) -> Iterator[str]:
        image = ecr.parse(reference, by_digest=True)
        if image is None:
            if "@" not in reference:
                self._found.warnings.append(
                    f"{reference} is named by a tag: what has that tag now runs, which may be "
                    f"another image than {self._what} ran."
                )
            return
        if not image.digest:
            self._found.warnings.append(
                f"{reference} was deployed by its tag, and ECS doesn't tell its digest any more: "
                "what has that tag now runs."
            )
        try:
            there = ecr.details(self._clients("ecr", image.region), image) is not None
        except aws.AwsError as error:
            self._unknown(error, f"ecr:DescribeImages of {reference}")
            return
        if not there:
            yield f"Its image is gone from ECR: {reference}."

    def _secret(self, text: str) -> Iterator[str]:
        if not (variable_maps.secret_arn(text) or variable_maps.parameter_arn(text)):
            self._found.warnings.append(
                f"{text} is neither the whole ARN of a secret nor that of a parameter, and wasn't "
                "looked at."
            )
            return
        reference = Reference.of(text)
        try:
            if reference.is_secret:
                yield from self._of_secrets_manager(text, reference)
            else:
                yield from self._of_parameter_store(text, reference)
        except aws.AwsError as error:
            call = "secretsmanager:DescribeSecret" if reference.is_secret else _LISTING
            self._unknown(error, f"{call} of {reference.arn}")

    def _of_secrets_manager(self, text: str, reference: Reference) -> Iterator[str]:
        arn = reference.arn
        try:
            client = self._clients("secretsmanager", reference.region)
            told = client.describe_secret(SecretId=arn)
        except aws.AwsError as error:
            if aws.code(error) != "ResourceNotFoundException":
                raise
            yield f"There is no secret {arn}."
            return
        if (whole := told.get("ARN", arn)) != arn:
            yield f"{arn} is a part of the ARN {whole}, and no task can read it by that."
        elif told.get("DeletedDate"):
            yield (
                f"The secret {arn} is to be deleted (aws secretsmanager restore-secret takes that "
                "back)."
            )
        elif version_of(reference, told.get("VersionIdsToStages") or {}) is None:
            # Secrets Manager deletes versions without a stage.
            named = f"version {reference.version}" if reference.version else "version"
            stage = reference.stage or ("" if reference.version else CURRENT)
            labelled = f"the stage {stage}" if stage else "a stage"
            yield f"The secret {arn} has no {named} with {labelled}."
        self._key(told.get("KmsKeyId"), text, reference)

    def _of_parameter_store(self, text: str, reference: Reference) -> Iterator[str]:
        if reference.account != self._account:
            self._found.warnings.append(
                f"The parameter {reference.arn} is another account's, and wasn't looked at: see "
                "there that it is shared with this account."
            )
            return
        wanted = {"Key": "Name", "Option": "Equals", "Values": list(reference.names)}
        client = self._clients("ssm", reference.region)
        pages = client.get_paginator("describe_parameters").paginate(ParameterFilters=[wanted])
        told = [it for page in pages for it in page["Parameters"]]
        if not told:
            yield f"There is no parameter {reference.arn}."
        for it in told:
            self._key(it.get("KeyId"), text, reference)

    def _key(self, key: str | None, text: str, reference: Reference) -> None:
        """Note the KMS key that a secret is encrypted under, unless it is AWS's own."""
        if key is None or key.startswith("alias/aws/") or ":alias/aws/" in key:
            return
        if ":key/" in key:
            self._found.keys[text] = key
        elif _KEY_ID.fullmatch(key):
            partition = reference.arn.split(":")[1]
            place = f"{reference.region}:{reference.account}"
            self._found.keys[text] = f"arn:{partition}:kms:{place}:key/{key}"
        else:
            self._found.warnings.append(
                f"{reference.arn} is encrypted under {key}; whether the service's execution role "
                "may use that key isn't known."
            )

    def _unknown(self, error: Exception, what: str) -> None:
        self._found.warnings.append(f"Not known: {what} failed: {aws.message(error).rstrip('.')}.")
