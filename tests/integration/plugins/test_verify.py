"""playbooks/verify.yml says what a service's deployment would fail of, on stacks that only tell."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import pytest

from local_aws.control import LocalAws
from tests.integration.plugins.support import ROOT
from tests.permissions import policies
from tests.warm import playbooks as warm

sys.path.insert(0, str(ROOT / "collections"))
from ansible_collections.quayside.fargate.plugins.plugin_utils import verify_image
from ansible_collections.quayside.fargate.plugins.plugin_utils.verify_candidate import Candidate

PLATFORM = "look"
PROVIDERS = {"CapacityProviders": "FARGATE,FARGATE_SPOT"}
INDEX = "application/vnd.oci.image.index.v1+json"
MANIFEST = "application/vnd.oci.image.manifest.v1+json"
CONFIG = "application/vnd.oci.image.config.v1+json"
AWS = dict.fromkeys(["region", "profile", "endpoint_url"])
Variables = dict[str, Any]


@dataclass(frozen=True)
class Looked:
    """What a run of the playbook printed, and its exit status."""

    code: int
    output: str
    errors: str

    @property
    def findings(self) -> dict[str, dict[str, str]]:
        """The JSON's findings by their checks; the worst of those of one name."""
        found = json.loads(self.output)["findings"]
        return {it["check"]: it for it in sorted(found, key=lambda it: it["result"], reverse=True)}

    def results(self, result: str) -> set[str]:
        """Return the checks with this result."""
        return {check for check, it in self.findings.items() if it["result"] == result}


