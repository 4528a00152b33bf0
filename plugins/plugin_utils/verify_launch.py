"""Whether a service can run where its tasks are wanted: on Fargate, or a share of them on Spot.

Source: the schema of AWS::ECS::Service has LaunchType among conditionalCreateOnlyProperties: a
service that loses it may be replaced. Amazon ECS API reference, CapacityProviderStrategyItem: "If
specifying a capacity provider ... the capacity provider must already be associated with the
cluster".
"""

from __future__ import annotations

from ansible_collections.quayside.fargate.plugins.plugin_utils.doctor_findings import (
    Finding,
    failed,
    warning,
)
from ansible_collections.quayside.fargate.plugins.plugin_utils.errors import StackError
from ansible_collections.quayside.fargate.plugins.plugin_utils.neighbours import stands
from ansible_collections.quayside.fargate.plugins.plugin_utils.platform_stacks import CLUSTER, name
from ansible_collections.quayside.fargate.plugins.plugin_utils.stack import outputs
from ansible_collections.quayside.fargate.plugins.plugin_utils.verify_candidate import Candidate

_CHECK = "capacity"
_LAUNCH_TYPE = "FARGATE"  # what a stack has that knows no parameter LaunchType


def launch(candidate: Candidate, *, planned: bool) -> list[Finding]:
    """Look whether the service may have its share on Spot, and whether its cluster has providers.

    Args:
        candidate: the service.
        planned: whether the platform may be one that was only planned (check mode), and that comes.
    """
    before = candidate.before
    percent = candidate.values.get("spot_percent")
    if before is not None and before.get("LaunchType", _LAUNCH_TYPE) == _LAUNCH_TYPE:
        return [_of_a_launch_type(percent)] if percent else []
    found = _lacking(candidate, planned=planned)
    return [found] if found else []


def _of_a_launch_type(percent: int) -> Finding:
    return failed(
        _CHECK,
        f"service_spot_percent is {percent}, and the service has the launch type FARGATE, as those "
        "from before 1.1.0 have: without it CloudFormation would replace the service.",
        "Give service_spot_percent: 0. For Spot deploy another service and move over "
        "(docs/scaling.md, Fargate Spot).",
    )


def _lacking(candidate: Candidate, *, planned: bool) -> Finding | None:
    stack = name(CLUSTER, candidate.values["platform"])
    try:
        description = candidate.described(stack) if stack in candidate.sources else None
    except StackError:
        return None  # the look at the platform tells
    if not description or not stands(description) or "CapacityProviders" in outputs(description):
        return None
    return (warning if planned else failed)(
        _CHECK,
        f"Stack {stack} has no output CapacityProviders: its cluster is from before services named "
        "capacity providers, and ECS would refuse the service.",
        f"Upgrade the platform first: deploy stack {stack}.",
    )
