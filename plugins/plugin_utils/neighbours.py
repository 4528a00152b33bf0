"""The stacks that a stack takes values from: their outputs, and what to say of one that lacks."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from ansible_collections.quayside.fargate.plugins.plugin_utils import aws, versions
from ansible_collections.quayside.fargate.plugins.plugin_utils.clock import Clock
from ansible_collections.quayside.fargate.plugins.plugin_utils.errors import StackError
from ansible_collections.quayside.fargate.plugins.plugin_utils.progress import Progress
from ansible_collections.quayside.fargate.plugins.plugin_utils.stack import (
    REPLACEABLE,
    SHELL,
    CallError,
    Description,
    Stack,
    describe_all,
    outputs,
)

Options = Mapping[str, Any]
Outputs = dict[str, dict[str, str]]


class Neighbours:
    """The stacks of option parameters_from.

    Args:
        account: whose they are.
        options: the task's options.
        clock: the time it has.
        progress: prints what it waits for.
    """

    def __init__(
        self, account: aws.Account, options: Options, clock: Clock, progress: Progress
    ) -> None:
        self._account = account
        self._client = account.client("cloudformation")
        self._options = options
        self._clock = clock
        self._progress = progress

    def described(self) -> dict[str, Description | None]:
        """Return the task's own stack and its neighbours by name, None for one that isn't there.

        Raises: StackError if one can't be looked at.
        """
        names = [self._options["name"], *self._options["parameters_from"]]
        try:
            return dict(describe_all(self._client, names))
        except CallError as error:
            raise StackError(self._unseen(error)) from error

    def outputs(self, found: Mapping[str, Description | None]) -> Outputs:
        """Return the neighbours' outputs, in the order in which they are asked.

        Args:
            found: as `described` returns it.

        Raises: StackError for one that isn't there, or never stood.
        """
        return {
            name: self._outputs_of(name, found[name]) for name in self._options["parameters_from"]
        }

    def missing(self, found: Mapping[str, Description | None]) -> list[str]:
        """Return the names of the neighbours that don't stand.

        In check mode the stack before this one was only planned: what its change set made may not
        be gone yet.

        Args:
            found: as `described` returns it.
        """
        return [name for name in self._options["parameters_from"] if not stands(found[name])]

    def strangers(self, origin: versions.Origin, values: Outputs, *, check: bool) -> list[str]:
        """Refuse stacks of a version that a template doesn't fit, or in check mode, where those
        that come before weren't upgraded either, return what to say of them.

        Args:
            origin: which Quayside the template comes from.
            values: as `outputs` returns them.
            check: whether it is check mode.

        Raises: StackError for such a stack.
        """
        free = self._options["any_version"]
        held = {name: told for name, told in values.items() if name not in free}
        mismatch = versions.mismatch(self._options["name"], origin, held)
        if mismatch and not check:
            raise StackError(mismatch)
        return [mismatch] if mismatch else []

    def _outputs_of(self, name: str, description: Description | None) -> dict[str, str]:
        if description and description["StackStatus"] == "CREATE_IN_PROGRESS":
            source = Stack(self._client, name, self._clock, self._progress)
            description = source.settled(description)
        status = description["StackStatus"] if description else ""
        if description is None or status.startswith("DELETE"):
            raise StackError(self._missing(name))
        if not stands(description):
            raise StackError(
                f"Stack {name}, which stack {self._options['name']} takes values from, is "
                f"{status}. Deploy it first."
            )
        return dict(outputs(description))

    def _unseen(self, error: CallError) -> str:
        """Return what to say if AWS refused to show a stack: a mistyped name may be the cause."""
        words = self._options["missing_sources"]
        named = [text for name, text in words.items() if f" of stack {name} " in str(error)]
        variable = re.search(r"Mend (\w+)", " ".join(named or words.values()))
        if not (error.denied and variable):
            return str(error)
        return f"{str(error).rstrip('.')}, or mend {variable[1]}."

    def _missing(self, name: str) -> str:
        """Return what to say of a stack of option parameters_from that isn't there."""
        words = self._options["missing_sources"].get(name)
        try:
            account = self._account.client("sts").get_caller_identity()["Account"]
        except aws.AwsError as error:
            raise StackError(aws.explain(error, "GetCallerIdentity")) from error
        looked = f"no stack {name} in {self._client.meta.region_name} of account {account}"
        if words:
            return f"{words} (Looked for: {looked}.)"
        return (
            f"There is {looked}, and stack {self._options['name']} takes values from it. Deploy it "
            "first, or take it from parameters_from."
        )


def stands(description: Description | None) -> bool:
    """Say whether a stack is there, was ever created, and isn't on its way out."""
    status = description["StackStatus"] if description else "DELETE_COMPLETE"
    return status not in REPLACEABLE | {SHELL} and not status.startswith("DELETE")


def given_or_output(options: Options, option: str, values: Outputs) -> str | None:
    """Return an option, or the output that its twin `..._from` names.

    Args:
        options: the task's options.
        option: role_arn or artifacts_bucket.
        values: the neighbours' outputs.

    Raises: StackError if none of them has that output.
    """
    name = options[f"{option}_from"]
    if not name:
        return options[option] or None
    for found in values.values():
        if name in found:
            return found[name]
    raise StackError(
        f"None of the stacks {', '.join(values) or '(none)'} has the output {name} that option "
        f"{option}_from names. Mend the name, or add the stack to parameters_from."
    )
