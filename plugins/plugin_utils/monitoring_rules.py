"""What a service's variables break in the stack beside its own, which watches it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from ansible_collections.quayside.fargate.plugins.plugin_utils import (
    overlays,
    platform_stacks,
    template,
    variable_names,
)
from ansible_collections.quayside.fargate.plugins.plugin_utils.errors import StackError

_TEMPLATE = Path(__file__).resolve().parents[2] / "templates" / "service_monitoring.yml"
_OPTION = "service_monitoring_overrides"
_IMPORT = "ServiceStack"  # the output that imports what the service's stack exports


def problems(values: Mapping[str, Any], service: Mapping[str, Any]) -> Iterator[str]:
    """Yield a line for what would refuse the second stack once the service stood.

    Args:
        values: all options of the role service by their names without the role's, typed.
        service: its template with what is laid over it; empty if it can't be read.
    """
    overrides = values["monitoring_overrides"]
    wanted = platform_stacks.name(platform_stacks.SERVICE, values["platform"], values["name"])
    exports = not service or _may_export(service, wanted, values)
    if exports and not overrides:
        return
    document = template.load(template.read(_TEMPLATE), _TEMPLATE)
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
