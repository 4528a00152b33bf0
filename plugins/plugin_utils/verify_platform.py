"""Whether the platform is there that a service is to be deployed on."""

from __future__ import annotations

from ansible_collections.quayside.fargate.plugins.plugin_utils.doctor_findings import (
    Finding,
    failed,
    not_made,
    ok,
    warning,
)
from ansible_collections.quayside.fargate.plugins.plugin_utils.errors import StackError
from ansible_collections.quayside.fargate.plugins.plugin_utils.neighbours import stands
from ansible_collections.quayside.fargate.plugins.plugin_utils.verify_candidate import Candidate


def platform(candidate: Candidate, *, planned: bool) -> list[Finding]:
    """Look whether the stacks stand that the service's takes values from.

    Args:
        candidate: the service.
        planned: whether the platform may be one that was only planned (check mode), and that comes.
    """
    findings = []
    for stack, words in candidate.sources.items():
        found = _look(candidate, stack, words, planned=planned)
        findings += [found] if found else []
    names = ", ".join(candidate.sources)
    return findings or [ok("platform", f"Its stacks stand: {names}.")]


def _look(candidate: Candidate, stack: str, words: str, *, planned: bool) -> Finding | None:
    try:
        description = candidate.described(stack)
    except StackError as error:
        return not_made("platform", error)
    if description is None:
        what, _stop, to_do = words.partition(". ")
        looked = f"{what.rstrip('.')} (looked for: no stack {stack} in {candidate.region})."
        return (warning if planned else failed)("platform", looked, to_do)
    if not stands(description) and description["StackStatus"] != "CREATE_IN_PROGRESS":
        what = f"Stack {stack} is {description['StackStatus']}."
        return (warning if planned else failed)("platform", what, "Deploy it first.")
    return None
