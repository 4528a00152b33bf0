"""Writes every task result of a play to the file RESULTS, one JSON document a line."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from ansible.plugins.callback import CallbackBase

DOCUMENTATION = r"""
name: results
type: aggregate
short_description: Task results for tests
description: [Writes every task result to the file in the environment variable RESULTS.]
"""


class CallbackModule(CallbackBase):  # type: ignore[misc]
    """The callback results."""

    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "aggregate"
    CALLBACK_NAME = "results"
    CALLBACK_NEEDS_ENABLED = True

    def v2_runner_on_ok(self, result: Any) -> None:
        """Write a result."""
        with Path(os.environ["RESULTS"]).open("a", encoding="utf-8") as file:
            file.write(json.dumps(result.result, default=str) + "\n")

    def v2_runner_on_failed(self, result: Any, ignore_errors: bool = False) -> None:  # noqa: ARG002
        """Write the result of a failed task."""
        self.v2_runner_on_ok(result)
