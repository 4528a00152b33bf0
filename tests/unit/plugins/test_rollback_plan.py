"""What a rollback changes: the template that the stack has makes what ran before of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.quayside.fargate.custom_resources.contract.names import Service
from ansible_collections.quayside.fargate.plugins.plugin_utils import (
    computed,
    overlays,
    rollback_plan,
    stack_options,
    template,
)
from ansible_collections.quayside.fargate.plugins.plugin_utils.errors import StackError
from ansible_collections.quayside.fargate.plugins.plugin_utils.rollback_plan import Plan
from tests.unit.templates.templates import FOLDER, PSEUDO_PARAMETERS, Stack

Version = dict[str, Any]
PLAIN = template.load((FOLDER / "service.yml").read_text("utf-8"))
RESOURCE = "TaskDefinition"
SECRET = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:"
OF_USERS = {
    f"{colour.title()}Secret": f"{SECRET}shop/orders/db/{colour}-AbCdEf"
    for colour in ("blue", "green")
}
FIRST: Version = {
    "image": "registry.test/orders@sha256:1",
    "cpu": "256",
    "memory": "512",
    "port": "8080",
    "architecture": "X86_64",
    "health": "",
    "environment": {},
    "secrets": {},
    "command": None,
    "entry": None,
}
CANARY = "canary-3f0c"
DEFINITION = "arn:aws:ecs:eu-central-1:123456789012:task-definition/shop-orders:9"
OWN = rollback_plan.own_secrets(Service("shop", "orders"), DEFINITION)

names = st.sampled_from(["A", "B", "C", "DB_POOL_SIZE"])
words = st.one_of(st.none(), st.lists(st.sampled_from(["serve", "--fast", CANARY]), min_size=1))
references = st.sampled_from(
    [
        f"{SECRET}partner/key-AbCdEf",
        f"{SECRET}partner/key-AbCdEf:user::",
        f"{SECRET}other-GhIjKl",
        f"{SECRET}legacy/db/password-AbCdEf",
        f"{SECRET}shop/orders/db/blue/old-AbCdEf",
        f"{SECRET}shop/orders-two/db/blue-AbCdEf:password::",
        "arn:aws:ssm:eu-central-1:123456789012:parameter/partner/key",
        "arn:aws:ssm:eu-central-1:123456789012:parameter/other",
    ]
)
versions = st.fixed_dictionaries(
    {
        "image": st.sampled_from([f"registry.test/orders@sha256:{it}" for it in "123"]),
        "cpu": st.sampled_from(["256", "512"]),
        "memory": st.sampled_from(["1024", "2048"]),
        "port": st.sampled_from(["8080", "8081"]),
        "architecture": st.sampled_from(["X86_64", "ARM64"]),
        "health": st.sampled_from(["", "curl -f localhost", "true"]),
        "environment": st.dictionaries(names, st.sampled_from(["", CANARY, "x", "007"])),
        "secrets": st.dictionaries(st.sampled_from(["S", "T"]), references),
        "command": words,
        "entry": words,
    }
)


class Deployed(Stack):
    """A template of a service, resolved for its parameters."""

    def __init__(self, document: Mapping[str, Any], given: Mapping[str, str]) -> None:
        self.template = dict(document)
        self.given = dict(given)
        declared = document["Parameters"]
        known = {name: str(it.get("Default", f"<{name}>")) for name, it in declared.items()}
        self.parameters = PSEUDO_PARAMETERS | known | self.given | OF_USERS

    @property
    def definition(self) -> dict[str, Any]:
        """The task definition as ECS describes it."""
        told = self.resolve(self.template["Resources"][RESOURCE])["Properties"]
        return {
            "cpu": str(told["Cpu"]),
            "memory": str(told["Memory"]),
            "runtimePlatform": {"cpuArchitecture": told["RuntimePlatform"]["CpuArchitecture"]},
            "containerDefinitions": [_container(it) for it in told["ContainerDefinitions"]],
        }


def _container(told: Mapping[str, Any]) -> dict[str, Any]:
    made = {
        "name": told["Name"],
        "image": told["Image"],
        "cpu": 0,
        "entryPoint": told.get("EntryPoint"),
        "command": told.get("Command"),
        "portMappings": [
            {"containerPort": int(it["ContainerPort"])} for it in told["PortMappings"]
        ],
        "environment": [{"name": it["Name"], "value": it["Value"]} for it in told["Environment"]],
        "secrets": [{"name": it["Name"], "valueFrom": it["ValueFrom"]} for it in told["Secrets"]],
    }
    if check := told.get("HealthCheck"):
        made["healthCheck"] = {name[0].lower() + name[1:]: it for name, it in check.items()}
    return {name: it for name, it in made.items() if it is not None}


def deployed(version: Version, active: str = "blue", **others: str) -> Deployed:
    """Return what the role makes of a version of a service."""
    members = {"Command": version["command"], "EntryPoint": version["entry"]}
    laid = {"Name": "app", **{name: it for name, it in members.items() if it}}
    over = {"Resources": {RESOURCE: {"Properties": {"ContainerDefinitions": [laid]}}}}
    values = {"scaling": {"max": 0, "schedules": []}, "desired_count": 1, **version}
    filled = computed.parameters("service", values, [])
    given = {
        "Image": version["image"],
        "Cpu": version["cpu"],
        "Memory": version["memory"],
        "ContainerPort": version["port"],
        "Architecture": version["architecture"],
        "HealthCheckCommand": version["health"],
        "SecretArns": ",".join(filled["SecretArns"]),
        "ParameterArns": ",".join(filled["ParameterArns"]),
        "ActiveUser": active,
        "DatabaseHost": "db.internal",
        **others,
    }
    overlay = stack_options.overlay("service", {**values, "overrides": over})
    return Deployed(overlays.overlay(PLAIN, overlay), given)


def back(now: Deployed, was: Deployed) -> Plan:
    """Return what makes one of the other."""
    return rollback_plan.plan(now.template, now.given, now.definition, was.definition, OWN)


def carried_out(now: Deployed, plan: Plan) -> Deployed:
    """Return the stack after a rollback."""
    laid = overlays.overlay(now.template, plan.overlay(RESOURCE, {"To": "shop-orders:1"}))
    return Deployed(laid, now.given | plan.parameters)


def taken_over(definition: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a rollback takes over of a task definition: all but the database user."""
    (container,) = definition["containerDefinitions"]
    users = ("DB_ACTIVE_USER", "DB_SECRET_ARN", "DB_USERNAME", "DB_PASSWORD")
    lists = {
        member: {it["name"]: it for it in container[member] if it["name"] not in users}
        for member in ("environment", "secrets")
    }
    check = container.get("healthCheck", {}).get("command")
    return {**definition, "containerDefinitions": [{**container, **lists, "healthCheck": check}]}


