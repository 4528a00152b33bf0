"""The mends of ministack, a room for each service; each names beside itself what was wrong.

A mend is a module with a function `install`, which says what it wants where (local_aws/mending.py).
They are found here, and put into ministack all at once, before the server serves: no order among
them counts. The names they rely on are listed in local_aws/hooks.py and checked at start, so that a
new ministack can't silently go without its mend.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

import botocore.httpsession

from local_aws.databases import Databases
from local_aws.mending import Mending
from local_aws.settings import Settings
from local_aws.tls import Authority, Certificate


@dataclass(frozen=True)
class Installed:
    """What the mends brought along that the server must serve with, or stop."""

    certificate: Certificate
    databases: Databases


def install_all(settings: Settings) -> Installed:
    """Install every mend."""
    public = Path(botocore.httpsession.get_cert_path(True))
    authority = Authority(settings.directory / "tls", settings.ca_bundle, public)
    certificate = authority.server_certificate("server", ["localhost", "127.0.0.1"])
    databases = Databases(settings, certificate)
    mending = Mending(settings, databases)
    for mend in mends():
        mend.install(mending)
    mending.compose()
    return Installed(certificate, databases)


def mends() -> Iterator[ModuleType]:
    """Yield the modules that mend something."""
    for found in pkgutil.walk_packages(__path__, f"{__name__}."):
        module = importlib.import_module(found.name)
        if hasattr(module, "install"):
            yield module
