"""What must not be shown: known by its name, by its look, or by where its value comes from.

CloudFormation writes `****` for values of NoEcho parameters, and leaves dynamic references as they
stand in the template; only for a stack's parameters does it promise so. What comes from one of the
two in the template is therefore hidden, whatever the change set says.

https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/parameters-section-structure.html
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any

from ansible_collections.quayside.fargate.plugins.plugin_utils.parameters import is_secret

NAMES = ("name", "key", "parameterkey")  # of the item of a list, beside its value
# Members whose items are named: of ECS, Lambda, Batch and CodeBuild, and in small letters of what
# an event's rule hands to a task. No name tells which word of a command is a secret.
VARIABLES = ("environment", "environmentvariables")
WORDS = ("command", "entrypoint")
# What the name of a secret has in it, in a template and in a log's line; in small letters.
NAME = (
    r"pass(?:word|wd|phrase|code)|pwd|secret|token|credential|signature|dsn|webhook|"
    r"salt|(?<![a-z])pw(?![a-z])|connection[-_ ]?string|"
    r"(?:api|private|access|encryption|signing|shared|master|license|session|storage)[-_ ]?key"
)
# In a log these are words of sentences; there is a rule of their own for a header of that name.
_SECRET_NAME = re.compile(rf"{NAME}|auth|cookie", re.IGNORECASE)
# A word of its own, as in SIGNING_KEY and EncryptKey: not the place of a file, not a KMS key.
_KEY = re.compile(r"(?<!s3)(?<!kms)(?<!kms[-_])(?<!function)(?<!partition)(?<!sort)key$", re.I)
_VARIABLE_NAME = re.compile(r"key|cert|pin$|seed|sign|session|(?<![a-z])pass(?![a-z])", re.I)
_SECRET_VALUE = re.compile(
    r"://[^/\s:@]*:[^\s@]+@|\b(AKIA|ASIA)[0-9A-Z]{16}\b|-----BEGIN|\beyJ[\w-]+\.eyJ|"
    r"\b([rs]k_(live|test)|gh[pousr]|github_pat|glpat|xox[abprs])[-_]\w|"
    r"(?i:(password|passwd|pwd|secret|token|key)[\"']?(=|:\s+)[\"']?\S)"
)
# Long words of letters and digits, as generators make them.
_RANDOM = re.compile(r"(?=[\w+/=-]*\d)(?=[\w+/=-]*[A-Za-z])[\w+/=-]{32,}")
_OPEN = re.compile(r"\*+|\{\{resolve:[^{}]*\}\}")


def is_secret_name(name: str) -> bool:
    """Say whether what is called so may be a secret."""
    return bool(_SECRET_NAME.search(name) or _KEY.search(name))


def is_secret_variable(name: str, value: str) -> bool:
    """Say whether an environment variable may be a secret; more is taken for one than elsewhere."""
    by_name = is_secret_name(name) or _VARIABLE_NAME.search(name)
    return bool(by_name or is_secret_value(value) or _RANDOM.search(value))


def is_secret_value(text: str) -> bool:
    """Say whether a value looks like a secret, or like JSON that may hold one."""
    return bool(_SECRET_VALUE.search(text)) or _hides_secrets(text)


def _hides_secrets(text: str) -> bool:
    """Say whether a text is JSON, perhaps cut off by AWS, which may hold what isn't shown."""
    if not text.lstrip().startswith(("{", "[", '"')) or text.startswith("{{"):
        return False
    words = re.findall(r"[\w.-]+", text)  # JSON within its texts too, where quotes are escaped
    covered = any(it in text.lower() for it in VARIABLES + WORDS)
    return covered or any(map(is_secret_name, words))


def names_of(item: Mapping[str, Any]) -> list[str]:
    """Return what the item of a list is called; a Key without a Value beside it is no name."""
    plain = [name for name in item if name.lower() in NAMES and _is_plain(item, name)]
    return [item[name] for name in plain if isinstance(item[name], str)]


def is_hidden_member(item: Mapping[str, Any], name: str) -> bool:
    """Say whether a member of a map may be a secret, by its name or by that of the item.

    Args:
        item: the map.
        name: the member's.
    """
    if name.lower() in NAMES:
        return not _is_plain(item, name)
    called = _has_value(item) and any(map(is_secret_name, names_of(item)))
    return called or is_secret_name(name)


def _is_plain(item: Mapping[str, Any], name: str) -> bool:
    return _has_value(item) or not is_secret_name(name)


def _has_value(item: Mapping[str, Any]) -> bool:
    return any(name.lower().startswith("value") for name in item)


def is_open(text: str) -> bool:
    """Say whether a value from a guarded place is masked already, or a reference not resolved."""
    return bool(_OPEN.fullmatch(text))


class Guard:
    """Where a resource's values come from NoEcho parameters or dynamic references.

    Args:
        template: with functions in their long form.
        resource: its logical id.
    """

    def __init__(self, template: Mapping[str, Any], resource: str) -> None:
        body = (template.get("Resources") or {}).get(resource) or {}
        self._properties = body.get("Properties") or {}
        self._secrets = [
            name for name, it in (template.get("Parameters") or {}).items() if is_secret(it)
        ]

    def hides(self, steps: Iterable[str]) -> bool:
        """Say whether a value at this place of the properties comes from one.

        Args:
            steps: the way there, names of members and numbers of items.
        """
        value: Any = self._properties
        for step in steps:
            if isinstance(value, dict) and not _is_function(value):
                if step not in value:
                    return False
                value = value[step]
            elif isinstance(value, list) and not any(map(_is_function, value)):
                if not step.isdecimal() or int(step) >= len(value):
                    return False
                value = value[int(step)]
            else:  # a function: which of its words comes to stand here, only AWS knows
                break
        return self._holds(json.dumps(value))

    def _holds(self, text: str) -> bool:
        references = (f'{{"Ref": {json.dumps(name)}}}' for name in self._secrets)
        inserted = (f"${{{name}}}" for name in self._secrets)
        return "{{resolve:" in text or any(it in text for it in (*references, *inserted))


def _is_function(value: Any) -> bool:
    return (
        isinstance(value, dict)
        and len(value) == 1
        and next(iter(value)).startswith(("Ref", "Fn::", "Condition"))
    )
