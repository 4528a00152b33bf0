"""Gives a service's login users their limits: how long a statement may take, how many connections a
user may have. Both are the users' own and never the database's: the admin must get in.

Source: PostgreSQL documentation, ALTER ROLE (CONNECTION LIMIT; what is set IN DATABASE goes before
what the role or the database has), "pg_db_role_setting" and "pg_stat_activity".
"""

from __future__ import annotations

from dataclasses import dataclass

from custom_resources.database.findings import Findings
from custom_resources.database.limits import NO_LIMITS, Limits
from custom_resources.database.roles import Roles, run
from custom_resources.shared import log
from custom_resources.shared.failure import Failure

_NONE = "none"
_SETTING = """
    SELECT split_part(setting, '=', 2)
    FROM pg_db_role_setting
    JOIN pg_roles ON pg_roles.oid = setrole
    JOIN pg_database ON pg_database.oid = setdatabase,
    unnest(setconfig) AS setting
    WHERE rolname = %s AND datname = %s AND split_part(setting, '=', 1) = 'statement_timeout'
"""
_LIMIT = "SELECT greatest(rolconnlimit, 0) FROM pg_roles WHERE rolname = %s"
_CONNECTIONS = """
    SELECT count(*) FROM pg_stat_activity WHERE usename = %s AND backend_type = 'client backend'
"""
_ROOM = """
    SELECT count(*) < current_setting('max_connections')::int
    FROM pg_stat_activity WHERE backend_type = 'client backend'
"""


@dataclass(frozen=True)
class Limiting:
    """Gives users the limits that the properties describe, and takes back what earlier ones gave.

    What no property gave, as to an adopted user, stays as it is.

    Args:
        roles: of the service; their lock is held.
        wanted: what the properties say.
        before: what they said before this change.
    """

    roles: Roles
    wanted: Limits
    before: Limits = NO_LIMITS

    def check(self, user: str) -> None:
        """Refuse a new limit that a user has passed already: its next logins would be denied.

        Raises:
            Failure: naming the user, its connections and the limit.
        """
        limit = self.wanted.connections
        if limit in (0, self.before.connections):
            return
        used = self.roles.value(_CONNECTIONS, user)
        if used > limit:
            raise Failure(
                f"ConnectionLimit is {limit}, and the user {user} has {used} connections.",
                "Give a greater limit (service_connection_limit), or first give the tasks smaller "
                "pools.",
            )

    def converge(self, user: str, findings: Findings) -> None:
        """Give a user its limits.

        Args:
            user: name of a login user.
            findings: gets a sentence for what has changed by hand, and for what isn't ours.
        """
        self._limit_statements(user, findings)
        self._limit_connections(user, findings)

    def take_back(self, user: str) -> None:
        """Take from a user what the properties gave it, for whoever adopts it."""
        Limiting(self.roles, NO_LIMITS, self.wanted).converge(user, Findings())

    def _limit_statements(self, user: str, findings: Findings) -> None:
        wanted, before = self.wanted.statement_timeout, self.before.statement_timeout
        found = self.roles.value(_SETTING, user, self.roles.database) or ""
        if (wanted or before) and found != wanted:
            change = "SET statement_timeout = %s" if wanted else "RESET statement_timeout"
            self._alter(f"IN DATABASE {{}} {change}", user, self.roles.database, value=wanted)
        _tell(findings, f"{user}: statement_timeout", found, wanted, before)

    def _limit_connections(self, user: str, findings: Findings) -> None:
        wanted, before = self.wanted.connections, self.before.connections
        found = self.roles.value(_LIMIT, user)
        if (wanted or before) and found != wanted:
            self._alter("CONNECTION LIMIT %s", user, value=wanted or -1)
        _tell(findings, f"{user}: connection limit", found, wanted, before)

    def _alter(self, change: str, *names: str, value: object) -> None:
        with self.roles.connection.cursor() as cursor:
            run(cursor, f"ALTER ROLE {{}} {change}", *names, values=(value,) if value else None)


def has_all_its_connections(roles: Roles, user: str) -> bool:
    """Whether it is its own limit that denies a user another connection, while the server has
    room."""
    limit = roles.value(_LIMIT, user)
    return bool(limit and roles.value(_CONNECTIONS, user) >= limit and roles.value(_ROOM))


def _tell(findings: Findings, what: str, found: object, wanted: object, before: object) -> None:
    """Tell of a limit that isn't as the properties last left it."""
    if found == wanted:
        return
    if wanted != before:
        log.info("limit changed", of=what, found=found or _NONE, now=wanted or _NONE)
    elif wanted:
        log.warning("limit set again", of=what, found=found or _NONE, now=wanted)
        findings.right.append(f"{what} is {wanted} again, it was {found or _NONE}.")
    else:
        findings.right.append(f"{what} is {found}, which no parameter set: it stays.")