@dataclass
class Place:
    """A platform of which only the outputs are there, and its load balancer and subnets."""

    aws: LocalAws
    variables: Variables = field(default_factory=dict)
    listener: str = ""
    vpc: str = ""
    subnets: str = ""

    def make(self) -> None:
        """Make what a service without a database meets."""
        ec2, elbv2 = self.aws.client("ec2"), self.aws.client("elbv2")
        self.vpc = ec2.create_vpc(CidrBlock="10.7.0.0/16")["Vpc"]["VpcId"]
        subnets = [
            ec2.create_subnet(VpcId=self.vpc, CidrBlock=f"10.7.{number}.0/24")["Subnet"]["SubnetId"]
            for number in range(2)
        ]
        balancer = elbv2.create_load_balancer(Name=PLATFORM, Subnets=subnets)["LoadBalancers"][0]
        answer = {"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "404"}}
        self.listener = elbv2.create_listener(
            LoadBalancerArn=balancer["LoadBalancerArn"],
            Protocol="HTTP",
            Port=80,
            DefaultActions=[answer],
        )["Listeners"][0]["ListenerArn"]
        certificates = {
            name: self.aws.client("acm").request_certificate(
                DomainName=domain, ValidationMethod="DNS"
            )["CertificateArn"]
            for name, domain in (
                ("CertificateArn", "*.example.com"),
                ("MoreCertificateArn2", "*.example.net"),
            )
        }
        self.stack("support", {})
        self.stack("deployment-all", {})
        self.subnets = ",".join(subnets)
        self.stack(
            "cluster", {"PrivateSubnetIds": self.subnets, "ClusterName": PLATFORM} | PROVIDERS
        )
        self.stack("load-balancer-public", {"ListenerArn": self.listener}, certificates)
        self.variables = {
            "service_platform": PLATFORM,
            "service_name": "orders",
            "service_host_name": "orders.example.com",
            "service_database": False,
            "service_image": self.image("orders:1", "amd64"),
        }

    def let_masking_be_audited(self) -> None:
        """Update the cluster's stack, as cluster_masking_audits does."""
        told = {"PrivateSubnetIds": self.subnets, "ClusterName": PLATFORM, **PROVIDERS}
        self.stack("cluster", told | {"MaskingAudits": "true"}, again=True)
        waiter = self.aws.client("cloudformation").get_waiter("stack_update_complete")
        waiter.wait(StackName=f"{PLATFORM}-cluster", WaiterConfig={"Delay": 0.2})

    def stack(
        self,
        name: str,
        outputs: dict[str, str],
        values: dict[str, str] | None = None,
        *,
        again: bool = False,
    ) -> None:
        template = {
            "Parameters": {
                key: {"Type": "String", "Default": value} for key, value in (values or {}).items()
            },
            "Resources": {"Topic": {"Type": "AWS::SNS::Topic"}},
            "Outputs": {"Platform": {"Value": PLATFORM}}
            | {key: {"Value": value} for key, value in outputs.items()},
        }
        cloudformation = self.aws.client("cloudformation")
        deploy = cloudformation.update_stack if again else cloudformation.create_stack
        deploy(StackName=f"{PLATFORM}-{name}", TemplateBody=json.dumps(template))

    def image(self, name: str, processor: str) -> str:
        """Push an image as docker does by ECR's own calls; return its reference."""
        repository, _, tag = name.partition(":")
        ecr = self.aws.client("ecr")
        if not any(
            it["repositoryName"] == repository for it in ecr.describe_repositories()["repositories"]
        ):
            ecr.create_repository(repositoryName=repository)
        config = json.dumps({"architecture": processor, "os": "linux"}).encode()
        digest = f"sha256:{hashlib.sha256(config).hexdigest()}"
        upload = ecr.initiate_layer_upload(repositoryName=repository)["uploadId"]
        ecr.upload_layer_part(
            repositoryName=repository,
            uploadId=upload,
            partFirstByte=0,
            partLastByte=len(config) - 1,
            layerPartBlob=config,
        )
        ecr.complete_layer_upload(repositoryName=repository, uploadId=upload, layerDigests=[digest])
        manifest = {
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "config": {"mediaType": CONFIG, "digest": digest, "size": len(config)},
            "layers": [],
        }
        return self.pushed(repository, tag, manifest)

    def pushed(self, repository: str, tag: str, manifest: dict[str, Any]) -> str:
        """Put a manifest under a tag; return its reference."""
        self.aws.client("ecr").put_image(
            repositoryName=repository,
            imageManifest=json.dumps(manifest),
            imageManifestMediaType=manifest["mediaType"],
            imageTag=tag,
        )
        host = f"{self.aws.account}.dkr.ecr.{self.aws.region}.amazonaws.com"
        return f"{host}/{repository}:{tag}"

    def secret(self, name: str, **given: Any) -> str:
        """Make a secret; return its ARN."""
        made = self.aws.client("secretsmanager").create_secret(Name=name, **given)
        return str(made["ARN"])

    def parameter(self, name: str) -> str:
        """Return the ARN of a parameter."""
        return f"arn:aws:ssm:{self.aws.region}:{self.aws.account}:parameter/{name.lstrip('/')}"

    def rule(self, host_name: str, priority: int, service: str, path: str = "") -> str:
        """Route a host name to a target group of somebody; return the rule's ARN."""
        conditions: list[dict[str, Any]] = [
            {"Field": "host-header", "HostHeaderConfig": {"Values": [host_name]}}
        ]
        if path:
            conditions.append({"Field": "path-pattern", "PathPatternConfig": {"Values": [path]}})
        elbv2 = self.aws.client("elbv2")
        group = elbv2.create_target_group(
            Name=f"{PLATFORM}-{priority}", Protocol="HTTP", Port=80, VpcId=self.vpc
        )["TargetGroups"][0]["TargetGroupArn"]
        made = elbv2.create_rule(
            ListenerArn=self.listener,
            Priority=priority,
            Conditions=conditions,
            Actions=[{"Type": "forward", "TargetGroupArn": group}],
            Tags=[{"Key": "quayside:service", "Value": service}],
        )["Rules"][0]
        return str(made["RuleArn"])

    def user(self, name: str, kind: str) -> dict[str, str]:
        """Create a user with a documented policy, or none; return its key as environment."""
        iam = self.aws.client("iam")
        iam.create_user(UserName=name)
        given = {"PLATFORM": PLATFORM, "ACCOUNT": self.aws.account, "SERVICES": "*", "TEAM": "all"}
        for policy in policies.names(kind) if kind else ():
            iam.put_user_policy(
                UserName=name, PolicyName=policy, PolicyDocument=policies.text(policy, **given)
            )
        key = iam.create_access_key(UserName=name)["AccessKey"]
        return {
            "AWS_ACCESS_KEY_ID": key["AccessKeyId"],
            "AWS_SECRET_ACCESS_KEY": key["SecretAccessKey"],
        }

    def look(self, key: dict[str, str] | None = None, **variables: Any) -> Looked:
        """Run the playbook; JSON comes alone."""
        given = {"format": "json", **self.variables, **variables}
        silent = {"ANSIBLE_STDOUT_CALLBACK": "quayside.fargate.silent"}
        environment = {
            **os.environ,
            **self.aws.environment,
            **(key or {}),
            **(silent if given["format"] == "json" else {}),
            "ANSIBLE_NOCOLOR": "1",
        }
        done = subprocess.run(
            [*warm.command(environment), "playbooks/verify.yml", "-e", json.dumps(given)],
            cwd=ROOT,
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        return Looked(done.returncode, done.stdout, done.stderr)


def stand(place: Place, name: str, **given: str) -> None:
    """Make a service's stack with a route, of which only parameters and outputs are there."""
    given = {"ListenerArn": place.listener, **given}
    template = {
        "Parameters": {it: {"Type": "String"} for it in given},
        "Resources": {"Topic": {"Type": "AWS::SNS::Topic"}},
        "Outputs": {"TargetGroupFullName": {"Value": f"targetgroup/{name}/1"}},
    }
    place.aws.client("cloudformation").create_stack(
        StackName=f"{PLATFORM}-service-{name}",
        TemplateBody=json.dumps(template),
        Parameters=[{"ParameterKey": it, "ParameterValue": value} for it, value in given.items()],
    )


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    with LocalAws.start(tmp_path_factory.mktemp("place") / "state") as aws:
        made = Place(aws)
        made.make()
        yield made


def test_a_service_that_lacks_nothing_gets_a_clean_table_with_its_pipelines_rights(
    place: Place,
) -> None:
    ssm = place.aws.client("ssm")
    ssm.put_parameter(Name="/fine/key", Value="v", Type="String")
    ssm.put_parameter(Name="bare", Value="v", Type="String")
    fine = place.secret("fine", SecretString="{}")
    key = place.user("pipeline", "service")
    looked = place.look(
        key,
        format="table",
        service_secrets={
            "KEY": place.parameter("/fine/key"),
            "BARE": place.parameter("bare"),
            "TOKEN": f"{fine}:token::",
            "LEGACY": place.secret("legacy/db/password", SecretString="x"),
        },
    )
    assert looked.code == 0, looked.output
    lines = looked.output.splitlines()
    start = next(number for number, line in enumerate(lines) if line.startswith("check "))
    end = next(number for number, line in enumerate(lines) if line.startswith("localhost "))
    result = lines[start].index("result")
    found = {line[:result].strip(): line[result:].split()[0] for line in lines[start + 1 : end]}
    assert found == {
        "platform": "ok",
        "image": "ok",
        "secret LEGACY": "ok",
        "secret TOKEN": "ok",
        "secret KEY": "ok",
        "secret BARE": "ok",
        "host name": "ok",
        "quota: Rules per Application Load Balancer": "ok",
        "quota: Target Groups per Application Load Balancer": "ok",
        "certificate": "ok",
        "subnets": "ok",
    }
    assert "JSON key token nobody sees" in looked.output
    assert "built for X86_64" in looked.output


def test_each_thing_that_lacks_is_told_with_what_to_do(place: Place) -> None:
    secrets, ssm = place.aws.client("secretsmanager"), place.aws.client("ssm")
    gone = place.secret("gone", SecretString="x")
    secrets.delete_secret(SecretId=gone)
    plain = place.secret("plain", SecretString="x")
    whole = place.secret("shop-secret", SecretString="x")
    kms = place.aws.client("kms").create_key()["KeyMetadata"]["Arn"]
    ssm.put_parameter(Name="/locked", Value="v", Type="SecureString", KeyId=kms)
    place.rule("orders.example.com", 7, "invoices")
    place.aws.limit_rules(1)
    host = f"{place.aws.account}.dkr.ecr.{place.aws.region}.amazonaws.com"
    try:
        looked = place.look(
            service_image=f"{host}/orders:2",
            service_desired_count=600,
            service_secrets={
                "MISSING": f"{plain[:-12]}nobody-AbCdEf",
                "GONE": gone,
                "PARTIAL": whole[: -len("-AbCdEf")],
                "STAGE": f"{plain}::BLUE:",
                "VERSION": f"{plain}:::00000000-0000-0000-0000-000000000000",
                "PARAMETER": place.parameter("/nobody"),
                "LOCKED": place.parameter("/locked"),
                "OWN_KEY": place.secret("own-key", SecretString="x", KmsKeyId=kms),
            },
        )
    finally:
        place.aws.limit_rules(100)
        elbv2 = place.aws.client("elbv2")
        for rule in elbv2.describe_rules(ListenerArn=place.listener)["Rules"]:
            if not rule["IsDefault"]:
                elbv2.delete_rule(RuleArn=rule["RuleArn"])
    assert looked.code == 2, looked.output + looked.errors
    expected = {
        "image": ("has no image tagged 2", "Push it first"),
        "secret MISSING": ("There is no secret", "service_secrets.MISSING"),
        "secret GONE": ("The secret gone is to be deleted", "aws secretsmanager restore-secret"),
        "secret PARTIAL": (f"is {whole}", "Give the whole ARN"),
        "secret STAGE": ("no version with the stage BLUE", "Name another stage"),
        "secret VERSION": ("has no version 00000000", "Name another"),
        "secret PARAMETER": (":parameter/nobody", "Make it"),
        "host name": ("rule 7 already, that of the service invoices", "service_takes_over"),
        "quota: Rules per Application Load Balancer": ("1 of 1 in use", "service_load_balancer"),
    }
    assert looked.results("failed") == expected.keys()
    for check, (what, to_do) in expected.items():
        found = looked.findings[check]
        assert what in found["what"], check
        assert to_do in found["to_do"], check
        assert f"{check}: {found['what']} {found['to_do']}" in looked.errors, check
    assert looked.results("warning") == {"secret LOCKED: key", "secret OWN_KEY: key", "subnets"}
    assert "502 addresses are left" in looked.findings["subnets"]["what"]
    assert "service_secret_key_arns doesn't name" in looked.findings["secret LOCKED: key"]["what"]


def test_an_audit_of_masking_that_the_cluster_does_not_let_in_is_refused(place: Place) -> None:
    audited: dict[str, Any] = {
        "service_masked_data": ["EmailAddress"],
        "service_masking_audit": True,
    }
    looked = place.look(**audited)
    assert looked.code == 2
    found = looked.findings["platform"]
    assert (
        "the stack look-cluster lets CloudWatch Logs write into no audit log group"
        in (found["what"])
    )
    assert "cluster_masking_audits: true" in found["to_do"]
    unseen = place.look(place.user("unseeing", ""), **audited)
    assert unseen.results("failed") == set()
    place.let_masking_be_audited()
    assert place.look(**audited).code == 0


def test_an_image_for_another_processor_is_refused_by_its_configuration_and_by_its_index(
    place: Place,
) -> None:
    arm = place.image("arm:1", "arm64")
    looked = place.look(service_image=arm)
    assert looked.code == 2
    found = looked.findings["image"]
    assert "is built for ARM64, and the service's tasks are X86_64" in found["what"]
    assert "service_architecture to ARM64" in found["to_do"]
    attestation = {"architecture": "unknown", "os": "unknown"}
    listed = [{"platform": {"architecture": "amd64", "os": "linux"}}, {"platform": attestation}]
    index = place.pushed("arm", "2", {"schemaVersion": 2, "mediaType": INDEX, "manifests": listed})
    looked = place.look(service_image=index, service_architecture="ARM64")
    assert looked.results("failed") == {"image"}
    assert "is built for X86_64, and the service's tasks are ARM64" in looked.errors


def test_a_right_that_lacks_hides_no_other_finding(place: Place) -> None:
    key = place.user("part", "read")
    denied = {
        "Effect": "Deny",
        "Action": "elasticloadbalancing:DescribeAccountLimits",
        "Resource": "*",
    }
    place.aws.client("iam").put_user_policy(
        UserName="part",
        PolicyName="less",
        PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [denied]}),
    )
    rule = place.rule("taken.example.com", 8, "invoices")
    try:
        looked = place.look(key, service_host_name="taken.example.com")
    finally:
        place.aws.client("elbv2").delete_rule(RuleArn=rule)
    assert looked.results("failed") == {"host name"}
    assert looked.results("warning") == {"quota"}
    assert "DescribeAccountLimits" in looked.findings["quota"]["what"]
    assert looked.findings["quota"]["to_do"].startswith("Allow docs/permissions/read.json")


