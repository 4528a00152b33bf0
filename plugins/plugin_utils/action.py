"""What the collection's actions share: their options, and errors as a task's message."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any, ClassVar

from ansible.plugins.action import ActionBase

from ansible_collections.quayside.fargate.plugins.plugin_utils import screen
from ansible_collections.quayside.fargate.plugins.plugin_utils.clock import Clock
from ansible_collections.quayside.fargate.plugins.plugin_utils.errors import StackError

Options = dict[str, dict[str, Any]]

# plugins/doc_fragments/aws.py documents these.
AWS_OPTIONS: Options = {
    "region": {"type": "str"},
    "profile": {"type": "str"},
    "endpoint_url": {"type": "str"},
}
TIMEOUT_OPTION: Options = {"timeout": {"type": "int", "default": 3600}}


class Action(ActionBase):  # type: ignore[misc]
    """An action that runs in the process of ansible-playbook's worker.

    Attributes:
        options: what plugins/modules documents; a test holds the two together.
        exclusive: pairs of options of which a task gives one.
        progress: prints what happens.
        clock: counts the task's seconds, and ends it after option timeout if it has one.
    """

    options: ClassVar[Options]
    exclusive: ClassVar[list[tuple[str, str]]] = []
    _supports_async = False

    def run(
        self, tmp: str | None = None, task_vars: dict[str, Any] | None = None
    ) -> dict[str, Any]:
        """Check the options and do it; a StackError is the failed task's message."""
        result: dict[str, Any] = super().run(tmp, task_vars)
        checked = self.validate_argument_spec(self.options, mutually_exclusive=self.exclusive)
        options = checked[1]
        self.progress = screen.progress(self.hide)
        self.clock = Clock(options.get("timeout", 0), self.progress.waits)
        try:
            result.update(self.outcome(options))
        except StackError as error:
            result.update(failed=True, msg=self.hide(str(error)))
        finally:
            self.progress.clear()
        result["seconds"] = round(self.clock.elapsed, 1)
        return result

    @abstractmethod
    def outcome(self, options: dict[str, Any]) -> dict[str, Any]:
        """Do it with checked options, and return the task's result.

        Raises: StackError for whatever the user must know.
        """

    def updated(self, stack: str, **arguments: Any) -> dict[str, Any]:
        """Return the result of quayside.fargate.stack on a stack, run as a part of this task.

        Args:
            stack: its name.
            arguments: its other options.
        """
        task = self._task.copy()
        task.args = {"name": stack, **arguments}
        action = self._shared_loader_obj.action_loader.get(
            "quayside.fargate.stack",
            task=task,
            connection=self._connection,
            play_context=self._play_context,
            loader=self._loader,
            templar=self._templar,
            shared_loader_obj=self._shared_loader_obj,
        )
        return dict(action.run(task_vars={}))

    def hide(self, text: str) -> str:
        """Return a text without what nobody may see; by default there is nothing."""
        return text
