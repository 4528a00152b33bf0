"""Requests of a client that stay with one target.

Wrong upstream: the attributes are kept, and each request goes to any target.
Source: Elastic Load Balancing user guide, "Sticky sessions for your Application Load Balancer": the
cookies AWSALB and AWSALBAPP-0, a client whose target is gone or unhealthy gets another one. (AWS's
cookies are encrypted, and AWSALBCORS stands beside the first.)
Last needed: ministack 1.5.33. Not shown by a probe: without Docker upstream has no targets that
answer; tests/integration/local_aws/test_routing.py has some.
"""

from __future__ import annotations

import base64
import random
import time
from contextvars import ContextVar
from dataclasses import dataclass
from email.utils import formatdate
from http.cookies import CookieError, SimpleCookie
from typing import Any

from ministack.services import alb

from local_aws.mending import Mending

_COOKIES = {"lb_cookie": "AWSALB", "app_cookie": "AWSALBAPP-0"}
_DAY = 86400  # seconds, the default duration


@dataclass
class _Choice:
    wanted: str = ""
    chosen: str = ""


_choice: ContextVar[_Choice | None] = ContextVar("choice", default=None)


def install(mending: Mending) -> None:
    """Read the cookies of requests, and set them in the answers."""
    mending.around(alb, "_forward_to_tg", _forward)


def pick(targets: list[Any]) -> Any:
    """Return one of the targets: the one that the client had, if it is among them."""
    choice = _choice.get()
    mine = [it for it in targets if choice and it.get("Id") == choice.wanted]
    picked = random.choice(mine or targets)  # noqa: S311 - load, not secrets
    if choice:
        choice.chosen = picked.get("Id", "")
    return picked


async def _forward(
    upstream: Any, group: str, method: str, path: str, headers: dict[str, str], *rest: Any
) -> Any:
    attributes = {it["Key"]: it["Value"] for it in alb._tg_attrs.get(group) or []}
    if attributes.get("stickiness.enabled") != "true":
        return await upstream(group, method, path, headers, *rest)
    kind = attributes.get("stickiness.type", "lb_cookie")
    choice = _Choice(_target(_cookies(headers.get("cookie", "")).get(_COOKIES[kind], "")))
    token = _choice.set(choice)
    try:
        status, answered, body = await upstream(group, method, path, headers, *rest)
    finally:
        _choice.reset(token)
    if not choice.chosen:
        return status, answered, body
    seconds = int(attributes.get(f"stickiness.{kind}.duration_seconds", _DAY))
    name = attributes.get("stickiness.app_cookie.cookie_name", "")
    return status, _with_cookie(answered, kind, name, choice.chosen, seconds), body


def _with_cookie(
    headers: dict[str, Any], kind: str, name: str, target: str, seconds: int
) -> dict[str, Any]:
    """Return the headers of an answer with the load balancer's cookie."""
    given = headers.get("set-cookie") or []
    given = [given] if isinstance(given, str) else list(given)
    if kind == "app_cookie" and not any(it.startswith(f"{name}=") for it in given):
        return headers
    end = time.time() + seconds
    value = base64.urlsafe_b64encode(f"{end:.0f} {target}".encode()).decode()
    cookie = f"{_COOKIES[kind]}={value}; Expires={formatdate(end, usegmt=True)}; Path=/"
    return {**headers, "set-cookie": [*given, cookie]}


def _target(value: str) -> str:
    """Return the target of a cookie, empty if it is over or none of ours."""
    try:
        end, _, target = base64.urlsafe_b64decode(value).decode().partition(" ")
        return target if float(end) > time.time() else ""
    except ValueError:
        return ""


def _cookies(header: str) -> dict[str, str]:
    try:
        return {name: it.value for name, it in SimpleCookie(header).items()}
    except CookieError:
        return {}
