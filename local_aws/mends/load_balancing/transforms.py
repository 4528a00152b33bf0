"""Rewrites of a rule, done to the requests that it forwards.

Wrong upstream: they are kept and told, and requests come to targets as they were sent.
Source: Elastic Load Balancing user guide, "Transforms for listener rules" (what doesn't match stays
as it is; the routing decision isn't made again); API reference, RewriteConfig ($1 is a group).
Last needed: ministack 1.5.33. Not shown by a probe: without Docker upstream has no targets that
answer; tests/integration/local_aws/test_routing.py has some.
"""

from __future__ import annotations

import re
from typing import Any

from ministack.services import alb

from local_aws.mending import Mending

Rewrite = dict[str, str]


def install(mending: Mending) -> None:
    """Rewrite requests on their way to the actions of their rule."""
    mending.around(alb, "_execute_actions", _execute_actions)


def _execute_actions(
    upstream: Any,
    actions: Any,
    method: str,
    path: str,
    headers: dict[str, str],
    *rest: Any,
    **more: Any,
) -> Any:
    transforms = _of_rule(actions)
    host, url = transforms.get("host-header-rewrite"), transforms.get("url-rewrite")
    if host:
        headers = {**headers, "host": rewritten(host, headers.get("host", ""))}
        if more.get("target_host"):
            more["target_host"] = rewritten(host, more["target_host"])
    if url:
        query = more.get("raw_query_string") or ""
        whole = (more.get("raw_path") or path) + (f"?{query}" if query else "")
        more["raw_path"], _, more["raw_query_string"] = rewritten(url, whole).partition("?")
    return upstream(actions, method, path, headers, *rest, **more)


def rewritten(rewrite: Rewrite, text: str) -> str:
    """Return a text with what the expression matches replaced, once.

    Args:
        rewrite: Regex and Replace.
        text: host name, or path and query.
    """
    expression = re.sub(r"\(\?<(?=[A-Za-z])", "(?P<", rewrite["Regex"])

    def replaced(match: re.Match[str]) -> str:
        return re.sub(r"\$(\d+)", lambda it: match[int(it[1])] or "", rewrite["Replace"])

    return re.sub(expression, replaced, text, count=1)


def _of_rule(actions: Any) -> dict[str, Rewrite]:
    """Return the rewrites of the rule whose actions these are, by their type."""
    rules = (it for _, it in alb._rules.all_items() if it.get("Actions") is actions)
    rule: dict[str, Any] = next(rules, {})
    return {
        transform["Type"]: rewrite
        for transform in rule.get("Transforms") or ()
        for config in ("HostHeaderRewriteConfig", "UrlRewriteConfig")
        for rewrite in (transform.get(config) or {}).get("Rewrites", ())
    }
