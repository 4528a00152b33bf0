"""A service of a platform: where its things are, by its names, and what AWS says of them."""

from __future__ import annotations

import datetime
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from ansible_collections.quayside.fargate.custom_resources.contract import labels
from ansible_collections.quayside.fargate.custom_resources.contract.names import Service
from ansible_collections.quayside.fargate.custom_resources.contract.stacks import STABLE
from ansible_collections.quayside.fargate.plugins.plugin_utils import aws, platform_stacks
from ansible_collections.quayside.fargate.plugins.plugin_utils.errors import StackError


@dataclass(frozen=True)
class Secret:
    """The secret of a database user.

    labels: staging labels by version; last, next: when it was and will be rotated, if it ever was
    and will; enabled: whether it has a schedule.
    """

    labels: labels.Labels
    last: datetime.datetime | None
    next: datetime.datetime | None
    enabled: bool

    @property
    def pending(self) -> str | None:
        """The version of a rotation that was begun and isn't finished, if there is one."""
        return labels.unfinished(self.labels) or None

    @property
    def current(self) -> str:
        """The version with the password that is valid."""
        return str(labels.holder(self.labels, labels.CURRENT))

    def is_rotated_to(self, version: str) -> bool:
        """Say whether the rotation to a version is finished."""
        return bool(labels.is_rotated_to(self.labels, version))


def refuse_unknown_platform(names: Collection[str], platform: str, region: str | None) -> None:
    """Raise StackError if no stack is one of a platform's; it names the platforms there are.

    To be asked before anything else: whoever may see one platform only isn't allowed to describe
    another one's stacks, and would be told of a permission.

    Args:
        names: of all stacks (`stack_states`).
        platform: its name.
        region: where they are.
    """
    if any(_is_sign(it, platform) for it in names):
        return
    known = platform_stacks.platforms(names)
    raise StackError(
        f"There is no platform {platform} in {region}: none of its stacks is there. "
        f"Mend the name or the region; platforms here: {', '.join(known) or 'none'}."
    )


def missing(stack: str) -> StackError:
    """Return the error of a service whose stack isn't there."""
    return StackError(
        f"There is no stack {stack}. Mend service_platform or service_name, or deploy the service."
    )


def stack_states(client: Any) -> dict[str, str]:
    """Return the status of every stack of account and region but the deleted ones, by name.

    Args:
        client: botocore's client for CloudFormation.

    Raises: StackError if AWS refuses to tell.
    """
    try:
        return {
            stack["StackName"]: stack["StackStatus"]
            for page in client.get_paginator("list_stacks").paginate()
            for stack in page["StackSummaries"]
            if stack["StackStatus"] != "DELETE_COMPLETE" and "ParentId" not in stack
        }
    except aws.AwsError as error:
        raise StackError(aws.explain(error, "ListStacks")) from error


def descriptions(client: Any) -> dict[str, Mapping[str, Any]]:
    """Return DescribeStacks' entry of every stack, by name, in one call a page.

    Args:
        client: botocore's client for CloudFormation.

    Returns: nothing if the caller may not describe all stacks, as the policy for services says:
        parameters of others' stacks hold what isn't theirs.
    Raises: StackError if AWS refuses otherwise.
    """
    try:
        pages = client.get_paginator("describe_stacks").paginate()
        return {it["StackName"]: it for page in pages for it in page["Stacks"]}
    except aws.AwsError as error:
        if aws.code(error) in aws.DENIED:
            return {}
        raise StackError(aws.explain(error, "DescribeStacks")) from error


def own_stacks(names: Iterable[str], platform: str) -> list[str]:
    """Return those of stacks that are called as a platform's own are, its services' left out.

    A platform's whose name goes on from this one's may be among them: `Platform` tells.

    Args:
        names: of all stacks (`stack_states`).
        platform: its name.
    """
    others = (None, platform_stacks.SERVICE)
    return sorted(it for it in names if platform_stacks.kind_of(it, platform) not in others)


def unsettled(states: Mapping[str, str], platform: str) -> dict[str, str]:
    """Return the statuses of a platform's stacks, by name, that aren't as they should be.

    Those of services are left out, of which more is told than this; what watches one is among them.

    Args:
        states: of all stacks (`stack_states`).
        platform: its name.
    """
    own = {name: states[name] for name in own_stacks(states, platform)}
    return {name: status for name, status in own.items() if status not in STABLE}


def _is_sign(name: str, platform: str) -> bool:
    """Say whether a stack's name tells of a platform: the kinds of many can't be without others."""
    kind = platform_stacks.kind_of(name, platform)
    return kind is not None and (not kind.several or kind == platform_stacks.SERVICE)


def secret(client: Any, name: str) -> Secret:
    """Ask Secrets Manager for a secret.

    Args:
        client: botocore's client for Secrets Manager.
        name: of the secret.

    Raises: StackError if it isn't there, or AWS refuses to tell.
    """
    try:
        return _secret(client.describe_secret(SecretId=name))
    except aws.AwsError as error:
        raise StackError(aws.explain(error, f"DescribeSecret of {name}")) from error


def find_secret(client: Any, name: str) -> Secret | None:
    """As `secret`; None if there is no such secret, as where its stack was rolled back."""
    try:
        return _secret(client.describe_secret(SecretId=name))
    except aws.AwsError as error:
        if aws.code(error) == "ResourceNotFoundException":
            return None
        raise StackError(aws.explain(error, f"DescribeSecret of {name}")) from error


def secrets(client: Any, prefix: str) -> dict[str, Secret] | None:
    """Return all secrets whose names begin alike, by name, a hundred a call.

    AWS may be five minutes late with changes (API reference, ListSecrets).

    Args:
        client: botocore's client for Secrets Manager.
        prefix: such as ``shop/``.

    Returns: None if the caller may not list secrets: those of the whole account, or none.
    Raises: StackError if AWS refuses otherwise.
    """
    named = [{"Key": "name", "Values": [prefix]}]
    try:
        pages = client.get_paginator("list_secrets").paginate(Filters=named, MaxResults=100)
        found = [it for page in pages for it in page["SecretList"]]
    except aws.AwsError as error:
        if aws.code(error) in aws.DENIED:
            return None
        raise StackError(aws.explain(error, "ListSecrets")) from error
    return {
        it["Name"]: _secret({**it, "VersionIdsToStages": it.get("SecretVersionsToStages", {})})
        for it in found
    }


def _secret(answer: Mapping[str, Any]) -> Secret:
    return Secret(
        labels=answer.get("VersionIdsToStages", {}),
        last=answer.get("LastRotatedDate"),
        next=answer.get("NextRotationDate"),
        enabled=bool(answer.get("RotationEnabled")),
    )


def find_ecs_service(client: Any, service: Service) -> dict[str, Any] | None:
    """Return the ECS service (DescribeServices), None if it isn't there or was deleted.

    Raises: StackError if AWS refuses to tell.
    """
    try:
        found = client.describe_services(cluster=service.platform, services=[service.name])
    except aws.AwsError as error:
        if aws.code(error) == "ClusterNotFoundException":
            return None
        raise StackError(aws.explain(error, f"DescribeServices of {service}")) from error
    return next((it for it in found["services"] if it.get("status") != "INACTIVE"), None)


def deployments(client: Any, service: Service) -> list[dict[str, Any]]:
    """Return the deployments of the ECS service, none if it isn't there.

    Raises: StackError if AWS refuses to tell.
    """
    return list((find_ecs_service(client, service) or {}).get("deployments", []))
