"""Deployments of ECS services: when they end, and what may be configured of them."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import pytest
from botocore.exceptions import ClientError

from local_aws.control import LocalAws
from tests.integration.local_aws.support import (
    Service,
    call,
    calls,
    described,
    environment_of,
    eventually,
    service_deployments,
    service_template,
)

PORT = {"Name": "PORT", "Value": "8080"}


def configured(minimum: int = 100, **more: Any) -> dict[str, Any]:
    """Properties of a service with a deployment configuration."""
    breaker = {"Enable": "true", "Rollback": "true"}
    return {
        "DeploymentConfiguration": {
            "MaximumPercent": 200,
            "MinimumHealthyPercent": minimum,
            "DeploymentCircuitBreaker": breaker,
            **more,
        }
    }


def early(percent: int = 100, cleanup: str = "DEFERRED") -> dict[str, Any]:
    """Early success criteria, as a template with parameters has them."""
    criteria = {
        "Enable": "true",
        "HealthyPercent": str(percent),
        "SourceServiceRevisionCleanup": cleanup,
    }
    return {"EarlySuccessCriteria": criteria}


def coloured(colour: str, **more: str) -> list[dict[str, str]]:
    return [PORT, {"Name": "COLOUR", "Value": colour}] + [
        {"Name": name, "Value": value} for name, value in more.items()
    ]


def arns(tasks: list[dict[str, Any]]) -> set[str]:
    return {task["taskArn"] for task in tasks}


def test_with_deferred_cleanup_a_deployment_ends_while_the_old_tasks_drain(
    aws: LocalAws, service: Service, image: str
) -> None:
    slow: dict[str, Any] = {"properties": configured(**early()), "delay": 7}
    service.deploy(image, **slow)
    first = arns(service.tasks())
    with calls(aws, service.host) as traffic:
        service.deploy(image, Environment=coloured("second"), **slow)
        second = arns(service.tasks())
        draining = {task["taskArn"]: task["lastStatus"] for task in service.tasks("STOPPED")}
        assert draining == dict.fromkeys(first, "DEACTIVATING")
        (primary,) = described(aws, service)["deployments"]
        assert primary["rolloutState"] == "COMPLETED"
        assert {it["status"] for it in service_deployments(service)} == {"SUCCESSFUL"}
        # another deployment right after it, and a failing one right after that
        service.deploy(image, Environment=coloured("third"), **slow)
        third = arns(service.tasks())
        assert {
            task["taskArn"]: task["lastStatus"]
            for task in service.tasks("STOPPED")
            if task["taskArn"] in second
        } == dict.fromkeys(second, "DEACTIVATING")
        with pytest.raises(AssertionError, match="Circuit Breaker was triggered"):
            service.deploy(image, Environment=coloured("fourth", CRASH="1"), **slow)
        assert arns(service.tasks()) == third
    assert traffic.failures == []
    assert traffic.sent > 100
    eventually(lambda: {it["lastStatus"] for it in service.tasks("STOPPED")} == {"STOPPED"})


def test_with_blocking_cleanup_it_ends_when_they_are_gone(service: Service, image: str) -> None:
    blocking = configured(**early(cleanup="BLOCKING"))
    service.deploy(image, properties=blocking)
    old = arns(service.tasks())
    service.deploy(image, Environment=coloured("new"), properties=blocking)
    gone = service.tasks("STOPPED")
    assert (arns(gone), {it["lastStatus"] for it in gone}) == (old, {"STOPPED"})


def test_early_success_needs_the_healthy_percent_alone_and_afterwards_nothing_rolls_back(
    aws: LocalAws, service: Service, image: str
) -> None:
    half = configured(50, **early(50))
    service.deploy(image, properties=half)
    sick = coloured("new", EVERY_OTHER_IS_SICK="1")
    service.deploy(image, Environment=sick, properties=half)
    (newest, *_) = service_deployments(service)
    arn = newest["serviceDeploymentArn"]
    ecs = aws.client("ecs")
    asked = {"serviceDeploymentArns": [arn]}
    (before,) = ecs.describe_service_deployments(**asked)["serviceDeployments"]
    # a task is stopped by somebody, and one is replaced because it is sick
    for task in service.tasks():
        ecs.stop_task(cluster="tests", task=task["taskArn"])
    eventually(lambda: len(service.tasks()) == 2)
    (after,) = ecs.describe_service_deployments(**asked)["serviceDeployments"]
    assert (before["status"], after["status"]) == ("SUCCESSFUL", "SUCCESSFUL")
    assert before["targetServiceRevision"] == after["targetServiceRevision"]  # as it was at the end
    assert before["targetServiceRevision"]["requestedTaskCount"] == 2
    assert before["targetServiceRevision"]["runningTaskCount"] >= 1
    early_success = after["deploymentConfiguration"]["earlySuccessCriteria"]
    assert early_success == {
        "enable": True,
        "healthyPercent": 50,
        "sourceServiceRevisionCleanup": "DEFERRED",
    }


@pytest.fixture
def alarm(aws: LocalAws, service: Service) -> Iterator[str]:
    """An alarm on what isn't measured here, so that it is as it was set."""
    cloudwatch = aws.client("cloudwatch")
    cloudwatch.put_metric_alarm(
        AlarmName=service.name,
        Namespace="AWS/Usage",
        MetricName="Errors",
        Statistic="Sum",
        Period=60,
        EvaluationPeriods=1,
        Threshold=1,
        ComparisonOperator="GreaterThanThreshold",
    )
    yield service.name
    cloudwatch.delete_alarms(AlarmNames=[service.name])


