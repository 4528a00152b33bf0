"""What CloudWatch Logs takes as a data protection policy and as an index policy.

Sources: CloudWatch Logs API reference, PutDataProtectionPolicy and PutIndexPolicy; user guide,
"Understanding data protection policies" and "Field index syntax and quotas"; what a policy's name
may be, aws/aws-cdk#33557. The words of the refusals are ours.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

from local_aws.mends.logs.identifiers import NAMES

_MANAGED = re.compile(r"arn:aws[a-z-]*:dataprotection::aws:data-identifier/(.+)")
_MOST_CHARACTERS = 30_720
_MOST_FIELDS, _LONGEST_FIELD = 20, 100


class RefusedError(ValueError):
    """The document isn't one that CloudWatch Logs takes."""


def check_protection(text: str, refuse_destination: Callable[[str], None]) -> None:
    """Raise RefusedError for a data protection policy that AWS would refuse.

    Args:
        text: the document.
        refuse_destination: raises RefusedError for a log group that findings can't go to.
    """
    if len(text) > _MOST_CHARACTERS:
        raise RefusedError(f"The policy has more than {_MOST_CHARACTERS} characters.")
    policy = _object(text)
    if not re.fullmatch(r"[A-Za-z0-9_-]+", str(policy.get("Name", "-"))):
        raise RefusedError(
            "Policy Name can only include alphanumeric characters, hyphens (-) and underscores (_)"
        )
    if policy.get("Version") != "2021-06-01":
        raise RefusedError("The policy's Version isn't 2021-06-01.")
    statements = policy.get("Statement")
    if not isinstance(statements, list) or len(statements) != len(("audit", "deidentify")):
        raise RefusedError("The policy must have two statements, Audit and Deidentify.")
    audit, mask = (_operation(it) for it in statements)
    if list(audit) != ["Audit"] or list(mask) != ["Deidentify"]:
        raise RefusedError("The first statement must be Audit, and the second Deidentify.")
    destinations = _member(audit["Audit"], "FindingsDestination")
    if _member(mask["Deidentify"], "MaskConfig"):
        raise RefusedError("MaskConfig must be empty.")
    lists = [statement.get("DataIdentifier") for statement in statements]
    if not lists[0] or lists[0] != lists[1]:
        raise RefusedError("The contents of the two DataIdentifier arrays must match exactly.")
    _check_identifiers(policy, lists[0])
    if "CloudWatchLogs" in destinations:
        refuse_destination(destinations["CloudWatchLogs"]["LogGroup"])


def _check_identifiers(policy: dict[str, Any], identifiers: Any) -> None:
    own = {it["Name"] for it in (policy.get("Configuration") or {}).get("CustomDataIdentifier", [])}
    for identifier in identifiers:
        managed = _MANAGED.fullmatch(str(identifier))
        if identifier not in own and (managed is None or managed[1] not in NAMES):
            raise RefusedError(f"The data identifier {identifier} is not known.")


def check_index(text: str) -> None:
    """Raise RefusedError for an index policy that AWS would refuse.

    Args:
        text: the document.
    """
    policy = _object(text)
    plain, typed = policy.get("Fields") or [], policy.get("FieldsV2") or {}
    fields = [*plain, *typed]
    if not fields or len(fields) > _MOST_FIELDS or len({*fields}) != len(fields):
        raise RefusedError(f"An index policy has 1 to {_MOST_FIELDS} fields, each of them once.")
    if any(not isinstance(it, str) or not 0 < len(it) <= _LONGEST_FIELD for it in fields):
        raise RefusedError(f"A field's name has 1 to {_LONGEST_FIELD} characters.")


def _object(text: str) -> dict[str, Any]:
    try:
        found = json.loads(text)
    except ValueError as error:
        raise RefusedError("The policy document is no JSON.") from error
    if not isinstance(found, dict):
        raise RefusedError("The policy document is no JSON object.")
    return found


def _operation(statement: Any) -> dict[str, Any]:
    return _member(statement, "Operation")


def _member(value: Any, name: str) -> dict[str, Any]:
    found = value.get(name) if isinstance(value, dict) else None
    if not isinstance(found, dict):
        raise RefusedError(f"{name} is missing, or no JSON object.")
    return found
