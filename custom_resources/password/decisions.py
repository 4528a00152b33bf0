"""What a password looks like, and which version of the parameter is the wanted one. No calls."""

from __future__ import annotations

import secrets
import string
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from custom_resources.shared.failure import Failure
from custom_resources.shared.properties import Properties

# Aurora takes 8 to 41 printable ASCII characters, but none of / " @ and no space (RDS API
# reference, CreateDBCluster, MasterUserPassword). Quotes, backslash and braces are left out too:
# they break connection strings, and {{ }} is Systems Manager's and CloudFormation's own syntax.
SHORTEST, LONGEST = 8, 41
PUNCTUATION = "!#$%&()*+,-.:;<=>?[]^_|~"
_CLASSES = (string.ascii_lowercase, string.ascii_uppercase, string.digits, PUNCTUATION)
_FEWEST_CLASSES = 3
_FEWEST_CHARACTERS = 32


@dataclass(frozen=True)
class PasswordProperties:
    """Properties of Custom::Password.

    Args:
        parameter_name: SSM parameter, such as `/staging/rds/admin-password`.
        key_id: KMS key that encrypts it: id, ARN or alias.
        length: characters, 8 to 41.
        classes: the characters to choose from, by class; each class is used at least once.
        rotation: another number makes another password.
    """

    parameter_name: str
    key_id: str
    length: int
    classes: tuple[str, ...]
    rotation: int

    @classmethod
    def of(cls, given: Mapping[str, object]) -> PasswordProperties:
        """Check the properties.

        Args:
            given: `ResourceProperties` as CloudFormation sends them.
        Raises:
            Failure: naming the property that is wrong.
        """
        known = ("ParameterName", "KeyId", "Length", "ExcludeCharacters", "Rotation")
        properties = Properties(given, known)
        return cls(
            parameter_name=properties.text(
                "ParameterName",
                pattern=r"(?!/?(aws|ssm))([A-Za-z0-9_.-]{1,255}|(/[A-Za-z0-9_.-]{1,255}){1,15})",
                form="a parameter name such as /platform/rds/admin-password",
            ),
            key_id=properties.text(
                "KeyId", pattern=r"[A-Za-z0-9:/_-]{1,2048}", form="a KMS key's id, ARN or alias"
            ),
            length=properties.number("Length", low=SHORTEST, high=LONGEST, default=32),
            classes=_classes(properties.text("ExcludeCharacters", pattern=r"(?s).*", default="")),
            rotation=properties.number("Rotation", low=0, high=999_999_999, default=1),
        )


@dataclass(frozen=True)
class Version:
    """One version of the parameter.

    Args:
        number: as SSM counts.
        key_id: the key as it was given when the version was put.
        rotation: the Rotation it was made for; None if someone else put it.
    """

    number: int
    key_id: str
    rotation: int | None


def wanted_version(history: Sequence[Version], properties: PasswordProperties) -> Version | None:
    """Which version holds the wanted password.

    A version is found by the Rotation it was made for, not by being the latest: a rollback to the
    Rotation before gets the very password that the cluster had then. Of several the first counts:
    what a person puts by hand may carry the description of the version before.

    Args:
        history: all versions of the parameter, in any order.
        properties: what is wanted.
    Returns:
        The first version of that Rotation, under the wanted key if there is one: another may be
        deleted by now. None without one.
    """
    made = [version for version in history if version.rotation == properties.rotation]
    under_key = [version for version in made if version.key_id == properties.key_id]
    return min(under_key or made, key=lambda version: version.number, default=None)


def generate(properties: PasswordProperties) -> str:
    """A random password with at least one character of every class.

    All such passwords are equally likely: one that lacks a class is thrown away whole.
    """
    alphabet = "".join(properties.classes)
    while True:
        password = "".join(secrets.choice(alphabet) for _ in range(properties.length))
        if all(set(password) & set(characters) for characters in properties.classes):
            return password


def _classes(excluded: str) -> tuple[str, ...]:
    left = ("".join(sorted(set(characters) - set(excluded))) for characters in _CLASSES)
    classes = tuple(characters for characters in left if characters)
    if len(classes) < _FEWEST_CLASSES or len("".join(classes)) < _FEWEST_CHARACTERS:
        raise Failure(
            f"Property ExcludeCharacters leaves {len(''.join(classes))} characters of "
            f"{len(classes)} classes.",
            f"It must leave at least {_FEWEST_CHARACTERS} characters, and three of lower case, "
            "upper case, digits and punctuation.",
        )
    return classes
