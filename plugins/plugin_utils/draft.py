"""What a task of quayside.fargate.stack wants, read and checked before AWS is called."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ansible_collections.quayside.fargate.plugins.plugin_utils import (
    artifacts,
    beside,
    falls,
    leftovers,
    mapping,
    overlays,
    parameters,
    template,
    versions,
)
from ansible_collections.quayside.fargate.plugins.plugin_utils.errors import StackError
from ansible_collections.quayside.fargate.plugins.plugin_utils.neighbours import (
    Outputs,
    given_or_output,
)
from ansible_collections.quayside.fargate.plugins.plugin_utils.stack import Description

Options = Mapping[str, Any]
# The templates that the roles deploy.
_OWN_TEMPLATES = Path(__file__).resolve().parents[2] / "templates"


@dataclass(frozen=True)
class Draft:
    """What a task wants, read and checked without AWS.

    document, text: the template with its overlay; explicit, by_name, references, initial: where
    parameters come from (parameters.Sources); passes: the parameters that the task fills or leaves
    to other stacks; files: to be uploaded, by parameter; tags: None if the stack keeps what it has;
    origins: which of a role's variables are given, None outside of a role.
    """

    document: dict[str, Any]
    text: str
    explicit: dict[str, str]
    by_name: dict[str, str]
    references: dict[str, str]
    defaults: dict[str, str]
    initial: dict[str, str]
    passes: list[str]
    files: dict[str, artifacts.Artifact]
    tags: dict[str, str] | None
    origins: falls.Origins | None

    @classmethod
    def of(cls, options: Options, text: str, source: str) -> Draft:
        """Parse a template and check the options against it.

        Args:
            options: the task's options.
            text: the template.
            source: what the template is called in messages.

        Raises: StackError for bad input.
        """
        plain = document = template.load(text, source)
        origins = _origins(options)
        if options["overlay"]:
            overlays.check_overlay(document, options["overlay"])
            document = overlays.overlay(document, options["overlay"])
        noted = [*_noted(options, source)]
        if origins and noted:
            document = falls.record(document, origins, noted)
        if options["overlay"] or document is not plain:
            text = template.dump(document)
        artifacts.check_size(text, source)
        if origins and _is_foreign(options, source):
            _refuse_lost(options, origins, document.get("Parameters") or {}, source)
        references, values = parameters.split(options["parameters"])
        defaults, given = parameters.unless_empty(values)
        named = dict(_by_name(options, document.get("Parameters") or {}))
        files = {
            name: artifacts.Artifact.file(options["name"], name, Path(path))
            for name, path in options["files"].items()
        }
        keys = {name: file.key for name, file in files.items()}
        draft = cls(
            document=document,
            text=text,
            explicit=parameters.texts("parameters", given) | keys,
            by_name={name: text for name, text in named.items() if text is not None},
            passes=[*named, *options["parameters"]],
            files=files,
            references=references,
            defaults=parameters.texts("parameters", defaults),
            initial=_initial(options, document.get("Parameters") or {}),
            tags=parameters.texts("tags", options["tags"]) or None,
            origins=origins,
        )
        parameters.check_names(draft.declared, references)
        for values in (draft.explicit, draft.by_name, draft.defaults, draft.initial):
            parameters.check(draft.declared, values, options["variable_prefix"])
        return draft

    @property
    def declared(self) -> dict[str, Any]:
        """The template's parameters."""
        return dict(self.document.get("Parameters") or {})

    @property
    def origin(self) -> versions.Origin:
        """Which Quayside the template comes from."""
        return versions.Origin.of_template(self.document)

    @property
    def given(self) -> dict[str, str]:
        """The values of this deployment, as text."""
        return self.by_name | self.defaults | self.explicit

    @property
    def secrets(self) -> list[str]:
        """The given values that must not be shown."""
        given = [*self.given.items(), *self.initial.items()]
        return [value for name, value in given if parameters.is_secret(self.declared[name])]

    def with_versions(self, stored: Mapping[str, str]) -> Draft:
        """Return the draft with the versions of its files.

        Args:
            stored: by the parameter that holds the file's key; parameter XVersion takes that of
                XKey, where the template has it.
        """
        twins = {f"{name.removesuffix('Key')}Version": found for name, found in stored.items()}
        declared = {name: found for name, found in twins.items() if name in self.declared}
        return replace(self, explicit=self.explicit | declared)

    def request(
        self, options: Options, values: Outputs, description: Description | None
    ) -> dict[str, Any]:
        """Return the arguments of CreateChangeSet but for the template.

        Args:
            options: the task's options.
            values: outputs of the stacks that fill parameters.
            description: the stack as it is, None if there is none.

        Raises: StackError for parameters without a value, and values that the template refuses.
        """
        previous = None
        if description:
            previous = {
                item["ParameterKey"]: item.get("ParameterValue")
                for item in description.get("Parameters", [])
            }
        sources = parameters.Sources(
            explicit=self.explicit,
            options=self.by_name,
            references=self.references,
            outputs=values,
            defaults=self.defaults,
            initial=self.initial,
            previous=previous,
        )
        request: dict[str, Any] = {
            "Parameters": leftovers.told(
                self.document, previous, parameters.resolve(self.declared, sources)
            ),
            "Capabilities": options["capabilities"],
        }
        if self.tags is not None:
            request["Tags"] = [{"Key": key, "Value": value} for key, value in self.tags.items()]
        role = given_or_output(options, "role_arn", values)
        return {**request, "RoleARN": role} if role else request


