"""playbooks/doctor.yml looks at an account before the first platform, and says what it lacks."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from local_aws.control import LocalAws
from tests.e2e.platform import ROOT
from tests.warm import playbooks as warm

LINKED = (
    *("ecs.amazonaws.com", "elasticloadbalancing.amazonaws.com", "rds.amazonaws.com"),
    "ecs.application-autoscaling.amazonaws.com",
)
SILENT = {"ANSIBLE_STDOUT_CALLBACK": "quayside.fargate.silent"}
Variables = dict[str, Any]


@dataclass(frozen=True)
class Looked:
    """What a run of the playbook printed, and its exit status."""

    code: int
    output: str
    errors: str

    @property
    def findings(self) -> dict[str, dict[str, str]]:
        """The JSON's findings by their checks."""
        return {it["check"]: it for it in json.loads(self.output)["findings"]}

    def results(self, result: str) -> set[str]:
        """Return the checks with this result."""
        return {check for check, it in self.findings.items() if it["result"] == result}


class Clinic:
    """An account that lacks nothing, and those who look at it."""

    def __init__(self, aws: LocalAws) -> None:
        self.aws = aws
        self.deployer = self.user("deployer", "platform", "doctor")
        self.variables = self._healthy()

    def user(self, name: str, *policies: str) -> dict[str, str]:
        """Create a user with documented policies; return its key as environment."""
        iam = self.aws.client("iam")
        iam.create_user(UserName=name)
        for path in (path for it in policies for path in permissions(it)):
            text = path.read_text().replace("PLATFORM", "shop").replace("ACCOUNT", self.aws.account)
            iam.put_user_policy(UserName=name, PolicyName=path.stem, PolicyDocument=text)
        key = iam.create_access_key(UserName=name)["AccessKey"]
        return {
            "AWS_ACCESS_KEY_ID": key["AccessKeyId"],
            "AWS_SECRET_ACCESS_KEY": key["SecretAccessKey"],
        }

    def certificate(self, validation: str = "DNS", domain: str = "*.example.com") -> str:
        """Request a certificate; by DNS it is issued at once."""
        request = {"DomainName": domain, "ValidationMethod": validation}
        return str(self.aws.client("acm").request_certificate(**request)["CertificateArn"])

    def image(self, repository: str, tag: str = "1") -> str:
        """Return a reference of ECR."""
        return f"{self.aws.account}.dkr.ecr.{self.aws.region}.amazonaws.com/{repository}:{tag}"

    def _healthy(self) -> Variables:
        for service in LINKED:
            self.aws.client("iam").create_service_linked_role(AWSServiceName=service)
        zone = self.aws.client("route53").create_hosted_zone(
            Name="example.com", CallerReference="clinic"
        )["HostedZone"]["Id"]
        ecr = self.aws.client("ecr")
        ecr.create_repository(repositoryName="orders")
        ecr.put_image(repositoryName="orders", imageManifest='{"schemaVersion": 2}', imageTag="1")
        return {
            "platform": "shop",
            "load_balancer_certificate_arn": self.certificate(),
            "service_host_name": "orders.example.com",
            "service_hosted_zone_id": zone.rpartition("/")[2],
            "service_image": self.image("orders"),
        }

    def look(self, key: dict[str, str] | None = None, **variables: Any) -> Looked:
        """Run the playbook as the deployer, or with another key; JSON comes alone.

        A variable that is None isn't given.
        """
        both = {**self.variables, **variables}
        given = {name: value for name, value in both.items() if value is not None}
        silent = SILENT if given.get("doctor_format") == "json" else {}
        plain = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
        environment = {
            **plain,
            **self.aws.environment,
            **(self.deployer if key is None else key),
            **silent,
            "ANSIBLE_NOCOLOR": "1",
        }
        done = subprocess.run(
            [*warm.command(environment), "playbooks/doctor.yml", "-e", json.dumps(given)],
            cwd=ROOT,
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        return Looked(done.returncode, done.stdout, done.stderr)

    def json(self, key: dict[str, str] | None = None, **variables: Any) -> Looked:
        """Do so, and ask for JSON."""
        return self.look(key, doctor_format="json", **variables)


def permissions(kind: str) -> list[Path]:
    return sorted((ROOT / "docs" / "permissions").glob(f"{kind}*.json"))


@pytest.fixture(scope="module")
def clinic(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Clinic]:
    with LocalAws.start(tmp_path_factory.mktemp("clinic") / "state") as aws:
        yield Clinic(aws)


def test_an_account_that_lacks_nothing_gets_a_clean_table(clinic: Clinic) -> None:
    looked = clinic.look()
    assert looked.code == 0, looked.output
    lines = looked.output.splitlines()
    start = next(number for number, line in enumerate(lines) if line.startswith("check "))
    end = next(number for number, line in enumerate(lines) if line.startswith("localhost "))
    rows = lines[start:end]
    result, what = rows[0].index("result"), rows[0].index("what")
    found = [row for row in rows[1:] if not row.startswith(" ")]
    results = {row[:result].strip(): row[result:what].strip() for row in found}
    assert set(results.values()) == {"ok"}, looked.output
    assert len(results) == 19
    assert "found by botocore's provider env" in looked.output


def test_its_json_stands_alone_on_standard_output_and_its_calls_are_the_documented_ones(
    clinic: Clinic,
) -> None:
    before = len(clinic.aws.calls())
    looked = clinic.json(role_with_a_path(clinic), network_nat_gateways="none")
    document = json.loads(looked.output)
    assert looked.code == 0, looked.errors
    assert document["counts"] == {"ok": 19, "warning": 0, "failed": 0}
    assert "botocore's provider env" in looked.findings["credentials"]["what"]
    assert "endpoints" in looked.findings["zones"]["what"]
    [path] = permissions("doctor")
    allowed = set(json.loads(path.read_text())["Statement"][0]["Action"])
    called = {call.action for call in clinic.aws.calls()[before:] if "doctor" in call.principal}
    # the second is asked only where the account has no value of its own
    assert allowed - called == {"servicequotas:GetAWSDefaultServiceQuota"}
    assert called - allowed == set()


def role_with_a_path(clinic: Clinic) -> dict[str, str]:
    """Return the credentials of a role's session, whose ARN lacks the role's path."""
    iam = clinic.aws.client("iam")
    trusted = {"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"}
    role = iam.create_role(
        Path="/teams/",
        RoleName="doctors",
        AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [trusted]}),
    )["Role"]
    for path in (*permissions("platform"), *permissions("doctor")):
        text = path.read_text().replace("PLATFORM", "shop").replace("ACCOUNT", clinic.aws.account)
        iam.put_role_policy(RoleName="doctors", PolicyName=path.stem, PolicyDocument=text)
    sts = clinic.aws.client("sts")
    given = sts.assume_role(RoleArn=role["Arn"], RoleSessionName="doctor")["Credentials"]
    return {
        "AWS_ACCESS_KEY_ID": given["AccessKeyId"],
        "AWS_SECRET_ACCESS_KEY": given["SecretAccessKey"],
        "AWS_SESSION_TOKEN": given["SessionToken"],
    }


