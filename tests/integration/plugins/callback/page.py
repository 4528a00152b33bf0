"""A callback that nobody has heard of: standard output is one JSON document, printed at the end."""

from __future__ import annotations

import json
from typing import Any

from ansible.plugins.callback import CallbackBase

DOCUMENTATION = """
name: page
type: stdout
short_description: Print a document
description: [Prints one JSON document when the playbook has ended.]
options: {}
"""


class CallbackModule(CallbackBase):  # type: ignore[misc]
    """The callback page."""

    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "stdout"
    CALLBACK_NAME = "page"

    def v2_playbook_on_stats(self, stats: Any) -> None:
        """Print the document."""
        self._display.display(json.dumps({host: stats.summarize(host) for host in stats.processed}))