def test_who_has_a_path_or_a_redirected_name_is_told(place: Place) -> None:
    rules = [
        place.rule("paths.example.com", 18, "invoices", path="/api/*"),
        place.rule("old.example.com", 19, "letters"),
    ]
    name: dict[str, Any] = {"service_host_name": "paths.example.com"}
    try:
        other = place.look(**name, service_path_patterns=["/app/*"])
        taken = place.look(**name, service_path_patterns=["/app/*", "/api/*"])
        old = place.look(**name, service_redirected_host_names=["old.example.com"])
    finally:
        for rule in rules:
            place.aws.client("elbv2").delete_rule(RuleArn=rule)
    assert other.findings["host name"]["result"] == "ok"
    assert taken.findings["host name"]["what"] == (
        "paths.example.com with path-pattern /api/* is routed by rule 18 already, that of the "
        "service invoices."
    )
    assert old.findings["host name"]["what"] == (
        "old.example.com is routed by rule 19 already, that of the service letters."
    )
    assert "service_redirected_host_names" in old.findings["host name"]["to_do"]


def test_where_tags_may_not_be_seen_a_redirect_of_its_own_stands_and_a_take_over_is_a_warning(
    place: Place,
) -> None:
    elbv2, iam = place.aws.client("elbv2"), place.aws.client("iam")
    key = place.user("tagless", "read")
    denied = {"Effect": "Deny", "Action": "elasticloadbalancing:DescribeTags", "Resource": "*"}
    iam.put_user_policy(
        UserName="tagless",
        PolicyName="less",
        PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [denied]}),
    )
    stand(place, "led", HostName="led.example.com", RedirectedHostNames="led-old.example.com")
    redirect = elbv2.create_rule(
        ListenerArn=place.listener,
        Priority=31,
        Conditions=[{"Field": "host-header", "Values": ["led-old.example.com"]}],
        Actions=[
            {
                "Type": "redirect",
                "RedirectConfig": {"Host": "led.example.com", "StatusCode": "HTTP_302"},
            }
        ],
        Tags=[{"Key": "quayside:service", "Value": "led"}],
    )["Rules"][0]["RuleArn"]
    rules = [redirect, place.rule("theirs.example.com", 32, "letters")]
    led: dict[str, Any] = {
        "service_name": "led",
        "service_host_name": "led.example.com",
        "service_redirected_host_names": ["led-old.example.com"],
        "service_path_patterns": ["/led/*"],
    }
    theirs: dict[str, Any] = {"service_host_name": "theirs.example.com"}
    try:
        own = place.look(key, **led)
        over = place.look(key, **theirs, service_takes_over="letters")
        taken = place.look(key, **theirs)
    finally:
        for rule in rules:
            elbv2.delete_rule(RuleArn=rule)
    assert own.findings["host name"]["result"] == "ok", own.errors
    assert over.findings["host name"]["result"] == "warning"
    assert "DescribeTags" in over.findings["host name"]["to_do"]
    assert taken.results("failed") == {"host name"}