def last(service: Service) -> dict[str, Any]:
    """The newest service deployment, as it is described."""
    (newest, *_) = service_deployments(service)
    answer = service.aws.client("ecs").describe_service_deployments(
        serviceDeploymentArns=[newest["serviceDeploymentArn"]]
    )
    return dict(answer["serviceDeployments"][0])


@contextmanager
def meanwhile(deed: Callable[[], None]) -> Iterator[None]:
    """Do something while the block runs; what it raises is raised at the end."""
    with ThreadPoolExecutor() as pool:
        done = pool.submit(deed)
        yield
    done.result()


def ring(aws: LocalAws, alarm: str, state: str = "ALARM") -> None:
    client = aws.client("cloudwatch")
    client.set_alarm_state(AlarmName=alarm, StateValue=state, StateReason="a test")


def test_an_alarm_in_the_bake_time_rolls_back_and_one_that_rings_before_is_not_heeded(
    aws: LocalAws, service: Service, image: str, alarm: str
) -> None:
    alarms = {"AlarmNames": [f"{alarm}-missing", alarm], "Enable": "true", "Rollback": "true"}
    watched = configured(Alarms=alarms, BakeTimeInMinutes="3")  # a minute is a second here
    begun = time.monotonic()
    service.deploy(image, properties=watched)
    assert time.monotonic() - begun > 3
    first = last(service)
    assert (first["status"], first["alarms"]["status"]) == ("SUCCESSFUL", "MONITORING_COMPLETE")
    old = arns(service.tasks())

    def ring_when_it_bakes() -> None:
        eventually(lambda: arns(service.tasks("STOPPED")) >= old)
        eventually(lambda: {it["lastStatus"] for it in service.tasks("STOPPED")} == {"STOPPED"})
        assert last(service)["alarms"]["status"] == "MONITORING"
        ring(aws, alarm)

    with (
        calls(aws, service.host) as traffic,
        meanwhile(ring_when_it_bakes),
        pytest.raises(AssertionError, match="ECS Deployment Alarm was triggered"),
    ):
        service.deploy(image, Environment=coloured("second"), properties=watched)
    assert (traffic.failures, traffic.sent > 10) == ([], True)
    assert environment_of(service)["COLOUR"] == "plain"  # of the image
    failed = last(service)
    assert failed["status"] == "ROLLBACK_SUCCESSFUL"
    assert failed["alarms"] == {
        "status": "TRIGGERED",
        "alarmNames": [f"{alarm}-missing", alarm],
        "triggeredAlarmNames": [alarm],
    }
    assert alarm in failed["statusReason"]
    assert failed["rollback"]["reason"] == failed["statusReason"]
    assert failed["rollback"]["serviceRevisionArn"] == first["targetServiceRevision"]["arn"]
    assert failed["deploymentConfiguration"]["bakeTimeInMinutes"] == 3
    events = [it["message"] for it in described(aws, service)["events"]]
    assert [it for it in events if it.endswith("deployment failed: alarm detected.")], events

    service.deploy(image, Environment=coloured("third"), properties=watched)
    assert environment_of(service)["COLOUR"] == "third"
    assert (last(service)["status"], last(service)["alarms"]["status"]) == (
        "SUCCESSFUL",
        "DISABLED",
    )


