"""Lookup of an image's digest in ECR."""

from __future__ import annotations

# ruff: noqa: E402 - Ansible has a plugin's documentation before its imports

DOCUMENTATION = r"""
name: image_digest
author: The Quayside team (@quayside)
short_description: Pin an image in Amazon ECR by its digest
version_added: 1.0.0
description:
  - Returns image references with the tag replaced by the digest it stands for now, so that a later
    change of the stack can't roll out another image under the same tag.
  - A reference that has a digest, or isn't in Amazon ECR, is returned as it is. ECR's names of all
    partitions are known that botocore knows; one in another domain is refused, since its tag could
    not be pinned.
  - A reference without a tag means C(latest), as everywhere.
requirements:
  - botocore >= 1.40.76
options:
  _terms:
    description: Image references. Region and account are those in the reference.
    type: list
    elements: str
    required: true
  state:
    description:
      - Of what is V(absent), or is to be, the references are returned as they are, and AWS isn't
        asked.
    type: str
    choices: [present, absent]
    default: present
  profile:
    description: Name of a profile of the AWS configuration; without it E(AWS_PROFILE).
    type: str
  endpoint_url:
    description: Another address for AWS; without it E(AWS_ENDPOINT_URL).
    type: str
"""

EXAMPLES = r"""
- name: Show what would be deployed
  ansible.builtin.debug:
    msg: >-
      {{ lookup('quayside.fargate.image_digest',
                '123456789012.dkr.ecr.eu-central-1.amazonaws.com/orders:1.4') }}
"""

RETURN = r"""
_raw:
  description: The references, pinned.
  type: list
  elements: str
  sample:
    - "123456789012.dkr.ecr.eu-central-1.amazonaws.com/orders@sha256:9f86d081884c7d659a2feaa0c55ad0\
      15a3bf4f1b2b0b822cd15d6c15b0f00a08"
"""

from typing import Any

from ansible.errors import AnsibleLookupError
from ansible.plugins.lookup import LookupBase

from ansible_collections.quayside.fargate.plugins.plugin_utils import aws, ecr
from ansible_collections.quayside.fargate.plugins.plugin_utils.errors import StackError


class LookupModule(LookupBase):  # type: ignore[misc]
    """The lookup quayside.fargate.image_digest."""

    def run(
        self, terms: list[str], variables: dict[str, Any] | None = None, **kwargs: Any
    ) -> list[str]:
        """Return every reference pinned by digest; raises AnsibleLookupError if one can't be."""
        self.set_options(var_options=variables, direct=kwargs)
        references = [str(term) for term in terms]
        if self.get_option("state") == "absent":
            return references
        return [self._pinned(it) for it in references]

    def _pinned(self, reference: str) -> str:
        try:
            image = ecr.parse(reference)
            if image is None:
                return reference
            account = aws.Account(
                image.region, self.get_option("profile"), self.get_option("endpoint_url")
            )
            return str(ecr.pinned(account.client("ecr"), image))
        except StackError as error:
            raise AnsibleLookupError(str(error)) from None