def user_of(definition: Mapping[str, Any]) -> str:
    (container,) = definition["containerDefinitions"]
    environment = {it["name"]: it["value"] for it in container["environment"]}
    assert environment["DB_ACTIVE_USER"] in environment["DB_SECRET_ARN"]
    return str(environment["DB_ACTIVE_USER"])


@given(now=versions, was=versions, flips=st.booleans())
def test_what_ran_before_runs_again_and_the_user_stays(
    now: Version, was: Version, flips: bool
) -> None:
    old = deployed(was, "blue")
    new = deployed(now, "green" if flips else "blue")
    plan = back(new, old)
    after = carried_out(new, plan)

    assert taken_over(after.definition) == taken_over(old.definition)
    assert user_of(after.definition) == user_of(new.definition)
    assert "ActiveUser" not in plan.parameters
    for name in ("SecretArns", "ParameterArns"):
        assert after.parameters[name] == old.parameters[name]
    assert back(after, old).is_empty
    # Without the others' names a list of rights could be right by chance.
    unchanged = {*new.given} - {*plan.parameters}
    assert {name: after.given[name] for name in unchanged} == {
        name: new.given[name] for name in unchanged
    }


@given(now=versions, was=versions)
def test_no_value_of_a_variable_or_word_of_a_command_is_told(now: Version, was: Version) -> None:
    plan = back(deployed(now), deployed(was))
    assert CANARY not in " ".join(plan.told)
    assert bool(plan.told) == (not plan.is_empty)


@given(version=versions)
def test_a_flip_alone_is_nothing_to_go_back_to(version: Version) -> None:
    assert back(deployed(version, "green"), deployed(version, "blue")).is_empty


def test_a_change_of_what_a_rollback_leaves_alone_is_nothing_to_go_back_to() -> None:
    assert back(deployed(FIRST, StopTimeoutSeconds="7"), deployed(FIRST)).is_empty


def test_what_changes_is_told_by_names_sizes_and_images() -> None:
    changed = {
        "image": "registry.test/orders@sha256:2",
        "cpu": "512",
        "port": "8081",
        "environment": {"OLD": "x", "GREETING": CANARY},
        "secrets": {"S": f"{SECRET}partner/key-AbCdEf"},
        "health": "true",
        "command": ["serve", CANARY],
    }
    was = deployed({**FIRST, **changed})
    now = deployed({**FIRST, "environment": {"NEW": "x", "GREETING": "hello"}})
    assert back(now, was).told == [
        "cpu 256 -> 512",
        "image orders sha256:1 -> sha256:2",
        "command",
        "port 8080 -> 8081",
        "health check command",
        "environment NEW goes",
        "environment GREETING changes",
        "environment OLD comes back",
        "secret S comes back",
    ]


