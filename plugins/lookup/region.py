"""Lookup of the region that the other plugins would use."""

from __future__ import annotations

# ruff: noqa: E402 - Ansible has a plugin's documentation before its imports

DOCUMENTATION = r"""
name: region
author: The Quayside team (@quayside)
short_description: Say which AWS region is in use
version_added: 1.1.0
description:
  - Returns the region as every plugin of this collection finds it, which is where the AWS CLI finds
    it. An empty text if there is none. AWS isn't asked.
requirements:
  - botocore >= 1.40.76
options:
  _terms:
    description: A region that is given; the first that isn't empty is returned as it is.
    type: list
    elements: str
    default: []
  profile:
    description: Name of a profile of the AWS configuration; without it E(AWS_PROFILE).
    type: str
"""

EXAMPLES = r"""
- name: Show where a platform would be deployed
  ansible.builtin.debug:
    msg: "{{ lookup('quayside.fargate.region', network_region) }}"
"""

RETURN = r"""
_raw:
  description: The region.
  type: list
  elements: str
  sample: [eu-central-1]
"""

from typing import Any

from ansible.errors import AnsibleLookupError
from ansible.plugins.lookup import LookupBase

from ansible_collections.quayside.fargate.plugins.plugin_utils import aws
from ansible_collections.quayside.fargate.plugins.plugin_utils.errors import StackError


class LookupModule(LookupBase):  # type: ignore[misc]
    """The lookup quayside.fargate.region."""

    def run(
        self, terms: list[str], variables: dict[str, Any] | None = None, **kwargs: Any
    ) -> list[str]:
        """Return the region in a list; raises AnsibleLookupError if there is no such profile."""
        self.set_options(var_options=variables, direct=kwargs)
        given = next((str(term) for term in terms if term), None)
        try:
            return [aws.Account(given, self.get_option("profile") or None).region or ""]
        except StackError as error:
            raise AnsibleLookupError(str(error)) from None
