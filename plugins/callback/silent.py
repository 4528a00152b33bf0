"""A standard output with nothing of Ansible's on it, for playbooks that print JSON."""

from __future__ import annotations

# ruff: noqa: E402 - Ansible has a plugin's documentation before its imports

DOCUMENTATION = r"""
name: silent
type: stdout
author: The Quayside team (@quayside)
short_description: Print nothing but what tasks print themselves
version_added: 1.1.0
description:
  - Leaves standard output to what tasks print, as playbooks/doctor.yml and playbooks/status.yml do
    with their JSON.
  - Why a task failed goes to standard error.
"""

from typing import Any

from ansible.plugins.callback import CallbackBase


class CallbackModule(CallbackBase):  # type: ignore[misc]
    """The callback quayside.fargate.silent."""

    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "stdout"
    CALLBACK_NAME = "quayside.fargate.silent"

    def v2_runner_on_failed(self, result: Any, ignore_errors: bool = False) -> None:
        """Say on standard error why a task failed."""
        if not ignore_errors:
            said = result.result.get("msg", "A task failed without a word.")
            self._display.display(str(said), stderr=True)

    def v2_runner_on_unreachable(self, result: Any) -> None:
        """Say on standard error why a host wasn't reached."""
        self.v2_runner_on_failed(result)
