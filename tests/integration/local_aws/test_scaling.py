"""Application Auto Scaling of ECS services: what is refused, and what becomes of the count."""

from __future__ import annotations

import datetime
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from local_aws.control import LocalAws
from local_aws.errors import LocalAwsError
from tests.integration.local_aws.support import Stacks, eventually

WEB = {"ServiceNamespace": "ecs", "ScalableDimension": "ecs:service:DesiredCount"}
RESOURCE = "service/scaled/web"
CPU = {"PredefinedMetricType": "ECSServiceAverageCPUUtilization"}


@pytest.fixture(scope="module")
def ecs(aws: LocalAws, image: str) -> Iterator[Any]:
    """ECS with the service ``web`` of two tasks on the cluster ``scaled``."""
    client = aws.client("ecs")
    client.create_cluster(clusterName="scaled", capacityProviders=["FARGATE", "FARGATE_SPOT"])
    definition = client.register_task_definition(
        family="scaled",
        requiresCompatibilities=["FARGATE"],
        networkMode="awsvpc",
        cpu="256",
        memory="512",
        containerDefinitions=[
            {"name": "app", "image": image, "environment": [{"name": "PORT", "value": "8080"}]}
        ],
    )["taskDefinition"]["taskDefinitionArn"]
    client.create_service(
        cluster="scaled",
        serviceName="web",
        taskDefinition=definition,
        desiredCount=2,
        launchType="FARGATE",
    )
    yield client
    client.delete_service(cluster="scaled", service="web", force=True)


@pytest.fixture
def scaling(aws: LocalAws, ecs: Any) -> Iterator[Any]:
    """Application Auto Scaling with that service as a target of one to five tasks."""
    client = aws.client("application-autoscaling")
    register(client, MinCapacity=1, MaxCapacity=5)
    yield client
    client.deregister_scalable_target(**WEB, ResourceId=RESOURCE)
    ecs.update_service(cluster="scaled", service="web", desiredCount=2)


def register(client: Any, **limits: int) -> None:
    client.register_scalable_target(**{**WEB, "ResourceId": RESOURCE, **limits})


def count(ecs: Any) -> int:
    (found,) = ecs.describe_services(cluster="scaled", services=["web"])["services"]
    return int(found["desiredCount"])


def put_policy(client: Any, name: str = "cpu", target: float = 60, **metric: str) -> None:
    configuration = {"TargetValue": target, "PredefinedMetricSpecification": metric or CPU}
    client.put_scaling_policy(
        **WEB,
        ResourceId=RESOURCE,
        PolicyName=name,
        PolicyType="TargetTrackingScaling",
        TargetTrackingScalingPolicyConfiguration=configuration,
    )


def put_action(client: Any, schedule: str, zone: str = "UTC", **limits: int) -> None:
    client.put_scheduled_action(
        **WEB,
        ResourceId=RESOURCE,
        ScheduledActionName="one",
        Schedule=schedule,
        Timezone=zone,
        ScalableTargetAction=limits,
    )


def test_a_count_outside_of_the_limits_is_brought_inside(scaling: Any, ecs: Any) -> None:
    assert count(ecs) == 2
    register(scaling, MinCapacity=3)
    assert count(ecs) == 3
    register(scaling, MinCapacity=1, MaxCapacity=2)
    assert count(ecs) == 2
    (target,) = scaling.describe_scalable_targets(ServiceNamespace="ecs")["ScalableTargets"]
    assert (target["MinCapacity"], target["MaxCapacity"]) == (1, 2)
    assert target["RoleARN"].endswith("/AWSServiceRoleForApplicationAutoScaling_ECSService")


def test_what_a_policy_would_choose_stays_within_the_limits(
    aws: LocalAws, scaling: Any, ecs: Any
) -> None:
    assert scaling
    assert [aws.scale("scaled", "web", it) for it in (4, 9, 0)] == [4, 5, 1]
    assert count(ecs) == 1
    with pytest.raises(LocalAwsError, match="service/scaled/other is no scalable target"):
        aws.scale("scaled", "other", 3)


def test_a_target_that_goes_takes_the_rest_with_it_and_leaves_the_count(
    scaling: Any, ecs: Any
) -> None:
    put_policy(scaling)
    put_action(scaling, "rate(1 day)", MinCapacity=1)
    register(scaling, MinCapacity=4)
    scaling.deregister_scalable_target(**WEB, ResourceId=RESOURCE)
    assert count(ecs) == 4
    assert scaling.describe_scaling_policies(ServiceNamespace="ecs")["ScalingPolicies"] == []
    described = scaling.describe_scheduled_actions(ServiceNamespace="ecs")
    assert described["ScheduledActions"] == []
    register(scaling, MinCapacity=1, MaxCapacity=5)


