"""What is left in AWS of a platform whose stacks are gone, and whose it is: decided without a call.

Deleted stacks leave the databases' last snapshot, the key that it needs, what a DeletionPolicy
keeps, and the log groups that AWS's services make by themselves, without a tag.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

TAG = "quayside:platform"
FUNCTIONS = ("password", "database", "listener-priority", "notices", "rotate", "activate")
# As CloudFormation names the cluster of PLATFORM-rds.
_CLUSTER = "{platform}-rds-cluster-[a-z0-9]{{12,}}"
_LOGS = (
    "/{platform}/network/flow-logs",
    f"/aws/lambda/{{platform}}-({'|'.join(FUNCTIONS)})",
    "/aws/ecs/containerinsights/{platform}/performance",
    f"/aws/rds/cluster/{_CLUSTER}/[^/]+",
)
# Kept by the templates, not by somebody's overrides: the first is the account's, and no platform's.
_ACCOUNTS, _REVISIONS = "AWS::IAM::ServiceLinkedRole", "AWS::ECS::TaskDefinition"

Tags = Mapping[str, str]


@dataclass(frozen=True)
class Remains:
    """What is left of a platform.

    snapshots: of its databases, under its keys; foreign: under keys of others; keys: ARNs;
    log_groups: their names; kept: ids of what a DeletionPolicy of overrides kept besides;
    revisions: families of task definitions whose earlier revisions stay ACTIVE.
    """

    snapshots: list[str] = field(default_factory=list)
    foreign: list[str] = field(default_factory=list)
    keys: list[str] = field(default_factory=list)
    log_groups: list[str] = field(default_factory=list)
    kept: list[str] = field(default_factory=list)
    revisions: list[str] = field(default_factory=list)


def own_snapshots(listed: Iterable[Mapping[str, Any]], platform: str) -> list[Mapping[str, Any]]:
    """Return the snapshots of a platform's databases, also of one whose stacks are gone.

    Args:
        listed: all manual ones of clusters (DescribeDBClusterSnapshots).
        platform: its name.
    """
    cluster = re.compile(_CLUSTER.format(platform=re.escape(platform)))
    return [
        it
        for it in listed
        if cluster.fullmatch(it["DBClusterIdentifier"]) or _has_tag(_tags(it), platform)
    ]


def log_prefixes(platform: str) -> list[str]:
    """Return what the names of a platform's log groups begin with; others' may do so too."""
    return [
        f"/{platform}/",
        f"/aws/ecs/containerinsights/{platform}/",
        *(f"/aws/lambda/{platform}-{function}" for function in FUNCTIONS),
        f"/aws/rds/cluster/{platform}-rds-cluster-",
    ]


def own_log_groups(found: Mapping[str, Tags], platform: str, kept: Collection[str]) -> list[str]:
    """Return the names of a platform's log groups.

    Args:
        found: the tags of those that `log_prefixes` finds, by name.
        platform: its name.
        kept: ids of what its stacks' deletion kept.
    """
    own = re.compile("|".join(_LOGS).format(platform=re.escape(platform)))
    return sorted(
        name
        for name, tags in found.items()
        if own.fullmatch(name) or _has_tag(tags, platform) or name in kept
    )


def own_keys(found: Mapping[str, Tags], platform: str) -> list[str]:
    """Return the ARNs of a platform's keys.

    Copies of snapshots may lie under another key, which belongs to somebody else.

    Args:
        found: the tags of keys, by ARN.
        platform: its name.
    """
    return sorted(arn for arn, tags in found.items() if _has_tag(tags, platform))


def remains(
    snapshots: Iterable[Mapping[str, Any]],
    keys: list[str],
    log_groups: list[str],
    kept: Iterable[Mapping[str, str]],
) -> Remains:
    """Put together what is left.

    Args:
        snapshots, keys, log_groups: a platform's own.
        kept: what its stacks' deletion kept: id and type each.
    """
    under = {it["DBClusterSnapshotIdentifier"]: it.get("KmsKeyId") in keys for it in snapshots}
    listed = list(kept)
    of_templates = (_ACCOUNTS, _REVISIONS)
    named = {*log_groups, *(arn.rpartition("/")[2] for arn in keys)}
    return Remains(
        snapshots=sorted(name for name, own in under.items() if own),
        foreign=sorted(name for name, own in under.items() if not own),
        keys=keys,
        log_groups=log_groups,
        kept=[
            it["id"] for it in listed if it["type"] not in of_templates and it["id"] not in named
        ],
        revisions=sorted({family(it["id"]) for it in listed if it["type"] == _REVISIONS}),
    )


def told(kept: Iterable[Mapping[str, str]]) -> str:
    """Return what a stack's deletion kept, in words; revisions of a task definition are counted.

    Args:
        kept: logical id, type and id each.
    """
    listed = list(kept)
    families = Counter(family(it["id"]) for it in listed if it["type"] == _REVISIONS)
    others = ["{resource} ({type}) {id}".format(**it) for it in listed if it["type"] != _REVISIONS]
    revisions = [
        f"{count} earlier revision{'s' * (count > 1)} of the task definition {name}, ACTIVE"
        for name, count in sorted(families.items())
    ]
    return ", ".join([*others, *revisions])


def family(arn: str) -> str:
    """Return the family of a task definition's ARN."""
    return arn.rpartition("/")[2].rpartition(":")[0]


def _tags(described: Mapping[str, Any]) -> Tags:
    return {it["Key"]: it["Value"] for it in described.get("TagList", [])}


def _has_tag(tags: Tags, platform: str) -> bool:
    return tags.get(TAG) == platform
