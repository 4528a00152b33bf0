"""Probes of Amazon ECS."""

from __future__ import annotations

import json
from typing import Any

from tests.integration.local_aws.needed.probing import Aws, deploy, refused, shows

IMAGE = "000000000000.dkr.ecr.eu-central-1.amazonaws.com/nobody:1"


def task_definition(aws: Aws, family: str, **more: Any) -> str:
    """Register one, and return its ARN."""
    made = aws.client("ecs").register_task_definition(
        family=family,
        networkMode="awsvpc",
        requiresCompatibilities=["FARGATE"],
        **{"cpu": "256", "memory": "512"} | more,
        containerDefinitions=[
            {"name": "app", "image": IMAGE, "portMappings": [{"containerPort": 80}]}
        ],
    )
    return str(made["taskDefinition"]["taskDefinitionArn"])


def service(aws: Aws, name: str, **more: Any) -> Any:
    """Create a service in a cluster of its name."""
    ecs = aws.client("ecs")
    ecs.create_cluster(clusterName=name)
    definition = task_definition(aws, name)
    options: dict[str, Any] = {"desiredCount": 0, "launchType": "FARGATE", **more}
    made = ecs.create_service(cluster=name, serviceName=name, taskDefinition=definition, **options)
    return made["service"]


@shows("ecs.fargate")
def fargate_has_no_task_of_any_size(aws: Aws) -> bool:
    return bool(refused(lambda: task_definition(aws, "odd", cpu="256", memory="4096")))


@shows("ecs.deregistered")
def a_revision_that_nothing_refers_to_is_told_no_more_once_deregistered(aws: Aws) -> bool:
    ecs, arn = aws.client("ecs"), task_definition(aws, "deregistered")
    ecs.describe_task_definition(taskDefinition=arn)
    ecs.deregister_task_definition(taskDefinition=arn)
    return refused(lambda: ecs.describe_task_definition(taskDefinition=arn)) == "ClientException"


@shows("ecs.moments")
def moments_are_told_to_the_millisecond(aws: Aws) -> bool:
    # Of three, one at most falls on a whole second.
    made = [service(aws, f"moment-{number}")["createdAt"] for number in range(3)]
    return any(moment.microsecond for moment in made)


@shows("ecs.refusals")
def a_grace_period_needs_a_load_balancer(aws: Aws) -> bool:
    code = refused(lambda: service(aws, "graceful", healthCheckGracePeriodSeconds=30))
    return code == "InvalidParameterException"


@shows("ecs.capacity")
def a_strategy_names_providers_of_the_cluster(aws: Aws) -> bool:
    ecs = aws.client("ecs")
    ecs.create_cluster(clusterName="spotless")
    code = refused(
        lambda: ecs.create_service(
            cluster="spotless",
            serviceName="spotless",
            taskDefinition=task_definition(aws, "spotless"),
            desiredCount=0,
            capacityProviderStrategy=[{"capacityProvider": "FARGATE_SPOT", "weight": 1}],
        )
    )
    return code == "InvalidParameterException"


@shows("ecs.rollout")
def the_first_deployment_is_in_progress_until_its_tasks_run(aws: Aws) -> bool:
    (deployment,) = service(aws, "rolling", desiredCount=1)["deployments"]
    aws.client("ecs").update_service(cluster="rolling", service="rolling", desiredCount=0)
    return bool(deployment["rolloutState"] == "IN_PROGRESS")


@shows("ecs.configuration")
def what_is_not_told_of_a_deployment_configuration_stays(aws: Aws) -> bool:
    service(aws, "telling")

    def told(**configuration: Any) -> Any:
        answer = aws.client("ecs").update_service(
            cluster="telling", service="telling", deploymentConfiguration=configuration
        )
        return answer["service"]["deploymentConfiguration"]

    told(minimumHealthyPercent=50)
    return bool(told(maximumPercent=150).get("minimumHealthyPercent") == 50)


@shows("ecs.capacity")
def another_strategy_needs_a_forced_deployment(aws: Aws) -> bool:
    service(aws, "switching")
    strategy = [{"capacityProvider": "FARGATE", "weight": 1}]
    code = refused(
        lambda: aws.client("ecs").update_service(
            cluster="switching", service="switching", capacityProviderStrategy=strategy
        )
    )
    return code == "InvalidParameterException"


