"""Whether ansible-playbook still lives: a closed terminal ends it, and not its workers."""

from __future__ import annotations

import multiprocessing
import os

from ansible_collections.quayside.fargate.plugins.plugin_utils.errors import StackError


def refuse_orphan() -> None:
    """Raise StackError in a worker of ansible-playbook whose ansible-playbook is gone."""
    parent = multiprocessing.parent_process()
    if parent is not None and os.getppid() != parent.pid:
        raise StackError(
            f"ansible-playbook (process {parent.pid}) is gone, so nothing more is sent to AWS. Run "
            "the playbook again; it waits for what is under way."
        )
