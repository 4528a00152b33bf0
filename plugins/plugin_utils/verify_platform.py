"""Whether the platform is there that a service is to be deployed on."""

from __future__ import annotations

from ansible_collections.quayside.fargate.plugins.plugin_utils.doctor_findings import (
    FAILED,
    Finding,
    failed,
    not_made,
    ok,
    warning,
)
from ansible_collections.quayside.fargate.plugins.plugin_utils.errors import StackError
from ansible_collections.quayside.fargate.plugins.plugin_utils.neighbours import stands
from ansible_collections.quayside.fargate.plugins.plugin_utils.platform_stacks import (
    CLUSTER,
    SUPPORT,
    name,
)
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
        if (
            found
            and found.result == FAILED
            and stack == name(SUPPORT, candidate.values["platform"])
        ):
            return [found]  # the platform isn't there: what else it lacks says nothing more
        findings += [found] if found else []
    findings += _masking_audit(candidate, planned=planned)
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


def _masking_audit(candidate: Candidate, *, planned: bool) -> list[Finding]:
    """Look whether CloudWatch Logs may write what it masked, if it is wanted.

    The service's stack would fail with no more than a sentence on resource policies.
    """
    # A cluster that isn't there, or may not be seen, is told of already.
    if not candidate.values.get("masking_audit") or not candidate.output("ClusterName"):
        return []
    if candidate.output("MaskingAudits") == "true":
        return []
    cluster = name(CLUSTER, candidate.values["platform"])
    what = (
        f"service_masking_audit is true, and the stack {cluster} lets CloudWatch Logs write into "
        "no audit log group."
    )
    to_do = "Deploy the platform with cluster_masking_audits: true first, or leave it out."
    return [(warning if planned else failed)("platform", what, to_do)]
