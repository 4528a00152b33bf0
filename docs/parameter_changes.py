"""What another value of each parameter does to a deployed stack: the tables in docs/templates.md.

Worked out from the templates and the resource schemas that cfn-lint carries: a property that is
create-only replaces its resource, and with it what refers to it; a condition adds and removes. What
only a person knows stands in `NOTES`. Run this file to write the tables; with ``--check`` it only
compares them, and is part of the tests.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from cfnlint.decode import cfn_yaml
from cfnlint.schema.manager import PROVIDER_SCHEMA_MANAGER

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "templates.md"
BEGIN, END = "<!-- parameter changes: begin -->", "<!-- parameter changes: end -->"
ORDER = (
    *("network", "support", "deployment_role", "cluster", "load_balancer", "rds", "rotation"),
    *("service", "service_monitoring", "restore"),
)
REGION = "eu-central-1"

IN_PLACE, REPLACES, SWITCHES = "in place", "replaces", "adds or removes"
MAY_REPLACE = "may interrupt or replace"  # CloudFormation's word for it is "conditional"
STUCK = "refused by CloudFormation (a custom resource keeps its function)"

# Which attributes of a custom resource follow from which of its properties; the other attributes
# stay as they are.
CUSTOM_ATTRIBUTES = {
    ("Custom::Password", "Rotation"): {"Version"},
    ("Custom::ListenerPriority", "ListenerArn"): {"Priority"},
    ("Custom::ListenerPriority", "Conditions"): {"Priority"},
    ("Custom::ListenerPriority", "TakesOver"): {"Priority"},
    ("Custom::Database", "Database"): {"Database"},
    ("Custom::Database", "Repair"): {"Repaired"},
}
# UpdateService: "This parameter triggers a new service deployment" (ECS API reference); tags don't.
# Of a strategy CloudFormation begins one, without which ECS refuses it (AWS::ECS::Service: "you
# must force a new deployment"; "CFN automatically initiates a new deployment").
DEPLOYING = {"CapacityProviderStrategy", "LoadBalancers", "NetworkConfiguration", "TaskDefinition"}

# Template and parameter -> what people must know beyond the resources.
NOTES = {
    ("network", "AvailabilityZones"): (
        "a subnet in another zone can't be made while the old one has its addresses: the update "
        "fails and goes back"
    ),
    ("network", "NatGateways"): "connections through a gateway that goes are cut",
    ("network", "ZoneCount"): (
        "3 to 2 leaves subnets behind that something is in; take cluster, functions and database "
        "out of them first"
    ),
    ("deployment_role", "PermissionsBoundaryArn"): (
        "services take it at their next deployment; when it is gone again they keep the one they "
        "have, since the deployment role may take no boundary off"
    ),
    ("cluster", "CreateServiceLinkedRole"): (
        "the role itself stays; true fails in an account that has it already"
    ),
    ("load_balancer", "CertificateArn"): (
        "from or to none, services move to the other listener at their next deployment; HTTPS "
        "ends at once when the certificate goes"
    ),
    ("load_balancer", "IngressCidr"): "who is outside is cut off",
    ("load_balancer", "SubnetIds"): "connections in a zone that goes are cut",
    ("rds", "CaCertificateIdentifier"): "instances may restart, one after the other",
    ("rds", "EngineVersion"): (
        "an upgrade, with some minutes without database; another major version needs a new "
        "parameter group and can't go back"
    ),
    ("rds", "InstanceClass"): "instances restart one after the other, and another may write then",
    ("rds", "PerformanceInsights"): "the key of what was recorded can't change",
    ("rds", "ReaderCount"): "a reader that goes cuts its connections",
    ("rds", "SnapshotIdentifier"): (
        "the snapshot's cluster takes the place of the old one, which stays, outside the stack, if "
        "DeletionProtection is on; see Restoring a snapshot"
    ),
    ("service", "Database"): "off: the users lose their login, the data stays under Retain",
    ("service", "DatabaseUsers"): "to blue: green loses its login; refused while it is active",
    ("service", "DesiredCount"): "tasks come and go, and none of their requests is lost",
    ("service", "ExecuteCommand"): "tasks that run already have no shell until they are replaced",
    ("service", "HealthCheckCodes"): "tasks of before are judged by them too",
    ("service", "HealthCheckPath"): (
        "tasks of before are asked for it too: deploy an application that answers to both first"
    ),
    ("service", "HostName"): (
        "the old host name is no longer routed; refused if another service has the new one; see "
        "Host names"
    ),
    ("service", "HostedZoneId"): "the records of the old zone go",
    ("service", "MoreHostNames"): "a name that goes is no longer routed",
    ("service", "PathPatterns"): "other paths are no longer routed to the service",
    ("service", "RedirectedHostNames"): (
        "none is lost, but for a name that goes; one that the service had goes over in two steps "
        "(docs/routing.md, Redirects)"
    ),
    ("service", "ListenerArn"): "another listener of the same load balancer: none is lost",
    ("service", "LogDeletionProtection"): "true: state absent and teardown.yml refuse the service",
    ("service", "LogIndexedFields"): "lines of before get no index",
    ("service", "LogMaxBufferSize"): "it is of the tasks' memory",
    ("service", "MaskedData"): (
        "lines of before stay as they were written; off: whether AWS deletes the policy is to be "
        "seen (docs/first-account.md)"
    ),
    ("service", "MaskingAudit"): "off: the findings of before go with their log group",
    ("service", "MaxCount"): (
        "to 0: the number of tasks that scaling left stays, unless DesiredCount says another"
    ),
    ("service", "MinCount"): "what a schedule set is put back until the next schedule",
    ("service", "TakesOver"): "none is lost; see Host names",
    ("service", "Route"): (
        "off: requests get a 503 and then a 404; on: from the first answer on none is lost"
    ),
}


@dataclass(frozen=True)
class Touch:
    """What a parameter does to one resource.

    resource, type: which; property: by which property, empty for the resource's condition.
    how: IN_PLACE, MAY_REPLACE, REPLACES, SWITCHES or STUCK.
    """

    resource: str
    type: str
    property: str
    how: str


@cache
def load(name: str) -> dict[str, Any]:
    """Return a template in its JSON form."""
    template: dict[str, Any] = cfn_yaml.load(str(ROOT / "templates" / f"{name}.yml"))
    return template


def templates() -> list[str]:
    """Return the templates' names in the order of their deployment."""
    return [name for name in ORDER if (ROOT / "templates" / f"{name}.yml").exists()]


