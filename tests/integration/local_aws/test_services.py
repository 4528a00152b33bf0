"""ECS services: images, deployments, health, draining."""

from __future__ import annotations

import threading
import time
import urllib.error
from pathlib import Path
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


def test_a_container_gets_its_image_task_and_secrets_and_nothing_of_this_machine(
    aws: LocalAws, service: Service, image: str
) -> None:
    secrets = aws.client("secretsmanager")
    arn = secrets.create_secret(Name="one", SecretString='{"password": "of-the-secret"}')["ARN"]
    aws.client("ssm").put_parameter(Name="/two", Value="of-the-parameter", Type="SecureString")
    service.deploy(
        image,
        Environment=[
            {"Name": "PORT", "Value": "8080"},
            {"Name": "COLOUR", "Value": "of-the-task"},
        ],
        Secrets=[
            {"Name": "PASSWORD", "ValueFrom": f"{arn}:password::"},
            {"Name": "PARAMETER", "ValueFrom": "/two"},
        ],
    )
    environment = environment_of(service)
    assert environment["GREETING"] == "from the image"
    assert environment["COLOUR"] == "of-the-task"
    assert environment["PASSWORD"] == "of-the-secret"
    assert environment["PARAMETER"] == "of-the-parameter"
    assert environment["AWS_ENDPOINT_URL"] == aws.environment["AWS_ENDPOINT_URL"]
    assert "HOME" not in environment
    assert aws.environment["AWS_SECRET_ACCESS_KEY"] not in environment.values()


def test_a_container_is_its_task_role_and_not_root(
    aws: LocalAws, service: Service, image: str
) -> None:
    service.deploy(image)
    environment = environment_of(service)
    keys = {
        "aws_access_key_id": environment["AWS_ACCESS_KEY_ID"],
        "aws_secret_access_key": environment["AWS_SECRET_ACCESS_KEY"],
        "aws_session_token": environment["AWS_SESSION_TOKEN"],
    }
    import boto3

    session = boto3.Session(**keys, region_name=aws.region)
    endpoint = aws.environment["AWS_ENDPOINT_URL"]
    identity = session.client("sts", endpoint_url=endpoint).get_caller_identity()["Arn"]
    assert f"assumed-role/{service.name}-Role" in identity
    with pytest.raises(Exception, match="AccessDenied"):
        session.client("secretsmanager", endpoint_url=endpoint).list_secrets()


def test_a_running_task_shows_the_digest_of_its_tag(
    aws: LocalAws, service: Service, image: str
) -> None:
    service.deploy(image)
    details = aws.client("ecr").describe_images(repositoryName="app")["imageDetails"]
    digests = {detail["imageDigest"] for detail in details}
    assert {task["containers"][0]["imageDigest"] for task in service.tasks()} <= digests


def test_an_image_by_digest_runs(aws: LocalAws, service: Service, image: str) -> None:
    details = aws.client("ecr").describe_images(
        repositoryName="app", imageIds=[{"imageTag": image.rsplit(":", 1)[1]}]
    )["imageDetails"]
    repository = image.rsplit(":", 1)[0]
    service.deploy(f"{repository}@{details[0]['imageDigest']}")
    assert environment_of(service)["GREETING"] == "from the image"


def test_an_image_that_is_not_there_fails_the_stack_as_on_aws(
    aws: LocalAws, service: Service
) -> None:
    missing = f"{aws.account}.dkr.ecr.{aws.region}.amazonaws.com/app:missing"
    with pytest.raises(AssertionError, match="ECS Deployment Circuit Breaker was triggered"):
        service.deploy(missing)
    reasons = {
        task["stoppedReason"]
        for cluster in aws.client("ecs").list_clusters()["clusterArns"]
        for task in stopped_tasks(aws, cluster)
    }
    wanted = f"failed to resolve ref {missing}: {missing}: not found"
    assert [reason for reason in reasons if wanted in reason], reasons
    assert all("CannotPullContainerError: " in reason for reason in reasons if wanted in reason)


def stopped_tasks(aws: LocalAws, cluster: str) -> list[dict[str, Any]]:
    ecs = aws.client("ecs")
    arns = ecs.list_tasks(cluster=cluster, desiredStatus="STOPPED")["taskArns"]
    return list(ecs.describe_tasks(cluster=cluster, tasks=arns)["tasks"]) if arns else []


