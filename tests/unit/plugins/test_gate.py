"""What a change set takes away, by what AWS says of it: the shapes that no local AWS makes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ansible_collections.quayside.fargate.plugins.plugin_utils.gate import losses
from ansible_collections.quayside.fargate.plugins.plugin_utils.guards import GUARDS

LATER = "{{changeSet:KNOWN_AFTER_APPLY}}"
PAGE = Path(__file__).parents[3] / "docs" / "stack.md"
Change = dict[str, Any]


def modified(name: str, kind: str, *details: Change, replacement: str = "Conditional") -> Change:
    return {
        "Action": "Modify",
        "LogicalResourceId": name,
        "PhysicalResourceId": f"id-of-{name}",
        "ResourceType": kind,
        "Replacement": replacement,
        "Details": list(details),
    }


def detail(
    name: str,
    recreation: str = "Always",
    evaluation: str = "Dynamic",
    cause: str = "",
    **target: str,
) -> Change:
    """One entry of Details; without a cause it is the template's own (DirectModification)."""
    source = {"ChangeSource": "ResourceAttribute", "CausingEntity": cause} if cause else {}
    return {
        "Target": {
            "Attribute": "Properties",
            "Name": name,
            "RequiresRecreation": recreation,
            **({"Path": f"/Properties/{name}"} if target else {}),
            **target,
        },
        "Evaluation": evaluation,
        "ChangeSource": "DirectModification",
        **source,
    }


def lost(*changes: Change, outputs: tuple[str, ...] = (), **properties: Any) -> list[str]:
    """Return what changes would take away.

    Args:
        changes: the change set's.
        outputs: of the stack.
        properties: of the template's resources, by logical id.
    """
    resources = {name: {"Type": "any", "Properties": them} for name, them in properties.items()}
    return [it.name for it in losses(changes, {"Resources": resources}, outputs)]


CLUSTER, INSTANCE, NAT = "AWS::RDS::DBCluster", "AWS::RDS::DBInstance", "AWS::EC2::NatGateway"
KEY_ARN = {"KmsKeyId": {"Fn::GetAtt": ["Key", "Arn"]}}


def test_a_cluster_stays_if_only_the_key_that_it_names_is_modified() -> None:
    """As each change of a stack's tags is told: the key is modified, so its ARN isn't known yet."""
    key = modified("Key", "AWS::KMS::Key", detail("KeyPolicy", "Never"), replacement="False")
    told = detail("KmsKeyId", cause="Key.Arn", BeforeValue="arn:1", AfterValue=LATER)
    assert lost(key, modified("Cluster", CLUSTER, told), Cluster=KEY_ARN) == []
    untold = detail("KmsKeyId", cause="Key.Arn")
    assert lost(key, modified("Cluster", CLUSTER, untold), Cluster=KEY_ARN) == []


def test_a_gateway_that_is_called_replaced_since_its_subnets_tags_change_stays() -> None:
    """cloudformation-coverage-roadmap#2113: Replacement is True, and the value isn't known."""
    subnet = modified("Subnet", "AWS::EC2::Subnet", detail("Tags", "Never"), replacement="False")
    told = [
        detail("SubnetId", evaluation="Dynamic", BeforeValue="subnet-1", AfterValue=LATER),
        detail("SubnetId", "Always", "Static", "Subnet.SubnetId"),
    ]
    gateway = modified("Nat", NAT, *told, replacement="True")
    assert (
        lost(subnet, gateway, Subnet={}, Nat={"SubnetId": {"Fn::GetAtt": "Subnet.SubnetId"}}) == []
    )


def test_what_names_a_replaced_resource_goes_with_it() -> None:
    cluster = modified(
        "Cluster", CLUSTER, detail("SnapshotIdentifier", evaluation="Static", AfterValue="night")
    )
    instance = modified(
        "First",
        INSTANCE,
        detail("DBClusterIdentifier", cause="Cluster", BeforeValue="c1", AfterValue=LATER),
    )
    names = lost(instance, cluster, First={"DBClusterIdentifier": {"Ref": "Cluster"}}, Cluster={})
    assert names == ["First", "Cluster"]


@pytest.mark.parametrize(
    "reference",
    [
        {"Ref": "New"},
        {"Fn::Sub": "${New.Arn}-x"},
        {"Fn::Join": ["", [{"Fn::Sub": ["${New}", {}]}]]},
    ],
)
def test_a_property_that_comes_from_a_new_resource_is_another(reference: Change) -> None:
    new = {"Action": "Add", "LogicalResourceId": "New", "ResourceType": "AWS::SNS::Topic"}
    told = detail("Name", BeforeValue="old", AfterValue=LATER)
    queue = modified("Stream", "AWS::Kinesis::Stream", told)
    assert lost(new, queue, Stream={"Name": reference}) == ["Stream"]