Broken = Callable[[Clinic], AbstractContextManager[Variables]]


def given(**variables: Any) -> Broken:
    """Return what gives the playbook other variables."""

    @contextmanager
    def broken(_clinic: Clinic) -> Iterator[Variables]:
        yield variables

    return broken


@contextmanager
def without_a_linked_role(clinic: Clinic) -> Iterator[Variables]:
    iam = clinic.aws.client("iam")
    iam.delete_service_linked_role(RoleName="AWSServiceRoleForRDS")
    yield {}
    iam.create_service_linked_role(AWSServiceName="rds.amazonaws.com")


@contextmanager
def with_a_certificate_that_waits(clinic: Clinic) -> Iterator[Variables]:
    yield {"load_balancer_certificate_arn": clinic.certificate("EMAIL")}


@contextmanager
def with_a_certificate_of_another_name(clinic: Clinic) -> Iterator[Variables]:
    yield {"load_balancer_certificate_arn": clinic.certificate(domain="*.example.org")}


@contextmanager
def without_the_certificate(clinic: Clinic) -> Iterator[Variables]:
    arn = clinic.certificate()
    clinic.aws.client("acm").delete_certificate(CertificateArn=arn)
    yield {"load_balancer_certificate_arn": arn}


@contextmanager
def without_the_repository(clinic: Clinic) -> Iterator[Variables]:
    yield {"service_image": clinic.image("invoices")}