def test_the_database_is_where_the_stack_says_and_that_is_told() -> None:
    was = deployed({**FIRST, "image": "registry.test/orders@sha256:2"}, DatabaseHost="old.internal")
    now = deployed(FIRST)
    plan = back(now, was)
    assert plan.follows == ["DB_HOST"]
    (container,) = carried_out(now, plan).definition["containerDefinitions"]
    assert {"name": "DB_HOST", "value": "db.internal"} in container["environment"]


def test_a_database_that_came_since_stays_and_one_that_was_given_up_is_refused() -> None:
    without = deployed({**FIRST, "image": "registry.test/orders@sha256:2"}, Database="false")
    assert back(deployed(FIRST), without).parameters == {"Image": "registry.test/orders@sha256:2"}
    with pytest.raises(StackError, match="it has DB_HOST, which the stack gives to no container"):
        back(without, deployed(FIRST))


SIDECAR = {"Name": "side", "Image": "registry.test/side:1"}


def laid(stack: Deployed, properties: Mapping[str, Any]) -> Deployed:
    patch = {"Resources": {RESOURCE: {"Properties": dict(properties)}}}
    return Deployed(overlays.overlay(stack.template, patch), stack.given)


def described(stack: Deployed, **members: Any) -> dict[str, Any]:
    """Return a stack's task definition with members of its container that are others."""
    definition = stack.definition
    (container,) = definition["containerDefinitions"]
    return {**definition, "containerDefinitions": [{**container, **members}]}


@pytest.mark.parametrize(
    ("properties", "members", "why"),
    [
        ({}, {"name": "main"}, "it has the containers main, and app run in the stack's"),
        (
            {},
            {"portMappings": [{"containerPort": 8080}, {"containerPort": 9}]},
            "it listens on ports 8080, 9, and ports 8080 run in the stack's",
        ),
        ({}, {"portMappings": []}, "it listens on no port, and ports 8080 run"),
        (
            {"ContainerDefinitions": [{"Name": "app", "Image": {"Fn::Sub": "${Image}"}}]},
            {"image": "registry.test/orders@sha256:9"},
            "its image is another, which the stack's template computes",
        ),
        (
            {
                "ContainerDefinitions": [
                    {"Name": "app", "PortMappings": [{"Name": "http", "ContainerPort": 8080}]}
                ]
            },
            {"portMappings": [{"containerPort": 9}]},
            "it listens on port 9 for 8080, which no parameter says",
        ),
        (
            {
                "ContainerDefinitions": [
                    {"Name": "app", "Environment": [{"Name": {"Ref": "Name"}, "Value": "x"}]}
                ]
            },
            {"environment": []},
            "the stack's template computes the names of its environment",
        ),
    ],
)
def test_what_can_not_be_taken_over_is_refused(
    properties: dict[str, Any], members: dict[str, Any], why: str
) -> None:
    now = laid(deployed(FIRST), properties)
    with pytest.raises(StackError, match=why):
        rollback_plan.plan(
            now.template, now.given, now.definition, described(deployed(FIRST), **members), OWN
        )


def test_a_value_that_the_template_has_without_a_parameter_is_laid_over_it() -> None:
    image = {"ContainerDefinitions": [{"Name": "app", "Image": "registry.test/orders:by-hand"}]}
    now = laid(deployed(FIRST), {"Cpu": "1024", **image})
    plan = back(now, deployed(FIRST))
    assert plan.properties == {"Cpu": "256"}
    assert plan.containers == {"app": {"Image": FIRST["image"]}}
    assert taken_over(carried_out(now, plan).definition) == taken_over(deployed(FIRST).definition)


def test_a_health_check_that_the_template_has_without_a_parameter_comes_back() -> None:
    command = ["CMD", "check"]
    own = {"ContainerDefinitions": [{"Name": "app", "HealthCheck": {"Command": command}}]}
    checks = laid(deployed(FIRST), own)
    plan = back(checks, deployed(FIRST))
    assert plan.containers == {"app": {"HealthCheck": None, "Image": {"Ref": "Image"}}}
    assert back(deployed(FIRST), checks).containers == {
        "app": {"HealthCheck": {"Command": command}}
    }


def test_a_template_without_a_service_that_runs_a_task_definition_is_refused() -> None:
    with pytest.raises(StackError, match="doesn't say which of its resources the ECS service runs"):
        rollback_plan.definition_of({"Resources": {"Queue": {"Type": "AWS::SQS::Queue"}}})


