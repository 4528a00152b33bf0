"""Answers that are a moment old (strict mode).

Wrong upstream: who reads sees the last write at once.
Source: Amazon ECS API reference ("the Amazon ECS API follows an eventual consistency model":
RunTask, StopTask); Secrets Manager is taken for the same, though its pages don't say so. How late
AWS is isn't documented: here 0.3 to 0.7 s, another time for each action and resource, the same at
each start. So DescribeServices may know a deployment whose tasks ListTasks doesn't show yet. What
is new is found by its name at once, but not yet listed. CloudFormation and ECS itself see the
truth, and a rotation's next step starts when what the last one wrote can be read: AWS's own
rotation templates rely on it.
Last needed: ministack 1.5.33. Not shown by a probe: nothing can be late for sure.
"""

from __future__ import annotations

import contextlib
import contextvars
import functools
import json
import logging
import pickle
import threading
import time
import zlib
from collections.abc import Iterator, MutableMapping
from dataclasses import dataclass, field
from typing import Any

from ministack import app
from ministack.services import ecs, secretsmanager

from local_aws.mending import Layer, Mending
from local_aws.settings import LATEST

_SHORTEST, LONGEST = 0.3, LATEST  # seconds
_SEED = b"quiet"  # of the delays; another one deals them anew
_log = logging.getLogger("local_aws.lateness")
_PAUSE = 0.05  # seconds between two pictures of the state
_READS = {
    "secretsmanager": ("DescribeSecret", "GetSecretValue", "ListSecretVersionIds"),
    "ecs": ("DescribeServices", "DescribeTasks", "ListTasks", "ListServices",
            "DescribeServiceDeployments", "ListServiceDeployments"),
}  # fmt: skip
# the members of a request that say what it is about
_RESOURCES = ("SecretId", "services", "tasks", "service", "serviceDeploymentArns", "cluster")


@dataclass
class _View:
    """What one reader sees: the state at a moment of time.monotonic()."""

    moment: float
    shown: dict[int, dict[Any, Any]] = field(default_factory=dict)


# None: the present
_view: contextvars.ContextVar[_View | None] = contextvars.ContextVar("view", default=None)


_Picture = dict[Any, Any]  # values that are pickled


class Past(MutableMapping[Any, Any]):
    """A dictionary that shows itself as it was to those who read as of an earlier moment."""

    def __init__(self, live: dict[Any, Any], *, lists_new: bool) -> None:
        """Keep pictures of `live`; what is new is listed at once or, like all changes, later."""
        self._live, self._lists_new = live, lists_new
        self._last: _Picture = {}
        self._pictures: list[tuple[float, _Picture]] = []

    def take_picture(self) -> None:
        """Keep what it is now, and forget what nobody may see any more.

        A value counts once it is the same in two pictures: whoever changes it writes in several
        steps, which on AWS nobody sees.
        """
        moment = time.monotonic()
        current = {key: pickle.dumps(value) for key, value in list(self._live.items())}
        settled = self._pictures[-1][1] if self._pictures else {}
        picture = {
            key: value if self._last.get(key) == value else settled.get(key)
            for key, value in current.items()
        }
        picture = {key: value for key, value in picture.items() if value is not None}
        self._last = current
        kept = list(self._pictures)
        if not kept or kept[-1][1] != picture:
            kept.append((moment, picture))
        while len(kept) > 1 and kept[1][0] < moment - LONGEST - 1:  # until then the first held
            kept.pop(0)
        self._pictures = kept

    def _shown(self) -> dict[Any, Any]:
        view = _view.get()
        if view is None:
            return self._live
        if id(self) not in view.shown:
            older = [picture for taken, picture in self._pictures if taken <= view.moment]
            picture = older[-1] if older else {}
            shown = {key: pickle.loads(it) for key, it in picture.items()}  # noqa: S301 - its own
            if self._lists_new:
                shown |= {
                    key: value
                    for key, value in list(self._live.items())
                    if shown.get(key, {}).get("ARN") != value["ARN"]
                }
            view.shown[id(self)] = shown
        return view.shown[id(self)]

    def __getitem__(self, key: Any) -> Any:
        """Return a value as it was; as it is, if it is new."""
        shown = self._shown()
        return shown[key] if key in shown else self._live[key]

    def __setitem__(self, key: Any, value: Any) -> None:
        """Set a value, in the present."""
        self._live[key] = value

    def __delitem__(self, key: Any) -> None:
        """Delete a value, in the present."""
        del self._live[key]

    def __iter__(self) -> Iterator[Any]:
        """Iterate over the keys that there were."""
        return iter(list(self._shown()))  # other threads change it meanwhile

    def items(self) -> Any:
        """Return what there was, all of one moment."""
        return dict(self._shown()).items()

    def values(self) -> Any:
        """Return what there was, all of one moment."""
        return dict(self._shown()).values()

    def __len__(self) -> int:
        """Return how many there were."""
        return len(self._shown())


def install(mending: Mending) -> None:
    """Let readers of these services see the past."""
    if not mending.settings.strict:
        return
    mending.around(ecs, "_maybe_mark_stopped", _mark_stopped)
    for service, actions in _READS.items():
        late = functools.partial(_late, service, actions)
        mending.around(app, "SERVICE_HANDLERS", late, key=service, layer=Layer.ANSWER)
    mending.last(_begin)


def _begin() -> None:
    pasts = []
    for shelf in (ecs._services, ecs._tasks, secretsmanager._secrets):
        # a secret is looked for by its ARN in the list of all
        shelf._data = Past(shelf._data, lists_new=shelf is secretsmanager._secrets)
        pasts.append(shelf._data)
    threading.Thread(target=_take_pictures, args=(pasts,), daemon=True, name="pictures").start()


@contextlib.contextmanager
def as_of(moment: float) -> Iterator[None]:
    """Let the block see what was at `moment` of time.monotonic()."""
    token = _view.set(_View(moment))
    try:
        yield
    finally:
        _view.reset(token)


def delay(action: str, resource: str) -> float:
    """Return how old the answers to `action` on `resource` are, in seconds."""
    part = zlib.crc32(_SEED + f"{action} {resource}".encode()) / 2**32
    return _SHORTEST + (LONGEST - _SHORTEST) * part


def _take_pictures(pasts: list[Past]) -> None:
    while True:
        for past in pasts:
            try:
                past.take_picture()
            except RuntimeError:  # it changed meanwhile
                continue
            except Exception:
                _log.exception("no picture could be taken")
        time.sleep(_PAUSE)


async def _late(  # noqa: PLR0917 - as upstream
    service: str,
    actions: tuple[str, ...],
    upstream: Any,
    method: str,
    path: str,
    headers: dict[str, str],
    body: bytes,
    query: dict[str, Any],
) -> Any:
    request = (method, path, headers, body, query)
    action = headers.get("x-amz-target", "").rsplit(".", 1)[-1]
    if action not in actions:
        return await upstream(*request)
    if service == "ecs":  # as of now: ministack notices at a reading that a container ended
        await upstream(*request)
    with as_of(time.monotonic() - delay(action, _resource(body))):
        return await upstream(*request)


def _resource(body: bytes) -> str:
    request = json.loads(body or b"{}")
    named = next((request[name] for name in _RESOURCES if request.get(name)), "")
    return str(named if isinstance(named, str) else named[0])


def _mark_stopped(upstream: Any, task: dict[str, Any], *rest: Any) -> None:
    if _view.get() is None:
        upstream(task, *rest)