@contextmanager
def with_all_vpcs_in_use(clinic: Clinic) -> Iterator[Variables]:
    ec2, made = clinic.aws.client("ec2"), []
    while len(ec2.describe_vpcs()["Vpcs"]) < 5:
        made.append(ec2.create_vpc(CidrBlock="10.9.0.0/16")["Vpc"]["VpcId"])
    yield {}
    for vpc in made:
        ec2.delete_vpc(VpcId=vpc)


ELSEWHERE = "arn:aws:acm:us-east-1:000000000000:certificate/0a1b2c3d"


@pytest.mark.parametrize(
    ("break_it", "finding"),
    [
        (without_a_linked_role, ("role RDS", "warning", "AWSServiceRoleForRDS isn't", "aws iam")),
        (
            with_a_certificate_that_waits,
            ("certificate", "failed", "waits for its validation", "DNS records"),
        ),
        (
            with_a_certificate_of_another_name,
            ("certificate", "failed", "which orders.example.com isn't", "service_host_name"),
        ),
        (without_the_certificate, ("certificate", "failed", "There is no", "Request it")),
        (
            given(load_balancer_certificate_arn=ELSEWHERE),
            ("certificate", "failed", "It is in us-east-1", "Request it there"),
        ),
        (
            given(rds_engine_version="17.99"),
            ("database engine", "failed", "17.99 can't be had", "rds_engine_version to one of"),
        ),
        (
            given(rds_instance_class="db.x9.large"),
            ("database engine", "failed", "has no db.x9.large", "rds_instance_class"),
        ),
        (without_the_repository, ("image", "failed", "no repository invoices", "push the image")),
        (with_all_vpcs_in_use, ("quota: VPCs", "failed", "5 of 5 in use", "--desired-value 6")),
        (
            given(service_hosted_zone_id="Z0NOBODY"),
            ("hosted zone", "failed", "no hosted zone Z0NOBODY", "list-hosted-zones"),
        ),
        (
            given(service_host_name="orders.example.org", load_balancer_certificate_arn=""),
            ("hosted zone", "failed", "orders.example.org doesn't belong", "service_host_name"),
        ),
        (
            given(network_availability_zones=["eu-central-1a", "eu-central-1z"]),
            ("zones", "failed", "not eu-central-1z", "network_availability_zones"),
        ),
    ],
)
def test_what_an_account_lacks_is_told_with_what_to_do(
    clinic: Clinic, break_it: Broken, finding: tuple[str, str, str, str]
) -> None:
    check, result, said, to_do = finding
    with break_it(clinic) as variables:
        looked = clinic.json(**variables)
    found = looked.findings[check]
    assert found["result"] == result, found
    assert said in found["what"]
    assert to_do in found["to_do"]
    failed = {check} if result == "failed" else set()
    assert looked.results("failed") == failed
    assert looked.code == (2 if failed else 0)
    assert (f"checks failed: {check}." in looked.errors) == bool(failed)


def test_who_lacks_rights_is_told_the_actions(clinic: Clinic) -> None:
    looked = clinic.json(clinic.user("looker", "doctor"))
    assert looked.code == 2
    assert looked.results("failed") == {"rights"}
    found = looked.findings["rights"]
    assert "cloudformation:" in found["what"]
    assert "docs/permissions/platform*.json" in found["to_do"]


def test_what_may_not_be_asked_is_a_warning_and_no_failure(clinic: Clinic) -> None:
    looked = clinic.json(clinic.user("stranger"))
    assert looked.code == 0, looked.output
    assert looked.results("failed") == set()
    assert looked.results("ok") == {"credentials"}
    for check in looked.results("warning") - {"image"}:
        assert "docs/permissions/doctor.json" in looked.findings[check]["to_do"], check


def test_without_credentials_that_is_all_it_says(clinic: Clinic) -> None:
    unknown = {"AWS_ACCESS_KEY_ID": "AKIAX", "AWS_SECRET_ACCESS_KEY": "wrong"}
    looked = clinic.json(unknown)
    assert looked.code == 2
    assert list(looked.findings) == ["credentials"]
    assert "Log in to AWS again" in looked.findings["credentials"]["to_do"]


def test_a_run_in_another_format_is_refused(clinic: Clinic) -> None:
    looked = clinic.look(doctor_format="yaml")
    assert looked.code == 2
    assert "doctor_format is 'yaml'. Take one of table, json." in looked.output


def test_a_run_without_a_platform_is_refused(clinic: Clinic) -> None:
    looked = clinic.look(platform=None)
    assert looked.code == 2
    assert "Name the platform, with -e platform=NAME" in looked.output
