"""The actions rollback and history, on a service of somebody's own template and without a task."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import Any

import pytest

from local_aws.control import LocalAws
from tests.integration.plugins.support import Playbooks, Run

STACK = "way-service-worker"
NAMED = {"platform": "way", "service": "worker"}
ALL_BUT_SECRETS = {
    "Version": "2012-10-17",
    "Statement": [
        {"Effect": "Allow", "Action": "*", "Resource": "*"},
        {"Effect": "Deny", "Action": "secretsmanager:DescribeSecret", "Resource": "*"},
    ],
}


class Way:
    """The service, and what it reads of others."""

    def __init__(self, aws: LocalAws, playbooks: Playbooks) -> None:
        self.aws, self.playbooks = aws, playbooks
        self.cloudformation, self.ecs = aws.client("cloudformation"), aws.client("ecs")
        self.key = aws.client("kms").create_key()["KeyMetadata"]["Arn"]
        made = aws.client("secretsmanager").create_secret(
            Name=f"way-{time.time_ns()}", SecretString="x", KmsKeyId=self.key
        )
        self.secret = made["ARN"]
        self.parameter_name = f"/way/{time.time_ns()}"
        aws.client("ssm").put_parameter(Name=self.parameter_name, Value="x", Type="SecureString")
        at = f"{aws.region}:{aws.account}:parameter{self.parameter_name}"
        self.parameter = f"arn:aws:ssm:{at}"

    def deploy(self, image: str, environment: dict[str, str], **container: Any) -> Run:
        """Deploy a version of the service."""
        variables = [{"Name": name, "Value": value} for name, value in environment.items()]
        laid = {"Name": "app", "Environment": variables, **container}
        overlay = {"Resources": {"Task": {"Properties": {"ContainerDefinitions": [laid]}}}}
        secrets = container.get("Secrets", [])
        arns = {it["ValueFrom"] for it in secrets}
        run = self.playbooks.stack(
            name=STACK,
            template="worker.yml",
            overlay=overlay,
            parameters={
                "Image": image,
                "SecretArns": ",".join(sorted(arns & {self.secret})),
                "ParameterArns": ",".join(sorted(arns & {self.parameter})),
            },
        )
        assert run.code == 0, run.output
        return run

    def back(self, *arguments: str, by: Playbooks | None = None, **options: Any) -> Run:
        """Run the action rollback."""
        task = {"quayside.fargate.rollback": {**NAMED, **options}}
        return (by or self.playbooks).task(task, *arguments)

    def history(self, **options: Any) -> list[dict[str, Any]]:
        """What the action history tells."""
        run = self.playbooks.task({"quayside.fargate.history": {**NAMED, **options}})
        assert run.code == 0, run.output
        return list(run.result["history"])

    @property
    def parameters(self) -> dict[str, str]:
        """The stack's parameters."""
        stack = self.cloudformation.describe_stacks(StackName=STACK)["Stacks"][0]
        return {it["ParameterKey"]: it["ParameterValue"] for it in stack["Parameters"]}

    @property
    def number(self) -> int:
        """The number of the revision that the service runs; earlier services' count on."""
        (service,) = self.ecs.describe_services(cluster="way", services=["worker"])["services"]
        return int(service["taskDefinition"].rpartition(":")[2])

    @property
    def container(self) -> dict[str, Any]:
        """The container that the service runs."""
        (service,) = self.ecs.describe_services(cluster="way", services=["worker"])["services"]
        told = self.ecs.describe_task_definition(taskDefinition=service["taskDefinition"])
        (container,) = told["taskDefinition"]["containerDefinitions"]
        return dict(container)

    def update_by_hand(self, level: str) -> None:
        """Update a parameter of the stack as somebody does who knows nothing of Quayside."""
        others = {it for it in self.parameters if it != "Level"}
        self.cloudformation.update_stack(
            StackName=STACK,
            UsePreviousTemplate=True,
            Capabilities=["CAPABILITY_IAM"],
            Parameters=[
                {"ParameterKey": "Level", "ParameterValue": level},
                *({"ParameterKey": it, "UsePreviousValue": True} for it in others),
            ],
        )
        self.cloudformation.get_waiter("stack_update_complete").wait(
            StackName=STACK, WaiterConfig={"Delay": 1}
        )

    def clear(self) -> None:
        """Take the service away."""
        self.cloudformation.delete_stack(StackName=STACK)
        self.cloudformation.get_waiter("stack_delete_complete").wait(
            StackName=STACK, WaiterConfig={"Delay": 1}
        )


@pytest.fixture
def way(aws: LocalAws, playbooks: Playbooks) -> Iterator[Way]:
    aws.client("ecs").create_cluster(clusterName="way")
    made = Way(aws, playbooks)
    yield made
    made.clear()


def secrets(way: Way) -> list[dict[str, str]]:
    return [
        {"Name": "KEY", "ValueFrom": way.secret},
        {"Name": "OTHER", "ValueFrom": way.parameter},
    ]


