"""Which parameter of its template a role's option fills: the one of its name.

host_name fills HostName. What isn't so, and what isn't described by the template alone, stands in
SPECIAL with its reason. Both directions are here: values go to parameters, and messages name a
refused parameter by the variable that it came from.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

# Options that say how a stack is deployed, not what is in it; a template of somebody's own may have
# parameters of such names.
DEPLOYMENT = frozenset(
    {
        *("state", "template", "overrides", "allow", "tags", "termination_protection"),
        *("timeout", "region", "profile"),
    }
)
# Options that have their effect without a parameter too: they name the stack, or say from which
# others it takes values (variable_sources).
STACKS = frozenset({"platform", "name", "team", "load_balancer", "route", "database", "rotation"})


class Special(NamedTuple):
    """An option that isn't all told by the parameter of its name.

    why: the reason. decides: the parameters that it decides, alone or with others, and by which of
    its members; "" is the whole. named: whether there is a parameter of its name.
    """

    why: str
    decides: Mapping[str, str] = {}
    named: bool = True


_NETWORK = Special(
    "empty takes the network stack's; one of yours does without that stack", {"NetworkStack": ""}
)
_SUBNETS = Special("empty takes the network stack's private ones")
# Whose argument specs are written by hand; `make roles` writes all others from the template.
SPECIAL: dict[str, dict[str, Special]] = {
    "service": {
        "state": Special("it is no parameter: a stack is there, or it isn't", named=False),
        "image": Special(
            "its tag becomes a digest, and it is needed only while the service is there",
            {"Image": ""},
        ),
        "desired_count": Special(
            "2, where the template leaves the number alone; scaling's is never sent over",
            {"DesiredCount": ""},
        ),
        "scaling": Special(
            "a map, of which each member but schedules is a parameter",
            {
                "MinCount": "min",
                "MaxCount": "max",
                "TargetCpuPercent": "cpu_percent",
                "TargetMemoryPercent": "memory_percent",
                "TargetRequestsPerTask": "requests_per_task",
                "ScaleOutCooldownSeconds": "scale_out_cooldown_seconds",
                "ScaleInCooldownSeconds": "scale_in_cooldown_seconds",
                "DesiredCount": "",
            },
            named=False,
        ),
        "database_name": Special("its default is made of another option"),
        "snapshot_before_drop": Special(
            "it is no parameter: it is taken before the stack's deletion", named=False
        ),
        "first_active_user": Special(
            "rotation moves it afterwards", {"ActiveUser": ""}, named=False
        ),
        "rotation_function_arn": Special("empty takes the platform's own"),
        "rotation_function_role_arn": Special("empty takes the platform's own"),
        "environment": Special("a map that is laid over the container", named=False),
        "secrets": Special(
            "a map that is laid over the container; the parameters name what may be read",
            {"SecretArns": "", "ParameterArns": ""},
            named=False,
        ),
        "monitoring_overrides": Special("laid over the template of the second stack", named=False),
        "termination_protection": Special("a service comes and goes, and has none by default"),
    },
    "support": {
        "vpc_id": _NETWORK,
        "private_subnet_ids": _SUBNETS,
        "artifacts_bucket": Special("empty means one that the role makes", {"ArtifactsBucket": ""}),
        "functions_directory": Special("what is in it becomes parameters", named=False),
    },
    "cluster": {
        "vpc_id": _NETWORK,
        "private_subnet_ids": _SUBNETS,
        "service_linked_role": Special(
            "whether it is there is looked up once", {"CreateServiceLinkedRole": ""}, named=False
        ),
    },
    "load_balancer": {
        "subnet_ids": Special("empty takes those that the scheme needs", {"SubnetIds": ""}),
        "more_certificate_arns": Special(
            "each is a parameter, in which it stays while it is in the list",
            {f"MoreCertificateArn{number}": "" for number in range(1, 9)},
            named=False,
        ),
    },
    "rds": {
        "max_capacity": Special("its default is whole, and yet it goes in halves"),
        "snapshot_identifier": Special("not given, it stays as it was"),
    },
    "rotation": {
        "functions_directory": Special("what is in it becomes parameters", named=False),
        "load_balancer": Special(
            "it names the stack of the dashboard's", {"LoadBalancerFullName": ""}, named=False
        ),
    },
}
# Role -> the template of the stack beside its own: parameters that it alone has are options too.
BESIDE = {"service": "service_monitoring"}
# Parameters that no option sets.
NO_OPTION = {
    "RepairNumber": "repair.yml raises it",
    "RepairOwnership": "repair.yml sets it",
    "LaunchType": "the role leaves it out of new services; others keep what they have",
    "SecretVersions": "the role's first step finds it",
    "MayHaveNoTask": "the role's last step but one finds out",
    "MostTasks": "the role's last step but one finds out",
    "FirstCreation": "the role sets it, and takes it back once the stack stands",
}


def parameter_of(option: str) -> str:
    """Return the parameter of an option's name."""
    return "".join(word.capitalize() for word in option.split("_"))


def is_named(role: str | None, option: str) -> bool:
    """Say whether an option fills the parameter of its name.

    Args:
        role: whose option it is, None outside of a role.
        option: its name without the role's.
    """
    special = SPECIAL.get(role or "", {}).get(option)
    return option not in DEPLOYMENT and (special is None or special.named)


def options_of(role: str | None, parameter: str) -> list[str]:
    """Return the options that decide a parameter; scaling.min is a member of a map.

    Args:
        role: whose options they are, None outside of a role.
        parameter: its name in the template.
    """
    special = SPECIAL.get(role or "", {})
    deciding = [
        ".".join(filter(None, (option, it.decides[parameter])))
        for option, it in special.items()
        if parameter in it.decides
    ]
    return deciding or [re.sub(r"(?<!^)(?=[A-Z])", "_", parameter).lower()]


def filled(role: str | None, options: Mapping[str, Any]) -> Iterator[tuple[str, str, Any]]:
    """Yield each option, or member of one, with the parameter that it fills and its value.

    Args:
        role: whose options they are, None outside of a role.
        options: values by the options' names without the role's.
    """
    for option, value in options.items():
        decides = SPECIAL.get(role or "", {}).get(option, Special("")).decides
        if isinstance(value, Mapping):
            for parameter, member in decides.items():
                if member and member in value:
                    yield f"{option}.{member}", parameter, value[member]
        elif is_named(role, option):
            yield option, parameter_of(option), value


def variables_of(role: str, parameter: str) -> list[str]:
    """Return the variables of a role that decide a parameter, whole ones."""
    return [f"{role}_{option.partition('.')[0]}" for option in options_of(role, parameter)]


def subject(parameter: str, role: str | None) -> str:
    """Return what a message calls a parameter: by the role's variable, if there is one."""
    if not role:
        return f"Parameter {parameter}"
    return f"{role}_{options_of(role, parameter)[0]} (parameter {parameter})"