@shows("ecs.targets")
def another_subnet_begins_a_deployment(aws: Aws) -> bool:
    def network(subnet: str) -> dict[str, Any]:
        return {"awsvpcConfiguration": {"subnets": [subnet]}}

    before = service(aws, "moving", networkConfiguration=network("subnet-1"))
    after = aws.client("ecs").update_service(
        cluster="moving", service="moving", networkConfiguration=network("subnet-2")
    )["service"]
    return bool(before["deployments"][0]["id"] != after["deployments"][0]["id"])


@shows("ecs.deployments")
def the_deployments_of_a_service_are_listed(aws: Aws) -> bool:
    service(aws, "remembered")
    listed = aws.client("ecs").list_service_deployments(cluster="remembered", service="remembered")
    return len(listed["serviceDeployments"]) == 1


@shows("ecs.deployment_calls")
def a_deployment_that_there_is_not_can_not_be_stopped(aws: Aws) -> bool:
    arn = "arn:aws:ecs:eu-central-1:000000000000:service-deployment/none/none/none"
    stop = aws.client("ecs").stop_service_deployment
    code = refused(lambda: stop(serviceDeploymentArn=arn))
    return code == "ServiceDeploymentNotFoundException"


@shows("ecs.execute_command")
def a_task_that_lets_nobody_in_gives_no_session(aws: Aws) -> bool:
    ecs = aws.client("ecs")
    ecs.create_cluster(clusterName="closed")
    (task,) = ecs.run_task(
        cluster="closed",
        launchType="FARGATE",
        taskDefinition=task_definition(aws, "closed"),
        networkConfiguration={"awsvpcConfiguration": {"subnets": ["subnet-01234567"]}},
    )["tasks"]
    asked = {"cluster": "closed", "task": task["taskArn"], "command": "/bin/sh"}
    code = refused(lambda: ecs.execute_command(interactive=True, **asked))
    return code == "InvalidParameterException"


@shows("ecs.templates")
def a_template_gives_a_container_secrets(aws: Aws) -> bool:
    container = {
        "Name": "app",
        "Image": IMAGE,
        "Secrets": [{"Name": "WORD", "ValueFrom": "/word"}],
    }
    definition = {
        "Type": "AWS::ECS::TaskDefinition",
        "Properties": {"Family": "secretive", "ContainerDefinitions": [container]},
    }
    deploy(aws, "secretive", {"Definition": definition})
    found = aws.client("ecs").describe_task_definition(taskDefinition="secretive")
    (made,) = found["taskDefinition"]["containerDefinitions"]
    return bool(made.get("secrets") == [{"name": "WORD", "valueFrom": "/word"}])


@shows("ecs.current")
def a_service_names_its_last_deployment_and_the_images_of_its_revision(aws: Aws) -> bool:
    service(aws, "current")
    ecs = aws.client("ecs")
    listed = ecs.list_service_deployments(cluster="current", service="current")
    arns = [it["serviceDeploymentArn"] for it in listed["serviceDeployments"]]
    (told,) = ecs.describe_services(cluster="current", services=["current"])["services"]
    summaries = told.get("currentServiceRevisions") or [{"arn": "none"}]
    revisions = ecs.describe_service_revisions(serviceRevisionArns=[summaries[0]["arn"]])
    images = [
        it["image"] for each in revisions["serviceRevisions"] for it in each["containerImages"]
    ]
    return [told.get("currentServiceDeployment")] == arns and images == [IMAGE]


@shows("ecs.events")
def a_rule_hears_that_a_deployment_began(aws: Aws) -> bool:
    sqs, events = aws.client("sqs"), aws.client("events")
    queue = sqs.create_queue(QueueName="hears")["QueueUrl"]
    asked = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])
    arn = asked["Attributes"]["QueueArn"]
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": "events.amazonaws.com"},
        "Action": "sqs:SendMessage",
        "Resource": arn,
    }
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    sqs.set_queue_attributes(QueueUrl=queue, Attributes={"Policy": policy})
    pattern = {"source": ["aws.ecs"], "detail": {"eventName": ["SERVICE_DEPLOYMENT_IN_PROGRESS"]}}
    events.put_rule(Name="hears", EventPattern=json.dumps(pattern))
    events.put_targets(Rule="hears", Targets=[{"Id": "queue", "Arn": arn}])
    begun = service(aws, "heard")["deployments"][0]["id"]
    taken = sqs.receive_message(QueueUrl=queue, WaitTimeSeconds=5).get("Messages", [])
    return begun in [json.loads(it["Body"])["detail"]["deploymentId"] for it in taken]