def test_an_alarm_without_rollback_ends_the_deployment_and_what_runs_goes_on(
    aws: LocalAws, service: Service, image: str, alarm: str
) -> None:
    service.deploy(image)
    alarms = {"alarmNames": [alarm], "enable": True, "rollback": False}
    aws.client("ecs").update_service(
        cluster="tests",
        service=service.name,
        forceNewDeployment=True,
        deploymentConfiguration={"alarms": alarms, "bakeTimeInMinutes": 10},
    )
    ring(aws, alarm)
    eventually(lambda: last(service)["status"] == "STOPPED")
    assert described(aws, service)["deployments"][0]["rolloutState"] == "FAILED"
    before = arns(service.tasks())
    assert alarm in last(service)["statusReason"]
    assert call(aws, service.host)[0] == 200
    assert arns(service.tasks()) == before


def test_the_circuit_breaker_counts_to_its_threshold_and_healthy_tasks_need_not_reset_it(
    aws: LocalAws, service: Service, image: str
) -> None:
    breaker = {
        "Enable": "true",
        "Rollback": "true",
        "ResetOnHealthyTask": "false",
        "ThresholdConfiguration": {"Type": "COUNT", "Value": "3"},
    }
    counting: dict[str, Any] = {
        "properties": configured(DeploymentCircuitBreaker=breaker),
        "parameters": {"Count": "4"},
    }
    service.deploy(image, **counting)
    before = arns(service.tasks())
    # four healthy ones have at least three between them that crash
    with pytest.raises(AssertionError, match="ECS Deployment Circuit Breaker was triggered"):
        service.deploy(image, Environment=coloured("new", EVERY_OTHER_CRASHES="1"), **counting)
    failed = last(service)
    assert failed["deploymentCircuitBreaker"]["status"] == "TRIGGERED"
    assert failed["deploymentCircuitBreaker"]["threshold"] == 3
    assert failed["deploymentCircuitBreaker"]["failureCount"] == 3
    assert failed["status"] == "ROLLBACK_SUCCESSFUL"
    assert failed["statusReason"] == (
        "Service deployment rolled back because the circuit breaker threshold was exceeded."
    )
    events = [it["message"] for it in described(aws, service)["events"]]
    assert [it for it in events if it.endswith("deployment failed: tasks failed to start.")]
    assert len(service.tasks()) == 4
    assert before & arns(service.tasks())


@pytest.mark.parametrize(
    ("kind", "value", "threshold"),
    [("COUNT", 7, 7), ("BOUNDED_PERCENT", 50, 3), ("UNBOUNDED_PERCENT", 50, 1)],
)
def test_a_threshold_is_a_count_or_a_share_of_the_desired_tasks(
    aws: LocalAws, idle: dict[str, str], kind: str, value: int, threshold: int
) -> None:
    ecs = aws.client("ecs")
    ecs.update_service(
        **idle,
        forceNewDeployment=True,
        deploymentConfiguration={
            "deploymentCircuitBreaker": BREAKER
            | {"thresholdConfiguration": {"type": kind, "value": value}}
        },
    )
    (newest, *_) = ecs.list_service_deployments(**idle)["serviceDeployments"]
    (told,) = ecs.describe_service_deployments(
        serviceDeploymentArns=[newest["serviceDeploymentArn"]]
    )["serviceDeployments"]
    assert told["deploymentCircuitBreaker"]["threshold"] == threshold


def deployment_id(aws: LocalAws, service: Service) -> str:
    return str(described(aws, service)["deployments"][0]["id"])


def test_a_template_forces_a_deployment_by_another_nonce_alone(
    aws: LocalAws, service: Service, image: str
) -> None:
    def deploy(nonce: str, count: str) -> str:
        forced = {"EnableForceNewDeployment": "true", "ForceNewDeploymentNonce": nonce}
        properties = {"ForceNewDeployment": forced}
        service.deploy(image, properties=properties, parameters={"Count": count})
        return deployment_id(aws, service)

    first = deploy("a", "1")
    assert deploy("a", "2") == first
    assert deploy("b", "2") != first
    assert last(service)["status"] == "SUCCESSFUL"