def at(text: str) -> datetime.datetime:
    return datetime.datetime.fromisoformat(text).replace(tzinfo=datetime.UTC)


@pytest.mark.parametrize(
    ("schedule", "due", "not_due"),
    [
        (("cron(0 7 ? * MON-FRI *)", "UTC"), "2027-03-05T07:00", "2027-03-06T07:00"),
        (("cron(0 7 * * ? *)", "Europe/Berlin"), "2027-07-01T05:00", "2027-07-01T07:00"),
        (("cron(0 7 * * ? *)", "Europe/Berlin"), "2027-01-01T06:00", "2027-01-01T05:00"),
        (("cron(30 6 L 2 ? *)", "UTC"), "2027-02-28T06:30", "2027-02-27T06:30"),
        (("at(2027-05-01T09:15:00)", "UTC"), "2027-05-01T09:15", "2027-05-02T09:15"),
    ],
)
def test_a_schedule_changes_limits_and_count_in_its_minute(
    aws: LocalAws, scaling: Any, schedule: tuple[str, str], due: str, not_due: str
) -> None:
    put_action(scaling, *schedule, MinCapacity=3, MaxCapacity=9)
    assert aws.scale_as_scheduled(at(not_due)) == []
    assert count(aws.client("ecs")) == 2
    assert aws.scale_as_scheduled(at(due)) == ["web/one"]
    assert count(aws.client("ecs")) == 3
    assert aws.scale("scaled", "web", 12) == 9


def test_what_aws_refuses_is_refused(scaling: Any) -> None:
    other = {"ResourceId": "service/scaled/other"}
    calls: list[tuple[Callable[[], Any], str]] = [
        (lambda: register(scaling, MinCapacity=6), "Maximum capacity cannot be less than"),
        (
            lambda: scaling.register_scalable_target(**WEB, **other, MinCapacity=1, MaxCapacity=2),
            "ECS service doesn't exist: service/scaled/other",
        ),
        (
            lambda: scaling.delete_scaling_policy(**WEB, ResourceId=RESOURCE, PolicyName="none"),
            "ObjectNotFoundException",
        ),
        (
            lambda: scaling.put_scheduled_action(
                **WEB, **other, ScheduledActionName="x", Schedule="rate(1 day)"
            ),
            "No scalable target found for service namespace: ecs",
        ),
        (lambda: put_policy(scaling, target=0), "TargetValue 0 isn't valid"),
        (lambda: put_policy(scaling, PredefinedMetricType="Moon"), "Moon is not supported"),
        (
            lambda: put_policy(
                scaling, PredefinedMetricType="ALBRequestCountPerTarget", ResourceLabel="app/x/1"
            ),
            "ResourceLabel app/x/1 is not a load balancer with a target group of the service",
        ),
        (lambda: put_action(scaling, "whenever", MinCapacity=1), "whenever is not valid"),
        (
            lambda: put_action(scaling, "cron(0 7 31 2 ? *)", MinCapacity=1),
            "Schedule expression cron(0 7 31 2 ? *) is not valid",
        ),
        (lambda: put_action(scaling, "rate(1 day)"), "needs MinCapacity or MaxCapacity"),
        (
            lambda: put_action(scaling, "rate(1 day)", MinCapacity=3, MaxCapacity=2),
            "Maximum capacity cannot be less than",
        ),
        (lambda: put_action(scaling, "rate(1 day)", "Mars/Crater", MinCapacity=1), "Mars/Crater"),
    ]
    for call, said in calls:
        with pytest.raises(ClientError) as refused:
            call()
        assert said in str(refused.value)


def test_a_second_policy_for_the_same_metric_is_refused(scaling: Any) -> None:
    put_policy(scaling)
    put_policy(scaling, target=70)
    with pytest.raises(ClientError, match="Only one TargetTrackingScaling policy"):
        put_policy(scaling, "again")
    (policy,) = scaling.describe_scaling_policies(ServiceNamespace="ecs")["ScalingPolicies"]
    assert policy["TargetTrackingScalingPolicyConfiguration"]["TargetValue"] == 70


TARGET = "AWS::ApplicationAutoScaling::ScalableTarget"
POLICY = "AWS::ApplicationAutoScaling::ScalingPolicy"


