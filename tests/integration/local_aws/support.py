"""What the tests of this folder share."""

from __future__ import annotations

import io
import json
import time
import urllib.request
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from local_aws.control import LocalAws
from local_aws.traffic import Traffic

ROLE: dict[str, Any] = {
    "Type": "AWS::IAM::Role",
    "Properties": {
        "AssumeRolePolicyDocument": {
            "Version": "2012-10-17",
            "Statement": [
                {
                    "Effect": "Allow",
                    "Principal": {"Service": ["lambda.amazonaws.com", "ecs-tasks.amazonaws.com"]},
                    "Action": "sts:AssumeRole",
                }
            ],
        }
    },
}


TRUST = json.dumps(ROLE["Properties"]["AssumeRolePolicyDocument"])


class Stacks:
    """Deploys stacks and deletes those that are left."""

    def __init__(self, aws: LocalAws) -> None:
        self.cloudformation = aws.client("cloudformation")
        self.names: list[str] = []

    def deploy(self, name: str, template: dict[str, Any], **parameters: str) -> dict[str, str]:
        given = [{"ParameterKey": k, "ParameterValue": v} for k, v in parameters.items()]
        action = "update" if name in self.names else "create"
        getattr(self.cloudformation, f"{action}_stack")(
            StackName=name,
            TemplateBody=json.dumps(template),
            Parameters=given,
            Capabilities=["CAPABILITY_NAMED_IAM"],
        )
        if name not in self.names:
            self.names.append(name)
        self._wait(f"stack_{action}_complete", name)
        return self.outputs(name)

    def change_set(
        self, name: str, template: dict[str, Any] | str, **parameters: str
    ) -> dict[str, Any]:
        """Make a change set and return its description; `execute` takes it."""
        given = [{"ParameterKey": k, "ParameterValue": v} for k, v in parameters.items()]
        made = self.cloudformation.create_change_set(
            StackName=name,
            ChangeSetName=f"c{time.time_ns()}",
            ChangeSetType="UPDATE" if name in self.names else "CREATE",
            TemplateBody=template if isinstance(template, str) else json.dumps(template),
            Parameters=given,
            Capabilities=["CAPABILITY_NAMED_IAM"],
        )
        described: dict[str, Any] = self.cloudformation.describe_change_set(
            ChangeSetName=made["Id"], IncludePropertyValues=True
        )
        return described

    def execute(self, change_set: dict[str, Any]) -> None:
        name = change_set["StackName"]
        action = "update" if name in self.names else "create"
        self.cloudformation.execute_change_set(ChangeSetName=change_set["ChangeSetId"])
        if name not in self.names:
            self.names.append(name)
        self._wait(f"stack_{action}_complete", name)

    def outputs(self, name: str) -> dict[str, str]:
        stack = self.cloudformation.describe_stacks(StackName=name)["Stacks"][0]
        return {output["OutputKey"]: output["OutputValue"] for output in stack.get("Outputs", [])}

    def status(self, name: str) -> str:
        return str(self.cloudformation.describe_stacks(StackName=name)["Stacks"][0]["StackStatus"])

    def _wait(self, waiter: str, name: str) -> None:
        config = {"Delay": 0.1, "MaxAttempts": 1200}
        try:
            self.cloudformation.get_waiter(waiter).wait(StackName=name, WaiterConfig=config)
        except Exception as error:
            raise AssertionError(f"{name}: {self.reasons(name)}") from error

    def reasons(self, name: str) -> list[str]:
        events = self.cloudformation.describe_stack_events(StackName=name)["StackEvents"]
        validated = self.cloudformation.describe_events(StackName=name)["OperationEvents"]
        return [
            f"{event['LogicalResourceId']}: {event['ResourceStatusReason']}"
            for event in reversed(events)
            if "FAILED" in event["ResourceStatus"] and event.get("ResourceStatusReason")
        ] + [
            f"{event['LogicalResourceId']}: {event['ValidationStatusReason']}"
            for event in validated
            if event["EventType"] == "VALIDATION_ERROR"
        ]

    def delete(self, name: str) -> None:
        self.cloudformation.delete_stack(StackName=name)
        self._wait("stack_delete_complete", name)
        self.names.remove(name)


