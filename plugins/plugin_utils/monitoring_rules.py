"""What a service's variables break in the stack beside its own, which watches it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ansible_collections.quayside.fargate.plugins.plugin_utils import (
    beside,
    overlays,
    platform_stacks,
    variable_names,
)
from ansible_collections.quayside.fargate.plugins.plugin_utils.errors import StackError

_OPTION = "service_monitoring_overrides"
_IMPORT = "ServiceStack"  # the output that imports what the service's stack exports


def problems(values: Mapping[str, Any], service: Mapping[str, Any]) -> Iterator[str]:
    """Yield a line for what would refuse the second stack once the service stood.

    Args:
        values: all options of the role service by their names without the role's, typed.
        service: its template with what is laid over it; empty if it can't be read.
    """
    yield from _subscription(values)
    overrides = values["monitoring_overrides"]
    wanted = platform_stacks.name(platform_stacks.SERVICE, values["platform"], values["name"])
    exports = not service or _may_export(service, wanted, values)
    if exports and not overrides:
        return
    document = beside.document("service")
    try:
        overlays.check_overlay(document, overrides)
        whole = overlays.overlay(document, overrides)
    except StackError as error:
        yield f"{_OPTION}: {error}"
        return
    yield from variable_names.laid_over(_OPTION, overrides, document)
    if not exports and _IMPORT in (whole.get("Outputs") or {}):
        yield (
            f"service_template: none of its outputs is exported as {wanted}, which what watches "
            "the service imports. Add the output Platform: {Value: !Ref Platform, Export: {Name: "
            '!Sub "${Platform}-service-${Name}"}}.'
        )


def _subscription(values: Mapping[str, Any]) -> Iterator[str]:
    for option in ("role_arn", "pattern"):
        if values[f"log_subscription_{option}"] and not values["log_subscription_arn"]:
            yield (
                f"service_log_subscription_{option}: service_log_subscription_arn is missing. Say "
                "where lines are sent to, or leave it out."
            )


def _may_export(document: Mapping[str, Any], wanted: str, values: Mapping[str, Any]) -> bool:
    """Say whether a template exports a name, or one that only CloudFormation can tell."""
    known = {"Platform": values["platform"], "Name": values["name"], "AWS::StackName": wanted}
    for output in (document.get("Outputs") or {}).values():
        match (output.get("Export") or {}).get("Name"):
            case None:
                continue
            case str(text) | {"Fn::Sub": str(text)}:
                for name, value in known.items():
                    text = text.replace(f"${{{name}}}", value)
                if text == wanted or "${" in text:
                    return True
            case _:
                return True
    return False
