"""Lookup: what AWS answers to one call of its API."""

from __future__ import annotations

from typing import Any

import boto3
from ansible.plugins.lookup import LookupBase


class LookupModule(LookupBase):  # type: ignore[misc]
    """lookup('aws', 'ecs', 'describe_clusters', clusters=['shop'])."""

    def run(
        self,
        terms: list[str],
        variables: Any = None,  # noqa: ARG002 - Ansible gives it
        **request: Any,
    ) -> list[Any]:
        """Return the answer, without what every answer has.

        Args:
            terms: names of service and operation, as boto3 has them.
            variables: of the play, not used.
            request: of the operation.
        """
        service, operation = map(str, terms)
        answer = getattr(boto3.client(service), operation)(**request)
        answer.pop("ResponseMetadata", None)
        return [answer]
