"""What a platform and its services are given by name: certificate, hosted zone, image."""

from __future__ import annotations

import datetime
from typing import Any

from ansible_collections.quayside.fargate.plugins.plugin_utils import aws, ecr
from ansible_collections.quayside.fargate.plugins.plugin_utils.doctor_findings import (
    Finding,
    Patient,
    failed,
    ok,
    warning,
)
from ansible_collections.quayside.fargate.plugins.plugin_utils.errors import StackError

_SOON = datetime.timedelta(days=30)
_ARN_PARTS = 6


def certificate(patient: Patient) -> list[Finding]:
    """Look whether the load balancer's certificate is there, issued, valid, and fits the name."""
    check, arn = "certificate", patient.wanted["certificate_arn"]
    if not arn:
        what = "None is given, so the load balancer speaks plain HTTP."
        to_do = "Give load_balancer_certificate_arn, or go without on purpose."
        return [warning(check, what, to_do)]
    parts = arn.split(":")
    if len(parts) != _ARN_PARTS or parts[2] != "acm":
        what = f"{arn} isn't the ARN of a certificate in ACM."
        return [failed(check, what, "Mend load_balancer_certificate_arn.")]
    if parts[3] != patient.region:
        what = f"It is in {parts[3]}, and a load balancer takes those of {patient.region} only."
        return [failed(check, what, "Request it there, and mend load_balancer_certificate_arn.")]
    try:
        found = (
            patient.client("acm").describe_certificate(CertificateArn=arn).get("Certificate", {})
        )
    except aws.AwsError as error:
        if aws.code(error) != "ResourceNotFoundException":
            raise
        what = f"There is no certificate {arn}."
        return [failed(check, what, "Request it, or mend load_balancer_certificate_arn.")]
    return [_issued(check, found) or _fitting(check, found, patient.wanted["host_name"])]


def _issued(check: str, found: dict[str, Any]) -> Finding | None:
    """Return what is wrong with a certificate's state, if something is."""
    name, status = found.get("DomainName", ""), found["Status"]
    if status == "PENDING_VALIDATION":
        return failed(
            check,
            f"The certificate of {name} waits for its validation.",
            "Make the DNS records that aws acm describe-certificate names, or answer the e-mail.",
        )
    if status != "ISSUED":
        return failed(check, f"The certificate of {name} is {status}.", "Request another one.")
    ends = found.get("NotAfter")
    left = ends - datetime.datetime.now(datetime.UTC) if ends else _SOON
    if left <= datetime.timedelta():
        return failed(check, f"The certificate of {name} ended on {ends:%Y-%m-%d}.", "Renew it.")
    if left < _SOON:
        renewal = "See why ACM hasn't renewed it (RenewalSummary); an imported one you renew."
        return warning(check, f"The certificate of {name} ends on {ends:%Y-%m-%d}.", renewal)
    return None


def _fitting(check: str, found: dict[str, Any], host_name: str) -> Finding:
    names = found.get("SubjectAlternativeNames") or [found.get("DomainName", "")]
    listed = ", ".join(names)
    if not host_name:
        return ok(check, f"It is issued, for {listed}.")
    if any(fits(name, host_name) for name in names):
        return ok(check, f"It is issued, and fits {host_name}.")
    what = f"It is for {listed}, which {host_name} isn't."
    return failed(check, what, "Request one for that name, or mend service_host_name.")


def fits(name: str, host_name: str) -> bool:
    """Say whether a certificate's name covers a host's (RFC 9525: a star is one whole label).

    Args:
        name: such as ``*.example.com``.
        host_name: such as ``orders.example.com``.
    """
    name, host_name = name.lower(), host_name.lower().rstrip(".")
    if name.startswith("*."):
        return "." in host_name and host_name.split(".", 1)[1] == name[2:]
    return name == host_name


def hosted_zone(patient: Patient) -> list[Finding]:
    """Look whether the hosted zone is there, and whether the host's name belongs into it."""
    check, wanted = "hosted zone", patient.wanted
    zone = wanted["hosted_zone_id"]
    if not zone:
        return [ok(check, "None is given, so that services make no DNS records.")]
    try:
        found = patient.client("route53").get_hosted_zone(Id=zone)["HostedZone"]
    except aws.AwsError as error:
        if aws.code(error) not in ("NoSuchHostedZone", "InvalidInput"):
            raise
        what = f"There is no hosted zone {zone} in this account."
        return [failed(check, what, "Mend service_hosted_zone_id: aws route53 list-hosted-zones")]
    domain, host_name = found["Name"].rstrip("."), wanted["host_name"].rstrip(".")
    if host_name and host_name != domain and not host_name.endswith(f".{domain}"):
        what = f"{zone} is {domain}, and {host_name} doesn't belong into it."
        return [failed(check, what, "Mend service_hosted_zone_id or service_host_name.")]
    return [ok(check, f"{zone} is {domain}.")]


def image(patient: Patient) -> list[Finding]:
    """Look whether the service's image is in ECR."""
    check, reference = "image", patient.wanted.get("image")
    if not reference:
        return []
    try:
        found = ecr.parse(reference)
    except StackError as error:
        return [_image_refused(check, error)]
    if found is None:
        return [ok(check, f"{reference} has a digest or isn't in ECR; it wasn't looked at.")]
    if found.region != patient.region:
        what = f"It is in {found.region}, the platform in {patient.region}."
        return [warning(check, what, "Expect slower starts, and transfer on the bill.")]
    try:
        pinned = ecr.pinned(patient.client("ecr"), found)
    except StackError as error:
        return [_image_refused(check, error)]
    return [ok(check, f"{reference} is {pinned.partition('@')[2][:19]}.")]


def _image_refused(check: str, error: StackError) -> Finding:
    what, _stop, to_do = str(error).partition(". ")
    if aws.code(error.__cause__ or error) in aws.DENIED:
        return warning(check, f"{what}.", to_do)
    return failed(check, f"{what}.", to_do)
