"""What a rollback changes in a stack: parameters, and what is laid over the template that it has.

Two task definitions are compared, as ECS describes them: the one that runs, and the one to go back
to. What differs of image, environment, secrets, size, port and commands goes to the parameter that
the template takes it from, or stands in the template as it was. What the template fills with a
function stays the stack's: the database's host, and the user that tasks log in with.

https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_TaskDefinition.html
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from ansible_collections.quayside.fargate.custom_resources.contract.names import USERS, Service
from ansible_collections.quayside.fargate.plugins.plugin_utils import (
    news,
    overlays,
    variable_maps,
)
from ansible_collections.quayside.fargate.plugins.plugin_utils.errors import StackError
from ansible_collections.quayside.fargate.plugins.plugin_utils.template import is_function

Document = Mapping[str, Any]
_IF, _NO_VALUE = "Fn::If", {"Ref": "AWS::NoValue"}
_DEFINITION, _SERVICE = "AWS::ECS::TaskDefinition", "AWS::ECS::Service"
# Members of a container that are taken over whole, by their names at ECS and in a template.
_WHOLE = {
    "image": "Image",
    "entryPoint": "EntryPoint",
    "command": "Command",
    "cpu": "Cpu",
    "memory": "Memory",
    "memoryReservation": "MemoryReservation",
}
_CHECK = {
    "command": "Command",
    "interval": "Interval",
    "timeout": "Timeout",
    "retries": "Retries",
    "startPeriod": "StartPeriod",
}
# Lists of pairs: what names one of them, and what it holds.
_PAIRS = {"environment": ("Environment", "Value"), "secrets": ("Secrets", "ValueFrom")}
_SECRETS, _PARAMETERS = "SecretArns", "ParameterArns"
# A task definition has the value of it, and perhaps a secret's.
# https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/dynamic-references.html
_DYNAMIC = "{{resolve:"
Own = Callable[[str], bool]


def own_secrets(service: Service, definition: str) -> Own:
    """Return what says whether a reference is to a secret of the service's own database users.

    Args:
        service: whose.
        definition: ARN of its task definition; its account and region are the secrets'.
    """
    place = ":".join(definition.split(":")[:5]).replace(":ecs:", ":secretsmanager:", 1)
    names = "|".join(re.escape(service.secret(it)) for it in USERS)
    # Secrets Manager puts a hyphen and six characters behind a name.
    known = re.compile(rf"{re.escape(place)}:secret:({names})-[A-Za-z0-9]{{6}}(:.*)?")
    return lambda reference: known.fullmatch(reference) is not None


@dataclass
class Plan:
    """What to change.

    Attributes:
        parameters: new values by name.
        properties: of the task definition, to be laid over the template's.
        containers: members to be laid over the template's, by the container's name.
        told: what changes, in words: names, sizes and images, and no other value.
        follows: variables that differ and stay as the stack has them now.
    """

    parameters: dict[str, str] = field(default_factory=dict)
    properties: dict[str, Any] = field(default_factory=dict)
    containers: dict[str, dict[str, Any]] = field(default_factory=dict)
    told: list[str] = field(default_factory=list)
    follows: list[str] = field(default_factory=list)

    @property
    def is_empty(self) -> bool:
        """Whether nothing changes: the two differ in nothing that a rollback takes over."""
        return not (self.parameters or self.properties or self.containers)

    def overlay(self, resource: str, note: Mapping[str, Any]) -> dict[str, Any]:
        """Return what is laid over the template.

        Args:
            resource: logical id of the task definition.
            note: what the template's metadata is to say of the rollback.
        """
        laid = dict(self.properties)
        if self.containers:
            laid["ContainerDefinitions"] = [
                {"Name": name, **members} for name, members in self.containers.items()
            ]
        metadata = {"Metadata": {"Quayside": {"Rollback": dict(note)}}}
        return {**metadata, "Resources": {resource: {"Properties": laid}}} if laid else metadata


def definition_of(document: Document) -> str:
    """Return the logical id of the task definition that a template's ECS service runs.

    Raises: StackError if the template doesn't say it.
    """
    resources = document["Resources"]
    runs = [
        (it.get("Properties") or {}).get("TaskDefinition")
        for it in resources.values()
        if it.get("Type") == _SERVICE
    ]
    names = [it["Ref"] for it in runs if isinstance(it, Mapping) and "Ref" in it]
    found = [it for it in names if resources.get(it, {}).get("Type") == _DEFINITION]
    if len(found) != 1:
        raise StackError(
            "The stack's template doesn't say which of its resources the ECS service runs, so "
            "nothing can be laid over it. Deploy the older version instead."
        )
    return str(found[0])


def plan(
    document: Document,
    given: Mapping[str, str],
    running: Document,
    wanted: Document,
    own: Own,
) -> Plan:
    """Return what makes a stack run another task definition's containers.

    Args:
        document: the template that the stack has.
        given: the stack's parameters.
        running: the task definition that runs (DescribeTaskDefinition).
        wanted: the one to go back to.
        own: says whether a secret is one of the service's own database users.

    Raises: StackError for a difference that can't be taken over.
    """
    return _Planner(document, given, (running, wanted), own).made()


class _Planner:
    def __init__(
        self,
        document: Document,
        given: Mapping[str, str],
        both: tuple[Document, Document],
        own: Own,
    ) -> None:
        self._declared = document.get("Parameters") or {}
        resource = document["Resources"][definition_of(document)]
        self._template = resource.get("Properties") or {}
        self._given, self._own = given, own
        self._running, self._wanted = both
        self._plan = Plan()

    def made(self) -> Plan:
        platform = "runtimePlatform"
        for member, name in (("cpu", "Cpu"), ("memory", "Memory")):
            old, new = self._running.get(member), self._wanted.get(member)
            self._one(name.lower(), (self._template.get(name), old, new), self._laid(name))
        old, new = (it.get(platform, {}).get("cpuArchitecture") for it in self._both)
        known = self._template.get("RuntimePlatform")
        inner = known.get("CpuArchitecture") if isinstance(known, Mapping) else known
        if (old or "X86_64") != (new or "X86_64"):  # ECS's default, which it may leave out
            laid = self._laid("RuntimePlatform", "CpuArchitecture")
            self._one("architecture", (inner, old, new or "X86_64"), laid)
        before, after = ({it["name"]: it for it in self._listed(it)} for it in self._both)
        if before.keys() != after.keys():
            raise _lost(
                f"it has the containers {_names(after)}, and {_names(before)} run in the stack's"
            )
        for name, container in before.items():
            if _compared(container) != _compared(after[name]):
                self._container(name, container, after[name])
        self._permit(before, after)
        return self._plan

    @property
    def _both(self) -> tuple[Document, Document]:
        return self._running, self._wanted

    @staticmethod
    def _listed(definition: Document) -> list[Document]:
        return list(definition.get("containerDefinitions", []))

    def _laid(self, *path: str) -> Callable[[Any], None]:
        """Return what lays a value over the task definition."""

        def lay(value: Any) -> None:
            *above, last = path
            target = self._plan.properties
            for step in above:
                target = target.setdefault(step, {})
            target[last] = value

        return lay

    def _one(
        self,
        name: str,
        values: tuple[Any, Any, Any],
        lay: Callable[[Any], None],
        shows: bool = True,
    ) -> None:
        """Take over one value.

        Args:
            name: of it, in words.
            values: as the template has it, as it runs, and as it was.
            lay: lays it over the template where no parameter fills it.
            shows: whether the values may be told.
        """
        written, old, new = values
        if (old or None) == (new or None):  # ECS tells of none as of nothing, 0 or an empty list
            return
        parameter = self._parameter(written)
        if parameter and new and not self._is_dynamic(written):
            self._plan.parameters[parameter] = str(new)
        elif _is_computed(written) or self._is_dynamic(written):
            raise _lost(f"its {name} is another, which the stack's template computes")
        else:
            lay(new or None)
        change = f" {old or '(none)'} -> {new or '(none)'}" if shows else ""
        if name.startswith("image") and old and new:
            change = f" {news.image(old, new)}"
        self._plan.told.append(f"{name}{change}")

    def _parameter(self, written: Any) -> str | None:
        """Return the parameter that fills a value of the template, if one does so alone."""
        name = written.get("Ref") if isinstance(written, Mapping) and len(written) == 1 else None
        return str(name) if name in self._declared else None

    def _is_dynamic(self, value: Any) -> bool:
        """Say whether CloudFormation puts another value in the place of what the template has."""
        if isinstance(value, Mapping):
            given = self._given.get(str(self._parameter(value)), "")
            return _DYNAMIC in given or any(map(self._is_dynamic, value.values()))
        if isinstance(value, list):
            return any(map(self._is_dynamic, value))
        return isinstance(value, str) and _DYNAMIC in value

    def _container(self, name: str, old: Document, new: Document) -> None:
        template = self._template_of(name)
        laid: dict[str, Any] = {}
        only = len(self._listed(self._running)) == 1
        of = "" if only else f" of {name}"
        for member, title in _WHOLE.items():
            words = {"entryPoint": "entry point", "memoryReservation": "memory reservation"}
            called = f"{words.get(member, member)}{of}"
            if member in ("cpu", "memory") and only:
                called = f"container's {member}"
            values = (template.get(title), old.get(member), new.get(member))
            shows = member not in ("entryPoint", "command")  # a word of it may be a secret
            self._one(called, values, functools.partial(laid.__setitem__, title), shows)
        self._ports(of, template, old, new)
        self._health(of, template, old, new, laid)
        for member, (title, holds) in _PAIRS.items():
            items = self._pairs(member, template.get(title), (old, new), holds, of)
            if items:
                laid[title] = items
        if laid and not any(it is not None for it in laid.values()):
            laid["Image"] = template.get("Image")  # nothing but nulls would take the container out
        if laid:
            self._plan.containers[name] = laid

    def _template_of(self, name: str) -> Document:
        """Return what the template says of a container.

        Raises: StackError if a function says whether it is there, or which.
        """
        listed = self._template.get("ContainerDefinitions")
        for item in listed if isinstance(listed, list) else []:
            if isinstance(item, Mapping) and item.get("Name") == name:
                return dict(item)
        raise _lost(f"the stack's template computes the container {name}")

    def _ports(self, of: str, template: Document, old: Document, new: Document) -> None:
        before, after = (
            [it.get("containerPort") for it in container.get("portMappings", [])]
            for container in (old, new)
        )
        if before == after:
            return
        listed = template.get("PortMappings")
        written = listed if isinstance(listed, list) else []
        if not len(before) == len(after) == len(written):
            raise _lost(f"it listens on {_ports(after)}, and {_ports(before)} run in the stack's")
        for item, was, will in zip(written, before, after, strict=True):
            if was == will:
                continue
            parameter = self._parameter(item.get("ContainerPort"))
            if not parameter or self._is_dynamic(item):
                raise _lost(f"it listens on port {will} for {was}, which no parameter says")
            self._plan.parameters[parameter] = str(will)
            self._plan.told.append(f"port{of} {was} -> {will}")

    def _health(
        self, of: str, template: Document, old: Document, new: Document, laid: dict[str, Any]
    ) -> None:
        before, after = ((it.get("healthCheck") or {}).get("command") or [] for it in (old, new))
        if before == after:
            return
        written = template.get("HealthCheck")
        commands = [it["Command"] for it in _branches(written) if "Command" in it]
        if self._is_dynamic(commands):
            raise _lost("its health check command is another, which the stack's template computes")
        parameter = next((it for it in map(self._shell_parameter, commands) if it), None)
        if parameter and (not after or (after[0] == "CMD-SHELL" and len(after) == 2)):  # noqa: PLR2004
            self._plan.parameters[parameter] = after[1] if after else ""
        elif not after:
            laid["HealthCheck"] = None
        elif commands:
            laid["HealthCheck"] = {"Command": after}
        else:
            check = new.get("healthCheck", {})
            laid["HealthCheck"] = {_CHECK[it]: check[it] for it in _CHECK if it in check}
        self._plan.told.append(f"health check command{of}")

    def _shell_parameter(self, command: Any) -> str | None:
        match command:
            case ["CMD-SHELL", written]:
                return self._parameter(written)
        return None

    def _pairs(
        self, member: str, written: Any, both: tuple[Document, Document], holds: str, of: str
    ) -> list[dict[str, Any]]:
        """Return the items of a list of named values that come back, go, or are others."""
        key = holds[0].lower() + holds[1:]
        before, after = ({it["name"]: it[key] for it in c.get(member, [])} for c in both)
        changed = [it for it in {**before, **after} if before.get(it) != after.get(it)]
        if not changed:
            return []
        owned = self._owned(member, written, holds)
        laid = []
        for name in changed:
            if name in owned:
                self._follow(name, owned[name], before.get(name), after.get(name))
                continue
            laid.append({"Name": name, holds: after.get(name)})
            how = "comes back" if name not in before else "goes" if name not in after else "changes"
            kind = "environment" if member == "environment" else "secret"
            self._plan.told.append(f"{kind} {name}{of} {how}")
        return laid

    def _owned(self, member: str, written: Any, holds: str) -> dict[str, list[Any]]:
        """Return the values that the template computes or gives on a condition, by their names.

        Raises: StackError if it computes a name, or all of the list.
        """
        if written is None:
            return {}
        names = [overlays.name_of(it) for it in written] if isinstance(written, list) else [None]
        if None in names:
            raise _lost(f"the stack's template computes the names of its {member}")
        return {
            str(name): values
            for name, item in zip(names, written, strict=True)
            if (values := [it.get(holds) for it in _branches(item)])
            if any(_is_computed(it) or self._is_dynamic(it) for it in values) or _may_lack(item)
        }

    def _follow(self, name: str, written: list[Any], old: str | None, new: str | None) -> None:
        """Leave a value to the template; raises StackError if the template has none now."""
        if old is None:
            raise _lost(f"it has {name}, which the stack gives to no container any more")
        if new is None or {old, new} <= {*USERS} or self._own(old):
            return  # what came since doesn't harm, and the user in use is the rotation's
        set_so = (self._plan.parameters.get(str(self._parameter(it))) == new for it in written)
        if not any(set_so):  # as PORT is
            self._plan.follows.append(name)

    def _permit(self, before: Mapping[str, Document], after: Mapping[str, Document]) -> None:
        """Let the execution role read what the containers name, and no more what they named."""
        if not any("Secrets" in it for it in self._plan.containers.values()):
            return
        named = [
            {it["valueFrom"] for c in s.values() for it in c.get("secrets", [])}
            for s in (before, after)
        ]
        for parameter, arn_of in (
            (_SECRETS, variable_maps.secret_arn),
            (_PARAMETERS, variable_maps.parameter_arn),
        ):
            if parameter not in self._declared:
                continue
            old, new = ({*filter(None, map(arn_of, it))} for it in named)
            known = {*filter(None, self._given.get(parameter, "").split(","))}
            own = {it for it in new if self._own(it)}  # which the template permits by itself
            wanted = (known - (old - new)) | (new - old - own)
            if wanted != known:
                self._plan.parameters[parameter] = ",".join(sorted(wanted))


def _compared(container: Document) -> list[Any]:
    """Return what a rollback takes over of a container."""
    check = (container.get("healthCheck") or {}).get("command")
    ports = [it.get("containerPort") for it in container.get("portMappings", [])]
    pairs = [
        {it["name"]: it[holds[0].lower() + holds[1:]] for it in container.get(member, [])}
        for member, (_key, holds) in _PAIRS.items()
    ]
    return [*(container.get(it) or None for it in _WHOLE), check or None, ports, *pairs]


def _branches(value: Any) -> Iterator[Mapping[str, Any]]:
    """Yield the maps that may come to stand in a place: of Fn::If those of both branches."""
    if isinstance(value, Mapping) and _IF in value:
        for branch in value[_IF][1:]:
            yield from _branches(branch)
    elif isinstance(value, Mapping) and not is_function(value):
        yield value


def _may_lack(item: Any) -> bool:
    """Say whether a condition leaves an item of a list out."""
    return isinstance(item, Mapping) and any(
        it == _NO_VALUE or _may_lack(it) for it in item.get(_IF, [])[1:]
    )


def _is_computed(value: Any) -> bool:
    """Say whether a function is in a value of a template."""
    if isinstance(value, Mapping):
        return is_function(value) or any(_is_computed(it) for it in value.values())
    return isinstance(value, list) and any(_is_computed(it) for it in value)


def _lost(what: str) -> StackError:
    return StackError(
        f"It can't be gone back to as a whole: {what}. Deploy that version with its playbook, or "
        "name another revision (-e revision=N)."
    )


def _names(containers: Mapping[str, Any]) -> str:
    return ", ".join(sorted(containers)) or "(none)"


def _ports(ports: list[Any]) -> str:
    return f"ports {', '.join(map(str, ports))}" if ports else "no port"


def foreign_secrets(definition: Document, own: Own) -> list[str]:
    """Return what a task definition's containers read that isn't their own database user's.

    Args:
        definition: as DescribeTaskDefinition tells it.
        own: says whether a secret is one of the service's own database users.
    """
    return sorted(
        {
            it["valueFrom"]
            for container in definition.get("containerDefinitions", [])
            for it in container.get("secrets", [])
            if not own(it["valueFrom"])
        }
    )


def images(definition: Document) -> list[str]:
    """Return the images of a task definition's containers."""
    listed = definition.get("containerDefinitions", [])
    return sorted({image for it in listed if (image := it.get("image"))})
