"""Which stacks go with a platform, and in which order: decided by what AWS lists, without a call.

Whose a stack is, its parameter Platform says: what only begins as a platform's name may be another
platform's or application's.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Self

from ansible_collections.quayside.fargate.custom_resources.contract.stacks import SHELL, parameters
from ansible_collections.quayside.fargate.plugins.plugin_utils import ownership, platform_stacks
from ansible_collections.quayside.fargate.plugins.plugin_utils.errors import StackError
from ansible_collections.quayside.fargate.plugins.plugin_utils.platform_stacks import (
    FOUNDATIONS,
    KINDS,
    PROTECTED,
    SERVICES,
)
from ansible_collections.quayside.fargate.plugins.plugin_utils.stack import (
    REPLACEABLE,
    outputs,
)

# What a creation or deletion left half-way takes no update, and is deleted as it is.
_UNSETTLED = REPLACEABLE | {SHELL, "DELETE_FAILED"}


@dataclass(frozen=True)
class Plan:
    """What a teardown does.

    platform: its name; delete_data: whether its data go too; services, protected, foundations:
    stacks in the order of their deletion; unprotect: those of `protected` that take an update
    before; bucket: the one that the platform made, "" if it isn't there; key: ARN of the databases'
    key, "" if no stack tells it; platforms: all that there are.
    """

    platform: str
    delete_data: bool
    services: Sequence[str]
    protected: Sequence[str]
    foundations: Sequence[str]
    unprotect: Sequence[str]
    bucket: str
    key: str
    platforms: Sequence[str]

    @classmethod
    def of(cls, result: Mapping[str, Any]) -> Self:
        """Return the plan that stands in a task's result."""
        return cls(**{name: result[name] for name in cls.__dataclass_fields__})

    @property
    def stacks(self) -> list[str]:
        """All the stacks, by their names."""
        return sorted([*self.services, *self.protected, *self.foundations])

    def result(self) -> dict[str, Any]:
        """Return the plan as a part of a task's result."""
        return asdict(self)


def refuse_unconfirmed(platform: str, confirm: str, delete_data: str) -> None:
    """Raise StackError for a name that no platform has, and for a run that isn't confirmed.

    Args:
        platform: whose stacks would go.
        confirm: its name again.
        delete_data: its name again if the data are to go too, or "".
    """
    if not platform_stacks.is_platform(platform):
        raise StackError(
            f"platform is '{platform}', but it must be 2 to 21 lower-case letters, digits and "
            "single hyphens, a letter first, no hyphen last, and not aws, ssm or internal at "
            "first. Nothing was removed; mend the name."
        )
    if confirm != platform or delete_data not in ("", platform):
        raise StackError(
            "confirm: nothing was removed. To remove the platform and every service on it, type "
            f"its name: -e platform={platform} -e confirm={platform} (and -e "
            f"delete_data={platform} to remove every manual snapshot of its databases as well, "
            "with their key and the logs; the same with --check names them first)."
        )


def plan(
    listed: Iterable[Mapping[str, Any]], platform: str, *, delete_data: bool, bucket: str
) -> Plan:
    """Return what a teardown of a platform does.

    Args:
        listed: all stacks of account and region (DescribeStacks).
        platform: its name.
        delete_data: whether the data go too.
        bucket: the one that the platform made, "" if it isn't there.

    Raises: StackError if a stack of the platform isn't named as its stacks are: CloudFormation
    would refuse to delete what it stands on, in the middle of it all.
    """
    stacks = [it for it in listed if "ParentId" not in it]  # nested ones go with theirs
    own = {it["StackName"]: it for it in stacks if is_own(it, platform)}
    strangers = sorted(it for it in own if not platform_stacks.kind_of(it, platform))
    if strangers:
        raise StackError(
            f"Nothing was removed: {', '.join(strangers)} belongs to the platform {platform} "
            "(parameter Platform) and isn't named as its stacks are, PLATFORM-service-NAME and so "
            f"on. Delete it first: aws cloudformation delete-stack --stack-name {strangers[0]}."
        )
    _refuse_protected(own, platform)
    told = {key: value for it in own.values() for key, value in outputs(it).items()}
    protected = _of_step(PROTECTED, own, platform)
    return Plan(
        platform=platform,
        delete_data=delete_data,
        services=_of_step(SERVICES, own, platform),
        protected=protected,
        foundations=_of_step(FOUNDATIONS, own, platform),
        unprotect=[it for it in protected if own[it]["StackStatus"] not in _UNSETTLED],
        bucket=bucket,
        key=told.get("DatabaseKeyArn", ""),
        platforms=platform_stacks.platforms(it["StackName"] for it in stacks),
    )


def _refuse_protected(own: Mapping[str, Mapping[str, Any]], platform: str) -> None:
    """Raise StackError for services whose logs somebody protected: a confirmation isn't theirs."""
    names = [it for it in _of_step(SERVICES, own, platform) if ownership.protecting(own[it])]
    if names:
        raise StackError(
            f"Nothing was removed: the log group of {', '.join(names)} is protected from deletion. "
            "Deploy with service_log_deletion_protection: false first, or leave the platform."
        )


def is_own(description: Mapping[str, Any], platform: str) -> bool:
    """Say whether a stack is a platform's.

    What a change set left that was never executed has no parameters that would tell whose it is,
    and no resources: it is the platform's by its name, unless another platform would call one of
    its stacks so, which may be under way at this moment.

    Args:
        description: the stack (DescribeStacks).
        platform: its name.
    """
    told: str | None = parameters(description).get("Platform")
    if told is None and description["StackStatus"] == SHELL:
        return [*platform_stacks.owners(description["StackName"])] == [platform]
    return told == platform


def _of_step(step: str, names: Iterable[str], platform: str) -> list[str]:
    kinds = {name: platform_stacks.kind_of(name, platform) for name in names}
    return [
        name for kind in KINDS if kind.step == step for name in sorted(names) if kinds[name] == kind
    ]
