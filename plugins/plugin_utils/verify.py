"""A look, before a service is deployed, at what its deployment would fail of; nothing is changed,
and no secret is read."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from ansible_collections.quayside.fargate.plugins.plugin_utils import (
    aws,
    secret_references,
    secret_versions,
    verify_launch,
    verify_route,
    verify_secrets,
)
from ansible_collections.quayside.fargate.plugins.plugin_utils.doctor_findings import (
    FAILED,
    WARNING,
    Finding,
    warning,
)
from ansible_collections.quayside.fargate.plugins.plugin_utils.errors import StackError
from ansible_collections.quayside.fargate.plugins.plugin_utils.secret_references import Reference
from ansible_collections.quayside.fargate.plugins.plugin_utils.secret_versions import Seen
from ansible_collections.quayside.fargate.plugins.plugin_utils.terminal_text import harmless
from ansible_collections.quayside.fargate.plugins.plugin_utils.verify_candidate import Candidate
from ansible_collections.quayside.fargate.plugins.plugin_utils.verify_image import image
from ansible_collections.quayside.fargate.plugins.plugin_utils.verify_platform import platform
from ansible_collections.quayside.fargate.plugins.plugin_utils.verify_subnets import subnets

_AT_ONCE = 16
_VERSIONS = "secrets' versions"


@dataclass(frozen=True)
class Verified:
    """What was found.

    findings: in the table's order; image: to deploy, "" if its digest isn't known; secret_versions:
    of the stack's parameter, None for the one it has.
    """

    findings: list[Finding]
    image: str
    secret_versions: str | None

    @property
    def warnings(self) -> list[str]:
        """What may be all right, a sentence or two each."""
        return [_sentence(it) for it in self.findings if it.result == WARNING]

    @property
    def unpinned(self) -> str:
        """What hinders to know the image's digest, without which a tag could move; or ""."""
        told = [_sentence(it) for it in self.findings if it.check == "image"]
        return "" if self.image else "\n".join(told)

    @property
    def verdict(self) -> str:
        """What failed, with what to do, line by line; "" if nothing did."""
        lines = [_sentence(it) for it in self.findings if it.result == FAILED]
        return "\n".join(lines)


def examine(options: Mapping[str, Any], *, planned: bool) -> Verified:
    """Look at everything, side by side; what may not be asked is a warning.

    Args:
        options: of quayside.fargate.verify.
        planned: whether the platform may be one that was only planned (check mode).
    Raises: StackError if AWS can't be asked at all.
    """
    references = secret_references.by_variable(options["variables"]["secrets"])
    secrets = {it: names for it, names in references.items() if it.is_secret}
    parameters = {it: names for it, names in references.items() if not it.is_secret}
    with ThreadPoolExecutor(max_workers=_AT_ONCE) as pool:
        candidate = Candidate(options, pool)
        pictured = pool.submit(_pictured, candidate)
        seen = [pool.submit(_secret, candidate, it, names) for it, names in secrets.items()]
        listed = pool.submit(_parameters, candidate, parameters)
        looks: dict[str, Callable[[], list[Finding]]] = {
            "platform": lambda: platform(candidate, planned=planned),
            "capacity": lambda: verify_launch.launch(candidate, planned=planned),
            "host name": lambda: verify_route.route(candidate),
            "certificate": lambda: verify_route.certificates(candidate),
            "subnets": lambda: subnets(candidate),
        }
        others = {it: pool.submit(candidate.guarded, it, look) for it, look in looks.items()}
        findings, pinned = pictured.result()
        told: dict[Reference, Seen | None] = {}
        for reference, asked in zip(secrets, seen, strict=True):
            found, told[reference] = asked.result()
            findings += found
        found, of_parameters = listed.result()
        findings += found
        versions, more = _versions(candidate, told | of_parameters)
        first, *rest = (it.result() for it in others.values())
        every = [*first, *findings, *more, *(it for some in rest for it in some)]
    return Verified(every, pinned, versions)


def _pictured(candidate: Candidate) -> tuple[list[Finding], str]:
    pinned = ""

    def look() -> list[Finding]:
        nonlocal pinned
        findings: list[Finding]
        findings, pinned = image(candidate)
        return findings

    return candidate.guarded("image", look), pinned


def _secret(
    candidate: Candidate, reference: Reference, variables: Sequence[str]
) -> verify_secrets.Look:
    seen: Seen | None = None

    def look() -> list[Finding]:
        nonlocal seen
        findings: list[Finding]
        findings, seen = verify_secrets.secret(candidate, reference, variables)
        return findings

    return candidate.guarded(verify_secrets.name_of(variables), look), seen


def _parameters(
    candidate: Candidate, references: Mapping[Reference, Sequence[str]]
) -> tuple[list[Finding], dict[Reference, Seen | None]]:
    seen: dict[Reference, Seen | None] = dict.fromkeys(references)

    def look() -> list[Finding]:
        findings = []
        for reference, (found, version) in verify_secrets.parameters(candidate, references):
            findings += found
            seen[reference] = version
        return findings

    every = [name for names in references.values() for name in names]
    return candidate.guarded(verify_secrets.name_of(every), look) if references else [], seen


def _versions(
    candidate: Candidate, seen: Mapping[Reference, Seen | None]
) -> tuple[str | None, list[Finding]]:
    """Return the value of SecretVersions, and a warning if that isn't known."""
    sources = {
        "SecretArns": ",".join(secret_references.arns(seen, secrets=True)),
        "ParameterArns": ",".join(secret_references.arns(seen, secrets=False)),
    }
    by_text = {repr(reference): it for reference, it in seen.items()}
    value = secret_versions.wanted(by_text, candidate.before, sources, lambda: _rolled(candidate))
    unseen = [it.arn for it, found in seen.items() if found is None]
    if candidate.before is None or (value is not None and not unseen):
        return value, []
    named = ", ".join(unseen) or "one"
    what = f"Whether {named} has changed since the service last rolled isn't known, so it stays."
    what += " The others count." if value is not None else ""
    to_do = f"Allow {candidate.policy}, or deploy with another image."
    if unseen:
        to_do = "Let it be seen, as is said of it here, or deploy with another image."
    return value, [warning(_VERSIONS, what, to_do)]


def _rolled(candidate: Candidate) -> datetime.datetime | None:
    """Return when the deployment began that the service's tasks are of, None if nobody tells."""
    service = candidate.service
    try:
        answer = candidate.client("ecs").describe_services(
            cluster=candidate.given_or_output("cluster_name", "ClusterName") or service.platform,
            services=[service.name],
        )
    except (*aws.AwsError, OSError, StackError):
        return None
    # Of the newest, and of what it hasn't replaced yet.
    deployments = [it for found in answer["services"] for it in found.get("deployments", ())]
    return min((at for it in deployments if (at := it.get("createdAt"))), default=None)


def _sentence(finding: Finding) -> str:
    return str(harmless(f"{finding.check}: {finding.what} {finding.to_do}".rstrip()))
