"""Which template and version the stacks of a platform come from, and which are behind."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ansible_collections.quayside.fargate.plugins.plugin_utils import versions
from ansible_collections.quayside.fargate.plugins.plugin_utils.errors import StackError
from ansible_collections.quayside.fargate.plugins.plugin_utils.stack import outputs
from ansible_collections.quayside.fargate.plugins.plugin_utils.terminal_text import harmless
from ansible_collections.quayside.fargate.plugins.plugin_utils.versions import Origin


def origin(description: Mapping[str, Any]) -> dict[str, str | None]:
    """Return the template and the version that a stack comes from.

    Args:
        description: the stack (DescribeStacks).

    Returns: `template`, None if it doesn't tell; `version`, `before 1.1.0` if it doesn't, and None
        of a stack that never stood.
    """
    told = outputs(description)
    found = Origin.of_stack(told)
    return {"template": found.template, "version": str(found) if told else None}


def is_behind(stack: Mapping[str, Any], version: str) -> bool:
    """Say whether a stack is older than a version; one that never stood isn't.

    Args:
        stack: its `version`, as `origin` tells it.
        version: of the collection in use.
    """
    return bool(stack["version"] and _origin(stack).is_behind(version))


def behind(stacks: Iterable[Mapping[str, Any]], version: str) -> list[str]:
    """Return a sentence for each stack that is older than a version.

    Args:
        stacks: `stack` and `version` of each, as `origin` tells it.
        version: of the collection in use.
    """
    return [
        f"Stack {it['stack']} is from {it['version']}, and this collection is {version}."
        for it in _stood(stacks)
        if _origin(it).is_behind(version)
    ]


def ahead(stacks: Iterable[Mapping[str, Any]], version: str) -> list[str]:
    """Return a sentence for each stack that is newer than a version, as `behind` does."""
    return [
        f"Stack {it['stack']} is from {it['version']}, newer than this collection, {version}."
        for it in _stood(stacks)
        if _origin(it).is_ahead(version)
    ]


def refuse(status: Mapping[str, Any]) -> None:
    """Raise StackError if stacks are behind; `status` is what `Status.of` returned."""
    if status["outdated"]:
        raise StackError(
            f"Behind {status['collection']}: {len(status['outdated'])} of the stacks of "
            f"{status['platform']}. Upgrade the platform first, then the services."
        )


def lines(status: Mapping[str, Any]) -> list[str]:
    """Return what is said of stacks that aren't of the collection's version.

    Args:
        status: what `Status.of` returned.
    """
    said = [harmless(line) for line in (*status["outdated"], *status["newer"])]
    version, platform = status["collection"], status["platform"]
    return said or [f"All stacks of {platform} that were asked for are from {version}."]


def _stood(stacks: Iterable[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    return [it for it in stacks if it["version"]]


def _origin(stack: Mapping[str, Any]) -> Origin:
    return Origin.of_stack({versions.OUTPUT: stack["version"]})
