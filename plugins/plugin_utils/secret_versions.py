"""The versions of the secrets that a service's tasks are started with: a task holds what it found
at its start, so a service whose secret has another value by now is to roll."""

from __future__ import annotations

import datetime
import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass

PARAMETER = "SecretVersions"
# For what doesn't tell when it changed.
LONG_AGO = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)
_MOST = 4096  # characters of a parameter's value (CloudFormation quotas)


@dataclass(frozen=True)
class Seen:
    """A secret or parameter as it is now.

    version: id of the secret's version, number of the parameter's; changed: when anything of it
    last changed.
    """

    version: str
    changed: datetime.datetime


def text(versions: Mapping[str, str]) -> str:
    """Return versions as one text, which differs if one of them does.

    Args:
        versions: by what refers to them.
    """
    joined = ",".join(version for _reference, version in sorted(versions.items()))
    if len(joined) <= _MOST:
        return joined
    return hashlib.sha256(joined.encode()).hexdigest()


def wanted(
    seen: Mapping[str, Seen | None],
    before: Mapping[str, str] | None,
    sources: Mapping[str, str],
    rolled: Callable[[], datetime.datetime | None],
) -> str | None:
    """Return the value that the stack's parameter SecretVersions is to have, None for its own.

    A service that had its secrets before the parameter came isn't rolled by its coming: until one
    of them changes, its tasks hold what they would find.

    Args:
        seen: by what refers to it; None for what may not be asked.
        before: the parameters that the service was deployed with, None if it doesn't stand.
        sources: the parameters that say which secrets it has, as they are to be.
        rolled: asks when the deployment began that runs; None if nobody tells.
    """
    if not seen:
        return ""
    known = {reference: it for reference, it in seen.items() if it}
    if len(known) < len(seen):
        return None
    now = text({reference: it.version for reference, it in known.items()})
    had = (before or {}).get(PARAMETER, "")
    if before is None or had or any(before.get(it, "") != value for it, value in sources.items()):
        return now
    began = rolled()
    if began is None:
        return None
    return now if max(it.changed for it in known.values()) > began else ""