def test_a_take_over_is_of_the_named_service_alone(place: Place) -> None:
    rules = [
        place.rule("over.example.com", 22, "letters"),
        place.rule("third.example.com", 23, "invoices"),
    ]
    given: dict[str, Any] = {
        "service_host_name": "over.example.com",
        "service_takes_over": "letters",
    }
    try:
        over = place.look(**given)
        third = place.look(**given, service_more_host_names=["third.example.com"])
    finally:
        for rule in rules:
            place.aws.client("elbv2").delete_rule(RuleArn=rule)
    assert over.code == 0, over.errors
    assert third.results("failed") == {"host name"}
    found = third.findings["host name"]
    assert found["what"] == (
        "third.example.com is routed by rule 23 already, that of the service invoices."
    )
    assert "take over from that service and not letters" in found["to_do"]


def test_a_name_of_the_service_is_not_sent_to_one_that_nothing_answers_to(place: Place) -> None:
    stand(place, "renamed", HostName="before.example.com", MoreHostNames="more.example.com")
    looked = place.look(
        service_name="renamed",
        service_host_name="after.example.com",
        service_redirected_host_names=["before.example.com"],
    )
    assert looked.results("failed") == {"redirect"}
    assert looked.findings["redirect"]["to_do"] == (
        "First deploy with service_host_name: before.example.com and service_more_host_names: "
        "[more.example.com, after.example.com], and the redirects of before; then as now."
    )


