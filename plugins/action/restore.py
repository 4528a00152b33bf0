"""Restore the database of one service to a moment, inside ansible-playbook."""

from __future__ import annotations

import datetime
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, ClassVar

from ansible_collections.quayside.fargate.custom_resources.contract.names import Service
from ansible_collections.quayside.fargate.plugins.plugin_utils import aws, restore
from ansible_collections.quayside.fargate.plugins.plugin_utils.action import (
    AWS_OPTIONS,
    TIMEOUT_OPTION,
    Action,
    Options,
)
from ansible_collections.quayside.fargate.plugins.plugin_utils.errors import StackError
from ansible_collections.quayside.fargate.plugins.plugin_utils.restore import Home
from ansible_collections.quayside.fargate.plugins.plugin_utils.restore_calls import Restore

_Result = dict[str, Any]


class ActionModule(Action):  # type: ignore[misc]
    """The action quayside.fargate.restore."""

    _supports_check_mode = True
    options: ClassVar[Options] = {
        "platform": {"type": "str", "required": True},
        "service": {"type": "str", "required": True},
        "moment": {"type": "str", "default": ""},
        "image": {"type": "str", "default": ""},
        "swap": {"type": "str", "default": ""},
        "drop": {"type": "str", "default": ""},
        "clean": {"type": "bool", "default": False},
        "template": {"type": "str", "required": True},
        **TIMEOUT_OPTION,
        **AWS_OPTIONS,
    }

    def outcome(self, options: dict[str, Any]) -> _Result:
        """Restore, swap, drop or clean up, and say what stands."""
        wish = restore.wish(options)
        now = datetime.datetime.now(datetime.UTC)
        wanted = restore.moment(options["moment"], now) if wish == "moment" else now
        service = Service(options["platform"], options["service"])
        self._passed = {it: options[it] for it in (*TIMEOUT_OPTION, *AWS_OPTIONS) if options[it]}
        self._seconds: dict[str, float] = {}
        calls = Restore(aws.Account.of(options), service, self.clock)
        home = calls.home()
        if wish == "clean":
            return dict(self.updated(home.stack, state="absent", **self._passed))
        if wish == "moment":
            return self._restored(calls, home, wanted, options)
        if wish == "swap":
            calls.refuse_running()
        if self._task.check_mode:
            return {"changed": True}
        if wish == "swap":
            return self._swapped(calls, home, options["swap"], now)
        calls.ask(home, "drop", home.properties(), database=options["drop"])
        self.progress.say(f"{service}: the database {options['drop']} is dropped.")
        return {"changed": True}

    def _restored(
        self, calls: Restore, home: Home, wanted: datetime.datetime, options: dict[str, Any]
    ) -> _Result:
        calls.refuse_rotation()
        calls.refuse_second(home)
        parameters = calls.parameters(home, wanted, options["image"])
        with self._step("cluster"):
            made = self.updated(
                home.stack, template=options["template"], parameters=parameters, **self._passed
            )
        if made.get("failed") or self._task.check_mode:
            return dict(made)
        told = made["outputs"]
        try:
            self._moved(calls, home, told)
        except StackError as error:
            raise StackError(f"{error} {restore.costs_on(home)}") from error
        with self._step("removal"):
            removed = self.updated(home.stack, state="absent", **self._passed)
        if removed.get("failed"):
            return dict(removed)
        self.progress.say(restore.restored(home, wanted, self._seconds))
        return {
            "changed": True,
            "database": told["MovedDatabase"],
            "steps": {step: round(value, 1) for step, value in self._seconds.items()},
        }

    def _moved(self, calls: Restore, home: Home, told: dict[str, str]) -> None:
        copy = home.properties(host=told["SecondHost"], port=told["SecondPort"], copy=True)
        with self._step("users"):
            calls.ask(home, "users", copy)
            calls.ask(home, "beside", home.properties(), database=told["MovedDatabase"])
        try:
            with self._step("move"):
                calls.move(home, told["MoveTaskDefinitionArn"])
        except StackError as error:
            # One transaction moves the data: the database beside is empty.
            try:
                calls.ask(home, "drop", home.properties(), database=told["MovedDatabase"])
            except StackError as left:
                raise StackError(f"{error} {left}") from error
            raise

    def _swapped(self, calls: Restore, home: Home, name: str, now: datetime.datetime) -> _Result:
        kept = restore.kept(home.database, now)
        calls.ask(home, "swap", home.properties(), database=name, kept=kept)
        self.progress.say(
            f"{home.service}: {name} is its database {home.database} now; the one before is kept "
            f"as {kept}. Deploy the service with its tasks again, then repair.yml looks at users "
            f"and owners. The way back: -e swap={kept}."
        )
        return {"changed": True, "kept": kept}

    @contextmanager
    def _step(self, name: str) -> Iterator[None]:
        before = self.clock.elapsed
        yield
        self._seconds[name] = self.clock.elapsed - before
