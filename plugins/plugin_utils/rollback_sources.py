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

_ARN = re.compile(r"arn:(?P<partition>[^:]+):\w+:(?P<region>[^:]+):(?P<account>\d{12}):.*")
_KEY_ID = re.compile(r"(mrk-)?[0-9a-f-]{32,36}")


@dataclass
class Found:
    """What was found.

    Attributes:
        keys: KMS keys, by ARN, that secrets are encrypted under.
        warnings: what couldn't be asked, in words.
    """

    keys: set[str] = field(default_factory=set)
    warnings: list[str] = field(default_factory=list)


class Sources:
    """Asks for what a revision needs.

    Args:
        clients: makes a client by the service's name and a region, None for the account's own.
        what: the revision, in messages.
    """

    def __init__(self, clients: Callable[[str, str | None], Any], what: str) -> None:
        self._clients = clients
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

    def _secret(self, reference: str) -> Iterator[str]:
        secret = variable_maps.secret_arn(reference)
        parameter = variable_maps.parameter_arn(reference)
        try:
            if secret:
                yield from self._of_secrets_manager(secret)
            elif parameter:
                yield from self._of_parameter_store(parameter)
        except aws.AwsError as error:
            what = "secretsmanager:DescribeSecret" if secret else "ssm:DescribeParameters"
            self._unknown(error, f"{what} of {secret or parameter}")

    def _of_secrets_manager(self, arn: str) -> Iterator[str]:
        try:
            told = self._clients("secretsmanager", _region(arn)).describe_secret(SecretId=arn)
        except aws.AwsError as error:
            if aws.code(error) != "ResourceNotFoundException":
                raise
            yield f"There is no secret {arn}."
            return
        if told.get("DeletedDate"):
            yield (
                f"The secret {arn} is to be deleted (aws secretsmanager restore-secret takes that "
                "back)."
            )
        self._key(told.get("KmsKeyId"), arn)

    def _of_parameter_store(self, arn: str) -> Iterator[str]:
        name = arn.partition(":parameter/")[2]
        # The ARN of a name with a slash at its beginning and of one without are the same.
        wanted = {"Key": "Name", "Option": "Equals", "Values": [name, f"/{name}"]}
        client = self._clients("ssm", _region(arn))
        pages = client.get_paginator("describe_parameters").paginate(ParameterFilters=[wanted])
        told = [it for page in pages for it in page["Parameters"]]
        if not told:
            yield f"There is no parameter {arn}."
        for it in told:
            self._key(it.get("KeyId"), arn)

    def _key(self, key: str | None, arn: str) -> None:
        """Note the KMS key that a secret is encrypted under, unless it is AWS's own."""
        if key is None or key.startswith("alias/aws/") or ":alias/aws/" in key:
            return
        if ":key/" in key:
            self._found.keys.add(key)
        elif _KEY_ID.fullmatch(key):
            at = _ARN.fullmatch(arn)
            if at:
                place = f"{at['region']}:{at['account']}"
                self._found.keys.add(f"arn:{at['partition']}:kms:{place}:key/{key}")
        else:
            self._found.warnings.append(
                f"{arn} is encrypted under {key}; whether the service's execution role may use "
                "that key isn't known."
            )

    def _unknown(self, error: Exception, what: str) -> None:
        self._found.warnings.append(f"Not known: {what} failed: {aws.message(error).rstrip('.')}.")


def _region(arn: str) -> str | None:
    found = _ARN.fullmatch(arn)
    return found["region"] if found else None