def test_a_redirect_that_stands_is_not_sent_on_to_a_name_that_nothing_answers_to(
    place: Place,
) -> None:
    old: dict[str, Any] = {"service_redirected_host_names": ["old.example.com"]}
    stand(place, "sending", HostName="new.example.com", RedirectedHostNames="old.example.com")
    given = {"service_name": "sending", **old}
    newer: dict[str, Any] = {"service_host_name": "newer.example.com"}
    looked = place.look(**given, **newer)
    assert looked.results("failed") == {"redirect"}
    assert looked.findings["redirect"]["what"] == (
        "old.example.com would be sent to newer.example.com before that is routed to the service."
    )
    assert "service_more_host_names: [newer.example.com]" in looked.findings["redirect"]["to_do"]
    assert "redirect" not in place.look(**given, service_host_name="new.example.com").findings
    other = {"service_redirected_host_names": ["other.example.com"]}
    assert "redirect" not in place.look(**{**given, **other}, **newer).findings
    stand(place, "sent", HostName="new.example.com", MoreHostNames="newer.example.com")
    assert "redirect" not in place.look(**{**given, "service_name": "sent"}, **newer).findings


def test_a_service_that_moves_is_held_against_the_quotas_of_where_it_goes(place: Place) -> None:
    elsewhere = place.listener.replace("/app/look/", "/app/elsewhere/")
    stand(place, "moves", ListenerArn=elsewhere, HostName="moves.example.com")
    rule = place.rule("somebodys.example.com", 9, "invoices")
    place.aws.limit_rules(1)
    try:
        looked = place.look(service_name="moves", service_host_name="moves.example.com")
    finally:
        place.aws.limit_rules(100)
        place.aws.client("elbv2").delete_rule(RuleArn=rule)
    assert looked.results("failed") == {"quota: Rules per Application Load Balancer"}


