"""Ansible callback: the play recap as JSON, for a program to read."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from ansible.plugins.callback import CallbackBase

DOCUMENTATION = """
name: recap
type: notification
short_description: Write the play recap to a file
description: Writes what the PLAY RECAP says to the file that DEMO_RECAP names.
options: {}
"""


class CallbackModule(CallbackBase):  # type: ignore[misc]
    """Writes ``{HOST: {"ok": n, "changed": n, ...}}`` when the playbook has ended."""

    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "notification"
    CALLBACK_NAME = "recap"
    CALLBACK_NEEDS_ENABLED = True

    def v2_playbook_on_stats(self, stats: Any) -> None:
        """Write the recap."""
        recap = {host: stats.summarize(host) for host in stats.processed}
        Path(os.environ["DEMO_RECAP"]).write_text(json.dumps(recap))
