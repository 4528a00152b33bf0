"""Values that don't fit together are refused before AWS is asked anything."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ansible_collections.quayside.fargate.plugins.plugin_utils import template, variable_rules
from ansible_collections.quayside.fargate.plugins.plugin_utils.variables import Variables

ROOT = Path(__file__).parents[3]
ROLES = sorted(path.parts[-3] for path in ROOT.glob("roles/*/meta/argument_specs.yml"))
TEMPLATES = {it: template.load((ROOT / "templates" / f"{it}.yml").read_text(), it) for it in ROLES}
SECRET = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:shop/mail-a1B2c3"
CERTIFICATE = "arn:aws:acm:eu-central-1:123456789012:certificate/1a2b"
GLOBAL_ACL = "arn:aws:wafv2:us-east-1:123456789012:global/webacl/s/1"
ZONES = ["eu-central-1a", "eu-central-1b"]


def values(role: str = "service", **given: Any) -> dict[str, Any]:
    """The values of a role's variables, of which some are given."""
    needed = {"service": {"name": "orders", "image": "orders:1", "host_name": "orders.example.com"}}
    given = {"platform": "shop", **needed.get(role, {}), **given}
    known = Variables.of_role(role)
    named, refused = known.typed({f"{role}_{name}": value for name, value in given.items()})
    assert refused == []
    return dict(known.complete(named, lambda text, _: "shop_name" if "replace" in text else ""))


def broken(role: str = "service", **given: Any) -> list[str]:
    return list(variable_rules.broken(role, values(role, **given), TEMPLATES[role]))


@pytest.mark.parametrize("role", ROLES)
def test_a_role_with_what_it_needs_breaks_no_rule(role: str) -> None:
    assert broken(role) == []


@pytest.mark.parametrize("role", ["network", "support"])
@pytest.mark.parametrize(
    "platform", ["shop-service", "shop-monitoring", "shop-service-two", "shop-load-balancer"]
)
def test_no_platform_gets_the_names_of_anothers_stacks(role: str, platform: str) -> None:
    (line,) = broken(role, platform=platform)
    assert line.startswith(f"{role}_platform is '{platform}', and a platform shop may call its")


@pytest.mark.parametrize(
    "platform", ["services", "shop-services", "service", "a-service", "my-shop"]
)
def test_a_platform_that_only_sounds_like_that_may_be_called_so(platform: str) -> None:
    assert broken("support", platform=platform) == []


@pytest.mark.parametrize(
    ("overrides", "said"),
    [
        (
            {"Resources": {"CpuAlam": {"Properties": {"Threshold": 80}}}},
            "service_monitoring_overrides: The overlay changes resource CpuAlam, which",
        ),
        (
            {"Resources": {"CpuAlarm": {"Properties": {"AlarmName": "mine"}}}},
            "service_monitoring_overrides.Resources.CpuAlarm.Properties.AlarmName: ",
        ),
        (
            {
                "Resources": {
                    "CpuAlarm": {
                        "Properties": {"Tags": [{"Key": "quayside:service", "Value": "x"}]}
                    }
                }
            },
            "service_monitoring_overrides.Resources.CpuAlarm.Properties.Tags.quayside:service: ",
        ),
    ],
)
def test_what_is_laid_over_a_services_alarms_is_checked_before_it_is_deployed(
    overrides: dict[str, Any], said: str
) -> None:
    (line,) = broken(monitoring_overrides=overrides)
    assert line.startswith(said)


@pytest.mark.parametrize(
    "resources",
    [
        {"CpuAlarm": {"Properties": {"Threshold": 80, "Tags": [{"Key": "team", "Value": "x"}]}}},
        {"CpuAlarm": None},
        {"Mine": {"Type": "AWS::CloudWatch::Alarm", "Properties": {"AlarmName": "mine"}}},
    ],
)
def test_other_alarms_may_be_laid_over_a_services(resources: dict[str, Any]) -> None:
    assert broken(monitoring_overrides={"Resources": resources}) == []


def exporting(name: Any) -> dict[str, Any]:
    """A service's template that exports a name, and nothing else."""
    others = {it: {"Value": "x"} for it in ("Url", "Template")}
    return {**TEMPLATES["service"], "Outputs": {**others, "It": {"Export": {"Name": name}}}}


@pytest.mark.parametrize(
    "name", [None, "shop-orders", "shop-service-other", {"Fn::Sub": "${Platform}-${Name}"}]
)
def test_a_template_without_what_the_alarms_import_is_refused_before_it_is_deployed(
    name: Any,
) -> None:
    given = values()
    (line,) = variable_rules.broken("service", given, exporting(name))
    assert line.startswith("service_template: none of its outputs is exported as shop-service-ord")
    alone = {"Outputs": {"ServiceStack": None}}
    without = values(monitoring_overrides=alone)
    assert variable_rules.broken("service", without, exporting(name)) == []


