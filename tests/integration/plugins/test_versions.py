"""A template's version: deployed alone, never taken back unasked, and held against other stacks."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from local_aws.control import LocalAws
from release import version
from tests.integration.plugins.support import ROOT, TEMPLATES, Playbooks, Run

QUIET = {"ANSIBLE_VERBOSITY": "0"}  # as users have it


def versioned(folder: Path, version: str) -> str:
    """Return a copy of the template queue.yml that tells a version."""
    text = (TEMPLATES / "queue.yml").read_text()
    path = folder / f"queue-{version}.yml"
    path.write_text(f"{text}  Version:\n    Value: {version}\n")
    return str(path)


def test_another_version_alone_is_shown_deployed_and_then_no_change(
    playbooks: Playbooks, name: str, cloudformation: Any, tmp_path: Path
) -> None:
    playbooks.stack(name=name, template=versioned(tmp_path, "1.1.0"))
    quiet = playbooks.with_environment(**QUIET)
    shown = quiet.stack("--check", name=name, template=versioned(tmp_path, "1.2.0"))
    assert f"stack {name} changes\n  output Version: 1.1.0 -> 1.2.0\n" in shown.output
    upgraded = playbooks.stack(name=name, template=versioned(tmp_path, "1.2.0"))
    assert upgraded.changed
    assert upgraded.result["changes"] == []
    assert upgraded.result["outputs"]["Version"] == "1.2.0"
    (stack,) = cloudformation.describe_stacks(StackName=name)["Stacks"]
    assert stack["StackStatus"] == "UPDATE_COMPLETE"
    assert not playbooks.stack(name=name, template=versioned(tmp_path, "1.2.0")).changed


def test_a_template_of_an_older_minor_version_takes_a_stack_back_only_if_it_is_meant(
    playbooks: Playbooks, name: str, tmp_path: Path
) -> None:
    older, newer = (versioned(tmp_path, it) for it in ("1.1.0", "1.2.0"))
    playbooks.stack(name=name, template=newer)
    refused = playbooks.stack(name=name, template=older).message
    assert "would go back from Quayside 1.2.0 to 1.1.0" in refused
    assert refused.endswith("if it is meant, write allow: [Version]")
    assert playbooks.stack(name=name, template=older, allow=["Version"]).changed


@pytest.fixture
def platform(playbooks: Playbooks, name: str, tmp_path: Path) -> str:
    """A stack that others take values from."""
    playbooks.stack(name=f"{name}-platform", template=versioned(tmp_path, "1.1.0"))
    return f"{name}-platform"


def test_a_template_of_a_newer_minor_version_is_refused_before_anything_is_made(
    playbooks: Playbooks, name: str, platform: str, tmp_path: Path, cloudformation: Any
) -> None:
    wanted = {"name": name, "template": versioned(tmp_path, "1.2.0"), "parameters_from": [platform]}
    refused = playbooks.stack(**wanted).message
    assert f"stack {platform}, which it takes values from, is from 1.1.0" in refused
    assert refused.endswith(f"Upgrade the platform first: deploy stack {platform} with 1.2.0.")
    stacks = cloudformation.describe_stacks()["Stacks"]
    assert name not in {stack["StackName"] for stack in stacks}
    checked = playbooks.stack("--check", **wanted)
    assert checked.changed
    assert checked.result["warnings"] == [refused]


def test_a_template_of_an_older_minor_version_takes_values_from_a_newer_stack(
    playbooks: Playbooks, name: str, platform: str, tmp_path: Path
) -> None:
    playbooks.stack(name=platform, template=versioned(tmp_path, "1.2.0"))
    older = versioned(tmp_path, "1.1.0")
    assert playbooks.stack(name=name, template=older, parameters_from=[platform]).changed


SERVICE = """
Parameters:
  Platform: {Type: String}
  Name: {Type: String}
  Image: {Type: String}
  DesiredCount: {Type: String, Default: ""}
  SecretArns: {Type: CommaDelimitedList, Default: ""}
  ParameterArns: {Type: CommaDelimitedList, Default: ""}
  ActiveUser: {Type: String, Default: blue}
