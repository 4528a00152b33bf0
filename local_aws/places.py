"""Places where ministack has something, and those where it has one and the same function.

A mend of one of the latter is a mend of all.
"""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Place:
    """A name in one of ministack's modules.

    Args:
        module: without `ministack.`.
        name: what the module has.
        keys: if that is a table, the way in it.
    """

    module: str
    name: str
    keys: tuple[str, ...] = ()

    def read(self) -> Any:
        """Return what is there; LookupError or AttributeError if there is nothing."""
        value = getattr(importlib.import_module(f"ministack.{self.module}"), self.name)
        for key in self.keys:
            value = value[key]
        return value

    def write(self, value: Any) -> None:
        """Put a value there."""
        module = importlib.import_module(f"ministack.{self.module}")
        if not self.keys:
            setattr(module, self.name, value)
            return
        table = Place(self.module, self.name, self.keys[:-1]).read()
        table[self.keys[-1]] = value

    def __str__(self) -> str:
        return " ".join((f"{self.module}.{self.name}", *self.keys))


_STACKS = "services.cloudformation.stacks"
_HANDLERS = "services.cloudformation.handlers"
_HELPERS = "services.cloudformation.helpers"
_CHANGE_SETS = "services.cloudformation.changesets"
_PROVISIONERS = "services.cloudformation.provisioners"
_CLUSTER = "AWS::RDS::DBCluster"


def _also_in(*modules: str, name: str) -> tuple[Place, ...]:
    return tuple(Place(module, name) for module in modules)


def _actions(module: str, table: str, **names: str) -> dict[Place, tuple[Place, ...]]:
    return {
        Place(module, name): (Place(module, table, (action,)),) for action, name in names.items()
    }


ALIASES: dict[Place, tuple[Place, ...]] = {
    Place(_STACKS, "_add_event"): _also_in(_CHANGE_SETS, _HANDLERS, name="_add_event"),
    Place(_STACKS, "_deploy_stack_async"): _also_in(
        _CHANGE_SETS, _HANDLERS, name="_deploy_stack_async"
    ),
    Place(_STACKS, "_delete_stack_async"): _also_in(_HANDLERS, name="_delete_stack_async"),
    Place(_HELPERS, "_resolve_template"): _also_in(
        _CHANGE_SETS, _HANDLERS, name="_resolve_template"
    ),
    Place(_HANDLERS, "validate_template_support"): _also_in(
        _CHANGE_SETS, name="validate_template_support"
    ),
    Place("core.iam_evaluator", "is_root_access_key"): _also_in(
        "services.sts", name="is_root_access_key"
    ),
    **_actions(
        "services.ecs",
        "_ACTION_MAP",
        CreateService="_create_service",
        DeleteService="_delete_service",
        RegisterTaskDefinition="_register_task_definition",
        StopTask="_stop_task",
        UpdateService="_update_service",
    ),
    **_actions(
        "services.iam", "_IAM_HANDLERS", CreateServiceLinkedRole="_create_service_linked_role"
    ),
    # its handler of updates replaces a cluster with these two
    Place(_PROVISIONERS, "_rds_db_cluster_create"): (
        Place(_PROVISIONERS, "_RESOURCE_HANDLERS", (_CLUSTER, "create")),
    ),
    Place(_PROVISIONERS, "_rds_db_cluster_delete"): (
        Place(_PROVISIONERS, "_RESOURCE_HANDLERS", (_CLUSTER, "delete")),
    ),
}


def first(place: Place) -> Place:
    """Return the place by which those that have the same function are known."""
    return next((one for one, others in ALIASES.items() if place in others), place)
