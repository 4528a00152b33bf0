"""What a teardown says: in check mode what would go and what would stay, else what is left."""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Mapping
from typing import Any

from ansible_collections.quayside.fargate.plugins.plugin_utils import change_details
from ansible_collections.quayside.fargate.plugins.plugin_utils.errors import StackError
from ansible_collections.quayside.fargate.plugins.plugin_utils.teardown_plan import Plan
from ansible_collections.quayside.fargate.plugins.plugin_utils.teardown_remains import Remains

_PLAYBOOK = "ansible-playbook playbooks/teardown.yml"
_NOTHING = "Nothing is left."
_NO_STACK = "No stack of the platform is there."
Deleted = Iterable[Mapping[str, Any]]


def refuse_absent(plan: Plan, remains: Remains) -> None:
    """Raise StackError if nothing is there of a platform, not even what a teardown leaves."""
    if plan.stacks or plan.bucket or remains.snapshots or remains.foreign or remains.log_groups:
        return
    raise StackError(
        f"There is no platform {plan.platform} in this account and region, and nothing was "
        "removed: no stack, no snapshot and no log group is left of one. Mend the name or the "
        f"region; platforms here: {', '.join(plan.platforms) or 'none'}."
    )


def unseen(bucket: str) -> str:
    """Return what is said of a bucket that can't be looked at."""
    return (
        f"The bucket {bucket} stays: S3 doesn't let you look at it. It is another account's, or "
        "you lack s3:ListBucket; then allow that, and run the playbook again."
    )


def planned(plan: Plan, remains: Remains, deleted: Deleted) -> Iterator[str]:
    """Yield what would go and what would stay.

    Args:
        plan: the teardown's.
        remains: what is there of it already.
        deleted: what the stacks' deletions in check mode returned: name and changes each.
    """
    # The databases of services go with their cluster, whatever their own stacks say.
    last = _resources(deleted, plan.protected, change_details.SNAPSHOT)
    keeping = [*plan.foundations, *([] if plan.delete_data else plan.protected)]
    stays = _resources(deleted, keeping, change_details.KEPT)
    groups = _listed("log group", remains.log_groups)
    yield "Nothing was removed, this is a check."
    yield f"Would go: {_joined(plan.stacks)}." if plan.stacks else _NO_STACK
    if plan.bucket:
        yield f"Would go with them: the bucket {plan.bucket}."
    if last and not plan.delete_data:
        yield f"Would stay, with all the databases: a last snapshot of {_joined(last)}."
    if stays:
        yield f"Would stay: {_joined(stays)}."
    if groups:
        yield f"Would {'go' if plan.delete_data else 'stay'}: {groups}."
    if remains.snapshots and not plan.delete_data:
        yield f"Stays, from before: {_listed('snapshot', remains.snapshots)}."
    if plan.delete_data:
        lasts = (f"the last snapshot of {it}" for it in last)
        data = _joined([*remains.snapshots, *lasts, *(f"the key {it}" for it in remains.keys)])
        yield (
            "Would go at the end, with all the data in them (every manual snapshot under the key): "
            f"{data}."
        )


def left(plan: Plan, remains: Remains) -> Iterator[str]:
    """Yield what was deleted in the end and what is left, with how to go on.

    Args:
        plan: the teardown's.
        remains: what its stacks left; with `delete_data` it is deleted, but for what is foreign or
            kept.
    """
    data = [_listed("snapshot", remains.snapshots), _listed("log group", remains.log_groups)]
    key = _listed("key", remains.keys)
    if plan.delete_data:
        yield from _deleted([*filter(None, data)], key, remains)
    else:
        yield from _remaining([*filter(None, [*data, key])], plan.platform, remains)
    if remains.kept:
        yield f"Left too, by a DeletionPolicy of overrides: {_joined(remains.kept)}."
    if remains.revisions:
        yield (
            "Earlier revisions of task definitions stay ACTIVE, and cost nothing: "
            f"{_joined(remains.revisions)} (docs/rollback.md)."
        )
    if remains.foreign:
        foreign = _listed("snapshot", remains.foreign)
        yield f"Under keys of others, and left alone: {foreign}."


def _deleted(data: list[str], key: str, remains: Remains) -> Iterator[str]:
    if data:
        yield f"Deleted: {'; '.join(data)}."
    if key:
        nothing = "Of the data nothing" if remains.revisions else "Nothing"
        yield f"{nothing} is left but the {key}, which AWS deletes in 30 days."
    elif not (remains.kept or remains.revisions):
        yield _NOTHING


def _remaining(data: list[str], platform: str, remains: Remains) -> Iterator[str]:
    if data:
        yield f"Left: {'; '.join(data)}."
    elif not (remains.kept or remains.revisions):
        yield _NOTHING
    if remains.snapshots:
        yield "Restore the snapshot: rds_snapshot_identifier. It needs the key."
    if data:
        again = f"-e platform={platform} -e confirm={platform} -e delete_data={platform}"
        yield f"Remove what is left: {_PLAYBOOK} {again}"


def _resources(deleted: Deleted, stacks: Container[str], fate: str) -> list[str]:
    """Return the resources of some stacks whose data have a fate, of those in change_details."""
    return sorted(
        change["resource"]
        for stack in deleted
        if stack["name"] in stacks
        for change in stack["changes"]
        if change["data"] == fate
    )


def _listed(kind: str, names: list[str]) -> str:
    return f"{kind} {_joined(names)}" if names else ""


def _joined(names: Iterable[str]) -> str:
    return ", ".join(names)
