"""What a repair asks of a service's stack, and what it says in the end; no call is made here.

A repair is an update of the stack that raises RepairNumber: the custom resource of the service's
database then looks after users, rights and owners again.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible_collections.quayside.fargate.plugins.plugin_utils.errors import StackError

_NUMBER, _OWNERSHIP = "RepairNumber", "RepairOwnership"
# What the database's custom resource begins with if something is left to be done.
_LEFT = "not all agrees"
_NOT_TOLD = "repaired, and the template of before 1.1.0 has no place to say what was found."


def refuse_ownership(service: str, ownership: str) -> None:
    """Raise StackError if what is in the database would be given to another service's role.

    Args:
        service: name of the service.
        ownership: its name again if ownership is given, or "".
    """
    if ownership not in ("", service):
        raise StackError(
            "Nothing was repaired. To have the owner role of a service given what is in its "
            f"database, name the same service: -e service_name={service} -e ownership={service}."
        )


def parameters(stack: str, given: Mapping[str, str], *, gives: bool) -> dict[str, Any]:
    """Return the parameters of the stack's update.

    Args:
        stack: its name.
        given: the parameters that it has.
        gives: whether what belongs to others is given to the service's owner role.

    Raises: StackError if the service has no database, or its template has no word for giving.
    """
    if given.get("Database") != "true":
        raise StackError(
            f"Nothing was repaired: the service of stack {stack} has no database. Mend "
            "service_platform or service_name."
        )
    if gives and _OWNERSHIP not in given:
        raise StackError(
            f"Nothing was repaired: the template of stack {stack} is of before 1.1.0. Deploy the "
            "service, then repair it again."
        )
    number = {_NUMBER: int(given.get(_NUMBER) or 0) + 1}
    return {**number, _OWNERSHIP: gives} if _OWNERSHIP in given else number


def told(service: str, active: str, result: Mapping[str, Any]) -> str:
    """Return what was found, and what stands.

    Args:
        service: PLATFORM/NAME.
        active: its user who is active.
        result: the update's, as the action quayside.fargate.stack returns it.

    Raises: StackError with the same if something is left to be done.
    """
    found = result["outputs"].get("Repaired", _NOT_TOLD)
    said = (
        f"{service}: {found} {active} is active, the stack is {result['status']} after "
        f"{result['seconds']} s."
    )
    if found.startswith(_LEFT):
        raise StackError(said)
    return said
