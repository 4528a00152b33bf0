"""A service is its team's by its name."""

from __future__ import annotations

import pytest

from ansible_collections.quayside.fargate.plugins.plugin_utils.errors import StackError
from ansible_collections.quayside.fargate.plugins.plugin_utils.teams import (
    refuse_another_teams,
)


@pytest.mark.parametrize("prefix", ["pay-", ""])
def test_a_service_that_begins_with_the_prefix_is_the_teams(prefix: str) -> None:
    refuse_another_teams("pay-orders", "payments", prefix)


def test_another_teams_service_is_refused_with_the_prefix() -> None:
    with pytest.raises(StackError) as error:
        refuse_another_teams("orders", "payments", "pay-")
    assert str(error.value) == (
        "service_name: orders doesn't begin with pay-, as the services of the team payments do. "
        "Rename the service, or take its own team (service_team)."
    )
