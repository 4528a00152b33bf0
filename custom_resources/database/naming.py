"""Custom::DatabaseName: a service's database keeps its name.

Its secrets depend on it, so that another name fails an update before they change: with another
username in its template CloudFormation makes a secret's value anew, and the rollback makes another
one, both without host and port, which the attachments put in only once.
"""

from __future__ import annotations

from collections.abc import Mapping

from custom_resources.shared.failure import Failure
from custom_resources.shared.properties import Properties

KIND = "Custom::DatabaseName"
_PREFIX = "database-name:"


def physical_id(properties: Mapping[str, object], before: str) -> str:
    """Return the physical id of the name.

    Args:
        properties: of the resource; ServiceTimeout and ServiceToken are CloudFormation's.
        before: the physical id so far, empty on Create.

    Raises:
        Failure: it is another name, or none.
    """
    wanted = Properties(properties, ["Name"]).text("Name", form="the name of a database")
    named = before.removeprefix(_PREFIX)
    if named and named != wanted:
        raise another_name(named, wanted)
    return _PREFIX + wanted


def another_name(before: str, wanted: str) -> Failure:
    """Return the refusal of another name for a database."""
    return Failure(
        f"The service's database is called {before}, and can't become {wanted}.",
        f"Set service_database_name (parameter DatabaseName) to {before} again; for another "
        "name deploy another service, and move the data.",
    )