Resources: {Queue: {Type: AWS::SQS::Queue}}
Outputs:
  Export: {Value: !Ref Platform, Export: {Name: !Sub "${Platform}-service-${Name}"}}
"""


class Service:
    """A service with a template of its own, on what a platform's stacks tell it.

    Args:
        playbooks: runs them.
        platform: name of the platform.
        folder: for the templates.
    """

    def __init__(self, playbooks: Playbooks, platform: str, folder: Path) -> None:
        self._playbooks, self._platform, self._folder = playbooks, platform, folder
        self.stacks = [f"{platform}-{kind}-orders" for kind in ("service", "monitoring")]

    def template(self, told: str | None) -> str:
        """Return the path of its template, which tells a version or none."""
        path = self._folder / f"service-{told}.yaml"
        path.write_text(SERVICE + (f"  Version: {{Value: {told}}}\n" if told else ""))
        return str(path)

    def deploy(self, told: str | None, **more: Any) -> str:
        """Run the role, which must succeed; return what it printed, in one line."""
        ran = self._run(told, **more)
        assert ran.code == 0, ran.output
        return " ".join(ran.output.split())

    def refused(self, told: str | None) -> str:
        """Run the role, which must fail; return what it printed, in one line."""
        ran = self._run(told)
        assert ran.code != 0, ran.output
        return " ".join(ran.output.split())

    def _run(self, told: str | None, **more: Any) -> Run:
        given = {"service_platform": self._platform, "service_name": "orders"}
        given |= {"service_image": "orders:1", "service_template": self.template(told)}
        role = {"ansible.builtin.include_role": {"name": "quayside.fargate.service"}}
        off = {"service_route": False, "service_database": False}
        return self._playbooks.task({**role, "vars": {**given, **off, **more}})

    def moved_to(self, told: str) -> None:
        """Bring both stacks to a version, as a newer collection does."""
        beside = self._folder / "service_monitoring.yml"
        own = (ROOT / "templates" / beside.name).read_text()
        beside.write_text(re.sub(r"(?m)^    Value: \d+\.\d+\.\d+$", f"    Value: {told}", own))
        for stack, template in zip(self.stacks, [self.template(told), beside], strict=True):
            moved = self._playbooks.stack(name=stack, template=str(template))
            assert moved.result["outputs"]["Version"] == told


@pytest.fixture(scope="module")
def base(aws: LocalAws, cloudformation: Any) -> str:
    """A platform's stacks with what a service without route and database takes from them."""
    policy = {"Version": "2012-10-17", "Statement": []}
    trust = {"Effect": "Allow", "Principal": {"Service": "cloudformation.amazonaws.com"}}
    role = aws.client("iam").create_role(
        RoleName="steps",
        AssumeRolePolicyDocument=json.dumps(
            {**policy, "Statement": [{**trust, "Action": "sts:AssumeRole"}]}
        ),
    )["Role"]["Arn"]
    allowed = {**policy, "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}
    aws.client("iam").put_role_policy(
        RoleName="steps", PolicyName="all", PolicyDocument=json.dumps(allowed)
    )
    bucket = f"steps-artifacts-{aws.account}-{aws.region}"
    place = {"CreateBucketConfiguration": {"LocationConstraint": aws.region}}
    aws.client("s3").create_bucket(Bucket=bucket, **place)
    versioning = {"VersioningConfiguration": {"Status": "Enabled"}}
    aws.client("s3").put_bucket_versioning(Bucket=bucket, **versioning)
    told = {"CloudFormationRoleArn": role, "ArtifactsBucket": bucket, "ClusterName": "steps"}
    told |= {"CapacityProviders": "FARGATE,FARGATE_SPOT"}
    for kind in ("support", "deployment-all", "cluster"):
        outputs: dict[str, Any] = {it: {"Value": value} for it, value in told.items()}
        outputs |= {"Platform": {"Value": "steps", "Export": {"Name": f"steps-{kind}"}}}
        outputs |= {"Version": {"Value": version.current()}}
        resources = {"Topic": {"Type": "AWS::SNS::Topic"}}
        name = {"StackName": f"steps-{kind}"}
        body = json.dumps({"Resources": resources, "Outputs": outputs})
        cloudformation.create_stack(**name, TemplateBody=body)
        waiter = cloudformation.get_waiter("stack_create_complete")
        waiter.wait(**name, WaiterConfig={"Delay": 1})
    return "steps"


@pytest.fixture
def service(base: str, playbooks: Playbooks, tmp_path: Path) -> Iterator[Service]:
    """A service on that platform; its stacks are deleted afterwards."""
    made = Service(playbooks.with_environment(**QUIET), base, tmp_path)
    yield made
    made.deploy(None, service_state="absent")


def test_an_allowed_step_back_brings_both_stacks_of_a_service_back(
    service: Service, cloudformation: Any
) -> None:
    own = version.current()
    service.deploy(own)
    service.moved_to("99.0.0")
    assert "write service_allow: [Version]" in service.refused(own)
    done = service.deploy(own, service_allow=["Version"])
    found = [cloudformation.describe_stacks(StackName=it)["Stacks"][0] for it in service.stacks]
    told = [{it["OutputKey"]: it["OutputValue"] for it in one["Outputs"]} for one in found]
    assert [it["Version"] for it in told] == [own] * 2, done
    assert "wasn't needed" not in done
    again = service.deploy(own, service_allow=["Version"])
    assert again.count("service_allow: Version wasn't needed") == 1


def test_a_service_whose_own_template_tells_no_version_is_watched_too(
    service: Service, cloudformation: Any
) -> None:
    done = service.deploy(None)
    (watch,) = cloudformation.describe_stacks(StackName=service.stacks[1])["Stacks"]
    assert watch["StackStatus"] == "CREATE_COMPLETE", done


def test_what_is_laid_over_a_services_monitoring_may_be_too_large_for_a_request(
    service: Service, cloudformation: Any
) -> None:
    done = service.deploy(None, service_monitoring_overrides={"Metadata": {"Long": "x" * 52000}})
    (watch,) = cloudformation.describe_stacks(StackName=service.stacks[1])["Stacks"]
    assert watch["StackStatus"] == "CREATE_COMPLETE", done


TOLD = {
    "Parameters": {"Platform": {"Type": "String", "Default": "many"}},
    "Resources": {"Topic": {"Type": "AWS::SNS::Topic"}},
    "Outputs": {"Template": {"Value": "any"}, "Version": {"Value": "1.0.9"}},
}


@pytest.fixture
def many(cloudformation: Any) -> Iterator[list[str]]:
    """A platform of many services, each with a stack that watches it."""
    services = [f"s{number:02}" for number in range(20)]
    kinds = ("service", "monitoring")
    stacks = ["many-support", *(f"many-{kind}-{it}" for kind in kinds for it in services)]
    for stack in stacks:
        cloudformation.create_stack(StackName=stack, TemplateBody=json.dumps(TOLD))
    for stack in stacks:
        cloudformation.get_waiter("stack_create_complete").wait(
            StackName=stack, WaiterConfig={"Delay": 1}
        )
    yield services
    for stack in stacks:
        cloudformation.delete_stack(StackName=stack)


def test_the_stacks_of_many_services_are_described_in_pages_and_not_one_by_one(
    playbooks: Playbooks, aws: LocalAws, many: list[str]
) -> None:
    before = len(aws.calls())
    status = playbooks.task({"quayside.fargate.status": {"platform": "many"}}).result["status"]
    made = [it.action for it in aws.calls()[before:]]
    assert [it["service"] for it in status["services"]] == many
    assert [it["monitoring"]["stack"] for it in status["services"]] == [
        f"many-monitoring-{it}" for it in many
    ]
    assert [it["stack"] for it in status["stacks"]] == ["many-support"]
    assert sum("many-" in it for it in status["outdated"]) == 2 * len(many) + 1
    assert made.count("cloudformation:DescribeStacks") < 5