def test_a_reference_with_a_digest_stays_as_it_was_given(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Seen: the tag was cut off, which is another task definition, and rolled the service once."""
    for name, value in place.aws.environment.items():
        monkeypatch.setenv(name, value)
    tagged = place.image("digested:1", "amd64")
    found = place.aws.client("ecr").describe_images(repositoryName="digested")["imageDetails"]
    both = f"{tagged}@{found[0]['imageDigest']}"
    bare = both.replace(":1@", "@")
    for given, deployed in ((tagged, bare), (both, both), (bare, bare)):
        values = {"platform": PLATFORM, "name": "orders", "image": given, "architecture": "X86_64"}
        options = {"variables": values, "sources": {}, **AWS}
        with ThreadPoolExecutor() as pool:
            assert verify_image.image(Candidate(options, pool))[1] == deployed


def test_what_may_not_be_asked_is_a_warning_and_no_failure(place: Place) -> None:
    looked = place.look(
        place.user("stranger", ""),
        service_secrets={
            "A": place.secret("unseen", SecretString="x"),
            "B": place.parameter("/unseen"),
            "C": place.secret(f"{PLATFORM}/legacy/db/password", SecretString="x"),
        },
    )
    assert looked.code == 0, looked.output + looked.errors
    assert looked.results("failed") == set()
    assert looked.results("ok") == set()
    assert looked.results("warning") == {"platform", "image", "secret A", "secret B", "secret C"}
    assert looked.findings["secret A"]["to_do"].startswith("Allow docs/permissions/read.json")
    assert "Allow secretsmanager:DescribeSecret on arn:" in looked.findings["secret C"]["to_do"]


def test_a_certificate_for_other_names_and_a_platform_that_is_not_there_are_told(
    place: Place,
) -> None:
    looked = place.look(service_host_name="orders.example.org")
    assert looked.code == 0, looked.errors
    assert "not orders.example.org" in looked.findings["certificate"]["what"]
    looked = place.look(service_host_name="orders.example.net")  # of one more certificate
    assert looked.findings["certificate"]["result"] == "ok"
    looked = place.look(service_platform="nowhere")
    assert looked.code == 2
    assert "no stack nowhere-support" in looked.output
    assert "deploy the platform (playbooks/platform.yml)" in looked.errors


def test_without_credentials_it_fails(place: Place) -> None:
    unknown = {"AWS_ACCESS_KEY_ID": "AKIAX", "AWS_SECRET_ACCESS_KEY": "wrong"}
    looked = place.look(unknown)
    assert looked.code == 2
    assert "Log in to AWS again" in looked.errors


def test_a_share_on_spot_is_refused_for_a_service_with_a_launch_type(place: Place) -> None:
    """Its stack is from before there was LaunchType among the parameters."""
    place.stack("service-older", {})
    looked = place.look(service_name="older", service_spot_percent=20)
    assert looked.code == 2
    assert looked.results("failed") == {"capacity"}
    said = looked.findings["capacity"]
    assert "service_spot_percent is 20, and the service has the launch type FARGATE" in said["what"]
    assert "Give service_spot_percent: 0." in said["to_do"]
    assert "capacity" not in place.look(service_name="older").findings
    assert "capacity" not in place.look(service_spot_percent=20).findings


def test_a_new_service_is_refused_on_a_cluster_without_capacity_providers(place: Place) -> None:
    cloudformation = place.aws.client("cloudformation")
    found = cloudformation.get_template(StackName=f"{PLATFORM}-cluster")["TemplateBody"]
    now = json.loads(found) if isinstance(found, str) else dict(found)
    outputs = {key: it for key, it in now["Outputs"].items() if key != "CapacityProviders"}
    before = json.dumps(now | {"Outputs": outputs})
    cloudformation.update_stack(StackName=f"{PLATFORM}-cluster", TemplateBody=before)
    try:
        looked = place.look()
        older = place.look(service_name="older")
    finally:
        cloudformation.update_stack(StackName=f"{PLATFORM}-cluster", TemplateBody=json.dumps(now))
    assert looked.results("failed") == {"capacity"}
    assert "has no output CapacityProviders" in looked.findings["capacity"]["what"]
    assert f"deploy stack {PLATFORM}-cluster" in looked.findings["capacity"]["to_do"]
    assert "capacity" not in older.findings
