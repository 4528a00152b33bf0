"""The templates as CloudFormation sees them: read, walked through, resolved for parameters."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from cfnlint.decode import cfn_yaml
from cfnlint.schema.manager import PROVIDER_SCHEMA_MANAGER

FOLDER = Path(__file__).parents[3] / "templates"
NAMES = sorted(path.stem for path in FOLDER.glob("*.yml"))
REGION = "eu-central-1"
ACCOUNT = "123456789012"
PSEUDO_PARAMETERS = {
    "AWS::AccountId": ACCOUNT,
    "AWS::Partition": "aws",
    "AWS::Region": REGION,
    "AWS::StackName": "stack",
    "AWS::URLSuffix": "amazonaws.com",
}
ALARM = "AWS::CloudWatch::Alarm"
_NO_VALUE = object()


@cache
def load(name: str) -> dict[str, Any]:
    """Return a template of the project by its name, such as `service`, in its JSON form."""
    template: dict[str, Any] = cfn_yaml.load(str(FOLDER / f"{name}.yml"))
    return template


def of_type(name: str, prefix: str) -> dict[str, Any]:
    """Return a template's resources whose type begins with `prefix`, by logical id."""
    resources = load(name)["Resources"].items()
    return {key: resource for key, resource in resources if resource["Type"].startswith(prefix)}


def judging() -> list[str]:
    """Return the alarms that judge a service's deployments: ECS asks them, and no topic hears."""
    service = load("service")["Resources"]["Service"]["Properties"]
    named = walk(service["DeploymentConfiguration"]["Alarms"])
    alarms = of_type("service", ALARM)
    return [node for path, node in named if path[-1:] == ("Ref",) and node in alarms]


# Types whose schema has no handlers: what of Elastic Load Balancing's API does what the type does,
# and reads it.
_UNTOLD = {
    "AWS::ElasticLoadBalancingV2::ListenerCertificate": {
        "elasticloadbalancing:AddListenerCertificates",
        "elasticloadbalancing:DescribeListenerCertificates",
        "elasticloadbalancing:RemoveListenerCertificates",
    }
}


def handler_permissions(resource_type: str, *names: str) -> set[str]:
    """Return the IAM actions that CloudFormation's handlers of a resource type call.

    Args:
        resource_type: such as AWS::Logs::MetricFilter.
        names: of the handlers, such as delete; all without any.

    Source: the `handlers` of the resource schemas, which cfn-lint carries.
    """
    if resource_type in _UNTOLD:
        return _UNTOLD[resource_type]
    schema = PROVIDER_SCHEMA_MANAGER.get_resource_schema(REGION, resource_type).schema
    handlers = [it for name, it in schema["handlers"].items() if not names or name in names]
    return {action for handler in handlers for action in handler.get("permissions", [])}


def walk(node: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[tuple[Any, ...], Any]]:
    """Yield every node below `node` with the keys and indexes that lead to it."""
    yield path, node
    if isinstance(node, Mapping):
        children: Any = node.items()
    elif isinstance(node, list):
        children = enumerate(node)
    else:
        return
    for key, child in children:
        yield from walk(child, (*path, key))


@dataclass
class Stack:
    """A template resolved for parameters: what CloudFormation would make of it.

    A reference to a resource becomes `<LogicalId>` or `<LogicalId.Attribute>`.

    Args:
        name: of the template.
        given: parameters; the others have their defaults.
    """

    name: str
    given: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.template = load(self.name)
        self.parameters = PSEUDO_PARAMETERS | {
            name: str(self.given.get(name, definition.get("Default", f"<{name}>")))
            for name, definition in self.template["Parameters"].items()
        }

    @property
    def resources(self) -> dict[str, Any]:
        """The resources that come to be, by logical id."""
        return {
            key: self.resolve(resource)
            for key, resource in self.template["Resources"].items()
            if self.holds(resource.get("Condition"))
        }

    @property
    def outputs(self) -> dict[str, Any]:
        """The outputs that come to be."""
        return {
            key: self.resolve(output["Value"])
            for key, output in self.template["Outputs"].items()
            if self.holds(output.get("Condition"))
        }

    def holds(self, condition: Any) -> bool:
        """Whether a condition, by name or written out, is true; no condition is."""
        if condition is None:
            return True
        if isinstance(condition, str):
            return self.holds(self.template["Conditions"][condition])
        ((function, of),) = condition.items()
        if function == "Condition":
            return self.holds(of)
        if function == "Fn::Contains":
            return str(self.resolve(of[1])) in [str(it) for it in self.resolve(of[0])]
        if function == "Fn::Equals":
            left, right = (str(self.resolve(side)) for side in of)
            return left == right
        parts = [self.holds(part) for part in of]
        return {"Fn::And": all(parts), "Fn::Or": any(parts), "Fn::Not": not parts[0]}[function]

    def resolve(self, node: Any) -> Any:
        """Return `node` with its intrinsic functions carried out."""
        if isinstance(node, list):
            items = [self._value(item) for item in node]
            return [item for item in items if item is not _NO_VALUE]
        if not isinstance(node, Mapping):
            return node
        value = self._value(node)
        return None if value is _NO_VALUE else value

    def _value(self, node: Any) -> Any:
        if not isinstance(node, Mapping):
            return self.resolve(node)
        if len(node) == 1:
            ((function, of),) = node.items()
            if function in _FUNCTIONS:
                return _FUNCTIONS[function](self, of)
        values = {key: self._value(value) for key, value in node.items()}
        return {key: value for key, value in values.items() if value is not _NO_VALUE}

    def _ref(self, name: str) -> Any:
        return _NO_VALUE if name == "AWS::NoValue" else self.parameters.get(name, f"<{name}>")

    def _if(self, of: list[Any]) -> Any:
        condition, yes, no = of
        return self._value(yes if self.holds(condition) else no)

    def _sub(self, of: Any) -> str:
        text, names = (of, {}) if isinstance(of, str) else of
        values = {name: str(self.resolve(value)) for name, value in names.items()}
        return re.sub(
            r"\$\{([^}!]+)\}", lambda match: values.get(match[1]) or str(self._ref(match[1])), text
        )

    def _find_in_map(self, of: list[Any]) -> Any:
        name, *keys = (self.resolve(it) for it in of)
        value = self.template["Mappings"][name]
        for key in keys:
            value = value[key]
        return value

    def _select(self, of: list[Any]) -> Any:
        index, items = of
        return self.resolve(items)[int(index)]

    def _join(self, of: list[Any]) -> str:
        return str(of[0]).join(str(item) for item in self.resolve(of[1]))

    def _split(self, of: list[Any]) -> list[str]:
        return str(self.resolve(of[1])).split(of[0])


_FUNCTIONS: dict[str, Any] = {
    "Ref": Stack._ref,
    "Fn::If": Stack._if,
    "Fn::Sub": Stack._sub,
    "Fn::GetAtt": lambda _stack, of: f"<{of if isinstance(of, str) else '.'.join(of)}>",
    "Fn::FindInMap": Stack._find_in_map,
    "Fn::Select": Stack._select,
    "Fn::Join": Stack._join,
    "Fn::Split": Stack._split,
    "Fn::ImportValue": lambda stack, of: f"<import {stack.resolve(of)}>",
    "Fn::GetAZs": lambda _stack, _of: ["a", "b", "c"],
    "Fn::Cidr": lambda _stack, of: [f"block {index}" for index in range(int(of[1]))],
}
