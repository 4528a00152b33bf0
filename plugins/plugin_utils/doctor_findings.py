"""What a look at an account has found, and what those who look share."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ansible_collections.quayside.fargate.plugins.plugin_utils import aws, credentials
from ansible_collections.quayside.fargate.plugins.plugin_utils.errors import StackError
from ansible_collections.quayside.fargate.plugins.plugin_utils.stack import describe

OK, WARNING, FAILED = "ok", "warning", "failed"
COLLECTION = Path(__file__).parents[2]


@dataclass(frozen=True)
class Finding:
    """One line of the table.

    check: what was looked at; result: ok, warning or failed; what: a sentence on what was found;
    to_do: a sentence on what to do about it, empty if nothing is to be done.
    """

    check: str
    result: str
    what: str
    to_do: str = ""


def ok(check: str, what: str) -> Finding:
    """Return a finding with which nothing is wrong."""
    return Finding(check, OK, what)


def warning(check: str, what: str, to_do: str) -> Finding:
    """Return a finding that may be all right."""
    return Finding(check, WARNING, what, to_do)


def failed(check: str, what: str, to_do: str) -> Finding:
    """Return a finding with which the platform, or a service, can't be deployed."""
    return Finding(check, FAILED, what, to_do)


def not_asked(
    check: str, error: Exception, policy: str = "docs/permissions/doctor.json"
) -> Finding:
    """Return a warning for what AWS, or a role's policy, didn't let us see.

    Args:
        check: what was to be looked at.
        error: one of botocore's.
        policy: that allows it.
    """
    what = f"This couldn't be looked at: {aws.message(error).rstrip('.')}."
    if aws.code(error) in aws.DENIED:
        return warning(check, what, f"Allow {policy}, or look yourself.")
    return warning(check, what, "Run it again, or look yourself.")


def not_made(check: str, error: StackError) -> Finding:
    """Return what it means that a client couldn't be made: without credentials nothing goes.

    Args:
        check: what was to be looked at.
        error: aws.Account's, in two sentences.
    """
    what, _stop, to_do = str(error).partition(". ")
    cause = error.__cause__ or error
    if credentials.remedy(cause, aws.code(cause)):
        return failed(check, f"{what}.", to_do)
    return warning(check, f"This couldn't be looked at: {what}.", to_do)


class Patient:
    """The account that is looked at, and what is to be deployed there.

    Args:
        account: makes the clients.
        wanted: the options of quayside.fargate.doctor.
        number: the account's.
        arn: of who looks.
        region: where the platform is to be.
    """

    def __init__(
        self, account: aws.Account, wanted: Mapping[str, Any], number: str, arn: str, region: str
    ) -> None:
        self._account = account
        self._clients: dict[str, Any] = {}
        self._lock = threading.Lock()
        self.wanted = wanted
        self.number = number
        self.arn = arn
        self.region = region

    @property
    def platform(self) -> str:
        """Name of the platform."""
        return str(self.wanted["platform"])

    def client(self, service: str) -> Any:
        """Return the one client of a service; botocore makes no two at the same time."""
        with self._lock:
            if service not in self._clients:
                self._clients[service] = self._account.client(service)
            return self._clients[service]

    def stands(self, stack: str) -> bool:
        """Say whether the platform has this stack; what we may not see counts as absent.

        Args:
            stack: its name without the platform's, such as ``network``.
        """
        try:
            return describe(self.client("cloudformation"), f"{self.platform}-{stack}") is not None
        except StackError:
            return False
