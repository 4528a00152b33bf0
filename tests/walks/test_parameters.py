"""Every parameter of a service is changed while requests come in, and none of them is lost."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from typing import Any

import pytest

from docs import parameter_changes as changes
from tests.e2e.platform import ROOT, Platform, platform_variables
from tests.unit.templates.templates import load
from tests.walks.requests import Requests
from tests.walks.stacks import Stacks, Walked, chain, deployed_platform

pytestmark = pytest.mark.timeout(900)
STACK, WATCHING = "shop-service-web", "shop-monitoring-web"
HOST = "web.shop.test"
POLICY = "arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess"
# Parameter -> the values that it gets, one after the other. Each change stays for the next.
BY_HAND: dict[str, tuple[str, ...]] = {
    "LogRetentionDays": ("60",),
    "StopTimeoutSeconds": ("20",),
    "HealthCheckPath": ("/",),
    "HealthCheckGracePeriodSeconds": ("30",),
    "HealthCheckCodes": ("200,300-399", "200"),
    "HealthCheckIntervalSeconds": ("30", "10"),
    "HealthCheckTimeoutSeconds": ("2", "5"),
    "HealthyThresholdCount": ("5", "2"),
    "UnhealthyThresholdCount": ("2", "3"),
    "DeregistrationDelaySeconds": ("2",),
    "ContainerPort": ("9090",),
    "Memory": ("1024",),
    "Cpu": ("512",),
    "Architecture": ("ARM64", "X86_64"),
    "HealthCheckCommand": ("exit 0", ""),
    "ReadonlyRootFilesystem": ("true", "false"),
    "ExecuteCommand": ("true", "false"),
    "DesiredCount": ("2", "", "1"),
    "MaxCount": ("4",),
    "MinCount": ("2",),
    "TargetCpuPercent": ("70", "0", "60"),
    "TargetMemoryPercent": ("80", "0"),
    "TargetRequestsPerTask": ("600", "0"),
    "ScaleOutCooldownSeconds": ("30",),
    "ScaleInCooldownSeconds": ("600",),
    "SpotPercent": ("100", "50"),
    "OnDemandBase": ("1", "0"),
    "ActiveUser": ("green", "blue"),
    "DatabaseExtensions": ("pg_trgm", ""),
    "StatementTimeoutSeconds": ("30", "5", "0"),
    "ConnectionLimit": ("40", "20", "0"),
    "DatabaseDeletion": ("Drop", "Retain"),
    "RepairNumber": ("1",),
    "RepairOwnership": ("true", "false"),
    "RotationHour": ("4",),
    "RotationDuration": ("3h",),
    "Rotation": ("false", "true"),
    "TaskRolePolicyArns": (POLICY, ""),
    "PermissionsBoundaryArn": (POLICY,),
    "ListenerProtocol": ("https", "http"),
    "TakesOver": ("gone", ""),
}
# What tests of their own change.
ELSEWHERE = {
    *("Database", "DatabaseUsers", "HostName", "HostedZoneId", "Image", "ListenerArn"),
    *(
        "ParameterArns",
        "PrivateSubnetIds",
        "Route",
        "SecretArns",
        "SecretKeyArns",
        "SecretVersions",
    ),
    *("DeploymentAlarms", "DeploymentAlarmCpuPercent", "DeploymentAlarmServerErrors"),
    *("DeploymentAlarmUnhealthyMinutes", "BakeTimeMinutes", "FailureThreshold", "HealthyPercent"),
    *("FailureThresholdType", "MaximumPercent", "MinimumHealthyPercent"),
    *("LogMode", "LogMaxBufferSize", "LogIndexedFields", "MaskedData", "MaskingAudit"),
    *("LogDeletionProtection", "FirstCreation"),
    *("MoreHostNames", "PathPatterns", "HeaderName", "HeaderValues", "QueryParameter"),
    *("RequestMethods", "SourceCidrs", "RedirectedHostNames", "RedirectStatusCode"),
    *("HostRewritePattern", "HostRewriteReplacement", "UrlRewritePattern"),
    *("UrlRewriteReplacement", "Stickiness", "StickinessSeconds", "StickinessCookieName"),
}
# How requests come to the service: the values together, one set after the other, and the defaults
# last. All of them leave the walk's own requests what they were.
ROUTES: tuple[dict[str, str], ...] = (
    {"MoreHostNames": "more.shop.test"},
    {"MoreHostNames": "more.shop.test,most.shop.test"},
    {"MoreHostNames": "more.shop.test", "RedirectedHostNames": "most.shop.test"},
    {"RedirectStatusCode": "HTTP_301", "RedirectedHostNames": "most.shop.test,*.shop.example"},
    {"HostName": "more.shop.test", "MoreHostNames": HOST},  # the redirects stand
    {"HostName": HOST, "MoreHostNames": "more.shop.test"},
    {"MoreHostNames": "", "RedirectedHostNames": "more.shop.test"},
    {"MoreHostNames": "more.shop.test", "RedirectedHostNames": ""},
    {"MoreHostNames": "", "RedirectStatusCode": "HTTP_302"},
    {"PathPatterns": "/*"},
    {"PathPatterns": "/,/*", "RequestMethods": "GET"},
    {"PathPatterns": "", "RequestMethods": "GET,HEAD", "SourceCidrs": "0.0.0.0/0,::/0"},
    {"SourceCidrs": "127.0.0.0/8", "HeaderName": "Accept-Encoding", "HeaderValues": "identity"},
    {"HeaderValues": "identity,gzip*", "RequestMethods": "GET"},
    {"HeaderName": "", "HeaderValues": "", "SourceCidrs": "", "RequestMethods": ""},
    {"HostRewritePattern": "^web", "HostRewriteReplacement": "inside"},
    {"UrlRewritePattern": "^/old/(.*)$", "UrlRewriteReplacement": "/$1"},
    {"HostRewriteReplacement": "within", "UrlRewriteReplacement": "/new/$1"},
    {
        **dict.fromkeys(("HostRewritePattern", "HostRewriteReplacement"), ""),
        **dict.fromkeys(("UrlRewritePattern", "UrlRewriteReplacement"), ""),
    },
    {"Stickiness": "lb_cookie"},
    {"StickinessSeconds": "60"},
    {"Stickiness": "app_cookie", "StickinessCookieName": "session"},
    {"StickinessCookieName": "sitting", "StickinessSeconds": "86400"},
    {"Stickiness": "", "StickinessCookieName": ""},
)
# What the service's log is: the values together, one set after the other, and the defaults last.
LOGS: tuple[dict[str, str], ...] = (
    {"LogMode": "non-blocking"},
    {"LogMaxBufferSize": "25m"},
    {"LogMaxBufferSize": "", "LogMode": "blocking", "LogIndexedFields": "trace_id"},
    {"LogMode": "", "LogIndexedFields": "trace_id,status"},
    {"MaskedData": "EmailAddress,Address"},
    {"MaskedData": "EmailAddress,TaxId-DE", "MaskingAudit": "true"},
    {"FirstCreation": "false", "LogDeletionProtection": "true"},
    {"MaskingAudit": "false", "LogIndexedFields": ""},
    {"LogDeletionProtection": "false"},
    {"FirstCreation": "true", "MaskedData": ""},
)
# What is made of it in the stack beside.
OF_THE_LOG: tuple[dict[str, str], ...] = (
    {"ErrorLinesThreshold": "5"},
    {"LogQueries": "true", "AlarmTopicArn": ""},
    {"LogGroupName": ""},
    {"LogGroupName": "/shop/web"},
    {"LogSubscriptionArn": "arn:aws:lambda:eu-central-1:000000000000:function:reader"},
    {"LogSubscriptionPattern": "ERROR"},
    {
        "LogSubscriptionArn": "arn:aws:kinesis:eu-central-1:000000000000:stream/lines",
        "LogSubscriptionRoleArn": "arn:aws:iam::000000000000:role/shop/logs/web/stream",
    },
    {"LogSubscriptionArn": "", "LogSubscriptionRoleArn": "", "LogSubscriptionPattern": ""},
    {"LogQueries": "false", "ErrorLinesThreshold": "0"},
)
# What its alarms ring at, and its dashboard: likewise.
OF_THE_ALARMS: tuple[dict[str, str], ...] = (
    {"Dashboard": "true"},
    {"MostTasks": "20", "AlarmResponseSeconds": "2", "AlarmFewRequests": "1"},
    {"AlarmNoTaskMinutes": "9", "AlarmAtMaximumMinutes": "30", "AlarmUnhealthyMinutes": "8"},
    {"AlarmCpuPercent": "80", "AlarmMemoryPercent": "85", "ContainerInsights": "enabled"},
    {"AlarmServerErrors": "50", "AlarmConnectionErrors": "9", "AlarmFewRequests": "10"},
    {"AlarmResponseSeconds": "0.5", "AlarmResponsePercentile": "p99", "MostTasks": "40"},
    {"MayHaveNoTask": "true"},
    {"ErrorLinesThreshold": "9", "ContainerInsights": "enhanced"},
    {"AlarmAtMaximumMinutes": "0", "AlarmCpuPercent": "0", "AlarmMemoryPercent": "0"},
    {"AlarmServerErrors": "0", "AlarmConnectionErrors": "0", "AlarmUnhealthyMinutes": "0"},
    {"MayHaveNoTask": "false"},
    {"AlarmNoTaskMinutes": "0"},
    {"ErrorLinesThreshold": "0", "AlarmFewRequests": "0", "AlarmResponseSeconds": "0"},
    {"Dashboard": "false", "ContainerInsights": "disabled", "MostTasks": "0"},
    {"AlarmNoTaskMinutes": "5", "AlarmAtMaximumMinutes": "15", "AlarmUnhealthyMinutes": "5"},
    {"AlarmCpuPercent": "90", "AlarmMemoryPercent": "90", "AlarmResponsePercentile": "p95"},
    {"AlarmServerErrors": "5", "AlarmConnectionErrors": "5"},
)
# How the service is deployed: the values together, one set after the other, and the defaults last.
DEPLOYMENTS: tuple[dict[str, str], ...] = (
    {"DesiredCount": "2", "MinimumHealthyPercent": "50", "MaximumPercent": "150"},
    {"HealthyPercent": "75", "FailureThresholdType": "COUNT", "FailureThreshold": "4"},
    {"FailureThresholdType": "UNBOUNDED_PERCENT", "FailureThreshold": "80"},
    {"DeploymentAlarms": "true"},
    {"DeploymentAlarmServerErrors": "9", "DeploymentAlarmUnhealthyMinutes": "10"},
    {"BakeTimeMinutes": "1"},
    {"BakeTimeMinutes": "0", "FailureThresholdType": "BOUNDED_PERCENT", "FailureThreshold": "50"},
    {"DeploymentAlarms": "false", "FailureThresholdType": "", "HealthyPercent": "100"},
    {"DesiredCount": "1", "MinimumHealthyPercent": "100", "MaximumPercent": "200"},
)
# What comes from the outputs of other stacks, and changes with those stacks alone.
OTHERS = {
    "ContainerSecurityGroupId",
    "DatabaseAdminPasswordParameter",
    "DatabaseAdminUsername",
    "DatabaseClusterIdentifier",
    "DatabaseFunctionArn",
    "DatabaseFunctionRoleArn",
    "DatabaseHost",
    "DatabasePort",
    "ListenerPriorityFunctionArn",
    "LoadBalancerDnsName",
    "LoadBalancerFullName",
    "LoadBalancerHostedZoneId",
    "RotationFunctionArn",
    "RotationFunctionRoleArn",
    "TaskExecutionRoleArn",
}


def there_and_back(
    parameters: Mapping[str, Mapping[str, Any]], known: Collection[str]
) -> dict[str, tuple[str, ...]]:
    """Return the values of each parameter that takes some only: all but its default, then that.

    Args:
        parameters: of a template.
        known: those that have values already, or need none.
    """
    return {
        name: tuple(
            str(it) for it in (*(it for it in values if it != about["Default"]), about["Default"])
        )
        for name, about in parameters.items()
        if name not in known and "Default" in about and (values := about.get("AllowedValues"))
    }


KNOWN = {*BY_HAND, *ELSEWHERE, *OTHERS, *changes.fixed("service")}
VALUES = BY_HAND | there_and_back(load("service")["Parameters"], KNOWN)


@pytest.fixture(scope="module")
def walked() -> Iterator[Walked]:
    noted = Walked()
    yield noted
    noted.save("parameters")


@pytest.fixture(scope="module")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    """A platform with the routed service ``web``, which has all that a service can have."""
    with deployed_platform(tmp_path_factory.mktemp("aws") / "state") as deployed:
        image = deployed.aws.push_image(ROOT / "tests" / "images" / "hello", "hello:1")
        deployed.play(
            "playbooks/service.yml",
            **deployed.service("web", image, service_first_active_user="blue"),
        )
        yield deployed


@pytest.fixture(scope="module")
def stacks(platform: Platform, walked: Walked) -> Stacks:
    return Stacks(platform.aws, walked)


@pytest.fixture(scope="module")
def internal(platform: Platform) -> dict[str, str]:
    """Outputs of another load balancer."""
    given = {"load_balancer_name": "internal", "load_balancer_scheme": "internal"}
    platform.play("playbooks/platform.yml", platform=platform.name, **platform_variables(), **given)
    return platform.outputs("shop-load-balancer-internal")


@pytest.fixture
def traffic(platform: Platform, walked: Walked) -> Iterator[Requests]:
    """Requests to the service during a test."""
    with Requests(platform.aws, HOST) as requests:
        yield requests
    walked.requests += len(requests.answers)


def note(walked: Walked, requests: Requests, lost: int) -> None:
    """Count lost requests, of which there must be none."""
    walked.lost += lost
    assert lost == 0, Counter(requests.answers)
    assert 200 in requests.answers


@pytest.mark.parametrize(("parameter", "value"), list(chain(VALUES)))
def test_a_change_under_traffic_loses_no_request(
    stacks: Stacks, traffic: Requests, walked: Walked, parameter: str, value: str
) -> None:
    stacks.change(STACK, "service", **{parameter: value})
    note(walked, traffic, traffic.lost())


@pytest.mark.parametrize("given", DEPLOYMENTS)
def test_another_way_to_deploy_loses_no_request(
    stacks: Stacks, traffic: Requests, walked: Walked, given: dict[str, str]
) -> None:
    stacks.change(STACK, "service", **given)
    note(walked, traffic, traffic.lost())


@pytest.mark.parametrize("given", ROUTES)
def test_another_route_loses_no_request(
    stacks: Stacks, traffic: Requests, walked: Walked, given: dict[str, str]
) -> None:
    stacks.change(STACK, "service", **given)
    note(walked, traffic, traffic.lost())


def test_a_route_for_some_requests_leaves_the_others_a_404(
    stacks: Stacks, traffic: Requests, walked: Walked
) -> None:
    for query in ("version=2", "version=3", ""):
        stacks.change(STACK, "service", QueryParameter=query)
    note(walked, traffic, traffic.lost(404))


def test_spot_goes(stacks: Stacks, traffic: Requests, walked: Walked) -> None:
    stacks.change(STACK, "service", SpotPercent="0")
    note(walked, traffic, traffic.lost())


def test_scaling_ends_and_its_number_stays(
    stacks: Stacks, traffic: Requests, walked: Walked
) -> None:
    stacks.change(STACK, "service", MaxCount="0")
    note(walked, traffic, traffic.lost())


def test_another_image_rolls(
    platform: Platform, stacks: Stacks, traffic: Requests, walked: Walked
) -> None:
    image = platform.aws.push_image(ROOT / "tests" / "images" / "hello", "hello:2")
    stacks.change(STACK, "service", Image=image)
    note(walked, traffic, traffic.lost())


def test_subnets_in_another_order_roll(stacks: Stacks, traffic: Requests, walked: Walked) -> None:
    subnets = stacks.parameters(STACK)["PrivateSubnetIds"].split(",")
    stacks.change(STACK, "service", PrivateSubnetIds=",".join(reversed(subnets)))
    note(walked, traffic, traffic.lost())


@pytest.mark.parametrize(
    ("parameter", "other"),
    [
        ("AlarmTopicArn", ""),
        ("LoadBalancerFullName", ""),
        ("TargetGroupFullName", ""),
        ("Route", "false"),
    ],
)
def test_alarms_go_and_come_back(
    stacks: Stacks, traffic: Requests, walked: Walked, parameter: str, other: str
) -> None:
    value = stacks.parameters(WATCHING)[parameter]
    stacks.change(WATCHING, "service_monitoring", **{parameter: other})
    stacks.change(WATCHING, "service_monitoring", **{parameter: value})
    note(walked, traffic, traffic.lost())


def test_a_log_is_masked_indexed_and_protected_and_no_longer(
    platform: Platform, stacks: Stacks, traffic: Requests, walked: Walked
) -> None:
    def created() -> int:
        logs = platform.aws.client("logs")
        (found,) = [
            it
            for it in logs.describe_log_groups(logGroupNamePrefix="/shop/web")["logGroups"]
            if it["logGroupName"] == "/shop/web"
        ]
        return int(found["creationTime"])

    before = created()
    for values in LOGS:
        stacks.change(STACK, "service", **values)
    assert created() == before
    note(walked, traffic, traffic.lost())


def test_what_is_made_of_a_log_comes_changes_and_goes(
    stacks: Stacks, traffic: Requests, walked: Walked
) -> None:
    topic = stacks.parameters(WATCHING)["AlarmTopicArn"]
    for values in OF_THE_LOG:
        stacks.change(WATCHING, "service_monitoring", **values)
    stacks.change(WATCHING, "service_monitoring", AlarmTopicArn=topic)
    note(walked, traffic, traffic.lost())


def test_alarms_and_a_dashboard_come_change_and_go(
    stacks: Stacks, traffic: Requests, walked: Walked
) -> None:
    for values in OF_THE_ALARMS:
        stacks.change(WATCHING, "service_monitoring", **values)
    note(walked, traffic, traffic.lost())


def test_secrets_of_others_come_and_go(
    platform: Platform, stacks: Stacks, traffic: Requests, walked: Walked
) -> None:
    region, account = platform.aws.region, platform.aws.account
    values = {
        "SecretArns": f"arn:aws:secretsmanager:{region}:{account}:secret:theirs-AbCdEf",
        "ParameterArns": f"arn:aws:ssm:{region}:{account}:parameter/theirs",
        "SecretKeyArns": f"arn:aws:kms:{region}:{account}:key/theirs",
        "SecretVersions": "v1,2",
    }
    for parameter, value in values.items():
        stacks.change(STACK, "service", **{parameter: value})
        stacks.change(STACK, "service", **{parameter: ""})
    note(walked, traffic, traffic.lost())


def test_a_host_name_gets_its_records_and_loses_them(
    platform: Platform, stacks: Stacks, traffic: Requests, walked: Walked
) -> None:
    route53 = platform.aws.client("route53")
    zones = [
        route53.create_hosted_zone(Name="shop.test", CallerReference=str(number))["HostedZone"][
            "Id"
        ]
        for number in range(2)
    ]
    for zone in (*(it.split("/")[-1] for it in zones), ""):
        stacks.change(STACK, "service", HostedZoneId=zone)
    note(walked, traffic, traffic.lost())


def test_a_second_user_goes_and_comes_back(
    stacks: Stacks, traffic: Requests, walked: Walked
) -> None:
    stacks.change(STACK, "service", DatabaseUsers="blue")
    stacks.change(STACK, "service", DatabaseUsers="blue-green")
    note(walked, traffic, traffic.lost())


def test_a_database_goes_and_comes_back(stacks: Stacks, traffic: Requests, walked: Walked) -> None:
    for name in ("", "web"):
        stacks.change(STACK, "service", Database="false")
        stacks.change(STACK, "service", Database="true", DatabaseName=name)
    note(walked, traffic, traffic.lost())


def test_what_can_not_change_is_refused(stacks: Stacks, traffic: Requests, walked: Walked) -> None:
    other = {
        "Platform": "shop2",
        "Name": "web2",
        "LoadBalancer": "internal",
        "DatabaseName": "web2",
        "VpcId": "vpc-01234567",
        "ClusterName": "other",
        "PermissionsBoundaryArn": "",
        "LaunchType": "FARGATE",
    }
    watching = {"Platform", "Name", "ClusterName"}
    assert other.keys() == changes.fixed("service").keys() - {"Team"}
    assert watching == changes.fixed("service_monitoring").keys()
    stacks.refuses(STACK, "service", Team="payments", RepairNumber="7")
    for parameter, value in other.items():
        stacks.refuses(STACK, "service", **{parameter: value})
    for parameter in watching:
        stacks.refuses(WATCHING, "service_monitoring", **{parameter: other[parameter]})
    note(walked, traffic, traffic.lost())


def test_another_host_name_is_routed_and_the_old_one_is_not(
    platform: Platform, stacks: Stacks, traffic: Requests, walked: Walked
) -> None:
    stacks.change(STACK, "service", HostName="new.shop.test")
    with Requests(platform.aws, "new.shop.test") as requests:
        stacks.change(STACK, "service", HostName=HOST)
    walked.requests += len(requests.answers)
    note(walked, requests, requests.lost(404))
    note(walked, traffic, traffic.lost(404))


def test_a_route_that_goes_cuts_no_request_short(
    stacks: Stacks, traffic: Requests, walked: Walked
) -> None:
    stacks.change(STACK, "service", Route="false")
    note(walked, traffic, traffic.lost(404, 503))


def test_a_service_without_route_can_be_deployed_again(stacks: Stacks) -> None:
    """It could not, as long as it kept its deleted target group."""
    stacks.change(STACK, "service", StopTimeoutSeconds="25")


def test_alarms_of_a_service_without_route_judge_its_deployments(stacks: Stacks) -> None:
    stacks.change(STACK, "service", DeploymentAlarms="true")
    stacks.change(STACK, "service", DeploymentAlarmCpuPercent="80")
    stacks.change(STACK, "service", DeploymentAlarms="false")


def test_a_route_that_comes_back_loses_none_after_its_first_answer(
    stacks: Stacks, traffic: Requests, walked: Walked
) -> None:
    stacks.change(STACK, "service", Route="true")
    note(walked, traffic, traffic.lost_after_the_first())


def test_a_service_moves_to_another_load_balancer_while_it_has_no_route(
    platform: Platform, internal: dict[str, str], stacks: Stacks, walked: Walked
) -> None:
    filled = internal.keys() & load("service")["Parameters"].keys() - {"Platform", "VpcId"}
    known = stacks.parameters(STACK)
    moved = {key: internal[key] for key in filled if internal[key] != known[key]}
    with Requests(platform.aws, HOST) as going:
        stacks.change(STACK, "service", Route="false")
    with Requests(platform.aws, HOST) as coming:
        stacks.change(STACK, "service", **moved, LoadBalancer="internal", Route="true")
    walked.requests += len(going.answers) + len(coming.answers)
    note(walked, going, going.lost(404, 503))
    note(walked, coming, coming.lost_after_the_first())


def test_the_role_names_the_variable_that_can_not_change(platform: Platform) -> None:
    image = platform.aws.push_image(ROOT / "tests" / "images" / "hello", "hello:3")
    for variable, value in (
        ("service_database_name", "web2"),
        ("service_load_balancer", "public"),
    ):
        given = {"service_load_balancer": "internal", variable: value}
        output = platform.play_in_vain(
            "playbooks/service.yml", **platform.service("web", image, **given)
        )
        assert f"{variable} (parameter " in output
        assert "it can't change" in output.replace("\n", " ")


def test_every_parameter_was_changed_or_refused_and_every_condition_flipped(
    walked: Walked,
) -> None:
    for name, others in (("service", OTHERS), ("service_monitoring", {"Team"})):
        seen = {it.removeprefix(f"{name}.") for it in walked.parameters}
        fixed = changes.fixed(name).keys()
        assert load(name)["Parameters"].keys() - seen - fixed - others == set()
    missing = walked.missing_flips("service", "service_monitoring")
    assert missing == [
        "service.HasLaunchType: []",
        "service.HasBakeTime: ['on']",  # alarms that are off leave 0, which is told (leftovers.py)
        "service.HasPermissionsBoundary: ['on']",
    ]
