"""The SSM parameter that holds the password."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

from custom_resources.password.decisions import (
    PasswordProperties,
    Version,
    generate,
    wanted_version,
)
from custom_resources.shared import aws, log
from custom_resources.shared.failure import Failure

OWNER_TAG = "quayside:owner"
# A version's description is written in the same call as its value, so the two can't disagree.
_DESCRIPTION = "Made by Custom::Password for Rotation {}"
_MADE_FOR = re.compile(_DESCRIPTION.format(r"(\d+)"))


@dataclass(frozen=True)
class Parameter:
    """One SSM parameter and its owner.

    Args:
        ssm: boto3 client.
        name: of the parameter.
        owner: value of the tag `quayside:owner`: stack name/logical id.
        before_change: called before every call that changes something.
    """

    ssm: Any
    name: str
    owner: str
    before_change: Callable[[], None] = lambda: None

    def converge(self, properties: PasswordProperties) -> int:
        """Make the parameter's newest version hold the wanted password.

        The newest, because whoever logs in as the admin takes that one: after a rollback, or an
        earlier Rotation asked for again, the cluster has a password of before.

        Args:
            properties: what is wanted.
        Returns:
            The newest version.
        Raises:
            Failure: the parameter exists and isn't ours.
            ClientError: a call was refused.
        """
        owner = self._tagged_owner()
        if owner is None:
            self._create(properties)
        else:
            self._check_owner(owner)
        history = self._history()
        wanted = wanted_version(history, properties)
        if wanted is None:
            return self._put(properties, generate(properties))
        newest = max(history, key=lambda version: version.number)
        if newest.key_id == properties.key_id and self._are_the_same(newest, wanted):
            return newest.number
        return self._put(properties, self._value(wanted))

    def delete(self) -> None:
        """Delete the parameter, if it is there and ours.

        Raises:
            ClientError: a call was refused.
        """
        owner = self._tagged_owner()
        if owner != self.owner:
            log.info("parameter left alone", parameter=self.name, owner=owner)
            return
        try:
            self.ssm.delete_parameter(Name=self.name)
        except ClientError as error:
            if aws.code(error) != "ParameterNotFound":
                raise

    def _create(self, properties: PasswordProperties) -> None:
        try:
            self._put(properties, generate(properties), new=True)
        except ClientError as error:
            if aws.code(error) != "ParameterAlreadyExists":
                raise
            # Someone created it since we looked: another stack, or the call before its retry.
            self._check_owner(self._tagged_owner())

    def _check_owner(self, owner: str | None) -> None:
        if owner != self.owner:
            raise Failure(
                f"The parameter {self.name} exists, and its tag {OWNER_TAG} is {owner or 'absent'}"
                f", not {self.owner}.",
                "Choose another ParameterName, delete that parameter, or give it this tag so that "
                "it is adopted.",
            )

    def _put(self, properties: PasswordProperties, password: str, *, new: bool = False) -> int:
        # SSM takes tags only without Overwrite, so value and tag come to be in one call.
        fate = (
            {"Overwrite": False, "Tags": [{"Key": OWNER_TAG, "Value": self.owner}]}
            if new
            else {"Overwrite": True}
        )
        self.before_change()
        answer = self.ssm.put_parameter(
            Name=self.name,
            Type="SecureString",
            Value=log.confide(password),
            KeyId=properties.key_id,
            Description=_DESCRIPTION.format(properties.rotation),
            **fate,
        )
        log.info("version put", parameter=self.name, version=answer["Version"])
        return int(answer["Version"])

    def _value(self, version: Version) -> str:
        answer = self.ssm.get_parameter(Name=f"{self.name}:{version.number}", WithDecryption=True)
        return log.confide(answer["Parameter"]["Value"])

    def _are_the_same(self, one: Version, other: Version) -> bool:
        return one == other or self._value(one) == self._value(other)

    def _tagged_owner(self) -> str | None:
        """The tag's value, empty without a tag; None if there is no such parameter."""
        try:
            answer = self.ssm.list_tags_for_resource(ResourceType="Parameter", ResourceId=self.name)
        except ClientError as error:
            if aws.code(error) == "InvalidResourceId":
                return None
            raise
        tags = {tag["Key"]: tag["Value"] for tag in answer["TagList"]}
        return str(tags.get(OWNER_TAG, ""))

    def _history(self) -> list[Version]:
        pages = self.ssm.get_paginator("get_parameter_history").paginate(
            Name=self.name, WithDecryption=False
        )
        return [_version(entry) for page in pages for entry in page["Parameters"]]


def _version(entry: dict[str, Any]) -> Version:
    made_for = _MADE_FOR.fullmatch(entry.get("Description", ""))
    return Version(
        number=int(entry["Version"]),
        key_id=str(entry.get("KeyId", "")),
        rotation=int(made_for[1]) if made_for else None,
    )