@pytest.mark.parametrize(
    "name",
    [
        "shop-service-orders",
        {"Fn::Sub": "${Platform}-service-${Name}"},
        {"Fn::Sub": "${AWS::StackName}"},
        {"Ref": "AWS::StackName"},
        {"Fn::Sub": "${Mine}-service-${Name}"},
    ],
)
def test_a_template_that_may_export_it_is_cloudformations_to_judge(name: Any) -> None:
    assert variable_rules.broken("service", values(), exporting(name)) == []


@pytest.mark.parametrize("platform", ["ab-", "a--b", "-ab", "Shop", "aws1", "a" * 22, "1a", "a"])
@pytest.mark.parametrize("role", ROLES)
def test_every_role_refuses_a_platform_name_that_any_of_them_refuses(
    role: str, platform: str
) -> None:
    (line,) = broken(role, platform=platform)
    assert line.startswith(f"{role}_platform is '{platform}', but it must be 2 to 21 lower-case")


@pytest.mark.parametrize(
    ("role", "given", "said"),
    [
        ("service", {"name": "o"}, "service_name is 'o'"),
        (
            "service",
            {"container_port": 0},
            "service_container_port is '0', but it must be at least",
        ),
        ("service", {"health_check_path": "health"}, "service_health_check_path is 'health'"),
        (
            "service",
            {"scaling": {"min": 1, "max": 9, "cpu_percent": 96}},
            "service_scaling.cpu_perc",
        ),
        ("service", {"rotation_hour": 24}, "service_rotation_hour is '24'"),
        ("service", {"memory": 1025}, "service_memory: Fargate has no task of 256 CPU units with"),
        ("service", {"image": ""}, "service_image is missing"),
        ("service", {"host_name": ""}, "service_host_name is missing"),
        (
            "service",
            {"scaling": {"min": 3, "max": 2, "cpu_percent": 60}},
            "service_scaling: min (3)",
        ),
        ("service", {"rotation_hour": 23}, "service_rotation_duration: 2h from 23 o'clock"),
        ("service", {"log_max_buffer_size": "25m"}, "service_log_max_buffer_size: only lines of"),
        ("service", {"log_max_buffer_size": "25g"}, "service_log_max_buffer_size is '25g', but"),
        ("service", {"masked_data": ["TaxId"]}, "service_masked_data is 'TaxId', but it must be"),
        ("service", {"connection_limit": 4}, "service_connection_limit: 4 are too few for a"),
        ("service", {"statement_timeout_seconds": 86401}, "service_statement_timeout_seconds is"),
        ("service", {"masking_audit": True}, "service_masking_audit: service_masked_data is empty"),
        ("service", {"error_lines_threshold": -1}, "service_error_lines_threshold is '-1', but"),
        ("service", {"log_subscription_arn": "arn:x"}, "service_log_subscription_arn is 'arn:x'"),
        ("service", {"log_subscription_pattern": "x"}, "service_log_subscription_pattern: service"),
        ("rds", {"min_capacity": 16}, "rds_min_capacity: 16 is greater than rds_max_capacity (8)"),
        ("rds", {"backup_retention_days": 36}, "rds_backup_retention_days is '36'"),
        (
            "network",
            {"zone_count": 3, "availability_zones": ZONES},
            "network_availability_zones: 2",
        ),
        ("deployment_role", {"team": "pay"}, "deployment_role_service_prefix: the team all has"),
        ("load_balancer", {"name": "Public"}, "load_balancer_name is 'Public'"),
        (
            "load_balancer",
            {"more_certificate_arns": [CERTIFICATE]},
            "load_balancer_more_certificate_arns: load_balancer_certificate_arn is empty",
        ),
        (
            "load_balancer",
            {"certificate_arn": CERTIFICATE, "more_certificate_arns": [CERTIFICATE] * 2},
            f"load_balancer_more_certificate_arns: {CERTIFICATE} stands there twice",
        ),
        (
            "load_balancer",
            {
                "certificate_arn": CERTIFICATE,
                "more_certificate_arns": [f"{CERTIFICATE}{it}" for it in range(9)],
            },
            "load_balancer_more_certificate_arns: 9 certificates, and the template takes 8",
        ),
        (
            "load_balancer",
            {"certificate_arn": CERTIFICATE, "more_certificate_arns": ["arn:x"]},
            "load_balancer_more_certificate_arns has 'arn:x', but it must be the ARN of a certif",
        ),
        (
            "load_balancer",
            {"certificate_arn": CERTIFICATE, "more_certificate_arns": [""]},
            "load_balancer_more_certificate_arns has '', but it is empty",
        ),
        (
            "load_balancer",
            {"web_acl_arn": GLOBAL_ACL},
            f"load_balancer_web_acl_arn is '{GLOBAL_ACL}'",
        ),
        ("rotation", {"settling_seconds": -1}, "rotation_settling_seconds is '-1'"),
    ],
)
def test_a_value_that_cannot_be_is_refused_by_its_variable(
    role: str, given: dict[str, Any], said: str
) -> None:
    (line,) = broken(role, **given)
    assert line.startswith(said), line