def test_a_first_deployment_that_crashes_opens_the_circuit_breaker(
    service: Service, image: str
) -> None:
    with pytest.raises(AssertionError, match="ECS Deployment Circuit Breaker was triggered"):
        service.deploy(image, Environment=[{"Name": "CRASH", "Value": "1"}])


def test_a_deployment_that_crashes_is_rolled_back_and_no_request_fails(
    aws: LocalAws, service: Service, image: str
) -> None:
    service.deploy(image)
    before = {task["taskArn"] for task in service.tasks()}
    crash = [{"Name": "CRASH", "Value": "1"}, {"Name": "PORT", "Value": "8080"}]
    with (
        calls(aws, service.host) as traffic,
        pytest.raises(AssertionError, match="Circuit Breaker was triggered"),
    ):
        service.deploy(image, Environment=crash)
    assert {task["taskArn"] for task in service.tasks()} == before
    assert traffic.sent > 10
    assert traffic.failures == []
    status = aws.client("cloudformation").describe_stacks(StackName=service.name)["Stacks"][0]
    assert status["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"
    service.deploy(image, Environment=[*crash[1:], {"Name": "COLOUR", "Value": "new"}])
    assert environment_of(service)["COLOUR"] == "new"


def test_a_rolling_deployment_ends_when_every_old_task_has_drained_and_no_request_fails(
    aws: LocalAws, service: Service, image: str
) -> None:
    service.deploy(image)
    before = {task["taskArn"] for task in service.tasks()}
    new = [{"Name": "COLOUR", "Value": "green"}, {"Name": "PORT", "Value": "8080"}]
    seen: set[tuple[str, str]] = set()  # state of a deployment, and of a task before it
    done = threading.Event()

    def watch() -> None:
        while not done.is_set():
            states = {it["lastStatus"] for it in service.tasks("STOPPED")}
            state = described(aws, service)["deployments"][0]["rolloutState"]
            seen.update((state, it) for it in states)

    with calls(aws, service.host) as traffic:
        watcher = threading.Thread(target=watch)
        watcher.start()
        service.deploy(image, Environment=new)
        gone = service.tasks("STOPPED")
        done.set()
        watcher.join()
    assert {it["taskArn"] for it in gone} == before
    assert {it["lastStatus"] for it in gone} == {"STOPPED"}
    assert ("IN_PROGRESS", "DEACTIVATING") in seen
    assert {it for state, it in seen if state == "COMPLETED"} <= {"STOPPED"}
    assert not before & {task["taskArn"] for task in service.tasks()}
    assert traffic.failures == []
    assert environment_of(service)["COLOUR"] == "green"


def test_a_sick_task_is_replaced(aws: LocalAws, service: Service, image: str) -> None:
    outputs = service.deploy(image, parameters={"Count": "1"})
    (sick,) = service.tasks()
    call(aws, service.host, "/sick?500")
    elbv2 = aws.client("elbv2")

    def states() -> set[str]:
        health = elbv2.describe_target_health(TargetGroupArn=outputs["TargetGroup"])
        return {entry["TargetHealth"]["State"] for entry in health["TargetHealthDescriptions"]}

    eventually(lambda: "unhealthy" in states())
    eventually(lambda: sick["taskArn"] not in {t["taskArn"] for t in service.tasks()})
    eventually(lambda: states() == {"healthy"})


def test_a_killed_task_is_replaced_and_shows_its_exit_code(
    aws: LocalAws, service: Service, image: str
) -> None:
    service.deploy(image, parameters={"Count": "1"})
    (killed,) = service.tasks()
    with pytest.raises((OSError, urllib.error.HTTPError)):
        call(aws, service.host, "/die?3")
    stopped = eventually(
        lambda: [t for t in service.tasks("STOPPED") if t["taskArn"] == killed["taskArn"]]
    )
    assert stopped[0]["containers"][0]["exitCode"] == 3
    eventually(lambda: service.tasks() and call_or_none(aws, service.host))


def call_or_none(aws: LocalAws, host: str) -> Any:
    try:
        return call(aws, host)
    except OSError:
        return None


def test_deleting_a_stack_waits_until_its_last_task_is_gone(service: Service, image: str) -> None:
    service.deploy(image)
    pids = {environment_of(service)["pid"]}
    service.stacks.delete(service.name)
    assert not [pid for pid in pids if Path(f"/proc/{pid}").exists()]


def test_each_deployment_leaves_a_service_deployment_and_scaling_none(
    aws: LocalAws, service: Service, image: str
) -> None:
    service.deploy(image)
    environment = {"PORT": "8080", "COLOUR": "another"}
    service.deploy(image, Environment=[{"Name": k, "Value": v} for k, v in environment.items()])
    ecs = aws.client("ecs")
    ecs.update_service(cluster="tests", service=service.name, desiredCount=1)
    second, first = service_deployments(service)
    assert (first["status"], second["status"]) == ("SUCCESSFUL", "SUCCESSFUL")
    assert first["createdAt"] <= first["startedAt"] <= first["finishedAt"] <= second["finishedAt"]
    (described,) = ecs.describe_service_deployments(
        serviceDeploymentArns=[second["serviceDeploymentArn"], "arn:none"]
    )["serviceDeployments"]
    source, target = first["targetServiceRevisionArn"], second["targetServiceRevisionArn"]
    assert [it["arn"] for it in described["sourceServiceRevisions"]] == [source]
    assert described["targetServiceRevision"]["arn"] == target
    revisions = ecs.describe_service_revisions(serviceRevisionArns=[source, target])
    definitions = [it["taskDefinition"] for it in revisions["serviceRevisions"]]
    assert [it.rsplit(":", 1)[-1] for it in definitions] == ["1", "2"]


def test_service_deployments_are_listed_by_page_status_and_time(
    aws: LocalAws, service: Service, image: str
) -> None:
    service.deploy(image)
    ecs = aws.client("ecs")
    ecs.update_service(cluster="tests", service=service.name, forceNewDeployment=True)
    (newest,) = service_deployments(service, maxResults=1)
    page = ecs.list_service_deployments(cluster="tests", service=service.name, maxResults=1)
    (oldest,) = service_deployments(service, maxResults=1, nextToken=page["nextToken"])
    assert oldest["createdAt"] <= newest["createdAt"]
    assert oldest["serviceDeploymentArn"] != newest["serviceDeploymentArn"]
    unfinished = service_deployments(service, status=["PENDING", "IN_PROGRESS"])
    assert [it["serviceDeploymentArn"] for it in unfinished] == [newest["serviceDeploymentArn"]]
    assert service_deployments(service, createdAt={"after": time.time() + 60}) == []
    eventually(lambda: not service_deployments(service, status=["PENDING", "IN_PROGRESS"]))
    with pytest.raises(ecs.exceptions.ServiceNotFoundException):
        ecs.list_service_deployments(cluster="tests", service="nobody")


def test_a_rollback_by_the_circuit_breaker_is_told_while_it_lasts_and_afterwards(
    aws: LocalAws, service: Service, image: str
) -> None:
    service.deploy(image)
    crash = service_template(image, Environment=[{"Name": "CRASH", "Value": "1"}])
    statuses: list[str] = []
    done = threading.Event()

    def watch() -> None:
        while not done.is_set():
            (newest, *_) = service_deployments(service, maxResults=1)
            if newest["status"] not in statuses[-1:]:
                statuses.append(newest["status"])

    watcher = threading.Thread(target=watch)
    watcher.start()
    with pytest.raises(AssertionError, match="Circuit Breaker was triggered"):
        service.stacks.deploy(service.name, crash, **service.parameters)
    done.set()
    watcher.join()
    # each lasts for moments: what was seen came in this order
    course = ["SUCCESSFUL", "PENDING", "IN_PROGRESS", "ROLLBACK_IN_PROGRESS", "ROLLBACK_SUCCESSFUL"]
    assert statuses == [it for it in course if it in statuses]
    assert "IN_PROGRESS" in statuses
    (failed,) = service_deployments(service, status=["ROLLBACK_SUCCESSFUL"])
    assert "circuit breaker" in failed["statusReason"]
    (described,) = aws.client("ecs").describe_service_deployments(
        serviceDeploymentArns=[failed["serviceDeploymentArn"]]
    )["serviceDeployments"]
    assert described["deploymentCircuitBreaker"]["status"] == "TRIGGERED"
    assert described["rollback"]["serviceRevisionArn"].endswith(f"/{service.name}/1")
    assert described["startedAt"] <= described["rollback"]["startedAt"] <= described["finishedAt"]


def test_a_service_deployment_that_is_stopped_rolls_back(
    aws: LocalAws, service: Service, image: str
) -> None:
    service.deploy(image)
    ecs = aws.client("ecs")
    before = {task["taskArn"] for task in service.tasks()}
    ecs.update_service(cluster="tests", service=service.name, forceNewDeployment=True)
    (newest,) = service_deployments(service, maxResults=1)
    arn = newest["serviceDeploymentArn"]
    assert ecs.stop_service_deployment(serviceDeploymentArn=arn)["serviceDeploymentArn"] == arn
    eventually(lambda: service_deployments(service, status=["ROLLBACK_SUCCESSFUL"]))
    eventually(lambda: {task["taskArn"] for task in service.tasks()} == before)
    with pytest.raises(ecs.exceptions.ConflictException):
        ecs.stop_service_deployment(serviceDeploymentArn=arn)


def test_another_container_port_sends_no_request_where_nobody_listens(
    aws: LocalAws, service: Service, image: str
) -> None:
    template = service_template(image)
    template["Resources"]["TargetGroup"]["Properties"]["Port"] = 80
    group = service.stacks.deploy(service.name, template, **service.parameters)["TargetGroup"]
    with calls(aws, service.host) as traffic:
        other = service.parameters | {"Port": "9090"}
        assert service.stacks.deploy(service.name, template, **other)["TargetGroup"] == group
    assert traffic.failures == []
    assert traffic.sent > 10
    assert ports(aws, group) == {9090}


def test_a_service_leaves_the_load_balancers_that_it_is_told_to_leave_and_no_others(
    aws: LocalAws, service: Service, image: str
) -> None:
    group = service.deploy(image)["TargetGroup"]
    ecs = aws.client("ecs")
    mine = {"cluster": "tests", "service": service.name}
    ecs.update_service(**mine, desiredCount=1)
    assert described(aws, service)["loadBalancers"][0]["targetGroupArn"] == group
    before = described(aws, service)["deployments"][0]["id"]
    ecs.update_service(**mine, loadBalancers=[])
    assert described(aws, service)["deployments"][0]["id"] != before
    eventually(lambda: not ports(aws, group))
    assert described(aws, service)["loadBalancers"] == []


def test_a_target_group_that_is_gone_is_refused(
    aws: LocalAws, service: Service, image: str
) -> None:
    group = service.deploy(image)["TargetGroup"]
    lost = {"targetGroupArn": f"{group}0", "containerName": "app", "containerPort": 8080}
    ecs = aws.client("ecs")
    with pytest.raises(ecs.exceptions.InvalidParameterException, match="does not exist"):
        ecs.update_service(cluster="tests", service=service.name, loadBalancers=[lost])


def ports(aws: LocalAws, group: str) -> set[int]:
    """Ports of a target group's targets."""
    health = aws.client("elbv2").describe_target_health(TargetGroupArn=group)
    return {it["Target"]["Port"] for it in health["TargetHealthDescriptions"]}


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        (
            {"loadBalancers": [{"containerName": "app", "containerPort": 1234}]},
            "The container app did not have a container port 1234 defined",
        ),
        (
            {"loadBalancers": [{"containerName": "web", "containerPort": 8080}]},
            "The container web does not exist in the task definition",
        ),
        (
            {"loadBalancers": [], "healthCheckGracePeriodSeconds": 60},
            "Health check grace period is only valid for services configured to use load balancers",
        ),
    ],
)
def test_what_ecs_refuses_is_refused(
    aws: LocalAws, service: Service, image: str, changes: dict[str, Any], error: str
) -> None:
    service.deploy(image)
    with pytest.raises(ClientError, match=error):
        aws.client("ecs").update_service(cluster="tests", service=service.name, **changes)


def test_a_target_group_that_no_rule_leads_to_is_refused(service: Service, image: str) -> None:
    template = service_template(image)
    del template["Resources"]["Rule"]
    del template["Resources"]["Service"]["DependsOn"]
    with pytest.raises(AssertionError, match="does not have an associated load balancer"):
        service.stacks.deploy(service.name, template, **service.parameters)


def test_a_size_that_fargate_does_not_have_is_refused(service: Service, image: str) -> None:
    template = service_template(image)
    template["Resources"]["TaskDefinition"]["Properties"]["Memory"] = "4096"
    with pytest.raises(AssertionError, match="No Fargate configuration exists for given values"):
        service.stacks.deploy(service.name, template, **service.parameters)
