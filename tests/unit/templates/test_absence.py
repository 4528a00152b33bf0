"""What a false condition leaves out: absence means removal there, or the old value may well stay.

For many properties "absent" tells AWS to leave the value as it is. Where a condition turns false on
a deployed stack, that would keep what was to go.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.unit.templates.templates import NAMES, load, walk

NO_VALUE = {"Ref": "AWS::NoValue"}

# Type and property (the first below Properties) -> why a part of it may be left out by a condition.
_WHOLE = "the handler sends the whole document, so that what isn't in it goes"
_REVISION = "any change registers a new revision, which holds what the template says and no more"
_LIST = "the handler compares the lists, and takes away what is no longer in it"
_CUSTOM = "CloudFormation sends all properties to the function, which knows no old ones"
ABSENT = {
    ("AWS::CloudWatch::Dashboard", "DashboardBody"): "PutDashboard takes the dashboard whole",
    ("AWS::EC2::SecurityGroup", "SecurityGroupIngress"): _LIST,
    ("AWS::EC2::VPCEndpoint", "RouteTableIds"): _LIST,
    ("AWS::EC2::VPCEndpoint", "SubnetIds"): _LIST,
    ("AWS::ECS::Service", "Tags"): _LIST,
    ("AWS::ECS::Service", "CapacityProviderStrategy"): (
        "LaunchType can't change (Metadata, Quayside, Fixed), and decides which of both is there"
    ),
    ("AWS::ECS::Service", "LaunchType"): "the same",
    ("AWS::ECS::Service", "DesiredCount"): (
        "on purpose: UpdateService leaves the number as it is, which is what scaling wants"
    ),
    ("AWS::ECS::Service", "DeploymentConfiguration"): (
        "alarms and early success are always said, off or on, and the circuit breaker is told "
        "whole, with or without a threshold. A bake time of before goes with BakeTimeMinutes 0, "
        "which the role sends by itself (docs/deployments.md)"
    ),
    ("AWS::ECS::Service", "HealthCheckGracePeriodSeconds"): (
        "the old value stays, and without a load balancer's check nothing uses it; ECS refused one "
        "for services without a load balancer (cloudformation-coverage-roadmap#1313)"
    ),
    ("AWS::ECS::TaskDefinition", "ContainerDefinitions"): _REVISION,
    ("AWS::ElasticLoadBalancingV2::LoadBalancer", "LoadBalancerAttributes"): (
        "an attribute not given stays; bucket and prefix say nothing once access_logs.s3.enabled "
        "is false, and that is always given"
    ),
    ("AWS::ElasticLoadBalancingV2::ListenerRule", "Conditions"): (
        "ModifyRule takes the conditions whole: those that aren't among them are gone"
    ),
    ("AWS::ElasticLoadBalancingV2::ListenerRule", "Tags"): _LIST,
    ("AWS::ElasticLoadBalancingV2::ListenerRule", "Transforms"): (
        "whether the handler resets them isn't said, neither for an absent nor for an empty list; "
        "absent, a service that never rewrites has the rule of before (docs/first-account.md)"
    ),
    ("AWS::ElasticLoadBalancingV2::TargetGroup", "TargetGroupAttributes"): (
        "an attribute not given stays; durations and a cookie's name say nothing once "
        "stickiness.enabled is false or the type another, and both are always given"
    ),
    ("AWS::IAM::Role", "ManagedPolicyArns"): _LIST,
    ("AWS::IAM::Role", "PermissionsBoundary"): (
        "the handler deletes a boundary that isn't given (iam:DeleteRolePermissionsBoundary is "
        "among its permissions)"
    ),
    ("AWS::IAM::Role", "Policies"): _LIST,
    ("AWS::IAM::Role", "Tags"): _LIST,
    ("AWS::KMS::Key", "KeyPolicy"): _WHOLE,
    ("AWS::Lambda::Function", "Code"): (
        "the handler sends bucket and key with UpdateFunctionCode, which takes the newest version"
    ),
    ("AWS::Logs::LogGroup", "DataProtectionPolicy"): (
        "whether the update handler deletes a policy isn't said: its schema names the deletion for "
        "the delete handler alone. If it stays, lines go on being masked (docs/first-account.md)"
    ),
    ("AWS::Logs::LogGroup", "FieldIndexPolicies"): (
        "the handler deletes a policy that isn't given (logs:DeleteIndexPolicy is among its "
        "update's permissions)"
    ),
    ("AWS::Logs::SubscriptionFilter", "RoleArn"): "PutSubscriptionFilter takes the filter whole",
    ("AWS::RDS::DBCluster", "MasterUsername"): (
        "the snapshot's admin is the cluster's; it takes part in creation only"
    ),
    ("AWS::RDS::DBCluster", "ServerlessV2ScalingConfiguration"): (
        "ModifyDBCluster leaves the range as it is, and provisioned instances don't use it"
    ),
    ("AWS::RDS::DBCluster", "SnapshotIdentifier"): (
        "a change of it replaces the cluster, so that no old value is left"
    ),
    ("AWS::RDS::DBCluster", "StorageEncrypted"): "it takes part in creation only",
    ("AWS::RDS::DBInstance", "PerformanceInsightsKMSKeyId"): (
        "the key of what was recorded stays; EnablePerformanceInsights, always given, says whether"
    ),
    ("AWS::RDS::EventSubscription", "SourceIds"): (
        "the handler compares the lists, and removes a source (its update's permissions name "
        "rds:RemoveSourceIdentifierFromSubscription)"
    ),
    ("Custom::Database", "ConnectionLimit"): _CUSTOM,
    ("Custom::Database", "Extensions"): _CUSTOM,
    ("Custom::Database", "GreenSecretArn"): _CUSTOM,
    ("Custom::Database", "Repair"): _CUSTOM,
    ("Custom::Database", "RepairOwnership"): _CUSTOM,
    ("Custom::Database", "StatementTimeoutSeconds"): _CUSTOM,
    ("Custom::ListenerPriority", "Conditions"): _CUSTOM,
}


def left_out(name: str) -> Iterator[tuple[str, str]]:
    """Yield type and property of whatever a condition of a template may leave out."""
    for resource in load(name)["Resources"].values():
        for path, node in walk(resource.get("Properties", {})):
            if "Fn::If" in path and node == NO_VALUE:
                yield resource["Type"], str(path[0])


@pytest.mark.parametrize("name", NAMES)
def test_what_a_false_condition_leaves_out_may_be_absent(name: str) -> None:
    assert set(left_out(name)) <= ABSENT.keys()


def test_every_reason_is_needed() -> None:
    assert {place for name in NAMES for place in left_out(name)} == ABSENT.keys()


def test_a_service_that_lost_its_route_lets_go_of_its_target_group() -> None:
    """AWS::ECS::Service: "To remove this property, specify an empty LoadBalancer array."

    Absent means "as it is": the service would keep a target group that is deleted right after
    (aws/aws-cdk#38776, #35446, #38771), and each later deployment would fail.
    """
    service: dict[str, Any] = load("service")["Resources"]["Service"]["Properties"]
    assert service["LoadBalancers"]["Fn::If"][2] == []


def test_a_change_of_the_container_port_leaves_the_target_group_alone() -> None:
    """Port is create-only: as the container's, it would replace the group by an empty one.

    ECS registers each task with its own port, so that the group's is used for none; the CDK's
    patterns give 80 whatever the container's is (aws/aws-cdk#18073, #10106).
    """
    assert load("service")["Resources"]["TargetGroup"]["Properties"]["Port"] == 80
