"""What is left of a platform, and what of it is named or deleted."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given

from ansible_collections.quayside.fargate.plugins.plugin_utils import change_details
from ansible_collections.quayside.fargate.plugins.plugin_utils.errors import StackError
from ansible_collections.quayside.fargate.plugins.plugin_utils.teardown_plan import Plan
from ansible_collections.quayside.fargate.plugins.plugin_utils.teardown_remains import (
    FUNCTIONS,
    Remains,
    log_prefixes,
    own_keys,
    own_log_groups,
    own_snapshots,
    remains,
    told,
)
from ansible_collections.quayside.fargate.plugins.plugin_utils.teardown_words import (
    left,
    planned,
    refuse_absent,
)
from tests.unit.plugins.test_platform_stacks import own_names, platforms
from tests.unit.templates.templates import Stack, of_type

TEMPLATES = Path(__file__).parents[3] / "templates"
CLUSTER = "shop-rds-cluster-1a2b3c4d5e6f"
KEY = "arn:aws:kms:eu-central-1:123456789012:key/our-key"
OURS = {"quayside:platform": "shop"}


def own_names_of(platform: str) -> set[str]:
    """Return the log groups that AWS makes for a platform, without a tag."""
    return {
        f"/{platform}/network/flow-logs",
        *(f"/aws/lambda/{platform}-{it}" for it in FUNCTIONS),
        f"/aws/ecs/containerinsights/{platform}/performance",
        f"/aws/rds/cluster/{platform}-rds-cluster-1a2b3c4d5e6f/postgresql",
    }


def test_the_functions_whose_logs_are_looked_for_are_the_templates() -> None:
    names = {
        Stack(template, {"Platform": "shop"}).resources[function]["Properties"]["FunctionName"]
        for template in (path.stem for path in TEMPLATES.glob("*.yml"))
        for function in of_type(template, "AWS::Lambda::Function")
    }
    assert names == {f"shop-{it}" for it in FUNCTIONS}


@given(platform=platforms)
def test_the_logs_that_aws_makes_are_found_and_the_platforms(platform: str) -> None:
    own = own_names_of(platform)
    assert own_log_groups({name: {} for name in own}, platform, ()) == sorted(own)
    assert all(it.startswith(tuple(log_prefixes(platform))) for it in own)


@given(platform=platforms, more=own_names)
def test_logs_of_a_platform_whose_name_begins_so_are_not_its_own(platform: str, more: str) -> None:
    theirs = own_names_of(f"{platform}-{more}")
    assert own_log_groups({name: {} for name in theirs}, platform, ()) == []


@pytest.mark.parametrize(
    "name",
    [
        "/aws/lambda/shop-report",
        "/aws/ecs/containerinsights/shop/prometheus",
        "/aws/rds/cluster/shop-rds-cluster-two-rds-cluster-1a2b3c4d5e6f/postgresql",
        "/shop/of-another-application",
    ],
)
def test_logs_of_others_are_the_platforms_by_their_tag_or_as_kept_only(name: str) -> None:
    assert own_log_groups({name: {}}, "shop", ()) == []
    assert own_log_groups({name: {"quayside:platform": "shop-two"}}, "shop", ()) == []
    assert own_log_groups({name: OURS}, "shop", ()) == [name]
    assert own_log_groups({name: {}}, "shop", {name}) == [name]


def snapshot(name: str, cluster: str = CLUSTER, key: str = KEY, **tags: str) -> dict[str, Any]:
    return {
        "DBClusterSnapshotIdentifier": name,
        "DBClusterIdentifier": cluster,
        "KmsKeyId": key,
        "TagList": [{"Key": f"quayside:{tag}", "Value": value} for tag, value in tags.items()],
    }


@pytest.mark.parametrize(
    ("found", "own"),
    [
        (snapshot("a"), True),
        (snapshot("a", cluster="restored", platform="shop"), True),
        (snapshot("a", cluster="restored"), False),
        (snapshot("a", cluster="restored", platform="shop-two"), False),
        (snapshot("a", cluster="shop-rds-cluster-two-rds-cluster-1a2b3c4d5e6f"), False),
        (snapshot("a", cluster="my-shop-rds-cluster-1a2b3c4d5e6f"), False),
    ],
)
def test_a_snapshot_is_the_platforms_by_its_clusters_name_or_tag(
    found: dict[str, Any], own: bool
) -> None:
    assert own_snapshots([found], "shop") == ([found] if own else [])


def test_a_key_is_the_platforms_by_its_tag() -> None:
    found = {"b": OURS, "a": OURS, "c": {"quayside:platform": "shop-two"}, "d": {}}
    assert own_keys(found, "shop") == ["a", "b"]


def kept_revision(number: int) -> dict[str, str]:
    arn = f"arn:aws:ecs:eu-central-1:123456789012:task-definition/shop-orders:{number}"
    return {"resource": "TaskDefinition", "type": "AWS::ECS::TaskDefinition", "id": arn}


def test_revisions_that_rollbacks_need_are_counted_and_are_not_what_overrides_keep() -> None:
    bucket = {"resource": "Files", "type": "AWS::S3::Bucket", "id": "files"}
    listed = [kept_revision(2), bucket, kept_revision(1)]
    assert told(listed) == (
        "Files (AWS::S3::Bucket) files, 2 earlier revisions of the task definition shop-orders, "
        "ACTIVE"
    )
    found = remains([], [], [], listed)
    assert (found.kept, found.revisions) == (["files"], ["shop-orders"])
    assert [*left(plan(), remains([], [], [], [kept_revision(1)]))] == [
        "Earlier revisions of task definitions stay ACTIVE, and cost nothing: shop-orders "
        "(docs/rollback.md)."
    ]


def test_what_lies_under_another_key_or_under_none_is_foreign() -> None:
    bare = {k: v for k, v in snapshot("bare").items() if k != "KmsKeyId"}
    found = remains([snapshot("b"), snapshot("a"), snapshot("copy", key="k"), bare], [KEY], [], [])
    assert (found.snapshots, found.foreign) == (["a", "b"], ["bare", "copy"])


def test_what_is_named_elsewhere_or_is_the_accounts_is_not_named_as_kept() -> None:
    kept = [
        {"id": "AWSServiceRoleForECS", "type": "AWS::IAM::ServiceLinkedRole"},
        {"id": "our-key", "type": "AWS::KMS::Key"},
        {"id": "/shop/orders", "type": "AWS::Logs::LogGroup"},
        {"id": "/shop/orders/db/active-user", "type": "AWS::SSM::Parameter"},
    ]
    found = remains([], [KEY], ["/shop/orders"], kept)
    assert found.kept == ["/shop/orders/db/active-user"]


def plan(**different: Any) -> Plan:
    values = {
        "platform": "shop",
        "delete_data": False,
        "services": ["shop-service-orders"],
        "protected": ["shop-rds"],
        "foundations": ["shop-support", "shop-network"],
        "unprotect": ["shop-rds"],
        "bucket": "",
        "key": KEY,
        "platforms": ["shop", "stage"],
    }
    return Plan(**values | different)


GONE = plan(services=[], protected=[], foundations=[], unprotect=[], key="", platforms=["stage"])
EVERYTHING = Remains(["last"], ["copy"], [KEY], ["/shop/orders"], ["/shop/orders/db/active-user"])


def deletion(name: str, **fates: str) -> dict[str, Any]:
    return {
        "name": name,
        "changes": [{"resource": it, "data": fate} for it, fate in sorted(fates.items())],
    }


DELETED = [
    deletion("shop-service-orders", Database=change_details.KEPT),
    deletion(
        "shop-rds",
        Cluster=change_details.SNAPSHOT,
        Key=change_details.KEPT,
        Group=change_details.DELETED,
    ),
    deletion("shop-support", Table=change_details.KEPT),
]


def test_a_platform_of_which_nothing_is_there_is_refused_with_those_that_are() -> None:
    with pytest.raises(StackError, match=r"^There is no platform shop in .* here: stage\.$"):
        refuse_absent(GONE, Remains())
    with pytest.raises(StackError, match=r"platforms here: none\.$"):
        refuse_absent(plan(**GONE.result() | {"platforms": []}), Remains())


@pytest.mark.parametrize(
    "there", [Remains(snapshots=["a"]), Remains(foreign=["a"]), Remains(log_groups=["a"])]
)
def test_what_a_teardown_left_is_a_platform_still(there: Remains) -> None:
    refuse_absent(GONE, there)
    refuse_absent(plan(), Remains())


def test_a_bucket_alone_is_a_platform_still() -> None:
    refuse_absent(plan(**GONE.result() | {"bucket": "shop-artifacts"}), Remains())


def test_a_check_says_what_would_go_and_what_would_stay() -> None:
    assert [*planned(plan(bucket="shop-artifacts"), EVERYTHING, DELETED)] == [
        "Nothing was removed, this is a check.",
        "Would go: shop-network, shop-rds, shop-service-orders, shop-support.",
        "Would go with them: the bucket shop-artifacts.",
        "Would stay, with all the databases: a last snapshot of Cluster.",
        "Would stay: Key, Table.",
        "Would stay: log group /shop/orders.",
        "Stays, from before: snapshot last.",
    ]


def test_a_check_with_the_data_names_them_at_the_end() -> None:
    assert [*planned(plan(delete_data=True), EVERYTHING, DELETED)] == [
        "Nothing was removed, this is a check.",
        "Would go: shop-network, shop-rds, shop-service-orders, shop-support.",
        "Would stay: Table.",
        "Would go: log group /shop/orders.",
        "Would go at the end, with all the data in them (every manual snapshot under the key): "
        f"last, the last snapshot of Cluster, the key {KEY}.",
    ]


def test_a_check_of_what_is_left_says_so() -> None:
    assert [*planned(GONE, Remains(log_groups=["/shop/orders"]), [])] == [
        "Nothing was removed, this is a check.",
        "No stack of the platform is there.",
        "Would stay: log group /shop/orders.",
    ]


def test_what_is_left_is_named_with_how_to_go_on() -> None:
    assert [*left(plan(), EVERYTHING)] == [
        f"Left: snapshot last; log group /shop/orders; key {KEY}.",
        "Restore the snapshot: rds_snapshot_identifier. It needs the key.",
        "Remove what is left: ansible-playbook playbooks/teardown.yml "
        "-e platform=shop -e confirm=shop -e delete_data=shop",
        "Left too, by a DeletionPolicy of overrides: /shop/orders/db/active-user.",
        "Under keys of others, and left alone: snapshot copy.",
    ]


def test_what_was_deleted_is_named_and_the_key_that_aws_deletes_later() -> None:
    assert [*left(plan(delete_data=True), EVERYTHING)][:2] == [
        "Deleted: snapshot last; log group /shop/orders.",
        f"Nothing is left but the key {KEY}, which AWS deletes in 30 days.",
    ]


@pytest.mark.parametrize("delete_data", [False, True])
def test_where_nothing_is_left_that_is_said(delete_data: bool) -> None:
    made = plan(delete_data=delete_data)
    assert [*left(made, Remains())] == ["Nothing is left."]
    assert [*left(made, Remains(kept=["a"]))] == ["Left too, by a DeletionPolicy of overrides: a."]
