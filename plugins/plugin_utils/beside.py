"""The template of the stack that stands beside a role's own, and the parameters that it takes."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ansible_collections.quayside.fargate.plugins.plugin_utils import mapping, template

_TEMPLATES = Path(__file__).resolve().parents[2] / "templates"


@functools.cache
def document(role: str) -> Mapping[str, Any]:
    """Return the template of the stack beside a role's, empty if there is none.

    Raises: StackError if it can't be read.
    """
    if role not in mapping.BESIDE:
        return {}
    path = _TEMPLATES / f"{mapping.BESIDE[role]}.yml"
    found: Mapping[str, Any] = template.load(template.read(path), path)
    return found


def parameters(role: str) -> Mapping[str, Any]:
    """Return what that template declares.

    Raises: StackError if it can't be read.
    """
    return dict(document(role).get("Parameters") or {})