def test_what_ran_before_comes_back_with_its_rights_and_leaves_a_note(way: Way) -> None:
    way.deploy("registry.test/worker:1", {"MODE": "slow"}, Secrets=secrets(way), Command=["run"])
    before, first = way.container, way.number
    way.deploy("registry.test/worker:2", {"MODE": "fast", "NEW": "x"}, Cpu=128)
    assert way.parameters["SecretArns"] == ""

    planned = way.back("--check")
    assert planned.changed
    assert way.container["image"] == "registry.test/worker:2"

    run = way.back()
    assert run.changed
    result = run.result
    assert (result["from"], result["to"]) == (f"way-worker:{first + 1}", f"way-worker:{first}")
    assert result["undone"] == [
        "image worker 2 -> 1",
        "command",
        "container's cpu 128 -> (none)",
        "environment MODE changes",
        "environment NEW goes",
        "secret KEY comes back",
        "secret OTHER comes back",
    ]
    assert result["warnings"] == [
        "registry.test/worker:1 is named by a tag: what has that tag now runs, which may be "
        f"another image than way-worker:{first} ran."
    ]
    assert way.container == before
    expected = {"SecretArns": way.secret, "ParameterArns": way.parameter, "SecretKeyArns": way.key}
    assert {name: way.parameters[name] for name in expected} == expected

    template = way.cloudformation.get_template(StackName=STACK)["TemplateBody"]
    text = template if isinstance(template, str) else json.dumps(template)
    assert f"way-worker:{first + 1}" in text
    assert "environment MODE changes" in text
    said = way.deploy("registry.test/worker:2", {"MODE": "fast"}).output
    assert "A rollback" not in said  # which a role's deployment says
    template = way.cloudformation.get_template(StackName=STACK)["TemplateBody"]
    assert "Rollback" not in (template if isinstance(template, str) else json.dumps(template))


def test_a_secret_or_parameter_that_is_gone_is_refused_and_one_that_is_not_seen_warned_of(
    way: Way,
) -> None:
    way.deploy("registry.test/worker:1", {}, Secrets=secrets(way))
    first = way.number
    way.deploy("registry.test/worker:2", {})
    iam = way.aws.client("iam")
    user = {"UserName": f"way-{time.time_ns()}"}
    iam.create_user(**user)
    iam.put_user_policy(**user, PolicyName="most", PolicyDocument=json.dumps(ALL_BUT_SECRETS))
    key = iam.create_access_key(**user)["AccessKey"]
    blind = way.playbooks.acting_as(key["AccessKeyId"], key["SecretAccessKey"])
    run = way.back("--check", by=blind)
    assert run.changed
    (_tag, unseen) = run.result["warnings"]
    assert f"Not known: secretsmanager:DescribeSecret of {way.secret} failed" in unseen

    way.aws.client("ssm").delete_parameter(Name=way.parameter_name)
    way.aws.client("secretsmanager").delete_secret(
        SecretId=way.secret, ForceDeleteWithoutRecovery=True
    )
    way.aws.settle()
    message = way.back().message
    assert f"Nothing was rolled back: way-worker:{first} can't run any more." in message
    assert f"There is no secret {way.secret}." in message
    assert f"There is no parameter {way.parameter}." in message
    assert way.container["image"] == "registry.test/worker:2"


def test_a_rollback_does_not_stop_the_next_deployment_and_is_told_before_what_stops_it(
    way: Way,
) -> None:
    key, other = secrets(way)

    def as_a_role() -> Run:
        """Deploy as a role does whose playbook gives an image and nothing else."""
        return way.playbooks.stack(
            name=STACK,
            template="worker.yml",
            variable_prefix="service",
            given=["service_image"],
            parameters={
                "Image": "registry.test/worker:9",
                **dict.fromkeys(("SecretArns", "ParameterArns", "SecretKeyArns"), ""),
            },
        )

    way.deploy("registry.test/worker:1", {}, Secrets=[key])
    first = way.number
    way.deploy("registry.test/worker:2", {}, Secrets=[key])
    assert way.back().changed
    assert way.parameters["SecretKeyArns"] == ""  # its key lets the role in by itself, as before
    way.deploy("registry.test/worker:3", {})
    assert way.back(revision=str(first)).changed
    assert way.parameters["SecretKeyArns"] == way.key
    run = as_a_role()
    assert run.code == 0, run.output
    assert "A rollback was in between" in run.output
    assert {way.parameters[it] for it in ("SecretArns", "SecretKeyArns")} == {""}

    way.deploy("registry.test/worker:4", {}, Secrets=[other])
    way.deploy("registry.test/worker:5", {})
    assert way.back().changed
    way.deploy("registry.test/worker:6", {}, Secrets=[other])
    assert way.back(revision=str(first)).changed
    assert way.parameters["ParameterArns"] == ""
    refused = as_a_role()
    assert f"would fall back from {way.parameter} to" in refused.message
    assert "A rollback was in between" in refused.output