def test_a_conditional_replacement_is_judged_by_its_property() -> None:
    def instance(name: str) -> Change:
        told = detail(name, "Conditionally", "Static", BeforeValue="1", AfterValue="2")
        return modified("First", INSTANCE, told)

    for stays in GUARDS[INSTANCE].in_place:
        assert lost(instance(stays)) == []
    assert lost(instance("Engine")) == ["First"]
    assert lost(instance("DBSnapshotIdentifier")) == ["First"]


def test_an_equal_value_replaces_nothing_and_one_that_comes_or_goes_does() -> None:
    """Adding or removing such a property replaces, whatever its value (user guide, "Update
    behaviors of stack resources")."""

    def bucket(**values: str) -> Change:
        return modified(
            "Files", "AWS::S3::Bucket", detail("BucketName", "Always", "Static", **values)
        )

    assert lost(bucket(BeforeValue="a", AfterValue="a")) == []
    assert lost(bucket(BeforeValue="a", AfterValue="b")) == ["Files"]
    assert lost(bucket(BeforeValue="a")) == lost(bucket(AfterValue="a")) == ["Files"]


@pytest.mark.parametrize(
    ("before", "after", "gone"),
    [
        ("a-x", f"b-{LATER}", True),
        ("a-x", f"a-{LATER}", False),
        ("a-x-c", f"a-{LATER}-d", True),
        ('{"a":[1],"b":"x"}', f'{{"a":"{LATER}","b":"x"}}', False),
        ('{"a":[1],"b":"x"}', f'{{"a":"{LATER}","b":"y"}}', True),
        ("a\nb", f"a{LATER}", False),
    ],
)
def test_a_value_that_is_told_in_part_is_another_if_that_part_is(
    before: str, after: str, gone: bool
) -> None:
    told = detail("BucketName", evaluation="Dynamic", BeforeValue=before, AfterValue=after)
    assert lost(modified("Files", "AWS::S3::Bucket", told), Files={}) == (["Files"] if gone else [])


def test_values_that_are_masked_alike_count_by_what_changes_them() -> None:
    """A NoEcho parameter's are, whatever they are."""

    def secret(evaluation: str, cause: str) -> Change:
        masked = detail(
            "SecretString", "Never", evaluation, cause, BeforeValue="****", AfterValue="****"
        )
        return modified("Token", "AWS::SecretsManager::Secret", masked, replacement="False")

    assert lost(secret("Static", "TokenValue"), Token={}) == ["Token"]
    assert lost(secret("Dynamic", "Other.Value"), Token={}, Other={}) == []


def test_without_values_a_parameter_replaces_for_certain() -> None:
    """As a botocore answers that doesn't know IncludePropertyValues."""
    told = detail("BucketName", evaluation="Static", cause="Name")
    assert lost(modified("Files", "AWS::S3::Bucket", told), Files={}) == ["Files"]


@pytest.mark.parametrize(
    ("kind", "name", "gone"),
    [
        ("Custom::Database", "Database", True),
        ("Custom::Database", "ActiveUser", False),
        ("Custom::Database", "Cluster", False),
        ("Custom::Password", "ParameterName", True),
        ("Custom::Password", "Rotation", False),
    ],
)
@pytest.mark.parametrize("recreation", ["Always", "Conditionally", "Never"])
def test_a_custom_resource_goes_by_what_its_function_calls_another(
    kind: str, name: str, gone: bool, recreation: str
) -> None:
    """Whatever CloudFormation calls it: a flip and a repair change such a resource, too."""
    told = detail(name, recreation, "Static", BeforeValue="1", AfterValue="2")
    assert lost(modified("It", kind, told)) == (["It"] if gone else [])


def test_a_secret_whose_username_changes_is_made_anew() -> None:
    told = detail("GenerateSecretString", "Never", "Static", BeforeValue="{1}", AfterValue="{2}")
    secret = modified("BlueSecret", "AWS::SecretsManager::Secret", told, replacement="False")
    assert lost(secret) == ["BlueSecret"]


@pytest.mark.parametrize("kind", GUARDS)
def test_every_kind_that_is_removed_is_told_with_its_reason(kind: str) -> None:
    change = {
        "Action": "Remove",
        "LogicalResourceId": "It",
        "PhysicalResourceId": "id-of-it",
        "ResourceType": kind,
    }
    (loss,) = losses([change], {"Resources": {}}, ["arn:of:id-of-it"])
    assert loss.text.endswith(f": {GUARDS[kind].why}")
    assert bool(losses([change], {"Resources": {}}, [])) is not GUARDS[kind].if_told


@pytest.mark.parametrize("kind", ["AWS::ECS::TaskDefinition", "AWS::CloudWatch::Alarm"])
def test_what_is_replaced_in_each_deployment_is_not_asked_for(kind: str) -> None:
    told = detail("Family", "Always", "Static", BeforeValue="1", AfterValue="2")
    assert lost(modified("It", kind, told, replacement="True")) == []


def test_the_page_has_every_kind() -> None:
    text = PAGE.read_text()
    for kind, guard in GUARDS.items():
        assert f"| `{kind}` | {guard.why} |" in text