def scaled(*actions: dict[str, Any], least: str = "1", target: int = 0) -> dict[str, Any]:
    """A template of a target with scheduled actions, and with a policy if there is a target."""
    properties = {**WEB, "ResourceId": RESOURCE, "MinCapacity": least, "MaxCapacity": "5"}
    configuration = {"TargetValue": str(target), "PredefinedMetricSpecification": CPU}
    policy = {
        "Type": POLICY,
        "Properties": {
            "PolicyName": "cpu",
            "PolicyType": "TargetTrackingScaling",
            "ScalingTargetId": {"Ref": "Target"},
            "TargetTrackingScalingPolicyConfiguration": configuration,
        },
    }
    made = {"Type": TARGET, "Properties": properties | {"ScheduledActions": [*actions]}}
    return {"Resources": {"Target": made} | ({"Policy": policy} if target else {})}


def action(name: str, least: int = 2) -> dict[str, Any]:
    return {
        "ScheduledActionName": name,
        "Schedule": "cron(0 7 * * ? *)",
        "ScalableTargetAction": {"MinCapacity": least},
    }


def test_a_template_makes_changes_and_takes_back_what_scales(
    aws: LocalAws, stacks: Stacks, ecs: Any
) -> None:
    client = aws.client("application-autoscaling")

    def names() -> list[str]:
        found = client.describe_scheduled_actions(ServiceNamespace="ecs")["ScheduledActions"]
        return sorted(it["ScheduledActionName"] for it in found)

    stacks.deploy("scaled", scaled(action("one"), action("two"), target=60))
    assert names() == ["one", "two"]
    stacks.deploy("scaled", scaled(action("two"), least="3"))
    assert names() == ["two"]
    assert client.describe_scaling_policies(ServiceNamespace="ecs")["ScalingPolicies"] == []
    assert count(ecs) == 3
    stacks.deploy("scaled", scaled(least="3"))
    assert names() == []
    stacks.delete("scaled")
    assert client.describe_scalable_targets(ServiceNamespace="ecs")["ScalableTargets"] == []
    assert count(ecs) == 3
    ecs.update_service(cluster="scaled", service="web", desiredCount=2)


@pytest.mark.parametrize(
    ("template", "said"),
    [
        (scaled(action("one"), action("one")), "Duplicates aren't allowed"),
        (scaled(action("one", least=9), least="7"), "Maximum capacity cannot be less than"),
        (scaled({**action("one"), "Schedule": "whenever"}), "whenever is not valid"),
    ],
)
def test_a_template_that_aws_refuses_leaves_nothing(
    aws: LocalAws, stacks: Stacks, ecs: Any, template: dict[str, Any], said: str
) -> None:
    with pytest.raises(AssertionError):
        stacks.deploy("refused", template)
    assert said in " ".join(stacks.reasons("refused"))
    client = aws.client("application-autoscaling")
    assert client.describe_scalable_targets(ServiceNamespace="ecs")["ScalableTargets"] == []
    assert count(ecs) == 2


def test_a_share_of_the_tasks_is_on_spot_and_another_share_begins_a_deployment(
    scaling: Any, ecs: Any
) -> None:
    assert scaling
    service = {"cluster": "scaled", "service": "web"}

    def strategy(on_demand: int, spot: int) -> dict[str, Any]:
        weights = {"FARGATE": on_demand, "FARGATE_SPOT": spot}
        items = [{"capacityProvider": it, "weight": weight} for it, weight in weights.items()]
        return {"capacityProviderStrategy": items}

    with pytest.raises(ClientError, match="you must force a new deployment"):
        ecs.update_service(**service, **strategy(1, 1))
    with pytest.raises(ClientError, match="weight greater than 0"):
        ecs.update_service(**service, **strategy(0, 0), forceNewDeployment=True)
    both, spot = {"FARGATE": 2, "FARGATE_SPOT": 2}, {"FARGATE_SPOT": 4}
    ecs.update_service(**service, **strategy(1, 1), desiredCount=4, forceNewDeployment=True)
    eventually(lambda: providers(ecs) == both)
    ecs.update_service(**service, **strategy(0, 1), forceNewDeployment=True)
    eventually(lambda: providers(ecs) == spot)


def providers(ecs: Any) -> Counter[str]:
    """Return where the tasks of the service's newest deployment are."""
    arns = ecs.list_tasks(cluster="scaled", serviceName="web")["taskArns"]
    tasks = ecs.describe_tasks(cluster="scaled", tasks=arns)["tasks"] if arns else []
    return Counter(
        it.get("capacityProviderName", "") for it in tasks if it["lastStatus"] == "RUNNING"
    )