def test_the_role_knows_the_memory_of_each_cpu_that_the_template_takes() -> None:
    """Both are parameters, so that cfn-lint sees no pair; the role refuses the others."""
    parameters = TEMPLATES["service"]["Parameters"]
    assert [str(cpu) for cpu in variable_rules.MEMORY] == parameters["Cpu"]["AllowedValues"]
    default = variable_rules.MEMORY[int(parameters["Cpu"]["Default"])]
    assert int(parameters["Memory"]["Default"]) in default


def test_whoever_removes_a_service_need_not_mend_its_variables() -> None:
    assert broken(state="absent", memory=1, image="", host_name="") == []


@pytest.mark.parametrize(
    ("hour", "duration", "fits"),
    [(3, "2h", True), (22, "2h", True), (0, "24h", True), (23, "2h", False), (1, "24h", False)],
)
def test_a_window_that_ends_after_midnight_is_refused(hour: int, duration: str, fits: bool) -> None:
    given: dict[str, Any] = {"rotation_hour": hour, "rotation_duration": duration}
    assert [it.split(":")[0] for it in broken(**given)] == (
        [] if fits else ["service_rotation_duration"]
    )
    assert broken(**given, rotation=False) == []


RESERVED = {
    *("PORT", "DB_HOST", "DB_PORT", "DB_NAME", "DB_ACTIVE_USER", "DB_SECRET_ARN"),
    *("DB_USERNAME", "DB_PASSWORD"),
}


@pytest.mark.parametrize("name", sorted(RESERVED))
def test_a_name_that_the_platform_gives_the_container_is_refused(name: str) -> None:
    for option, value in (("environment", "x"), ("secrets", SECRET)):
        given: dict[str, Any] = {option: {name: value}}
        (line,) = broken(**given)
        assert line.startswith(f"service_{option}.{name}: the platform itself gives the container")


def test_the_reserved_names_are_those_of_the_container_and_no_others() -> None:
    assert variable_rules.reserved_names(values(), TEMPLATES["service"]) == RESERVED
    alone = values(database=False)
    assert variable_rules.reserved_names(alone, TEMPLATES["service"]) == {"PORT"}
    assert broken(database=False, environment={"DB_HOST": "elsewhere.example.com"}) == []


def test_a_variable_of_the_container_has_one_value() -> None:
    (line,) = broken(environment={"MAIL": "x"}, secrets={"MAIL": SECRET})
    assert line.startswith("service_secrets.MAIL is in service_environment too")


def test_a_template_that_cannot_be_read_breaks_nothing_here() -> None:
    assert variable_rules.broken("service", values(platform="ab-"), {}) == []


def test_a_playbooks_own_variables_are_named_as_they_are() -> None:
    template = TEMPLATES["support"]
    (line,) = variable_rules.broken("", {"platform": "ab-", "vpc_id": ""}, template)
    assert line.startswith("platform is 'ab-', but it must be 2 to 21")


PATH = {"Field": "path-pattern", "PathPatternConfig": {"Values": ["/api/*"]}}


def conditions(*names: str) -> dict[str, Any]:
    return {"Resources": {name: {"Properties": {"Conditions": [PATH]}} for name in names}}


@pytest.mark.parametrize("name", ["ListenerRule", "ListenerPriority"])
def test_a_rule_with_other_conditions_than_its_priority_is_refused(name: str) -> None:
    (line,) = broken(overrides=conditions(name))
    assert line.startswith("service_overrides: ListenerRule and ListenerPriority have other Cond")
    assert "Write the same under Resources.ListenerRule.Properties.Conditions" in line


def test_a_rule_and_its_priority_change_their_conditions_together() -> None:
    assert broken(overrides=conditions("ListenerRule", "ListenerPriority")) == []


@pytest.mark.parametrize(
    ("given", "option"),
    [
        ({"desired_count": 0}, "service_desired_count"),
        ({"scaling": {"min": 0, "max": 2, "cpu_percent": 60}}, "service_scaling.min"),
    ],
)
def test_a_name_is_not_taken_over_to_no_task(given: dict[str, Any], option: str) -> None:
    (line,) = broken(takes_over="orders-old", **given)
    assert line.startswith(f"service_takes_over: {option} is 0, and the host name of orders-old")
    assert broken(**given) == []
    assert broken(takes_over="orders-old") == []


def test_a_name_that_is_laid_over_with_null_is_refused_as_any_other() -> None:
    laid = {"Resources": {"LogGroup": {"Properties": {"LogGroupName": None}}}}
    (line,) = broken(overrides=laid)
    assert line.startswith("service_overrides.Resources.LogGroup.Properties.LogGroupName: ")


def test_what_cannot_be_laid_over_is_said_before_anything_in_aws_is_called() -> None:
    task: dict[str, Any] = {"Properties": {"ContainerDefinitions": [{}]}}
    (line,) = broken(overrides={"Resources": {"TaskDefinition": task}})
    assert line.startswith("service_overrides: In a list laid over app a Name is missing")
