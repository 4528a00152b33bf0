"""The authority's certificates hold for the hosts they name, and for no other."""

from __future__ import annotations

import datetime
import stat
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.x509.verification import PolicyBuilder, Store, VerificationError

from local_aws.tls import Authority


def authority(tmp_path: Path) -> Authority:
    public = tmp_path / "public.pem"
    public.write_text("")
    return Authority(tmp_path / "tls", tmp_path / "bundle.pem", public)


def verify(tmp_path: Path, certificate: Path, host: str) -> None:
    bundle = x509.load_pem_x509_certificates((tmp_path / "bundle.pem").read_bytes())
    verifier = (
        PolicyBuilder()
        .store(Store(bundle))
        .time(datetime.datetime.now(datetime.UTC))
        .build_server_verifier(x509.DNSName(host))
    )
    verifier.verify(x509.load_pem_x509_certificate(certificate.read_bytes()), [])


def test_a_certificate_is_trusted_for_its_host_through_the_bundle(tmp_path: Path) -> None:
    made = authority(tmp_path).server_certificate("server", ["localhost", "127.0.0.1"])
    verify(tmp_path, made.certificate, "localhost")


def test_a_certificate_is_not_trusted_for_another_host(tmp_path: Path) -> None:
    made = authority(tmp_path).server_certificate("server", ["localhost"])
    with pytest.raises(VerificationError):
        verify(tmp_path, made.certificate, "elsewhere")


def test_keys_are_readable_by_their_owner_alone(tmp_path: Path) -> None:
    made = authority(tmp_path).server_certificate("server", ["localhost"])
    assert stat.S_IMODE(made.key.stat().st_mode) == 0o600