def provider(name: str, weight: int, base: int = 0) -> dict[str, Any]:
    return {"CapacityProvider": name, "Weight": str(weight), "Base": str(base)}


def test_tasks_are_dealt_to_capacity_providers_and_another_strategy_rolls_them(
    aws: LocalAws, service: Service, image: str
) -> None:
    def deploy(*strategy: dict[str, Any]) -> Counter[str]:
        template = service_template(image)
        properties = template["Resources"]["Service"]["Properties"]
        del properties["LaunchType"]
        properties["CapacityProviderStrategy"] = list(strategy)
        parameters = service.parameters | {"Count": "3"}
        service.stacks.deploy(service.name, template, **parameters)
        return Counter(task["capacityProviderName"] for task in service.tasks())

    assert deploy(provider("FARGATE", 1)) == {"FARGATE": 3}
    assert "launchType" not in described(aws, service)
    first = deployment_id(aws, service)
    mixed = deploy(provider("FARGATE", 1, base=1), provider("FARGATE_SPOT", 1))
    assert mixed == {"FARGATE": 2, "FARGATE_SPOT": 1}
    assert deployment_id(aws, service) != first
    (spot,) = [it for it in service.tasks() if it["capacityProviderName"] == "FARGATE_SPOT"]
    others = arns(service.tasks()) - {spot["taskArn"]}
    assert aws.reclaim(spot["taskArn"])
    assert not aws.reclaim(next(iter(others)))
    (gone,) = [it for it in service.tasks("STOPPED") if it["taskArn"] == spot["taskArn"]]
    assert gone["stopCode"] == "SpotInterruption"
    assert gone["stoppedReason"] == "Your Spot Task was interrupted."
    eventually(lambda: len(service.tasks()) == 3)
    assert {it["launchType"] for it in service.tasks()} == {"FARGATE"}
    revision = last(service)["targetServiceRevision"]["arn"]
    (told,) = aws.client("ecs").describe_service_revisions(serviceRevisionArns=[revision])[
        "serviceRevisions"
    ]
    assert [it["capacityProvider"] for it in told["capacityProviderStrategy"]] == [
        "FARGATE",
        "FARGATE_SPOT",
    ]
    (container,) = told["containerImages"]
    digests = {it["containers"][0]["imageDigest"] for it in service.tasks()}
    assert container == {"containerName": "app", "image": image, "imageDigest": digests.pop()}


@pytest.fixture(scope="module")
def idle(aws: LocalAws, listener: str) -> Iterator[dict[str, str]]:
    """A service without tasks, as arguments of a call on it."""
    ecs = aws.client("ecs")
    container = {"name": "app", "image": "nobody:1"}
    definition = ecs.register_task_definition(
        family="idle", containerDefinitions=[container], networkMode="awsvpc"
    )["taskDefinition"]["taskDefinitionArn"]
    named = {"cluster": "tests", "taskDefinition": definition, "launchType": "FARGATE"}
    ecs.create_service(**named, serviceName="idle", desiredCount=0)
    yield {"cluster": "tests", "service": "idle"}
    ecs.delete_service(cluster="tests", service="idle", force=True)


EARLY = {"enable": True, "healthyPercent": 80, "sourceServiceRevisionCleanup": "DEFERRED"}
BREAKER = {"enable": True, "rollback": True}


