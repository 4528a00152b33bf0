"""Check the variables of a role or playbook, inside ansible-playbook."""

from __future__ import annotations

import datetime
import functools
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, ClassVar

from ansible.errors import AnsibleError, AnsibleValueOmittedError
from ansible.template import trust_as_template
from ansible.utils.vars import load_extra_vars
from ansible.vars.manager import preprocess_vars

from ansible_collections.quayside.fargate.plugins.plugin_utils import (
    computed,
    private_names,
    stack_options,
    template,
    variable_rules,
    variable_sources,
)
from ansible_collections.quayside.fargate.plugins.plugin_utils.action import Action, Options
from ansible_collections.quayside.fargate.plugins.plugin_utils.errors import StackError
from ansible_collections.quayside.fargate.plugins.plugin_utils.variables import Variables

Values = dict[str, Any]


class ActionModule(Action):  # type: ignore[misc]
    """The action quayside.fargate.variables."""

    _supports_check_mode = True
    options: ClassVar[Options] = {
        "role": {"type": "str"},
        "playbook": {"type": "str"},
        "options": {"type": "dict", "default": {}},
        "template": {"type": "str"},
        "roles": {"type": "list", "elements": "str", "default": []},
        "named_in": {"type": "list", "elements": "str", "default": []},
    }
    exclusive: ClassVar[list[tuple[str, str]]] = [("role", "playbook")]

    def run(
        self, tmp: str | None = None, task_vars: dict[str, Any] | None = None
    ) -> dict[str, Any]:
        """Check the variables that the task sees."""
        self._seen = task_vars or {}
        return dict(super().run(tmp, task_vars))

    def outcome(self, options: dict[str, Any]) -> dict[str, Any]:
        """Return the variables with their types and defaults."""
        if options["role"]:
            first = Variables.of_role(options["role"])
        else:
            first = Variables(f"the playbook {options['playbook']}", "", options["options"])
        given, problems = self._given(first)
        if options["playbook"]:
            problems += first.misspelt(load_extra_vars(self._loader))
        lacking = list(first.missing(self._seen.keys() if problems else given))
        problems += lacking
        values, refused = self._checked(first, given, options["template"], rules=not problems)
        problems += refused
        for role in options["roles"] + options["named_in"]:
            also = Variables.of_role(role)
            theirs, refused = self._given(also)
            rules = role in options["roles"] and not (refused or lacking)
            refused += self._checked(also, theirs, rules=rules)[1]
            # One of the playbook's variables may be one of each role.
            said = {line.partition(" ")[2] for line in problems}
            problems += [line for line in refused if line.partition(" ")[2] not in said]
        if problems:
            raise StackError("\n".join(problems))
        now = datetime.datetime.now(datetime.UTC)
        sources = variable_sources.sources(first.role, values)
        return {
            "changed": False,
            "options": values,
            "given": sorted(given),
            "parameters": computed.parameters(first.role, values, given),
            "initial_parameters": computed.initial_parameters(first.role, values, now),
            "overlay": stack_options.overlay(first.role, values),
            "termination_protection": stack_options.termination_protection(
                first.role, values, given
            ),
            "sources": sources,
            "beside": stack_options.beside(first.role, values, given, sources),
            # Shown to nobody, with -v neither: an environment may hold what must not be seen.
            "_ansible_no_log": True,
        }

    def _checked(
        self,
        variables: Variables,
        given: Values,
        template: str | None = None,
        *,
        rules: bool = True,
    ) -> tuple[Values, list[str]]:
        """Return all values, typed, and what is wrong with them; none if any is wrong or missing.

        Args:
            variables: what is known.
            given: the values that somebody set.
            template: path of a playbook's; a role's is one of its variables.
            rules: whether the values must fit together and the template.
        """
        typed, problems = variables.typed(given)
        if problems or any(variables.missing(given)):
            return {}, problems
        values = variables.complete(typed, self._rendered)
        if rules:
            document = self._template(template or values.get("template"))
            problems = variable_rules.broken(variables.role, values, document)
        return values, problems

    def _given(self, variables: Variables) -> tuple[Values, list[str]]:
        """Return the values of what somebody set, and what has none or no meaning."""
        problems = list(variables.unknown(self._seen))
        if variables.role:
            private = private_names.of_role(variables.role)
            problems += private.problems(self._layers, self._above)
        given = {}
        places = ((it, place) for it in variables.options for place in variables.places(it))
        for name, place in places:
            if name in given or place not in self._seen:
                continue
            try:
                given[name] = self._templar.template(self._seen[place])
            except AnsibleValueOmittedError:
                continue
            except AnsibleError as error:
                reason = str(error).strip().splitlines()[0].rstrip(".")
                problems.append(f"{place}: its template has no value: {reason}. Mend the template.")
        return given, problems

    @functools.cached_property
    def _layers(self) -> list[Mapping[str, Any]]:
        """The variables that the task sees, and those that a role's own may cover."""
        play = self._task.get_play()
        host = self._seen["hostvars"].raw_get(self._seen["inventory_hostname"])
        return [self._seen, host, play.get_vars(), *self._vars_files(play)]

    @functools.cached_property
    def _above(self) -> list[Mapping[str, Any]]:
        """The variables that cover a role's own: of the command line, and where it is named."""
        task, role = self._task, self._task._role
        chain = task.get_dep_chain() or []
        named = [role.get_role_params(chain), *(it.vars for it in (role, *chain))] if role else []
        return [load_extra_vars(self._loader), task.get_vars(), task.get_include_params(), *named]

    def _vars_files(self, play: Any) -> Iterator[Mapping[str, Any]]:
        """Yield the contents of the play's vars_files: of each, the first that is there."""
        for listed in play.get_vars_files():
            for name in listed if isinstance(listed, list) else [listed]:
                try:
                    path = self._loader.path_dwim_relative_stack(
                        play.get_search_path(), "vars", self._templar.template(name)
                    )
                    found = self._loader.load_from_file(path, trusted_as_template=True)
                except AnsibleError:
                    continue
                yield from preprocess_vars(found) or []
                break

    def _rendered(self, text: str, known: Values) -> Any:
        templar = self._templar.copy_with_new_env(available_variables={**self._seen, **known})
        return templar.template(trust_as_template(text))

    def _template(self, name: str | None) -> Values:
        """Return a template; empty if it can't be read."""
        if not name:
            return {}
        try:
            path = self._find_needle("templates", name)
            return dict(template.load(template.read(Path(path)), path))
        except (StackError, AnsibleError):
            return {}  # the stack's deployment says why
