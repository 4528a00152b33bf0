"""The root certificates that the database function trusts."""

from __future__ import annotations

import datetime

import pytest
from cryptography import x509

from custom_resources.ca_bundle import BUNDLE, certificates

IN_FORCE = x509.load_pem_x509_certificates(BUNDLE.read_bytes())


def test_no_certificate_ends_within_a_year() -> None:
    in_a_year = datetime.datetime.now(datetime.UTC) + datetime.timedelta(days=365)

    assert not [c.subject for c in IN_FORCE if c.not_valid_after_utc < in_a_year]


def test_every_certificate_is_a_root_of_amazon_rds() -> None:
    for certificate in IN_FORCE:
        assert certificate.issuer == certificate.subject
        assert "Amazon RDS" in certificate.subject.rfc4514_string()
        constraints = certificate.extensions.get_extension_for_class(x509.BasicConstraints)
        assert constraints.value.ca


@pytest.mark.parametrize("region", ["eu-central-1", "us-east-1", "ap-southeast-2"])
@pytest.mark.parametrize("algorithm", ["RSA2048", "RSA4096", "ECC384"])
def test_a_region_has_its_roots_of_every_algorithm(region: str, algorithm: str) -> None:
    name = f"Amazon RDS {region} Root CA {algorithm} G1"

    assert [c for c in IN_FORCE if f"CN={name}," in c.subject.rfc4514_string()]


def test_certificates_are_read_from_the_packages_javascript_and_expired_ones_left_out() -> None:
    pem = BUNDLE.read_text().partition("-----BEGIN")[2].partition("-----END CERTIFICATE-----")[0]
    lines = f"-----BEGIN{pem}-----END CERTIFICATE-----".splitlines()
    javascript = "    '" + "\\n' +\n        '".join(lines) + "\\n',"

    assert certificates(javascript, datetime.date(2026, 1, 1)) == IN_FORCE[:1]
    assert certificates(javascript, datetime.date(2200, 1, 1)) == []
