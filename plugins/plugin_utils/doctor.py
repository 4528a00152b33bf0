"""A look at an account before the first platform; nothing is changed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from typing import Any

from ansible_collections.quayside.fargate.plugins.plugin_utils import (
    aws,
    doctor_names,
    doctor_region,
)
from ansible_collections.quayside.fargate.plugins.plugin_utils.doctor_findings import (
    FAILED,
    OK,
    WARNING,
    Finding,
    Patient,
    failed,
    not_asked,
    not_made,
    ok,
)
from ansible_collections.quayside.fargate.plugins.plugin_utils.doctor_quotas import (
    QUOTAS,
    functions,
)
from ansible_collections.quayside.fargate.plugins.plugin_utils.doctor_rights import rights
from ansible_collections.quayside.fargate.plugins.plugin_utils.errors import StackError
from ansible_collections.quayside.fargate.plugins.plugin_utils.terminal_text import harmless

_AT_ONCE = 8
_CREDENTIALS = "credentials"
Look = Callable[[Patient], list[Finding]]
LOOKS: dict[str, Look] = {
    "rights": rights,
    "service-linked roles": doctor_region.linked_roles,
    "zones": doctor_region.zones,
    "database engine": doctor_region.engine,
    "certificate": doctor_names.certificate,
    "hosted zone": doctor_names.hosted_zone,
    "image": doctor_names.image,
    **{f"quota: {quota.name}": quota.look for quota in QUOTAS},
    "quota: Lambda concurrency": functions,
}


def examine(account: aws.Account, wanted: Mapping[str, Any]) -> list[Finding]:
    """Look at everything, side by side; what may not be asked is a warning.

    Args:
        account: makes the clients.
        wanted: the options of quayside.fargate.doctor.
    Returns:
        the findings in the table's order; without usable credentials they are the only one.
    """
    try:
        patient, first = _admit(account, wanted)
    except StackError as error:
        what, _stop, to_do = str(error).partition(". ")
        return [failed(_CREDENTIALS, f"{what}.", to_do)]
    with ThreadPoolExecutor(max_workers=_AT_ONCE) as pool:
        found = pool.map(lambda it: _look(patient, *it), LOOKS.items())
        return [first, *(finding for findings in found for finding in findings)]


def _admit(account: aws.Account, wanted: Mapping[str, Any]) -> tuple[Patient, Finding]:
    source = account.credentials_from()
    try:
        caller = account.client("sts").get_caller_identity()
    except aws.AwsError as error:
        raise StackError(aws.explain(error, "GetCallerIdentity")) from error
    number, arn = caller.get("Account", ""), caller.get("Arn", "")
    patient = Patient(account, wanted, number, arn, account.region or "")
    what = f"{arn} in {patient.region}, found by botocore's provider {source}."
    return patient, ok(_CREDENTIALS, what)


def _look(patient: Patient, check: str, look: Look) -> list[Finding]:
    try:
        return look(patient)
    except StackError as error:
        return [not_made(check, error)]
    except (*aws.AwsError, OSError) as error:  # OSError: where credentials are fetched anew
        return [not_asked(check, error)]


def document(findings: Sequence[Finding]) -> dict[str, Any]:
    """Return the findings as what JSON shows, with how many there are of each result."""
    counted = Counter(finding.result for finding in findings)
    counts = {result: counted[result] for result in (OK, WARNING, FAILED)}
    return {"counts": counts, "findings": [asdict(finding) for finding in findings]}


def table(findings: Sequence[Finding]) -> list[str]:
    """Return the lines of a table; what is to be done stands below what was found."""
    width = max((len(finding.check) for finding in findings), default=0)
    indent = " " * (width + len(WARNING) + 4)
    lines = [f"{'check'.ljust(width)}  {'result'.ljust(len(WARNING))}  what"]
    for it in findings:
        lines.append(f"{it.check.ljust(width)}  {it.result.ljust(len(WARNING))}  {it.what}")
        lines.extend([f"{indent}-> {it.to_do}"] if it.to_do else [])
    return [harmless(line) for line in lines]


def verdict(findings: Sequence[Finding]) -> str:
    """Return a sentence that names what failed, or "" if nothing did."""
    names = [finding.check for finding in findings if finding.result == FAILED]
    if not names:
        return ""
    return (
        f"{len(names)} of {len(findings)} checks failed: {', '.join(names)}. Do what the table "
        "says, and run it again."
    )