@pytest.mark.parametrize(
    ("told", "error"),
    [
        ({"minimumHealthyPercent": 101}, "minimumHealthyPercent must be between 0 and 100"),
        ({"maximumPercent": 100}, "cannot be 100 as this will block deployments"),
        ({"minimumHealthyPercent": 90, "maximumPercent": 80}, "maximumPercent must not be less"),
        ({"earlySuccessCriteria": EARLY}, r"healthyPercent \(80\) must be between .* \(100\)"),
        ({"earlySuccessCriteria": {"enable": True}}, "must be specified"),
        (
            {"minimumHealthyPercent": 50, "earlySuccessCriteria": EARLY | {"healthyPercent": 40}},
            r"healthyPercent \(40\) must be between .* \(50\)",
        ),
        (
            {
                "minimumHealthyPercent": 50,
                "earlySuccessCriteria": EARLY | {"sourceServiceRevisionCleanup": "LATER"},
            },
            "sourceServiceRevisionCleanup must be one of BLOCKING, DEFERRED",
        ),
        (
            {
                "deploymentCircuitBreaker": BREAKER
                | {"thresholdConfiguration": {"type": "PERCENT", "value": 5}}
            },
            "type of thresholdConfiguration must be one of COUNT, BOUNDED_PERCENT",
        ),
        (
            {
                "deploymentCircuitBreaker": BREAKER
                | {"thresholdConfiguration": {"type": "COUNT", "value": 0}}
            },
            "value of thresholdConfiguration must be at least 1",
        ),
        ({"bakeTimeInMinutes": 1441}, "bakeTimeInMinutes must be between 0 and 1440"),
        (
            {"alarms": {"enable": True, "rollback": True, "alarmNames": []}},
            "alarmNames must have at least one alarm",
        ),
    ],
)
def test_a_configuration_that_ecs_refuses_is_refused(
    aws: LocalAws, idle: dict[str, str], told: dict[str, Any], error: str
) -> None:
    with pytest.raises(ClientError, match=error) as refused:
        aws.client("ecs").update_service(**idle, deploymentConfiguration=told)
    assert refused.value.response["Error"]["Code"] == "InvalidParameterException"


SPOT = [{"capacityProvider": "FARGATE_SPOT", "weight": 1}]


@pytest.mark.parametrize(
    ("told", "error"),
    [
        ({"capacityProviderStrategy": SPOT}, "you must force a new deployment"),
        ({"capacityProviderStrategy": []}, "you must force a new deployment"),
        (
            {
                "capacityProviderStrategy": [{"capacityProvider": "mine", "weight": 1}],
                "forceNewDeployment": True,
            },
            "is not associated with the cluster",
        ),
        (
            {
                "capacityProviderStrategy": [
                    {"capacityProvider": "FARGATE", "base": 1, "weight": 1},
                    {"capacityProvider": "FARGATE_SPOT", "base": 1, "weight": 1},
                ],
                "forceNewDeployment": True,
            },
            "Only one capacity provider .* can have a base",
        ),
        (
            {
                "capacityProviderStrategy": [
                    {"capacityProvider": "FARGATE"},
                    {"capacityProvider": "FARGATE_SPOT"},
                ],
                "forceNewDeployment": True,
            },
            "must have a weight greater than 0",
        ),
    ],
)
def test_a_strategy_that_ecs_refuses_is_refused(
    aws: LocalAws, idle: dict[str, str], told: dict[str, Any], error: str
) -> None:
    with pytest.raises(ClientError, match=error):
        aws.client("ecs").update_service(**idle, **told)


def test_a_service_goes_back_from_capacity_providers_to_its_launch_type(
    aws: LocalAws, idle: dict[str, str]
) -> None:
    def update(strategy: list[dict[str, Any]]) -> dict[str, Any]:
        answer = aws.client("ecs").update_service(
            **idle, capacityProviderStrategy=strategy, forceNewDeployment=True
        )
        return dict(answer["service"])

    assert "launchType" not in update(SPOT)
    back = update([])
    assert (back["launchType"], back.get("capacityProviderStrategy")) == ("FARGATE", None)


def test_what_is_not_told_of_a_configuration_stays_as_it_is(
    aws: LocalAws, idle: dict[str, str]
) -> None:
    def update(**told: Any) -> dict[str, Any]:
        answer = aws.client("ecs").update_service(**idle, deploymentConfiguration=told)
        return dict(answer["service"]["deploymentConfiguration"])

    update(minimumHealthyPercent=50, earlySuccessCriteria=EARLY)
    after = update(deploymentCircuitBreaker=BREAKER)
    assert after["earlySuccessCriteria"] == EARLY
    assert (after["minimumHealthyPercent"], after["maximumPercent"]) == (50, 200)
    off = update(earlySuccessCriteria={"enable": False}, minimumHealthyPercent=100)
    assert off["earlySuccessCriteria"] == {"enable": False}
    assert off["deploymentCircuitBreaker"] == BREAKER
