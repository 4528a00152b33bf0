"""A team and its services, by their names."""

from __future__ import annotations

from ansible_collections.quayside.fargate.plugins.plugin_utils.errors import StackError


def refuse_another_teams(service: str, team: str, prefix: str) -> None:
    """Raise StackError if a service's name isn't its team's.

    Args:
        service: its name.
        team: whose it would be.
        prefix: what the names of the team's services begin with, "" if that isn't known.
    """
    if not service.startswith(prefix):
        raise StackError(
            f"service_name: {service} doesn't begin with {prefix}, as the services of the team "
            f"{team} do. Rename the service, or take its own team (service_team)."
        )
