"""Whether ansible-playbook still lives: a closed terminal ends it, and not its workers."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
from collections.abc import Iterator
from typing import Any

from ansible_collections.quayside.fargate.plugins.plugin_utils.errors import StackError

# What AWS's operations begin with that change nothing.
_READS = ("BatchGet", "Describe", "Filter", "Get", "Head", "List", "Lookup", "Simulate")
_tidying = False


def refuse_orphan() -> None:
    """Raise StackError in a worker of ansible-playbook whose ansible-playbook is gone."""
    parent = multiprocessing.parent_process()
    if parent is not None and os.getppid() != parent.pid and not _tidying:
        raise StackError(
            f"ansible-playbook (process {parent.pid}) is gone, so nothing more is sent to AWS. Run "
            "the playbook again; it waits for what is under way."
        )


def guard(model: Any, **_: Any) -> None:
    """Do so before a call that may change something: botocore's event ``before-call``."""
    if not model.name.startswith(_READS):
        refuse_orphan()


@contextlib.contextmanager
def tidying() -> Iterator[None]:
    """Let the calls of a block through, which take away what this run has left behind."""
    global _tidying  # noqa: PLW0603 - a worker is a process of one task
    before, _tidying = _tidying, True
    try:
        yield
    finally:
        _tidying = before