def test_what_of_a_secret_is_gone_is_refused_and_what_nobody_here_sees_is_warned_of(
    way: Way,
) -> None:
    another = way.parameter.replace(way.aws.account, "210987654321")
    by_name = {"Name": "NAMED", "ValueFrom": way.parameter_name.removeprefix("/")}
    shared = {"Name": "SHARED", "ValueFrom": another}
    way.deploy("registry.test/worker:1", {}, Secrets=[by_name, shared])
    way.deploy("registry.test/worker:2", {})
    warnings = way.back("--check").result["warnings"][1:]
    assert f"The parameter {another} is another account's, and wasn't looked at" in warnings[0]
    assert f"{by_name['ValueFrom']} is neither the whole ARN" in warnings[1]

    client = way.aws.client("secretsmanager")
    version = client.describe_secret(SecretId=way.secret)["VersionIdsToStages"]
    old = f"{way.secret}:::{next(iter(version))}"
    staged = f"{way.secret}::GONE:"
    whole = client.create_secret(Name=f"{time.time_ns()}-secret", SecretString="x")["ARN"]
    part = whole.rpartition("-")[0]  # Secrets Manager takes it, and a policy allows nothing by it
    named = {"OLD": old, "STAGED": staged, "PART": part}
    listed = [{"Name": name, "ValueFrom": value} for name, value in named.items()]
    way.deploy("registry.test/worker:3", {}, Secrets=listed)
    way.deploy("registry.test/worker:4", {})
    for value in ("y", "z"):  # the first one loses its last label, AWSPREVIOUS
        client.put_secret_value(SecretId=way.secret, SecretString=value)
    way.aws.settle()
    message = way.back().message
    assert f"The secret {way.secret} has no version with the stage GONE." in message
    assert f"{part} is a part of the ARN {whole}, and no task can read it by that." in message
    assert f"The secret {way.secret} has no version {next(iter(version))} with a stage." in message


def test_an_older_revision_is_gone_back_to_where_ecs_does_not_tell_the_last_one(way: Way) -> None:
    way.deploy("registry.test/worker:1", {})
    first = way.number
    way.deploy("registry.test/worker:2", {})
    way.deploy("registry.test/worker:3", {})
    way.ecs.deregister_task_definition(taskDefinition=f"way-worker:{first + 1}")
    untold = f"ECS doesn't tell the task definition way-worker:{first + 1} any more"
    assert untold in way.back(revision=str(first + 1)).message
    run = way.back()
    assert run.changed, run.output
    assert run.result["to"] == f"way-worker:{first}"
    assert f"way-worker:{first} is gone back to: {untold}" in run.result["warnings"][0]
    assert way.container["image"] == "registry.test/worker:1"
    way.ecs.deregister_task_definition(taskDefinition=f"way-worker:{first}")
    way.update_by_hand("debug")
    way.deploy("registry.test/worker:4", {})
    states = {
        way.ecs.describe_task_definition(taskDefinition=f"way-worker:{number}")["taskDefinition"][
            "status"
        ]
        for number in range(first + 2, way.number + 1)
    }
    assert states == {"ACTIVE"}  # a deployment deregisters none


def test_without_another_deployment_there_is_nothing_to_go_back_to(way: Way) -> None:
    way.deploy("registry.test/worker:1", {})
    assert "There is nothing to go back to" in way.back().message
    way.update_by_hand("debug")  # the template's own, which stays
    assert "There is nothing to go back to" in way.back().message
    unknown = way.playbooks.task({"quayside.fargate.rollback": {**NAMED, "service": "lost"}})
    assert "There is no stack way-service-lost" in unknown.message


def test_history_tells_what_began_each_operation_and_why_one_failed(way: Way) -> None:
    way.deploy("registry.test/worker:1", {})
    first = way.number
    way.deploy("registry.test/worker:2", {})
    way.update_by_hand("debug")
    way.ecs.update_service(cluster="way", service="worker", forceNewDeployment=True)
    way.back()
    broken = {"Resources": {"Task": {"Properties": {"Cpu": "257"}}}}
    failed = way.playbooks.stack(
        name=STACK,
        template="worker.yml",
        overlay=broken,
        parameters={"Image": "registry.test/worker:2"},
    )
    assert failed.code != 0

    told = way.history()
    assert [(it["kind"], it["result"]) for it in told] == [
        ("deployment", "rolled back"),
        ("rollback", "succeeded"),
        ("service deployment", "succeeded"),
        ("update", "succeeded"),
        ("deployment", "succeeded"),
        ("deployment", "succeeded"),
    ]
    assert "Task (AWS::ECS::TaskDefinition)" in told[0]["why"]
    assert all(it["why"] is None for it in told[1:])
    numbers = [it["revision"] for it in told[1:]]
    assert numbers == [f"way-worker:{first + it}" for it in (3, 2, 2, 1, 0)]
    assert way.history(limit=2) == told[:2]
    for limit in (0, 201):
        run = way.playbooks.task({"quayside.fargate.history": {**NAMED, "limit": limit}})
        assert f"limit is {limit}, and a number from 1 to 200 is due" in run.message
