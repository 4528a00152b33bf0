"""What can't change on a deployed stack: its template says so, and what to do instead.

A template's `Metadata: {Quayside: {Fixed: ...}}` maps a parameter to a rule:

- `Do`: the sentence that the user gets.
- `While: PARAMETER`: only if that parameter is true before and after.
- `Unless: PARAMETER`: not if that parameter changes too.
- `Free: VALUE`: a change from this value or to it is free.
- `Never: VALUE`: only this value is refused as the new one.
- `Alone: VALUE`: this value is free, and any other is if nothing else changes: neither the template
  nor another parameter.
- `As: OUTPUT`: not if the new value is what that output of the stack says already.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ansible_collections.quayside.fargate.plugins.plugin_utils.errors import StackError
from ansible_collections.quayside.fargate.plugins.plugin_utils.mapping import subject

Values = Mapping[str, str]


def refuse_changes(
    document: Mapping[str, Any],
    description: Mapping[str, Any] | None,
    request: Mapping[str, Any],
    variable_prefix: str | None = None,
    *,
    keeps_template: bool = False,
) -> None:
    """Refuse to change a parameter that the template calls fixed.

    Args:
        document: the template.
        description: the stack as it is (DescribeStacks), None if there is none.
        request: the arguments of CreateChangeSet.
        variable_prefix: of the role's variables, by one of which the value is named.
        keeps_template: whether the stack keeps the template that it has.

    Raises: StackError naming the variable, both values and what to do.
    """
    if description is None:
        return
    old = _values(description.get("Parameters", []))
    new = old | _values(request["Parameters"])
    said = {it.get("OutputKey"): it.get("OutputValue") for it in description.get("Outputs", [])}
    alone = keeps_template and sum(old.get(name) != new[name] for name in new) == 1
    metadata = document.get("Metadata") or {}
    for name, rule in ((metadata.get("Quayside") or {}).get("Fixed") or {}).items():
        if name not in old or new[name] in (old[name], said.get(rule.get("As"))):
            continue
        if _holds(rule, name, old, new) and not ("Alone" in rule and alone):
            company = " with anything else" if "Alone" in rule else ""
            raise StackError(
                f"{subject(name, variable_prefix)} is {new[name]!r}, and stack "
                f"{description['StackName']} has {old[name]!r}: it can't change{company}. "
                f"{rule['Do']}"
            )


def _values(parameters: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    """Return the parameters that have a value of their own."""
    values = {it["ParameterKey"]: it.get("ParameterValue") for it in parameters}
    return {name: value for name, value in values.items() if value is not None}


def _holds(rule: Mapping[str, str], name: str, old: Values, new: Values) -> bool:
    """Whether a rule refuses the change."""
    if "While" in rule:
        return all(values.get(rule["While"]) == "true" for values in (old, new))
    if "Unless" in rule:
        return old.get(rule["Unless"]) == new.get(rule["Unless"])
    if "Free" in rule:
        return rule["Free"] not in (old[name], new[name])
    if "Alone" in rule:
        return new[name] != rule["Alone"]
    return new[name] == rule.get("Never", new[name])