def zipped(**files: str) -> bytes:
    """Return a Lambda deployment package of the named modules."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, text in files.items():
            archive.writestr(f"{name}.py", text)
    return buffer.getvalue()


def eventually(question: Any) -> Any:
    """Ask until the answer is true, for 20 s at most; return it."""
    for _ in range(400):
        answer = question()
        if answer:
            return answer
        time.sleep(0.05)
    raise AssertionError("it did not come to pass")


def function(
    aws: LocalAws,
    name: str,
    code: str,
    runtime: str,
    *,
    actions: tuple[str, ...] = (),
    timeout: int = 30,
) -> str:
    """Create a function whose role may use secrets, keys and what else it is given.

    Args:
        aws: where.
        name: of the function and its role.
        code: with `handler`.
        runtime: as Lambda names it.
        actions: what its role may do beside.
        timeout: of the function, seconds.
    """
    iam = aws.client("iam")
    role = iam.create_role(RoleName=name, AssumeRolePolicyDocument=TRUST)["Role"]["Arn"]
    allow = {
        "Effect": "Allow",
        "Action": ["secretsmanager:*", "kms:*", *actions],
        "Resource": "*",
    }
    iam.put_role_policy(
        RoleName=name,
        PolicyName="all",
        PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [allow]}),
    )
    made = aws.client("lambda").create_function(
        FunctionName=name,
        Runtime=runtime,
        Role=role,
        Handler="function.handler",
        Code={"ZipFile": zipped(function=code)},
        Timeout=timeout,
    )
    return str(made["FunctionArn"])


def call(aws: LocalAws, host: str, path: str = "/", timeout: float = 10) -> tuple[int, Any]:
    """GET through the load balancer; return status and the JSON body."""
    url, headers = aws.url(host, path)
    request = urllib.request.Request(url, headers=headers)
    with urllib.request.urlopen(request, timeout=timeout) as response:
        return response.status, json.loads(response.read())


def service_template(image: str, **container: Any) -> dict[str, Any]:
    definition = {
        "Name": "app",
        "Image": image,
        "Essential": True,
        "PortMappings": [{"ContainerPort": {"Ref": "Port"}}],
        "Environment": [{"Name": "PORT", "Value": {"Ref": "Port"}}],
        "LogConfiguration": {
            "LogDriver": "awslogs",
            "Options": {
                "awslogs-group": {"Ref": "LogGroup"},
                "awslogs-region": {"Ref": "AWS::Region"},
                "awslogs-stream-prefix": "app",
            },
        },
    } | container
    return {
        "Parameters": {
            "Port": {"Type": "Number", "Default": "8080"},
            "Count": {"Type": "Number", "Default": "2"},
            "Host": {"Type": "String"},
            "Version": {"Type": "String", "Default": "1"},
            "ListenerArn": {"Type": "String"},
            "Priority": {"Type": "Number"},
            "Cluster": {"Type": "String"},
        },
        "Resources": {
            "Role": ROLE,
            "LogGroup": {"Type": "AWS::Logs::LogGroup"},
            "TargetGroup": {
                "Type": "AWS::ElasticLoadBalancingV2::TargetGroup",
                "Properties": {
                    "VpcId": "vpc-00000000",
                    "Port": 80,  # ECS registers each task with its own
                    "Protocol": "HTTP",
                    "TargetType": "ip",
                    "HealthCheckPath": "/health",
                    "TargetGroupAttributes": [
                        {"Key": "deregistration_delay.timeout_seconds", "Value": "1"}
                    ],
                },
            },
            "Rule": {
                "Type": "AWS::ElasticLoadBalancingV2::ListenerRule",
                "Properties": {
                    "ListenerArn": {"Ref": "ListenerArn"},
                    "Priority": {"Ref": "Priority"},
                    "Conditions": [
                        {"Field": "host-header", "HostHeaderConfig": {"Values": [{"Ref": "Host"}]}}
                    ],
                    "Actions": [{"Type": "forward", "TargetGroupArn": {"Ref": "TargetGroup"}}],
                },
            },
            "TaskDefinition": {
                "Type": "AWS::ECS::TaskDefinition",
                "Properties": {
                    "Family": {"Ref": "AWS::StackName"},
                    "RequiresCompatibilities": ["FARGATE"],
                    "NetworkMode": "awsvpc",
                    "Cpu": "256",
                    "Memory": "512",
                    "TaskRoleArn": {"Fn::GetAtt": ["Role", "Arn"]},
                    "RuntimePlatform": {"CpuArchitecture": "X86_64"},
                    "ContainerDefinitions": [definition],
                },
            },
            "Service": {
                "Type": "AWS::ECS::Service",
                "DependsOn": "Rule",
                "Properties": {
                    "ServiceName": {"Ref": "AWS::StackName"},
                    "Cluster": {"Ref": "Cluster"},
                    "LaunchType": "FARGATE",
                    "DesiredCount": {"Ref": "Count"},
                    "TaskDefinition": {"Ref": "TaskDefinition"},
                    "HealthCheckGracePeriodSeconds": 5,
                    "DeploymentConfiguration": {
                        "MaximumPercent": 200,
                        "MinimumHealthyPercent": 100,
                        "DeploymentCircuitBreaker": {"Enable": "true", "Rollback": "true"},
                    },
                    "LoadBalancers": [
                        {
                            "ContainerName": "app",
                            "ContainerPort": {"Ref": "Port"},
                            "TargetGroupArn": {"Ref": "TargetGroup"},
                        }
                    ],
                },
            },
        },
        "Outputs": {"TargetGroup": {"Value": {"Ref": "TargetGroup"}}},
    }


LOAD_BALANCER: dict[str, Any] = {
    "Resources": {
        "Cluster": {
            "Type": "AWS::ECS::Cluster",
            "Properties": {
                "ClusterName": "tests",
                "CapacityProviders": ["FARGATE", "FARGATE_SPOT"],
            },
        },
        "Balancer": {
            "Type": "AWS::ElasticLoadBalancingV2::LoadBalancer",
            "Properties": {"Subnets": ["subnet-1", "subnet-2"]},
        },
        "Listener": {
            "Type": "AWS::ElasticLoadBalancingV2::Listener",
            "Properties": {
                "LoadBalancerArn": {"Ref": "Balancer"},
                "Port": 80,
                "Protocol": "HTTP",
                "DefaultActions": [
                    {"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "404"}}
                ],
            },
        },
    },
    "Outputs": {"ListenerArn": {"Value": {"Ref": "Listener"}}},
}


PRIORITIES = iter(range(100, 50000))


class Service:
    """A service stack that can be changed."""

    def __init__(self, aws: LocalAws, stacks: Stacks, listener: str, name: str) -> None:
        self.aws = aws
        self.stacks = stacks
        self.name = name
        self.host = f"{name}.example"
        self.parameters = {
            "Host": self.host,
            "ListenerArn": listener,
            "Priority": str(next(PRIORITIES)),
            "Cluster": "tests",
        }

    def deploy(self, image: str, **options: Any) -> dict[str, str]:
        """Deploy the service; `properties` are its own, `delay` the target group's, in seconds."""
        parameters = self.parameters | options.pop("parameters", {})
        properties, delay = options.pop("properties", {}), options.pop("delay", 1)
        template = service_template(image, **options)
        template["Resources"]["Service"]["Properties"] |= properties
        (attribute,) = template["Resources"]["TargetGroup"]["Properties"]["TargetGroupAttributes"]
        attribute["Value"] = str(delay)
        return self.stacks.deploy(self.name, template, **parameters)

    def tasks(self, status: str = "RUNNING") -> list[dict[str, Any]]:
        ecs = self.aws.client("ecs")
        arns = ecs.list_tasks(cluster="tests", serviceName=self.name, desiredStatus=status)
        if not arns["taskArns"]:
            return []
        return list(ecs.describe_tasks(cluster="tests", tasks=arns["taskArns"])["tasks"])


@contextmanager
def calls(aws: LocalAws, host: str) -> Iterator[Traffic]:
    """Call a host without a pause as long as the block lasts."""
    traffic = Traffic()
    with traffic.meanwhile(
        lambda: traffic.send(f"GET {host}", lambda: call(aws, host, "/sleep?0.02"))
    ):
        yield traffic


def environment_of(service: Service) -> dict[str, str]:
    environment: dict[str, str] = call(service.aws, service.host)[1]
    return environment


def described(aws: LocalAws, service: Service) -> dict[str, Any]:
    """What ECS says of a service."""
    found = aws.client("ecs").describe_services(cluster="tests", services=[service.name])
    return dict(found["services"][0])


def service_deployments(service: Service, **options: Any) -> list[dict[str, Any]]:
    ecs = service.aws.client("ecs")
    answer = ecs.list_service_deployments(cluster="tests", service=service.name, **options)
    return list(answer["serviceDeployments"])
