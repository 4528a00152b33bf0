"""Rotating the database users of a service now, and cancelling a flip that is stuck."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from ansible_collections.quayside.fargate.custom_resources.contract import (
    names,
    outcomes,
    stacks,
)
from ansible_collections.quayside.fargate.custom_resources.contract.stacks import (
    ServiceStack,
    is_busy,
)
from ansible_collections.quayside.fargate.custom_resources.contract.usage import SETTLING_SECONDS
from ansible_collections.quayside.fargate.plugins.plugin_utils import aws, platform_stacks, services
from ansible_collections.quayside.fargate.plugins.plugin_utils.clock import Clock
from ansible_collections.quayside.fargate.plugins.plugin_utils.errors import StackError
from ansible_collections.quayside.fargate.plugins.plugin_utils.events import is_of_stack
from ansible_collections.quayside.fargate.plugins.plugin_utils.function_log import FunctionLog
from ansible_collections.quayside.fargate.plugins.plugin_utils.idle import Idle
from ansible_collections.quayside.fargate.plugins.plugin_utils.progress import Progress, Voice
from ansible_collections.quayside.fargate.plugins.plugin_utils.stack import (
    Description,
    Stack,
    Watch,
    describe,
)

_UNFINISHED = "A previous rotation isn't complete"
_COLOURS = {outcomes.REFUSED: "yellow", outcomes.FAILED: "red", outcomes.ROLLED_BACK: "red"}
# What fails otherwise is tried again.
_GIVEN_UP = (
    *(outcomes.REFUSED, outcomes.ROLLED_BACK),
    *(outcomes.Move.DROP.value, outcomes.Move.LATER.value),
)
_IGNORED = outcomes.Move.IGNORE.value  # an event about another label of the version
_REMINDER_SECONDS = 30.0
# Secrets Manager is eventually consistent: an answer may not know yet of a rotation that it has
# just begun. Nor does the rotation of a user that is refused for good last as long as that.
_LATE_SECONDS = 15.0


class Rotation:
    """Rotates one service.

    Args:
        account: makes the clients.
        service: whose users.
        clock: the time the task has.
        progress: prints what happens.
    """

    def __init__(
        self, account: aws.Account, service: names.Service, clock: Clock, progress: Progress
    ) -> None:
        self._account = account
        self._service = service
        self._clock = clock
        self._voice = Voice(progress, clock, str(service))
        self._cloudformation = account.client("cloudformation")
        self._secrets = account.client("secretsmanager")
        self._told: set[str] = set()
        self._stack = Stack(self._cloudformation, service.stack, clock, progress, account)

    def rotate(self, *, every: bool) -> dict[str, Any]:
        """Rotate the idle user, wait until it is the active one; then the other one, if `every`.

        Raises: StackError with what forbids the rotation, or with why the flip failed.
        """
        self._refuse_unknown_platform()
        settling = self._settling()
        rotated: dict[str, float] = {}
        for _turn in names.USERS if every else names.USERS[:1]:
            description, user = self._ready(settling)
            started = self._clock.elapsed
            watch = Watch(self._stack, description["StackId"])
            version = self._rotated(user)
            self._voice.say(f"the password of {user} is new; waiting for the service to move to it")
            description = self._flipped(user, version, watch)
            rotated[user] = round(self._clock.elapsed - started, 1)
            self._voice.say(f"{user} is active now, after {rotated[user]} s", "green")
        return _result(description, changed=True, rotated=rotated)

    def _ready(self, settling: float) -> tuple[Description, str]:
        """Wait until the idle user may be rotated; return the stack and who that is."""
        while True:
            description = self._settled()
            user = names.other(ServiceStack.of(description).active_user)
            # Whoever had to wait looks again: the stack may have been changed meanwhile.
            if not Idle(self._account, self._service, user, settling).wait(
                self._clock, self._voice.say
            ):
                return description, user

    def abort(self) -> dict[str, Any]:
        """Cancel a flip under way; raises StackError if another update runs."""
        self._refuse_unknown_platform()
        description = self._description()
        status = description["StackStatus"]
        if not is_busy(status):
            self._stack.refuse_stuck(description)
            self._voice.say(f"no flip is under way, the stack is {status}")
            return _result(description, changed=False)
        self._refuse_others(status)
        watch = Watch(self._stack, description["StackId"])
        self._cancel()
        self._clock.hurry()
        while is_busy(description["StackStatus"]):
            self._clock.pause(f"Stack {self._service.stack} is still {description['StackStatus']}")
            description = self._description()
            watch.fresh()
        self._stack.refuse_stuck(description)
        return _result(description, changed=True)

    def _refuse_unknown_platform(self) -> None:
        states = services.stack_states(self._cloudformation)
        services.refuse_unknown_platform(states, self._service.platform, self._account.region)

    def _refuse_others(self, status: str) -> None:
        token = self._running_token()
        if not token.startswith(stacks.FLIP):
            raise StackError(
                f"Stack {self._service.stack} is {status} by another operation than a flip; "
                "nothing was cancelled. Wait for its end, or cancel it: aws cloudformation "
                f"cancel-update-stack --stack-name {self._service.stack}."
            )
        if status != "UPDATE_IN_PROGRESS":
            raise StackError(
                f"The flip of stack {self._service.stack} is {status}, which can't be cancelled "
                "any more. Wait for its end: playbooks/status.yml shows it."
            )

    def _running_token(self) -> str:
        """Return the token of the operation that runs."""
        try:
            pages = self._cloudformation.get_paginator("describe_stack_events").paginate(
                StackName=self._service.stack
            )
            begun = (
                event
                for page in pages
                for event in page["StackEvents"]
                if is_of_stack(event) and event.get("ResourceStatus") == "UPDATE_IN_PROGRESS"
            )
            return str((next(begun, None) or {}).get("ClientRequestToken", ""))
        except aws.AwsError as error:
            doing = f"DescribeStackEvents of stack {self._service.stack}"
            raise StackError(aws.explain(error, doing)) from error

    def _cancel(self) -> None:
        try:
            self._cloudformation.cancel_update_stack(StackName=self._service.stack)
        except aws.AwsError as error:
            doing = f"CancelUpdateStack of stack {self._service.stack}"
            raise StackError(aws.explain(error, doing)) from error
        self._voice.say("the flip is cancelled; the stack goes back to the user it had")

    def _settling(self) -> float:
        """Return the platform's settling time in seconds; refuse a paused platform."""
        name = platform_stacks.name(platform_stacks.ROTATION, self._service.platform)
        found = describe(self._cloudformation, name)
        if found is None:
            raise StackError(
                f"The platform {self._service.platform} has no rotation: there is no stack {name}. "
                "Deploy it (playbooks/platform.yml, or role rotation)."
            )
        given = stacks.parameters(found)
        if given.get("Paused") == "true":
            raise StackError(
                f"Rotation is paused on the platform {self._service.platform}. Deploy it with "
                "rotation_paused: false first."
            )
        return float(given.get("SettlingSeconds") or SETTLING_SECONDS)

    def _settled(self) -> Description:
        """Return the stack when nothing runs on it; refuse one that has nothing to rotate."""
        description = self._stack.settled(self._description())
        self._stack.refuse_stuck(description)
        if description is None or not ServiceStack.of(description).is_stable:
            status = description["StackStatus"] if description else "gone"
            raise StackError(
                f"Stack {self._service.stack} is {status}. Deploy the service first, then rotate."
            )
        given = stacks.parameters(description)
        rotates = given.get("Rotation") == "true" and given.get("DatabaseUsers") == "blue-green"
        if given.get("Database") != "true" or not rotates:
            raise StackError(
                f"The service {self._service} has no rotation. Deploy it with service_database "
                "and service_rotation: true and service_database_users: blue-green."
            )
        return description

    def _description(self) -> Description:
        found = self._stack.look(self._service.stack)
        if found is None:
            raise StackError(
                f"There is no stack {self._service.stack}. Mend service_platform or service_name, "
                "or deploy the service."
            )
        return found

    def _rotated(self, user: str) -> str:
        """Start the rotation of a user, or join the one under way; return the version it made."""
        name = self._service.secret(user)
        since = _now()
        version = self._begin(name)
        self._voice.say(f"rotating {name}, version {version}")
        log = self._log(names.ROTATE, version, since)
        said, reminded, missed = "", self._clock.elapsed, None
        self._clock.hurry()
        while not (secret := services.secret(self._secrets, name)).is_rotated_to(version):
            outcome, reason = self._tell(log)
            said = reason or said
            if outcome == outcomes.REFUSED:
                alarm = f"the alarm {self._service.platform}-rotate-errors rings meanwhile"
                self._say_once(f"waiting until the refusal has passed; {alarm}", "yellow")
            if version in (secret.pending, secret.current):
                missed = None
            elif missed is None:
                missed = self._clock.elapsed
            elif self._clock.elapsed > missed + _LATE_SECONDS:
                raise StackError(
                    said
                    or f"The rotation of {name} was given up. The log of "
                    f"{self._service.platform}-rotate says why."
                )
            # How long Secrets Manager tries again by itself isn't documented.
            if said and self._clock.elapsed > reminded + _REMINDER_SECONDS:
                self._begin(name)
                reminded = self._clock.elapsed
            reason = (said or "its function said nothing").rstrip(".")
            self._clock.pause(f"The rotation of {name} isn't finished ({reason})")
        self._tell(log)
        return version

    def _begin(self, name: str) -> str:
        try:
            return str(self._secrets.rotate_secret(SecretId=name)["VersionId"])
        except aws.AwsError as error:
            pending = services.secret(self._secrets, name).pending
            if _UNFINISHED not in aws.message(error) or not pending:
                raise StackError(aws.explain(error, f"RotateSecret of {name}")) from error
            self._say_once("an earlier rotation isn't finished: it goes on", "yellow")
            return str(pending)

    def _flipped(self, user: str, version: str, watch: Watch) -> Description:
        """Follow the stack until it is steady with a user, and return it."""
        log = self._log(names.ACTIVATE, version, _now())
        begun = rolled_back = False
        failure = ""
        self._clock.hurry()
        while True:
            # The state before the events, so that none is missed in the end.
            description = self._description()
            for event in watch.fresh():
                self._clock.hurry()
                begun = begun or event.get("ClientRequestToken") == stacks.token(version)
                # A cancelled update's rollback has the token of who cancelled it.
                rolled_back = rolled_back or (begun and _is_rolled_back(event))
            outcome, told = self._tell(log)
            failure = told if outcome in _GIVEN_UP else failure
            stack = ServiceStack.of(description)
            if stack.is_stable and stack.active_user == user:
                return description
            if not is_busy(description["StackStatus"]):
                self._stack.refuse_stuck(description)
                if rolled_back:
                    failure = " ".join([f"{watch.reason(description)}.", *watch.alarms()])
                if failure:
                    raise StackError(self._not_moved(user, stack.active_user, failure))
            self._clock.pause(
                f"The service {self._service} isn't moved to {user}, its stack is "
                f"{description['StackStatus']}"
            )

    def _not_moved(self, user: str, active: str, reason: str) -> str:
        return (
            f"The service {self._service} wasn't moved to {user}: {reason.rstrip('.')}. "
            f"{active} stays active and valid; mend that, then rotate again."
        )

    def _log(self, function: str, version: str, since: int) -> FunctionLog:
        name = names.function(self._service.platform, function)
        return FunctionLog(self._account.client("logs"), name, version, since)

    def _tell(self, log: FunctionLog) -> tuple[str, str]:
        """Show what a function wrote; return its last outcome and the reason, "" without one.

        What goes well is for -v. What doesn't is tried again, and would say the same each time.
        """
        outcome = reason = ""
        for line in log.fresh():
            if line.get("outcome") == _IGNORED:
                continue
            outcome, reason = line.get("outcome", ""), line.get("reason", "")
            said = f"{line.get('step') or line.get('action', '')}: {outcome} {reason}".rstrip()
            if outcome in _COLOURS:
                self._say_once(said, _COLOURS[outcome])
            else:
                self._voice.detail(said)
        return outcome, reason

    def _say_once(self, text: str, colour: str | None = None) -> None:
        if text not in self._told:
            self._told.add(text)
            self._voice.say(text, colour)


def _is_rolled_back(event: Mapping[str, Any]) -> bool:
    return is_of_stack(event) and str(event.get("ResourceStatus")) == "UPDATE_ROLLBACK_COMPLETE"


def _now() -> int:
    """Milliseconds since 1970, a minute ago: clocks differ."""
    return int((time.time() - 60) * 1000)


def _result(
    description: Description, *, changed: bool, rotated: Mapping[str, float] | None = None
) -> dict[str, Any]:
    return {
        "changed": changed,
        "active_user": ServiceStack.of(description).active_user,
        "status": description["StackStatus"],
        "rotated": dict(rotated or {}),
    }
