"""What stands on a platform: its stacks, every service's state, image, deployment and alarms."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from ansible_collections.quayside.fargate.custom_resources.contract.names import (
    ACTIVE_USER,
    Service,
    stack_prefix,
)
from ansible_collections.quayside.fargate.custom_resources.contract.stacks import (
    SHELL,
    STABLE,
    parameters,
)
from ansible_collections.quayside.fargate.plugins.plugin_utils import (
    aws,
    outdated,
    platform_stacks,
    services,
    status_images,
    status_makers,
    status_service,
    versions,
)
from ansible_collections.quayside.fargate.plugins.plugin_utils.clock import Clock
from ansible_collections.quayside.fargate.plugins.plugin_utils.errors import StackError
from ansible_collections.quayside.fargate.plugins.plugin_utils.platform_stacks import (
    MONITORING,
    RDS,
)
from ansible_collections.quayside.fargate.plugins.plugin_utils.progress import Progress
from ansible_collections.quayside.fargate.plugins.plugin_utils.stack import (
    Description,
    Stack,
    describe,
    outputs,
)
from ansible_collections.quayside.fargate.plugins.plugin_utils.status_alarms import (
    Ringing,
)
from ansible_collections.quayside.fargate.plugins.plugin_utils.status_calls import (
    AT_ONCE,
    LeftOut,
    Questions,
)
from ansible_collections.quayside.fargate.plugins.plugin_utils.status_ecs import Ecs, Told

# Services up to which each is asked for by itself, where AWS is late with all at once, or lets only
# few see them.
_FEW = 20
_MANY = 100  # services whose secrets aren't asked for one by one: 500 would take three seconds more


class Status:
    """Asks AWS about the services of a platform.

    Args:
        account: makes the clients.
        platform: name of the platform.
        clock: the time the task has.
        progress: prints that AWS is asked once more.
        thorough: whether every stack's version is needed, also where that takes a call for each.
    """

    def __init__(
        self,
        account: aws.Account,
        platform: str,
        clock: Clock,
        progress: Progress,
        *,
        thorough: bool = False,
    ) -> None:
        self._thorough = thorough
        self._account = account
        self._platform = platform
        self._clock = clock
        self._progress = progress
        self._cloudformation = account.client("cloudformation", AT_ONCE)
        self._secrets = account.client("secretsmanager", AT_ONCE)
        self._ecs = account.client("ecs", AT_ONCE)
        self._cloudwatch = account.client("cloudwatch")
        self._cloudtrail = account.client("cloudtrail")
        self._left_out = LeftOut()
        self._version = versions.of_collection()

    def of(self, name: str | None) -> dict[str, Any]:
        """Return what is told of one service, or of all.

        Args:
            name: of the service; None for all.

        Raises: StackError if there is no such platform or service, or AWS refuses to tell.
        """
        pool = ThreadPoolExecutor(max_workers=AT_ONCE)
        try:
            return self._of(name, Questions(pool, self._left_out))
        finally:
            pool.shutdown(cancel_futures=True)

    def _of(self, name: str | None, questions: Questions) -> dict[str, Any]:
        prefix = stack_prefix(self._platform)
        known = questions.begin(self._all_stacks) if name is None else dict
        states = services.stack_states(self._cloudformation)
        services.refuse_unknown_platform(states, self._platform, self._account.region)
        every = sorted(it.removeprefix(prefix) for it in states if it.startswith(prefix))
        if name is not None and name not in every:
            raise services.missing(prefix + name)
        alarms = questions.begin(lambda: self._alarms(questions, every))
        names = every if name is None else [name]
        made = questions.begin(lambda: self._made(questions, names))
        own = self._own_stacks(states, every) if name is None else []
        described: Mapping[str, Description] = known()
        stacks = self._described(questions, states, [*self._stacks_of(names), *own], described)
        stacks |= self._watching(questions, states, names, described)
        rds = [platform_stacks.name(RDS, self._platform)]
        databases = self._described(questions, states, rds, stacks)
        # The network of a platform shop-service is called as the service network of shop would be.
        names = [it for it in names if not self._is_anothers(stacks.get(prefix + it))]
        if name is not None and not names:
            raise services.missing(prefix + name)
        found = self._services(questions, names, stacks)
        for it in found:
            self._finish(it, stacks[it["stack"]], alarms(), made())
        return self._answer(
            found,
            [self._stack(stacks[it]) for it in own if not self._is_anothers(stacks.get(it))],
            alarms(),
            [*self._unsettled(states), *_unprotected(databases.values())],
        )

    def _answer(
        self,
        found: list[dict[str, Any]],
        own: list[dict[str, Any]],
        alarms: Ringing,
        warnings: list[str],
    ) -> dict[str, Any]:
        version = self._version
        told = [*own, *found, *(it["monitoring"] for it in found if it["monitoring"])]
        return {
            "platform": self._platform,
            "collection": version,
            "services": found,
            "stacks": own,
            "outdated": outdated.behind(told, version),
            "newer": outdated.ahead(told, version),
            "platform_alarms": alarms.platform,
            "ringing": alarms.entries(self._platform, [it["service"] for it in found]),
            "warnings": warnings,
            "left_out": self._left_out.sentences(),
        }

    # --- Stacks ---

    def _all_stacks(self) -> Mapping[str, Description]:
        found: Mapping[str, Description] = services.descriptions(self._cloudformation)
        return found

    def _stacks_of(self, names: Sequence[str]) -> list[str]:
        return [Service(self._platform, it).stack for it in names]

    def _watching(
        self,
        questions: Questions,
        states: Mapping[str, str],
        names: Sequence[str],
        known: Mapping[str, Description],
    ) -> dict[str, Description]:
        """Return the stacks that watch services; of many, each alone would take as long again."""
        there = [platform_stacks.name(MONITORING, self._platform, it) for it in names]
        if known or self._thorough or len(names) <= _FEW:
            return self._described(questions, states, there, known)
        self._left_out.note(
            "versions of the stacks that watch services", "not all stacks may be described at once"
        )
        return {it: {"StackName": it, "StackStatus": states[it]} for it in there if it in states}

    def _own_stacks(self, states: Mapping[str, str], every: Sequence[str]) -> list[str]:
        """Return the names of the platform's own stacks.

        What watches a service stands beside it.
        """
        watching = {platform_stacks.name(MONITORING, self._platform, it) for it in every}
        return [it for it in services.own_stacks(states, self._platform) if it not in watching]

    def _described(
        self,
        questions: Questions,
        states: Mapping[str, str],
        names: Sequence[str],
        known: Mapping[str, Description],
    ) -> dict[str, Description]:
        """Return those stacks that are there, by name; one that may not be seen has a status."""

        def one(name: str) -> Description | None:
            if name in known:
                return known[name]
            return questions.ask(
                lambda: describe(self._cloudformation, name),
                {"StackName": name, "StackStatus": states[name]},
                "all but the status of stacks",
                "cloudformation:DescribeStacks",
                [name],
            )

        there = [it for it in names if it in states]
        found = zip(there, questions.each(there, one)(), strict=True)
        return {name: it for name, it in found if it}

    def _is_anothers(self, description: Description | None) -> bool:
        """Say whether a stack is gone by now, or another platform's."""
        given = parameters(description) if description else {"Platform": ""}
        return bool(given.get("Platform", self._platform) != self._platform)

    def _stack(self, description: Description) -> dict[str, Any]:
        origin = outdated.origin(description)
        return {
            "stack": description["StackName"],
            "status": description["StackStatus"],
            **origin,
            "behind": outdated.is_behind(origin, self._version),
        }

    def _unsettled(self, states: Mapping[str, str]) -> list[str]:
        """Return a line for each of the platform's own stacks that is being changed, or failed."""
        found = services.unsettled(states, self._platform)
        return [f"Stack {name} is {status}." for name, status in found.items()]

    # --- Alarms and events ---

    def _alarms(self, questions: Questions, every: Sequence[str]) -> Ringing:
        """Return the alarms in ALARM whose names begin as the platform's do."""

        def ask() -> list[dict[str, Any]]:
            pages = self._cloudwatch.get_paginator("describe_alarms").paginate(
                AlarmNamePrefix=f"{self._platform}-", StateValue="ALARM"
            )
            return [
                it
                for page in pages
                for it in [*page.get("MetricAlarms", []), *page.get("CompositeAlarms", [])]
            ]

        found = questions.ask(ask, [], "alarms", "cloudwatch:DescribeAlarms")
        return Ringing.of(found, self._platform, every)

    def _made(
        self, questions: Questions, names: Sequence[str]
    ) -> dict[str, list[status_makers.Made]]:
        what = "who made the last deployment"
        stacks = {Service(self._platform, it).stack for it in names}
        try:
            made = questions.ask(
                lambda: status_makers.lookup(self._cloudtrail, stacks),
                {},
                what,
                status_makers.ACTION,
            )
        except StackError as error:
            # Two calls a second are for everybody in the account.
            if not aws.is_passing(error.__cause__ or error):
                raise
            self._left_out.note(what, "CloudTrail had too many to answer")
            made = {}
        return dict(made)

    # --- Services ---

    def _services(
        self, questions: Questions, names: Sequence[str], stacks: Mapping[str, Description]
    ) -> list[dict[str, Any]]:
        mine = [Service(self._platform, it) for it in names]
        # Who may not describe a stack may not ask for its service either.
        asked = [it.name for it in mine if "StackId" in stacks[it.stack]]
        known = self._all_secrets(names) if len(names) > _FEW else None
        users = questions.each(mine, lambda it: self._users(questions, it, stacks[it.stack], known))
        whys = questions.each(mine, lambda it: self._why(it, stacks[it.stack]))
        told = Ecs(self._ecs, self._platform, questions).tell(asked)
        images = status_images.describe(
            {it.name: _image(it.name, stacks[it.stack], told) for it in mine},
            lambda: self._account.client("ecr", AT_ONCE),
            self._account.region,
            questions,
        )
        return [
            {
                "service": it.name,
                "state": None,
                **self._stack(stacks[it.stack]),
                "monitoring": self._monitoring(stacks, it.name),
                "why": why,
                "url": outputs(stacks[it.stack]).get("Url"),
                "image": images[it.name],
                "tasks": status_service.tasks(told.services.get(it.name)),
                **user,
                "deployment": status_service.rollout(told.services.get(it.name)),
                "last_deployment": status_service.last_deployment(
                    told.services.get(it.name), told.deployments.get(it.name)
                ),
            }
            for it, user, why in zip(mine, users(), whys(), strict=True)
        ]

    def _finish(
        self,
        service: dict[str, Any],
        description: Description,
        alarms: Ringing,
        made: Mapping[str, Sequence[status_makers.Made]],
    ) -> None:
        """Put in what is known only when all is: who deployed, what rings, and the state."""
        last = service["last_deployment"]
        if last:
            events = made.get(service["stack"], ())
            last["by"] = status_makers.maker(last["at"], description, events)
        service["alarms"] = alarms.services.get(service["service"], [])
        service["state"] = status_service.state(
            service["status"], service["tasks"], last, service["alarms"]
        )

    def _monitoring(self, stacks: Mapping[str, Description], name: str) -> dict[str, Any] | None:
        found = stacks.get(platform_stacks.name(MONITORING, self._platform, name))
        return None if found is None or self._is_anothers(found) else self._stack(found)

    def _why(self, service: Service, description: Description) -> str | None:
        """Return what led to a state that nobody asked for, None for any other state."""
        status = description["StackStatus"]
        if status == SHELL:
            return "nothing is deployed: its first change set was made and not executed"
        if not any(word in status for word in ("FAILED", "ROLLBACK")):
            return None
        if "StackId" not in description:
            return "its events aren't allowed to be read"
        stack = Stack(self._cloudformation, service.stack, self._clock, self._progress)
        return str(stack.why(description))

    def _users(
        self,
        questions: Questions,
        service: Service,
        description: Description,
        known: Mapping[str, services.Secret] | None,
    ) -> dict[str, Any]:
        given = parameters(description)
        has_database = given.get("Database") == "true"
        users = given.get("DatabaseUsers", "").split("-") if has_database else []
        secrets = {user: self._user(questions, service, user, known) for user in users}
        return {
            # Under way, the parameter already names the user that the stack may not get to.
            "active_user": given.get(ACTIVE_USER)
            if has_database and description["StackStatus"] in STABLE
            else None,
            "rotation": bool(users[1:]) and given.get("Rotation") == "true",
            # A creation that was rolled back, or a deletion that failed, has taken the secrets.
            "users": {user: told for user, told in secrets.items() if told},
        }

    def _all_secrets(self, names: Sequence[str]) -> Mapping[str, services.Secret] | None:
        """Return all secrets; None if they are to be asked for one by one."""
        found: Mapping[str, services.Secret] | None = services.secrets(
            self._secrets, f"{self._platform}/"
        )
        if found is None and len(names) > _MANY:
            why = "secretsmanager:ListSecrets isn't allowed, and each by itself takes too long"
            self._left_out.note("rotations", why, names)
            return {}
        return found

    def _user(
        self,
        questions: Questions,
        service: Service,
        user: str,
        known: Mapping[str, services.Secret] | None,
    ) -> dict[str, Any] | None:
        name = service.secret(user)
        secret = (
            known.get(name)
            if known is not None
            else questions.ask(
                lambda: services.find_secret(self._secrets, name),
                None,
                "rotations",
                "secretsmanager:DescribeSecret",
                [service.name],
            )
        )
        return secret and {
            "secret": name,
            "last_rotation": status_service.moment(secret.last),
            "next_rotation": status_service.moment(secret.next) if secret.enabled else None,
            "unfinished_rotation": secret.pending,
        }


def _image(name: str, description: Description, told: Told) -> status_images.Image:
    arn = status_service.revision_in_use(told.services.get(name))
    return status_service.container(
        told.revisions.get(arn or ""), parameters(description).get("Image")
    )


def _unprotected(stacks: Iterable[Description]) -> list[str]:
    """Return a line for a database cluster that isn't as it was asked for: it may be deleted."""
    found = [
        outputs(it).get("DatabaseClusterIdentifier")
        for it in stacks
        if (parameters(it).get("DeletionProtection"), parameters(it).get("FirstCreation"))
        == ("true", "true")
    ]
    return [
        f"Database cluster {it} isn't protected from deletion as asked: after its creation the "
        "update that switches it on didn't come through. Run the platform's playbook again."
        for it in found
    ]
