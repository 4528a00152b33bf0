"""Lookup: let the next operation on a resource of a stack fail, on the local AWS."""

from __future__ import annotations

from typing import Any

from ansible.plugins.lookup import LookupBase

from local_aws.control import LocalAws


class LookupModule(LookupBase):  # type: ignore[misc]
    """query('let_fail', stack, resource, directory=..., action='CREATE', times=1, after=false)."""

    def run(
        self,
        terms: list[str],
        variables: Any = None,  # noqa: ARG002 - Ansible gives it
        *,
        directory: str,
        **options: Any,
    ) -> list[str]:
        """Arm the failure, and return the logical id.

        Args:
            terms: name of the stack, and logical id of the resource.
            variables: of the play, not used.
            directory: of the local AWS.
            options: of `LocalAws.fail`.
        """
        stack, resource = map(str, terms)
        LocalAws.running(str(directory)).fail(stack, resource, **options)
        return [resource]