def fixed(name: str) -> dict[str, dict[str, str]]:
    """Return the rules of what can't change (Metadata, Quayside, Fixed)."""
    rules: dict[str, dict[str, str]] = load(name)["Metadata"].get("Quayside", {}).get("Fixed", {})
    return rules


def touches(name: str, parameter: str) -> list[Touch]:
    """Return what another value of a parameter does to the resources of a template."""
    template = load(name)
    found: dict[tuple[str, str], Touch] = {}
    changed: set[str] = set()  # "Ref X" and "X.Attribute": what refers to these changes too
    while True:
        before = len(found)
        for key, resource in template["Resources"].items():
            if parameter in deciding(template, resource.get("Condition")):
                found.setdefault((key, ""), Touch(key, resource["Type"], "", SWITCHES))
            for prop, value in resource.get("Properties", {}).items():
                path = _changed_path(template, prop, value, parameter, changed)
                if path:
                    how = _how(resource["Type"], path)
                    found.setdefault((key, prop), Touch(key, resource["Type"], prop, how))
                    changed |= _references(key, resource["Type"], prop, how)
        if len(found) == before:
            return list(found.values())


def _references(key: str, kind: str, prop: str, how: str) -> set[str]:
    attributes = {f"{key}.{it}" for it in CUSTOM_ATTRIBUTES.get((kind, prop), ())}
    return attributes | ({key} if how == REPLACES else set())


def _changed_path(
    template: Mapping[str, Any], prop: str, value: Any, parameter: str, changed: set[str]
) -> str:
    """Return the schema path of a property's part that changes, the most telling one, or ""."""
    paths = [
        "/".join(["/properties", prop, *steps])
        for steps, names in _leaves(template, value, ())
        if parameter in names or names & changed or {it.split(".")[0] for it in names} & changed
    ]
    return min(paths, key=len, default="")


def _leaves(
    template: Mapping[str, Any], node: Any, steps: tuple[str, ...]
) -> Iterator[tuple[tuple[str, ...], set[str]]]:
    """Yield the places of a value with what they take: parameters, resources and attributes."""
    if isinstance(node, list):
        for item in node:
            yield from _leaves(template, item, (*steps, "*"))
        return
    if not isinstance(node, Mapping):
        return
    if len(node) == 1:
        ((function, of),) = node.items()
        if function == "Fn::If":
            yield steps, deciding(template, of[0])
            for branch in of[1:]:
                yield from _leaves(template, branch, steps)
            return
        if function == "Ref" or function.startswith("Fn::"):
            yield steps, _names(template, node)
            return
    for key, child in node.items():
        yield from _leaves(template, child, (*steps, key))


def _names(template: Mapping[str, Any], node: Any) -> set[str]:
    """Return all that a function takes: names of parameters and resources, and X.Attribute."""
    if isinstance(node, list):
        return set().union(*(_names(template, item) for item in node))
    if not isinstance(node, Mapping):
        return set()
    found: set[str] = set()
    for function, of in node.items():
        if function == "Ref":
            found.add(str(of))
        elif function == "Fn::GetAtt":
            found.add(of if isinstance(of, str) else ".".join(of))
        elif function == "Fn::Sub":
            text, given = (of, {}) if isinstance(of, str) else of
            own = set(re.findall(r"\$\{([^}!]+)\}", text)) - given.keys()
            found |= own | _names(template, list(given.values()))
        elif function == "Fn::If":
            found |= deciding(template, of[0]) | _names(template, of[1:])
        else:
            found |= _names(template, of)
    return found


