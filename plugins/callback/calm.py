"""A standard output with what happened, and nothing of what didn't."""

from __future__ import annotations

# ruff: noqa: E402 - Ansible has a plugin's documentation before its imports

DOCUMENTATION = r"""
name: calm
type: stdout
author: The Quayside team (@quayside)
short_description: Print what happened, each thing once
version_added: 1.1.0
description:
  - Prints a line for a task that changed something, and none for one that changed nothing or was
    skipped. Tasks of this collection print their own lines while they run.
  - Prints a failed task's message once, with its line breaks.
  - The messages of C(ansible.builtin.debug), warnings and differences show as ever.
  - With C(-v), all is as with C(ansible.builtin.default).
extends_documentation_fragment:
  - default_callback
  - result_format_callback
"""

from typing import Any

from ansible import constants
from ansible.plugins.callback.default import CallbackModule as Default
from ansible.utils.color import colorize, hostcolor

_OURS = "quayside.fargate."
# Their message is all there is to say of a failure.
_SPEAKING = frozenset({"ansible.builtin.assert", "ansible.builtin.fail"})
# What else a module may say of one.
_MORE = ("cmd", "rc", "stdout", "stderr", "module_stdout", "module_stderr")
_COUNTS = {
    "ok": ("ok", constants.COLOR_OK),
    "changed": ("changed", constants.COLOR_CHANGED),
    "unreachable": ("unreachable", constants.COLOR_UNREACHABLE),
    "failed": ("failures", constants.COLOR_ERROR),
    "skipped": ("skipped", constants.COLOR_SKIP),
    "rescued": ("rescued", constants.COLOR_OK),
    "ignored": ("ignored", constants.COLOR_WARN),
}


class CallbackModule(Default):  # type: ignore[misc]
    """The callback quayside.fargate.calm."""

    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "stdout"
    CALLBACK_NAME = "quayside.fargate.calm"

    def v2_playbook_on_play_start(self, play: Any) -> None:
        """Say which play begins."""
        if self._is_verbose:
            super().v2_playbook_on_play_start(play)
        else:
            self._play = play
            self._display.display(f"PLAY [{play.get_name().strip()}]")

    def v2_playbook_on_include(self, included_file: Any) -> None:
        """Say nothing of included files."""
        if self._is_verbose:
            super().v2_playbook_on_include(included_file)

    def v2_runner_on_ok(self, result: Any) -> None:
        """Say what a task changed, and what it was there to say."""
        if self._is_verbose:
            super().v2_runner_on_ok(result)
        elif not result.task.loop:  # of those, each item was told
            self._tell_success(result)

    def v2_runner_item_on_ok(self, result: Any) -> None:
        """Say it of an item of a loop."""
        if self._is_verbose:
            super().v2_runner_item_on_ok(result)
        else:
            self._tell_success(result, f" ({self._get_item_label(result.result)})")

    def v2_runner_on_skipped(self, result: Any) -> None:
        """Say nothing of a task that wasn't run."""
        if self._is_verbose:
            super().v2_runner_on_skipped(result)

    def v2_runner_item_on_skipped(self, result: Any) -> None:
        """Say nothing of an item that wasn't."""
        if self._is_verbose:
            super().v2_runner_item_on_skipped(result)

    def v2_runner_on_failed(self, result: Any, ignore_errors: bool = False) -> None:
        """Say once what a task failed of."""
        if self._is_verbose:
            super().v2_runner_on_failed(result, ignore_errors)
        elif not result.task.loop or "results" not in result.result:
            self._tell_failure(result)
            if ignore_errors:
                self._display.display("...ignoring", color=constants.COLOR_SKIP)

    def v2_runner_item_on_failed(self, result: Any) -> None:
        """Say it of an item of a loop."""
        if self._is_verbose:
            super().v2_runner_item_on_failed(result)
        else:
            self._tell_failure(result, f" ({self._get_item_label(result.result)})")

    def v2_playbook_on_stats(self, stats: Any) -> None:
        """Count, without a banner."""
        if self._is_verbose:
            super().v2_playbook_on_stats(stats)
            return
        for host in sorted(stats.processed):
            found = stats.summarize(host)
            counts = " ".join(
                colorize(name, found[key], colour) for name, (key, colour) in _COUNTS.items()
            )
            self._display.display(f"{hostcolor(host, found)} : {counts}", screen_only=True)
            self._display.display(f"{host} : {found}", log_only=True)

    @property
    def _is_verbose(self) -> bool:
        return bool(self._display.verbosity)

    def _print_task_banner(self, task: Any) -> None:
        if self._is_verbose:
            super()._print_task_banner(task)

    def _tell_success(self, result: Any, item: str = "") -> None:
        self._handle_warnings_and_exception(result)
        if self._run_is_verbose(result):  # as ansible.builtin.debug always is
            said = result.result.get("msg")
            self._display.display(said if isinstance(said, str) else self._dump(result))
        elif result.result.get("changed") and not _action(result).startswith(_OURS):
            name = result.task.get_name().strip()
            self._display.display(f"changed: {name}{item}", color=constants.COLOR_CHANGED)

    def _tell_failure(self, result: Any, item: str = "") -> None:
        self._error(f"FAILED: {result.task.get_name().strip()}{item}")
        action, said = _action(result), result.result.get("msg")
        if isinstance(said, str) and (action.startswith(_OURS) or action in _SPEAKING):
            self._handle_warnings(result.result)
            self._error(said)
            return
        self._handle_warnings_and_exception(result)  # which says the message
        more = {name: result.result[name] for name in _MORE if result.result.get(name)}
        if more:
            self._error(self._dump_results(more).strip("\n"))

    def _dump(self, result: Any) -> str:
        self._clean_results(result.result, result.task.action)
        return str(self._dump_results(result.result)).strip("\n")

    def _error(self, text: str) -> None:
        aside = self.get_option("display_failed_stderr")
        self._display.display(text, color=constants.COLOR_ERROR, stderr=aside)


def _action(result: Any) -> str:
    return str(result.task.resolved_action or result.task.action)
