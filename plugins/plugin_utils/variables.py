"""The variables of a role or playbook: known names, typed values, defaults, and who was given.

A role's argument specs (roles/ROLE/meta/argument_specs.yml) are the one truth about its variables:
names, types, choices and defaults. The roles have no defaults of Ansible's own, so that a variable
that is there was set by somebody.
"""

from __future__ import annotations

import copy
import functools
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import yaml

from ansible_collections.quayside.fargate.plugins.plugin_utils import variable_forms, variable_maps
from ansible_collections.quayside.fargate.plugins.plugin_utils.errors import StackError, nearest
from ansible_collections.quayside.fargate.plugins.plugin_utils.private_names import ROLES
from ansible_collections.quayside.fargate.plugins.plugin_utils.variable_forms import Option

_CLOSE = 0.8  # of 1, the same; with less, a word that means something else is close too
# What there was before, and what to do about it.
_REMOVED = {
    "service_stack_name": "a service's stack is called PLATFORM-service-NAME, by which rotation, "
    "status and teardown find it. Leave it out.",
}
# Its functions are built and kept as the others, unless it is told otherwise. Not by a play's
# variables, which would cover those of an inventory.
_FALLBACKS = {
    f"rotation_{it}": f"support_{it}"
    for it in (
        *("functions_directory", "function_runtime", "function_architecture"),
        "log_retention_days",
    )
}


@dataclass(frozen=True)
class Variables:
    """The variables that a role or playbook knows.

    Attributes:
        owner: what messages call it, such as `the role service`.
        prefix: what the names of a role's variables begin with, empty for a playbook.
        options: name -> entry of the argument specs.
    """

    owner: str
    prefix: str
    options: Mapping[str, Option]

    @classmethod
    def of_role(cls, role: str) -> Variables:
        """Return those of a role of the collection; raises StackError for another name."""
        return cls(f"the role {role}", f"{role}_", _specs(role))

    @property
    def role(self) -> str:
        """Name of the role, empty for a playbook."""
        return self.prefix.removesuffix("_")

    def unknown(self, names: Iterable[str]) -> Iterator[str]:
        """Yield a line for each name that looks like one of the variables and is none.

        Args:
            names: of everything that is set.
        """
        for name in sorted(names):
            if name in _REMOVED and self.prefix and name.startswith(self.prefix):
                yield f"{name}: {_REMOVED[name]}"
            elif self.prefix and name.startswith(self.prefix) and name not in self.options:
                yield f"{name}: {self.owner} has no such variable. {self._suggestion(name)}"

    def places(self, name: str) -> list[str]:
        """Return the variables that a variable's value may be given by, its own first."""
        return [name, *filter(None, [_FALLBACKS.get(name)])]

    def misspelt(self, names: Iterable[str]) -> Iterator[str]:
        """Yield a line for each name that nobody knows and that one of the variables is close to.

        Args:
            names: of extra variables; a playbook's own have no prefix to know them by.
        """
        for name in sorted(names):
            if name not in self.options and not name.startswith(_prefixes()):
                close = nearest(name, self.options, cutoff=_CLOSE)
                if close:
                    yield f"{name}: {self.owner} has no such variable. Did you mean {close}?"

    def typed(self, given: Mapping[str, Any]) -> tuple[dict[str, Any], list[str]]:
        """Return the given variables as their types, and a line for each that is refused.

        Args:
            given: what was set, without templates.
        """
        values: dict[str, Any] = {}
        problems: list[str] = []
        for name in self.options.keys() & given.keys():
            try:
                values[name] = variable_forms.convert(name, self.options[name], given[name])
            except StackError as error:
                problems.append(str(error))
                continue
            if isinstance(values[name], dict):
                problems += variable_maps.problems(name, values[name])
        return values, sorted(problems)

    def missing(self, given: Iterable[str]) -> Iterator[str]:
        """Yield a line for each variable that must be set and isn't.

        Args:
            given: names of what was set.
        """
        for name, option in self.options.items():
            if option.get("required") and name not in given:
                owner = self.owner[0].upper() + self.owner[1:]
                yield f"{name} is missing. {owner} needs it: {_sentence(option['description'])}"

    def complete(
        self, values: Mapping[str, Any], render: Callable[[str, Mapping[str, Any]], Any]
    ) -> dict[str, Any]:
        """Return all the variables that have a value, by their names without the prefix.

        Args:
            values: as `typed` returns them.
            render: returns a default that is a template, with variables of that name filled in.
        """
        known = dict(values)
        places = {"role_path": str(ROLES / self.role)}
        for name, option in self.options.items():
            if name not in known and "default" in option:
                default = copy.deepcopy(option["default"])
                is_template = isinstance(default, str) and "{{" in default
                known[name] = render(default, places | known) if is_template else default
        return {name.removeprefix(self.prefix): value for name, value in known.items()}

    def _suggestion(self, name: str) -> str:
        words = [known.removeprefix(self.prefix) for known in self.options]
        close = nearest(name.removeprefix(self.prefix), words)
        if close:
            return f"Did you mean {self.prefix}{close}?"
        return f"roles/{self.prefix[:-1]}/README.md has a list of them."


def _sentence(description: str | list[str]) -> str:
    """Return the first sentence of a description, without Ansible's markup."""
    first = description if isinstance(description, str) else description[0]
    return re.sub(r"\b[COV]\(([^)]*)\)", r"\1", first.partition(". ")[0].rstrip(".") + ".")


@functools.cache
def _prefixes() -> tuple[str, ...]:
    """Return what the names of the roles' variables begin with."""
    return tuple(f"{path.parents[1].name}_" for path in ROLES.glob("*/meta/argument_specs.yml"))


@functools.cache
def _specs(role: str) -> dict[str, Option]:
    path = ROLES / role / "meta" / "argument_specs.yml"
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise StackError(f"There is no role {role} with variables. Mend option role.") from error
    options: dict[str, Option] = yaml.safe_load(text)["argument_specs"]["main"]["options"]
    return options
