"""What the platform's functions write about one version of a secret."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from ansible_collections.quayside.fargate.plugins.plugin_utils import aws
from ansible_collections.quayside.fargate.plugins.plugin_utils.errors import StackError


class FunctionLog:
    """The lines of a function about a version, each one told once.

    Args:
        client: botocore's client for CloudWatch Logs.
        function: name of the function.
        version: id of the version, which every line about it names.
        since: milliseconds since 1970; older lines are left out.
    """

    def __init__(self, client: Any, function: str, version: str, since: int) -> None:
        self._client = client
        self._group = f"/aws/lambda/{function}"
        self._version = version
        self._since = since
        self._seen: set[tuple[int, str]] = set()

    def fresh(self) -> Iterator[dict[str, str]]:
        """Yield what was written since the last call.

        Raises: StackError if AWS refuses to tell.
        """
        try:
            pages = self._client.get_paginator("filter_log_events").paginate(
                logGroupName=self._group,
                filterPattern=f'"{self._version}"',
                startTime=self._since,
            )
            events = [event for page in pages for event in page["events"]]
        except aws.AwsError as error:
            if aws.code(error) == "ResourceNotFoundException":
                return
            raise StackError(aws.explain(error, f"Reading the log {self._group}")) from error
        for event in events:
            key = (event["timestamp"], event["message"])
            line = _fields(event["message"])
            if key not in self._seen and line.get("version") == self._version:
                self._seen.add(key)
                yield line


def _fields(line: str) -> dict[str, str]:
    """Return what a structured line says; nothing of any other line."""
    try:
        message = json.loads(line)["message"]
    except (ValueError, KeyError, TypeError):
        return {}
    return message if isinstance(message, dict) else {}
