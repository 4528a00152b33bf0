"""The parameters of the platform's own stacks are changed, and each of their conditions flipped."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from docs import parameter_changes as changes
from tests.e2e.platform import Platform, platform_variables
from tests.unit.templates.templates import load
from tests.walks.stacks import Stacks, Walked, deployed_platform

pytestmark = pytest.mark.timeout(900)
POLICY = "arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess"
STACKS = {
    "network": "shop-network",
    "support": "shop-support",
    "deployment_role": "shop-deployment-all",
    "cluster": "shop-cluster",
    "load_balancer": "shop-load-balancer-public",
    "rds": "shop-rds",
    "rotation": "shop-rotation",
}
# Changed, off, on again; on a reader and an instance class for what only those have.
OF_RDS_ALARMS: list[dict[str, str]] = [
    {"ReaderCount": "1"},
    *(
        {name: value}
        for name, values in {
            "AlarmCpuPercent": ("70", "0", "90"),
            "AlarmCapacityPercent": ("70", "0", "90"),
            "AlarmFreeMemoryMib": ("256", "0", "128"),
            "MaxConnections": ("100", "0"),
            "AlarmConnectionsPercent": ("70", "0", "80"),
            "AlarmStorageGib": ("100", "0", "100000"),
            "AlarmReplicaLagMilliseconds": ("500", "0", "1000"),
        }.items()
        for value in values
    ),
    {"MinCapacity": "0.5"},
    {"MinCapacity": "1"},
    {"InstanceClass": "db.r8g.large"},
    {"AlarmFreeLocalStorageMib": "2048"},
    {"AlarmFreeLocalStorageMib": "0"},
    {"AlarmFreeLocalStorageMib": "1024"},
    {"MaxConnections": "1600"},
    {"MaxConnections": "0"},
    {"InstanceClass": "db.serverless"},
    {"ReaderCount": "0"},
]
# Template -> what is changed, one after the other; each change stays for the next.
VALUES: dict[str, list[dict[str, str]]] = {
    "network": [
        {"ZoneCount": "3"},
        {"NatGateways": "per-zone"},
        {"NatGateways": "none"},
        {"NatGateways": "single"},
        {"ZoneCount": "2"},
        {"FlowLogs": "enabled"},
        {"LogRetentionDays": "60"},
        {"FlowLogs": "disabled"},
    ],
    "support": [
        {"LogRetentionDays": "60"},
        {"AlarmEmail": "team@example.com"},
        {"AlarmEmail": ""},
        {"NoticeStopCodes": "EssentialContainerExited,SpotInterruption"},
        {"NoticeStopCodes": ""},
        {"NoticeStopCodes": "TaskFailedToStart"},
        {"Notices": "false"},
        {"Notices": "true"},
    ],
    "deployment_role": [{"PermissionsBoundaryArn": POLICY}, {"PermissionsBoundaryArn": ""}],
    "cluster": [
        {"ContainerInsights": "enabled"},
        {"ExecuteCommandAudit": "true"},
        {"ExecuteCommandLogRetentionDays": "30"},
        {"ExecuteCommandAudit": "false"},
        {"MaskingAudits": "false"},  # the platform of the tests has it
        {"MaskingAudits": "true"},
    ],
    "load_balancer": [
        {"IdleTimeoutSeconds": "90"},
        {"IngressCidr": "10.0.0.0/8"},
        {"AccessLogsBucket": "logs-of-shop"},
        {"AccessLogsPrefix": "public"},
        {"AccessLogsBucket": ""},
        {"DeletionProtection": "true"},
        {"FirstCreation": "false"},
        {"FirstCreation": "true"},
        {"DeletionProtection": "false"},
        {"AlarmErrors": "10"},
        {"AlarmErrors": "0"},
        {"AlarmErrors": "5"},
    ],
    "rds": [
        {"MaxCapacity": "16"},
        {"MinCapacity": "1"},
        {"ReaderCount": "1"},
        {"ReaderCount": "2"},
        {"ReaderCount": "3"},
        {"ReaderCount": "0"},
        {"PerformanceInsights": "true"},
        {"PerformanceInsights": "false"},
        {"InstanceClass": "db.r8g.large"},
        {"InstanceClass": "db.serverless"},
        {"BackupRetentionDays": "14"},
        {"BackupWindow": "02:00-03:00"},
        {"MaintenanceWindow": "tue:06:00-tue:07:00"},
        {"CaCertificateIdentifier": "rds-ca-rsa4096-g1"},
        {"AdminPasswordRotation": "2"},
        {"EventNotices": "false"},
        {"EventNotices": "true"},
        {"FirstCreation": "true"},
        {"FirstCreation": "false"},
        {"DeletionProtection": "false"},
        *OF_RDS_ALARMS,
    ],
    "rotation": [
        {"LogRetentionDays": "60"},
        {"SettlingSeconds": "10"},
        {"Paused": "true"},
        {"Paused": "false"},
        {"Dashboard": "false"},
        {"Dashboard": "true"},
        {"LoadBalancerFullName": ""},
        {"LoadBalancerFullName": "app/shop-public/0123456789abcdef"},
        {"PasswordAgePerService": "true"},
        {"PasswordAgePerService": "false"},
        {"AlarmPasswordAgeDays": "20"},
        {"AlarmPasswordAgeDays": "0"},
        {"AlarmPasswordAgeDays": "90"},
    ],
}
STEPS = [(name, values) for name, steps in VALUES.items() for values in steps]
REFUSED = [
    ("network", {"Platform": "shop2"}),
    ("network", {"CidrBlock": "10.1.0.0/16"}),
    ("network", {"SubnetBits": "11"}),
    ("support", {"Platform": "shop2"}),
    ("support", {"VpcId": "vpc-01234567"}),
    ("deployment_role", {"Platform": "shop2"}),
    ("deployment_role", {"Team": "two"}),
    ("deployment_role", {"ServicePrefix": "two-"}),
    ("cluster", {"Platform": "shop2"}),
    ("cluster", {"VpcId": "vpc-01234567"}),
    ("load_balancer", {"Platform": "shop2"}),
    ("load_balancer", {"Name": "other"}),
    ("load_balancer", {"Scheme": "internal"}),
    ("load_balancer", {"VpcId": "vpc-01234567"}),
    ("rds", {"Platform": "shop2"}),
    ("rds", {"VpcId": "vpc-01234567"}),
    ("rds", {"Port": "5433"}),
    ("rds", {"AdminUsername": "other"}),
    ("rds", {"EngineLifecycleSupport": "open-source-rds-extended-support-disabled"}),
    ("rotation", {"Platform": "shop2"}),
    ("rotation", {"VpcId": "vpc-01234567"}),
]
# What follows from other stacks or from what is uploaded, or says how the walk itself was set up.
# TlsPolicy and EngineVersion have no effect on the local AWS: the schemas alone say what they do.
OTHERS = {
    "network": set(),
    "support": {"ArtifactsBucket", "FunctionArchitecture", "FunctionRuntime", "PrivateSubnetIds"},
    "deployment_role": {"DatabaseFunctionArn", "ListenerPriorityFunctionArn"},
    "cluster": {"PrivateSubnetIds"},
    "load_balancer": {"ContainerSecurityGroupId", "SubnetIds", "TlsPolicy"},
    "rds": {
        *("ContainerSecurityGroupId", "DatabaseFunctionRoleArn", "FunctionSecurityGroupId"),
        *("PasswordFunctionArn", "PasswordFunctionRoleArn", "PrivateSubnetIds"),
        "EngineVersion",
    },
    "rotation": {
        *("AlarmTopicArn", "ArtifactsBucket", "DatabasePort", "DatabaseSecurityGroupId"),
        *(
            "DatabaseClusterIdentifier",
            "FunctionArchitecture",
            "FunctionRuntime",
            "FunctionSubnetIds",
        ),
    },
}


@pytest.fixture(scope="module")
def walked() -> Iterator[Walked]:
    noted = Walked()
    yield noted
    noted.save("platform_parameters")


@pytest.fixture(scope="module")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    with deployed_platform(tmp_path_factory.mktemp("aws") / "state") as deployed:
        yield deployed


@pytest.fixture(scope="module")
def stacks(platform: Platform, walked: Walked) -> Stacks:
    return Stacks(platform.aws, walked)


def test_the_role_names_the_variable_that_can_not_change(platform: Platform) -> None:
    """First of all: after the walk the role would find other values, and stop for these."""
    given = {"platform": platform.name, **platform_variables()}
    for variable, value in (("rds_port", 5433), ("rds_admin_username", "other")):
        output = platform.play_in_vain("playbooks/platform.yml", **{**given, variable: value})
        assert f"{variable} (parameter " in output
        assert "it can't change" in output.replace("\n", " ")


@pytest.mark.parametrize(("name", "values"), STEPS)
def test_a_change_ends_with_the_resources_that_its_template_asks_for(
    stacks: Stacks, name: str, values: dict[str, str]
) -> None:
    stacks.change(STACKS[name], name, **values)


@pytest.mark.parametrize("name", ["load_balancer", "rds"])
def test_alarms_go_and_come_back(stacks: Stacks, name: str) -> None:
    topic = stacks.parameters(STACKS[name])["AlarmTopicArn"]
    stacks.change(STACKS[name], name, AlarmTopicArn="")
    stacks.change(STACKS[name], name, AlarmTopicArn=topic)


def test_ecs_own_role_stays_and_is_made_again_once_it_is_gone(
    platform: Platform, stacks: Stacks
) -> None:
    iam, name = platform.aws.client("iam"), "AWSServiceRoleForECS"
    stacks.change(STACKS["cluster"], "cluster", CreateServiceLinkedRole="false")
    assert iam.get_role(RoleName=name)
    iam.delete_service_linked_role(RoleName=name)
    stacks.change(STACKS["cluster"], "cluster", CreateServiceLinkedRole="true")


def test_zones_get_names(platform: Platform, stacks: Stacks) -> None:
    zones = platform.aws.client("ec2").describe_availability_zones()["AvailabilityZones"]
    names = ",".join(sorted(it["ZoneName"] for it in zones)[:2])
    stacks.change(STACKS["network"], "network", AvailabilityZones=names)
    stacks.change(STACKS["network"], "network", AvailabilityZones="")


@pytest.mark.parametrize("name", ["support", "cluster"])
def test_a_stack_lets_go_of_the_network_stack_and_takes_it_again(stacks: Stacks, name: str) -> None:
    export = stacks.parameters(STACKS[name])["NetworkStack"]
    stacks.change(STACKS[name], name, NetworkStack="")
    stacks.change(STACKS[name], name, NetworkStack=export)


@pytest.mark.parametrize("name", ["support", "rotation"])
def test_functions_are_deployed_from_the_newest_zip_and_from_one_version(
    stacks: Stacks, name: str
) -> None:
    known = stacks.parameters(STACKS[name])
    versions = {key: value for key, value in known.items() if key.endswith("FunctionVersion")}
    stacks.change(STACKS[name], name, **dict.fromkeys(versions, ""))
    stacks.change(STACKS[name], name, **versions)


def test_a_certificate_comes_and_goes(platform: Platform, stacks: Stacks) -> None:
    acm = platform.aws.client("acm")
    certificate = acm.request_certificate(DomainName="*.shop.test")["CertificateArn"]
    stacks.change(STACKS["load_balancer"], "load_balancer", CertificateArn=certificate)
    more = [acm.request_certificate(DomainName=f"{it}.test")["CertificateArn"] for it in range(9)]
    names = [f"MoreCertificateArn{number}" for number in range(1, 9)]
    full = dict(zip(names, more, strict=False))
    stacks.change(STACKS["load_balancer"], "load_balancer", **full)
    stacks.change(STACKS["load_balancer"], "load_balancer", **{names[0]: more[8]})
    stacks.change(STACKS["load_balancer"], "load_balancer", **dict.fromkeys(names, ""))
    stacks.change(STACKS["load_balancer"], "load_balancer", CertificateArn="")


def test_a_web_acl_comes_and_goes_and_another_takes_two_updates(
    platform: Platform, stacks: Stacks
) -> None:
    seen = {
        "SampledRequestsEnabled": False,
        "CloudWatchMetricsEnabled": False,
        "MetricName": "acl",
    }
    one, other = (
        platform.aws.client("wafv2").create_web_acl(
            Name=name, Scope="REGIONAL", DefaultAction={"Allow": {}}, VisibilityConfig=seen
        )["Summary"]["ARN"]
        for name in ("one", "other")
    )
    stacks.change(STACKS["load_balancer"], "load_balancer", WebAclArn=one)
    stacks.refuses(STACKS["load_balancer"], "load_balancer", WebAclArn=other)
    stacks.change(STACKS["load_balancer"], "load_balancer", WebAclArn="")
    stacks.change(STACKS["load_balancer"], "load_balancer", WebAclArn=other)
    stacks.change(STACKS["load_balancer"], "load_balancer", WebAclArn="")


@pytest.mark.parametrize(("name", "values"), REFUSED)
def test_what_can_not_change_is_refused(stacks: Stacks, name: str, values: dict[str, str]) -> None:
    stacks.refuses(STACKS[name], name, **values)


def test_a_restored_cluster_stays(platform: Platform, stacks: Stacks) -> None:
    rds, name = platform.aws.client("rds"), STACKS["rds"]
    rds.create_db_cluster_snapshot(
        DBClusterIdentifier=platform.outputs(name)["DatabaseClusterIdentifier"],
        DBClusterSnapshotIdentifier="last-night",
    )
    stacks.change(name, "rds", SnapshotIdentifier="last-night")
    stacks.refuses(name, "rds", SnapshotIdentifier="")


def test_every_parameter_was_changed_or_refused(walked: Walked) -> None:
    for name in STACKS:
        seen = {
            it.removeprefix(f"{name}.") for it in walked.parameters if it.startswith(f"{name}.")
        }
        keys = {it for it in load(name)["Parameters"] if it.endswith("FunctionKey")}
        known = seen | changes.fixed(name).keys() | OTHERS[name] | keys
        assert load(name)["Parameters"].keys() - known == set(), name


def test_every_condition_was_flipped_on_and_off(walked: Walked) -> None:
    """But for a restored cluster, which can't become an empty one."""
    assert walked.missing_flips(*STACKS) == ["rds.HasSnapshot: ['on']"]
