"""Whether the secrets and parameters are there that a service's container is to get, and whether
its execution role can decrypt them. No value is read."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from ansible_collections.quayside.fargate.plugins.plugin_utils import aws
from ansible_collections.quayside.fargate.plugins.plugin_utils.doctor_findings import (
    Finding,
    failed,
    not_asked,
    ok,
    warning,
)
from ansible_collections.quayside.fargate.plugins.plugin_utils.secret_references import (
    CURRENT,
    Reference,
)
from ansible_collections.quayside.fargate.plugins.plugin_utils.secret_versions import (
    LONG_AGO,
    Seen,
)
from ansible_collections.quayside.fargate.plugins.plugin_utils.verify_candidate import Candidate

# The keys that AWS manages for the two services; they let every role of the account decrypt.
_MANAGED = ("alias/aws/secretsmanager", "alias/aws/ssm")
_ASKED_AT_ONCE = 25  # parameters; each may have two names, and a filter takes 50 values
_SECURE = "SecureString"
_PUT = "aws secretsmanager put-secret-value --secret-string file://FILE --secret-id"

Look = tuple[list[Finding], Seen | None]


def secret(candidate: Candidate, reference: Reference, variables: Sequence[str]) -> Look:
    """Look at one secret (DescribeSecret).

    Args:
        candidate: the service.
        reference: what it is.
        variables: names of the container's variables that hold it.
    Returns: the findings, and the version that a task would get; None if that isn't known.
    Raises: botocore's errors, but for those that say what is to be known.
    """
    check = name_of(variables)
    try:
        client = candidate.client("secretsmanager", reference.region)
        told = client.describe_secret(SecretId=reference.arn)
    except aws.AwsError as error:
        if aws.code(error) in aws.DENIED:
            return [_unseen(check, reference, error, candidate)], None
        if aws.code(error) != "ResourceNotFoundException":
            raise
        what = f"There is no secret {reference.arn}."
        return [failed(check, what, f"Make it, or mend service_secrets.{variables[0]}.")], None
    return judged(check, reference, told, candidate.values["secret_key_arns"])


def _unseen(check: str, reference: Reference, error: Exception, candidate: Candidate) -> Finding:
    found: Finding = not_asked(check, error, candidate.policy)
    if not is_kept(reference, candidate.service.platform):
        return found
    what = f"{found.what} The documented policies leave out what is named as a database's own."
    to_do = f"Allow secretsmanager:DescribeSecret on {reference.arn} beside them, or rename it."
    return warning(check, what, to_do)


def is_kept(reference: Reference, platform: str) -> bool:
    """Say whether a secret is named as those of the platform's databases, which the documented
    policies keep from who looks (`PLATFORM/*/db/*`).

    Args:
        reference: what it is.
        platform: the name.
    """
    name = reference.arn.rpartition(":")[2]
    return name.startswith(f"{platform}/") and "/db/" in name.removeprefix(f"{platform}/")


def judged(check: str, reference: Reference, told: Mapping[str, Any], keys: Sequence[str]) -> Look:
    """Return what DescribeSecret's answer means.

    Args:
        check: name of the finding.
        reference: what is named of the secret.
        told: the answer.
        keys: ARNs of keys that the execution role may decrypt with.
    """
    named, whole = told.get("Name", reference.arn), told.get("ARN", reference.arn)
    if whole != reference.arn:
        what = f"The secret {named} is {whole}, and {reference.arn} lacks the last six characters"
        what += ": the execution role could read nothing by it."
        return [failed(check, what, "Give the whole ARN in service_secrets.")], None
    if told.get("DeletedDate"):
        what = f"The secret {named} is to be deleted, and can't be read until it is restored."
        restore = f"aws secretsmanager restore-secret --secret-id {reference.arn}"
        return [failed(check, what, f"Restore it: {restore}")], None
    stages = told.get("VersionIdsToStages") or {}
    version = version_of(reference, stages)
    if version is None:
        return [_without_version(check, named, reference)], None
    what = f"The secret {named} is there, its version {version[:8]}."
    if reference.key:
        what += f" Whether it has the JSON key {reference.key} nobody sees who doesn't read it."
    found = [ok(check, what)]
    found += key_findings(check, named, told.get("KmsKeyId"), keys)
    return found, Seen(version, told.get("LastChangedDate", LONG_AGO))


def version_of(reference: Reference, stages: Mapping[str, Sequence[str]]) -> str | None:
    """Return the version that a reference means, None if there is none.

    Args:
        reference: without stage and version it means AWSCURRENT's.
        stages: labels by version, as DescribeSecret has them; it leaves those without labels out.
    """
    if reference.version:
        labels = stages.get(reference.version)
        fits = labels is not None and (not reference.stage or reference.stage in labels)
        return reference.version if fits else None
    stage = reference.stage or CURRENT
    return next((version for version, labels in stages.items() if stage in labels), None)


def _without_version(check: str, named: str, reference: Reference) -> Finding:
    if reference.version:
        what = f"The secret {named} has no version {reference.version}"
        what += f" with the stage {reference.stage}." if reference.stage else " with a stage."
        to_do = "Name another, or none for the current one: Secrets Manager deletes those without."
        return failed(check, what, to_do)
    if reference.stage:
        what = f"The secret {named} has no version with the stage {reference.stage}."
        return failed(check, what, "Name another stage, or none for the current version.")
    what = f"The secret {named} has no value yet."
    return failed(check, what, f"Put one in: {_PUT} {named}")


def parameters(
    candidate: Candidate, references: Mapping[Reference, Sequence[str]]
) -> Iterator[tuple[Reference, Look]]:
    """Look at parameters (DescribeParameters), and yield what is to be known of each.

    Args:
        candidate: the service.
        references: with the names of the container's variables that hold them.
    Raises: botocore's errors.
    """
    for region in sorted({it.region for it in references}):
        there = [it for it in references if it.region == region]
        client = candidate.client("ssm", region)
        for start in range(0, len(there), _ASKED_AT_ONCE):
            some = there[start : start + _ASKED_AT_ONCE]
            told = _described(client, some)
            for reference in some:
                check = name_of(references[reference])
                yield reference, _of_parameter(check, reference, told, candidate)


def _described(client: Any, references: Iterable[Reference]) -> dict[str, dict[str, Any]]:
    names = [name for it in references for name in it.names]
    pages = client.get_paginator("describe_parameters").paginate(
        ParameterFilters=[{"Key": "Name", "Option": "Equals", "Values": names}]
    )
    return {it["Name"]: it for page in pages for it in page.get("Parameters", ())}


def _of_parameter(
    check: str,
    reference: Reference,
    told: Mapping[str, Mapping[str, Any]],
    candidate: Candidate,
) -> Look:
    found = next((told[name] for name in reference.names if name in told), None)
    if found is None and candidate.number not in ("", reference.account):
        what = f"The parameter {reference.arn} is another account's, and isn't looked at."
        return [warning(check, what, "See there that it is shared with this account.")], None
    if found is None:
        what = f"There is no parameter {reference.arn}."
        return [failed(check, what, "Make it, or mend service_secrets.")], None
    named = found["Name"]
    what = f"The parameter {named} is there, its version {found['Version']}."
    findings = [ok(check, what)]
    if found.get("Type") == _SECURE:
        keys = candidate.values["secret_key_arns"]
        findings += key_findings(check, named, found.get("KeyId"), keys)
    return findings, Seen(str(found["Version"]), found.get("LastModifiedDate", LONG_AGO))


def key_findings(check: str, named: str, key: str | None, keys: Sequence[str]) -> list[Finding]:
    """Return a warning if the execution role isn't given the key of a secret or parameter.

    The key's own policy may let the role use it; and an alias may lead to a key that is given.

    Args:
        check: name of the finding.
        named: the secret or parameter.
        key: id, ARN or alias of its key as AWS tells it, None for the service's own.
        keys: ARNs of the keys that the role may decrypt with.
    """
    if not key or key.endswith(_MANAGED):
        return []
    if any(it == key or it.endswith(f"/{key.rpartition('/')[2]}") for it in keys):
        return []
    if "alias/" in key and keys:
        return []
    what = f"{named} is encrypted under the key {key}, which service_secret_key_arns doesn't name."
    to_do = "Name the key's ARN there, unless its own policy lets the service's roles decrypt."
    return [warning(f"{check}: key", what, to_do)]


def name_of(variables: Sequence[str]) -> str:
    """Return what the table calls a secret, by the container's variables that hold it."""
    return f"secret {', '.join(variables)}"