def test_secrets_of_others_and_images_are_known_of_a_task_definition() -> None:
    reference = f"{SECRET}partner/key-AbCdEf:user::"
    definition = deployed({**FIRST, "secrets": {"S": reference}}).definition
    assert rollback_plan.foreign_secrets(definition, OWN) == [reference]
    assert rollback_plan.images(definition) == [FIRST["image"]]


@pytest.mark.parametrize(
    ("reference", "own"),
    [
        (f"{SECRET}shop/orders/db/blue-AbCdEf", True),
        (f"{SECRET}shop/orders/db/green-AbCdEf:password::", True),
        (f"{SECRET}legacy/db/password-AbCdEf", False),
        (f"{SECRET}shop/billing/db/blue-AbCdEf", False),
        (f"{SECRET}shop/orders/db/blue-old-AbCdEf", False),
        (f"{SECRET}shop/orders/db/red-AbCdEf", False),
        (f"{SECRET}shop/orders/db/blue-AbCdEf".replace("123456789012", "210987654321"), False),
        (f"{SECRET}shop/orders/db/blue-AbCdEf".replace("central", "west"), False),
        ("arn:aws:ssm:eu-central-1:123456789012:parameter/shop/orders/db/blue-AbCdEf", False),
    ],
)
def test_a_secret_is_the_services_own_by_its_whole_name(reference: str, own: bool) -> None:
    assert OWN(reference) is own


def test_a_secret_with_db_in_its_name_is_looked_for_and_permitted() -> None:
    reference = f"{SECRET}legacy/db/password-AbCdEf"
    was = deployed({**FIRST, "secrets": {"PW": reference}})
    assert rollback_plan.foreign_secrets(was.definition, OWN) == [reference]
    assert back(deployed(FIRST), was).parameters == {"SecretArns": reference}


RESOLVED = "{{resolve:secretsmanager:partner:SecretString:token}}"


def resolved(value: Any, secret: str) -> Any:
    """Return what CloudFormation makes of a value with a dynamic reference."""
    if isinstance(value, dict):
        return {name: resolved(it, secret) for name, it in value.items()}
    if isinstance(value, list):
        return [resolved(it, secret) for it in value]
    return value.replace(RESOLVED, secret) if isinstance(value, str) else value


@pytest.mark.parametrize(
    "version",
    [
        {"environment": {"TOKEN": RESOLVED, "URL": f"https://x:{RESOLVED}@y"}},
        {"command": ["serve", "--token", RESOLVED]},
        {"entry": [RESOLVED]},
        {"health": f"curl -H {RESOLVED} localhost"},
        {"image": RESOLVED},
    ],
)
def test_what_a_dynamic_reference_became_gets_into_no_template(version: dict[str, Any]) -> None:
    stack = deployed({**FIRST, **version})
    now = resolved(stack.definition, "rotated")
    was = resolved(stack.definition, CANARY)
    was["cpu"] = "512"
    try:
        plan = rollback_plan.plan(stack.template, stack.given, now, was, OWN)
    except StackError as error:
        said = str(error)
        assert "environment" not in version
        assert "which the stack's template computes" in said
    else:
        said = f"{plan}"
        assert plan.follows == ["TOKEN", "URL"]
        assert plan.parameters == {"Cpu": "512"}
    assert CANARY not in said


def test_a_container_laid_on_a_condition_stops_a_rollback_only_if_it_differs() -> None:
    sidecar = {"Fn::If": ["HasSecrets", SIDECAR, SIDECAR]}
    stands = deployed({**FIRST, "image": "registry.test/orders@sha256:2"})
    listed = stands.template["Resources"][RESOURCE]["Properties"]["ContainerDefinitions"]
    document = laid(stands, {})
    properties = document.template["Resources"][RESOURCE]["Properties"]
    properties["ContainerDefinitions"] = [*listed, sidecar]
    side = {"name": "side", "image": SIDECAR["Image"]}

    def with_side(stack: Deployed, **members: Any) -> dict[str, Any]:
        definition = stack.definition
        listed = [definition["containerDefinitions"][0], {**side, **members}]
        return {**definition, "containerDefinitions": listed}

    now = with_side(stands)
    was = with_side(deployed({**FIRST, "environment": {"OLD": "x"}}))
    plan = rollback_plan.plan(document.template, stands.given, now, was, OWN)
    assert plan.parameters == {"Image": FIRST["image"]}
    patched = overlays.overlay(document.template, plan.overlay(RESOURCE, {}))
    after = patched["Resources"][RESOURCE]["Properties"]["ContainerDefinitions"]
    assert after[1] == sidecar
    assert {"Name": "OLD", "Value": "x"} in after[0]["Environment"]
    another = with_side(deployed(FIRST), image="registry.test/side:2")
    with pytest.raises(StackError, match="computes the container side"):
        rollback_plan.plan(document.template, stands.given, now, another, OWN)