def _by_name(
    options: Options, declared: Mapping[str, Mapping[str, Any]]
) -> Iterator[tuple[str, str | None]]:
    """Yield the parameters that option variables fills, but for those of option parameters.

    An empty value of one without a default is None: another stack fills it, or it stays as it was.
    """
    role = options["variable_prefix"]
    for option, parameter, value in mapping.filled(role, options["variables"]):
        if parameter in declared and parameter not in options["parameters"]:
            text = parameters.as_text(f"{role}_{option}" if role else option, value)
            yield parameter, text if text or "Default" in declared[parameter] else None


def _initial(options: Options, declared: Mapping[str, Any]) -> dict[str, str]:
    """Return the parameters of a new stack, but for those of a role that its template lacks.

    A template of somebody's own may be older than a parameter that no option sets.
    """
    given = parameters.texts("initial_parameters", options["initial_parameters"])
    left_out = mapping.NO_OPTION.keys() - declared if options["variable_prefix"] else ()
    return {name: text for name, text in given.items() if name not in left_out}


def _noted(options: Options, source: str) -> Iterator[str]:
    """Yield the options that a template is to say it was made with, if they are given.

    Args:
        options: the task's.
        source: where its template was read.
    """
    if options["overlay"]:
        yield from options["overlay_names"]
    if _is_foreign(options, source):
        yield falls.TEMPLATE


def _is_foreign(options: Options, source: str) -> bool:
    """Say whether a task's template is none of the collection's."""
    return bool(options["template"]) and Path(source).resolve().parent != _OWN_TEMPLATES


def _refuse_lost(
    options: Options, origins: falls.Origins, declared: Mapping[str, Any], source: str
) -> None:
    """Raise StackError for variables that somebody gave and that the template has no parameter for.

    Args:
        options: the task's.
        origins: which of its variables are given.
        declared: the template's parameters.
        source: where the template was read.
    """
    filled = mapping.filled(origins.prefix, options["variables"])
    lost = [
        mapping.subject(parameter, origins.prefix)
        for option, parameter, _value in filled
        if parameter not in {*declared, *options["parameters"], *beside.parameters(origins.prefix)}
        if option not in mapping.STACKS
        if origins.is_given(origins.variable(option.partition(".")[0]))
    ]
    if lost:
        raise StackError(
            f"The template {source} has no parameter that {', '.join(lost)} would fill. Add it to "
            "the template, or leave the variable out."
        )


def _origins(options: Options) -> falls.Origins | None:
    """Return which of a role's variables are given; None for a task that doesn't say."""
    if options["given"] is None or not options["variable_prefix"]:
        return None
    return falls.Origins(options["variable_prefix"], options["given"])