def deciding(template: Mapping[str, Any], condition: Any) -> set[str]:
    """Return the parameters that decide a condition, by name or written out; none decides None."""
    if condition is None:
        return set()
    if isinstance(condition, str):
        return deciding(template, template["Conditions"][condition])
    if isinstance(condition, list):
        return set().union(*(deciding(template, it) for it in condition if _is_node(it)))
    ((function, of),) = condition.items()
    if function in ("Ref", "Condition"):
        return {of} if function == "Ref" else deciding(template, of)
    return deciding(template, of)


def _is_node(value: Any) -> bool:
    return isinstance(value, Mapping | list)


def _how(kind: str, path: str) -> str:
    """Return what a change at a path of the schema does to a resource of a type."""
    if path == "/properties/ServiceToken":  # "Modifying service token is not allowed."
        return STUCK
    if kind.startswith("Custom::"):
        return REPLACES if kind == "Custom::ListenerPriority" else IN_PLACE
    if kind == "AWS::ECS::TaskDefinition" and not path.startswith("/properties/Tags"):
        return REPLACES  # any change registers a new revision
    schema = PROVIDER_SCHEMA_MANAGER.get_resource_schema(REGION, kind).schema
    for name, how in (("createOnly", REPLACES), ("conditionalCreateOnly", MAY_REPLACE)):
        for frozen in schema.get(f"{name}Properties", ()):
            if path == frozen or path.startswith(f"{frozen}/") or frozen.startswith(f"{path}/"):
                return how
    return IN_PLACE


def effect(name: str, parameter: str) -> str:
    """Return in words what another value of a parameter does."""
    found = touches(name, parameter)
    parts = [_refusal(name, parameter)] if parameter in fixed(name) else []
    if not parts or "Do" not in fixed(name)[parameter] or len(fixed(name)[parameter]) > 1:
        parts += _parts(name, parameter, found)
    note = NOTES.get((name, parameter))
    return "; ".join(filter(None, [*parts, note]))


def _refusal(name: str, parameter: str) -> str:
    rule = fixed(name)[parameter]
    if "While" in rule:
        return f"**refused** while `{rule['While']}` is true"
    if "Unless" in rule:
        return f"**refused**, unless `{rule['Unless']}` changes too"
    if "Never" in rule:
        return "back to empty: **refused**"
    if "Alone" in rule:
        return f"**refused**, unless it is `{rule['Alone']}` or nothing else changes"
    return "**refused**"


def _parts(name: str, parameter: str, found: list[Touch]) -> list[str]:
    if not found:
        used = parameter in _names(load(name), load(name).get("Outputs", {}))
        conditions = [it.get("Condition") for it in load(name).get("Outputs", {}).values()]
        used = used or any(parameter in deciding(load(name), it) for it in conditions)
        return ["the outputs alone"] if used else ["nothing that is deployed"]
    rolls = any(
        (it.type == "AWS::ECS::TaskDefinition" and it.how == REPLACES)
        or (it.type == "AWS::ECS::Service" and it.property in DEPLOYING)
        for it in found
    )
    hidden = {"AWS::ECS::TaskDefinition"} | ({"AWS::ECS::Service"} if rolls else set())
    parts = ["rolling deployment"] if rolls else []
    for how in (STUCK, REPLACES, MAY_REPLACE, SWITCHES, IN_PLACE):
        named = _named(found, how, hidden)
        if named:
            parts.append(f"{how}: {', '.join(named)}")
    return parts


def _named(found: list[Touch], how: str, hidden: set[str]) -> list[str]:
    """Return the resources whose gravest touch this is."""
    grave = [STUCK, SWITCHES, REPLACES, MAY_REPLACE, IN_PLACE]
    worst: dict[str, Touch] = {}
    for touch in found:
        known = worst.get(touch.resource)
        if known is None or grave.index(touch.how) < grave.index(known.how):
            worst[touch.resource] = touch
    return sorted(it.resource for it in worst.values() if it.how == how and it.type not in hidden)


def tables() -> str:
    """Return the tables of all templates."""
    parts = []
    for name in templates():
        rows = [f"| `{it}` | {effect(name, it)} |" for it in load(name)["Parameters"]]
        parts += [f"### {name}.yml", "", "| parameter | another value |", "|---|---|", *rows, ""]
    return "\n".join(parts)


def page(text: str) -> str:
    """Return docs/templates.md with its tables written anew."""
    head, rest = text.split(BEGIN)  # there is one place for them
    _, tail = rest.split(END)
    return f"{head}{BEGIN}\n\n{tables()}\n{END}{tail}"


def main() -> int:
    """Write the tables, or only compare them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="compare, and change nothing")
    check = parser.parse_args().check
    old = PAGE.read_text()
    new = page(old)
    if old != new and not check:
        PAGE.write_text(new)
    return int(check and old != new)


if __name__ == "__main__":
    sys.exit(main())
