"""A service that is to be deployed, and what the platform's stacks say of where it will stand."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from concurrent.futures import Executor, Future
from functools import cached_property
from typing import Any, TypeVar

from ansible_collections.quayside.fargate.custom_resources.contract.names import Service
from ansible_collections.quayside.fargate.custom_resources.contract.stacks import parameters
from ansible_collections.quayside.fargate.plugins.plugin_utils import aws
from ansible_collections.quayside.fargate.plugins.plugin_utils.doctor_findings import (
    Finding,
    not_asked,
    not_made,
)
from ansible_collections.quayside.fargate.plugins.plugin_utils.errors import StackError
from ansible_collections.quayside.fargate.plugins.plugin_utils.neighbours import stands
from ansible_collections.quayside.fargate.plugins.plugin_utils.platform_stacks import (
    LOAD_BALANCER,
    name,
)
from ansible_collections.quayside.fargate.plugins.plugin_utils.stack import (
    Description,
    describe,
    outputs,
)

Answer = TypeVar("Answer")
_PIPELINES = "docs/permissions/service.json"
_READERS = "docs/permissions/read.json"


class Candidate:
    """The service, as its variables have it. Stacks are asked for at once, and waited for late.

    Args:
        options: of quayside.fargate.verify.
        pool: asks AWS. It must work in the order in which it is given work: who looks waits for
            stacks.
    """

    def __init__(self, options: Mapping[str, Any], pool: Executor) -> None:
        self._options = options
        self._pool = pool
        self._clients: dict[tuple[str, str], Any] = {}
        self._lock = threading.Lock()
        self.region = ""
        self.account = aws.Account.of(options)
        self.values: Mapping[str, Any] = options["variables"]
        self.sources: Mapping[str, str] = options["sources"]
        cloudformation = self.client("cloudformation")
        self.region = cloudformation.meta.region_name
        self._found: dict[str, Future[Description | None]] = {
            stack: pool.submit(describe, cloudformation, stack)
            for stack in [self.service.stack, *self.sources]
        }

    @property
    def policy(self) -> str:
        """The policy that has the calls: a pipeline's for the role, a reader's for the playbook."""
        return _PIPELINES if self._options.get("refuse") else _READERS

    def guarded(self, check: str, look: Callable[[], list[Finding]]) -> list[Finding]:
        """Return what a look finds; what may not be asked is a warning.

        Args:
            check: what is looked at.
            look: asks AWS.
        """
        try:
            return look()
        except StackError as error:
            return [not_made(check, error)]
        except (*aws.AwsError, OSError) as error:  # OSError: where credentials are fetched anew
            return [not_asked(check, error, self.policy)]

    @property
    def service(self) -> Service:
        """Names of the service."""
        return Service(self.values["platform"], self.values["name"])

    def client(self, service: str, region: str = "") -> Any:
        """Return the one client of a service in a region; botocore makes no two at the same time.

        Args:
            service: botocore's name of it.
            region: another than the platform's; empty for that.
        Raises: StackError if it can't be made.
        """
        with self._lock:
            region = "" if region == self.region else region
            if (service, region) not in self._clients:
                given = {**self._options, "region": region or self._options["region"]}
                account = aws.Account.of(given) if region else self.account
                self._clients[service, region] = account.client(service)
            return self._clients[service, region]

    def together(self, *questions: Callable[[], Answer]) -> list[Future[Answer]]:
        """Ask several things at the same time; who looks waits for the answers.

        Args:
            questions: each asks one.
        """
        return [self._pool.submit(question) for question in questions]

    def described(self, stack: str) -> Description | None:
        """Return a stack as DescribeStacks has it, None if it isn't there.

        Args:
            stack: the service's, or one of `sources`.
        Raises: StackError if AWS doesn't tell.
        """
        return self._found[stack].result()

    @cached_property
    def before(self) -> Mapping[str, str] | None:
        """The parameters that the service was last deployed with; None if it doesn't stand, or may
        not be seen, which its deployment tells."""
        description = self._seen(self.service.stack)
        return parameters(description or {}) if stands(description) else None

    @cached_property
    def is_new(self) -> bool:
        """Whether the service is known not to stand; not so if its stack may not be seen."""
        try:
            return not stands(self.described(self.service.stack))
        except StackError:
            return False

    @cached_property
    def had(self) -> Mapping[str, str]:
        """The outputs of the service's stack, none if it doesn't stand or may not be seen."""
        return self._outputs(self.service.stack)

    @property
    def number(self) -> str:
        """The account's, "" if no stack tells."""
        seen = (self._seen(stack) for stack in self._found)
        return next((it["StackId"].split(":")[4] for it in seen if it), "")

    def given_or_output(self, option: str, output: str) -> str:
        """Return an option, or what a stack of the platform says; empty if neither does.

        Args:
            option: name of an option of the role.
            output: name of an output.
        """
        given = self.values.get(option)
        if given:
            return ",".join(given) if isinstance(given, list) else str(given)
        return self.output(output)

    def output(self, output: str) -> str:
        """Return what a stack of the platform says; empty if none does.

        Args:
            output: its name.
        """
        found = (self._outputs(stack).get(output, "") for stack in self.sources)
        return next(filter(None, found), "")

    def load_balancer_parameters(self) -> Mapping[str, str]:
        """Return what the load balancer's stack was deployed with, nothing if it isn't known."""
        stack = name(LOAD_BALANCER, self.values["platform"], self.values["load_balancer"])
        told: Mapping[str, str] = parameters(self._seen(stack) or {})
        return told

    def _outputs(self, stack: str) -> Mapping[str, str]:
        description = self._seen(stack)
        if not description or not stands(description):
            return {}
        told: Mapping[str, str] = outputs(description)
        return told

    def _seen(self, stack: str) -> Description | None:
        try:
            return self.described(stack) if stack in self._found else None
        except StackError:
            return None  # the look at the platform tells
