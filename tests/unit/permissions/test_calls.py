"""What a run's calls show of the policies (tests/e2e/calls.py)."""

from __future__ import annotations

from local_aws.control import Call
from tests.e2e.calls import Held, functions, who
from tests.e2e.platform import DEPLOYER, KINDS, ROOT
from tests.permissions.callers import CALLED, NOT_SEEN
from tests.unit.templates.templates import NAMES, of_type

PLATFORM = "arn:aws:iam::0:user/shop-platform-deployer"
SERVICE = "arn:aws:iam::0:user/shop-service-deployer"
TEAM = "arn:aws:iam::0:user/shop-service-deployer-a"
ROTATE = "arn:aws:sts::0:assumed-role/shop-rotation-RotateFunctionRole-8CA5ACF1B2734/x"


def call(principal: str, action: str, error: str = "") -> Call:
    return Call(principal, action, "arn", error)


def test_deployers_and_functions_are_known_by_their_principals() -> None:
    assert who(PLATFORM) == "platform"
    assert who(SERVICE) == "service"
    assert who(ROTATE) == "RotateFunction"
    assert who("arn:aws:iam::0:root") is None


def test_a_team_that_tries_what_it_may_not_is_left_aside() -> None:
    assert Held([call(TEAM, "iam:PassRole", "AccessDenied")]).refused == set()


def test_a_refused_call_is_told_with_its_caller() -> None:
    held = Held([call(ROTATE, "ecs:ListTasks", "AccessDenied")])
    assert held.refused == {"RotateFunction: ecs:ListTasks on arn: AccessDenied"}


def test_a_call_that_the_table_does_not_name_is_told() -> None:
    held = Held([call(SERVICE, "ecs:ListTasks"), call(SERVICE, "ecs:StopTask")])
    assert held.unlisted == {"service: ecs:StopTask"}


def test_what_nobody_called_is_told_until_it_is_called_or_explained() -> None:
    before = Held([]).idle
    assert "service: ecs:ListTasks" in before
    assert "RotateFunction: ecs:ListTasks" in before
    after = Held([call(SERVICE, "ecs:ListTasks")]).idle
    assert before - after == {"service: ecs:ListTasks"}
    assert "RotateFunction: ec2:CreateNetworkInterface" not in before


def test_every_explanation_is_of_something_that_is_allowed() -> None:
    may = {kind: set(called) for kind, called in CALLED.items()} | functions()
    known = {f"{name}: {action}" for name, actions in may.items() for action in actions}
    known |= {action for actions in may.values() for action in actions}
    assert NOT_SEEN.keys() - known == set()


def test_every_function_has_a_role_that_is_looked_at() -> None:
    known = {key for name in NAMES for key in of_type(name, "AWS::Lambda::Function")}
    assert functions().keys() == known
    assert all(functions().values())


def test_playbooks_are_run_by_people_whose_calls_are_looked_at() -> None:
    assert [it for it in DEPLOYER if not (ROOT / it).is_file()] == []
    assert set(DEPLOYER.values()) <= set(KINDS) == CALLED.keys()
