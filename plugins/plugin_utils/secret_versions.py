"""The versions of the secrets that a service's tasks are started with: a task holds what it found
at its start, so a service whose secret has another value by now is to roll."""

from __future__ import annotations

import datetime
import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

PARAMETER = "SecretVersions"
# For what doesn't tell when it changed.
LONG_AGO = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)
_UNKNOWN = "?"  # stands for the version of what couldn't be seen
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

    What can't be seen keeps its version, and the others count.

    Args:
        seen: by what refers to it; None for what may not be asked.
        before: the parameters that the service was deployed with, None if it doesn't stand.
        sources: the parameters that say which secrets it has, as they are to be.
        rolled: asks when the deployment began that runs; None if nobody tells.
    """
    if not seen:
        return ""
    value = (before or {}).get(PARAMETER, "")
    had = _had(seen, value)
    now = {reference: it.version if it else had[reference] for reference, it in seen.items()}
    unseen = None in seen.values()
    if not any(seen.values()) or (unseen and len(",".join(now.values())) > _MOST):
        return None  # nobody can leave a part of a sum as it is
    if before is None or any(before.get(it, "") != of_now for it, of_now in sources.items()):
        return text(now)  # it is new, or rolls for another secret
    if value and value.count(",") != len(seen) - 1:
        return text(now)  # a sum, or other keys of the same secrets
    return _since(seen, now, had, rolled)


def _since(
    seen: Mapping[str, Seen | None],
    now: Mapping[str, str],
    had: Mapping[str, str],
    rolled: Callable[[], datetime.datetime | None],
) -> str | None:
    """Return the value for a service that has had its secrets already.

    One that had them before the parameter came isn't rolled by its coming, nor by who sees more of
    them than who deployed last: until one changes, its tasks hold what they would find.
    """
    unheard = {it: found for it, found in seen.items() if found and had[it] == _UNKNOWN}
    if not unheard:
        return text(now)
    began = rolled()
    changed = {it for it, found in unheard.items() if began and found.changed > began}
    if set(had.values()) == {_UNKNOWN}:
        return None if began is None else text(now) if changed else ""
    return text({**now, **dict.fromkeys(unheard.keys() - changed, _UNKNOWN)})


def _had(seen: Mapping[str, Any], value: str) -> dict[str, str]:
    """Return the versions that the parameter had, by what refers to them."""
    parts = value.split(",")
    fits = value and len(parts) == len(seen)
    return dict(zip(sorted(seen), parts if fits else [_UNKNOWN] * len(seen), strict=True))
