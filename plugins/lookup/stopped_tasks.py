"""Lookup of the reasons that tasks stopped for."""

from __future__ import annotations

# ruff: noqa: E402 - Ansible has a plugin's documentation before its imports

DOCUMENTATION = r"""
name: stopped_tasks
author: The Quayside team (@quayside)
short_description: Say why tasks on Amazon ECS stopped
version_added: 1.0.0
description:
  - Returns a sentence for each reason that tasks of a family stopped for, the newest first, with
    the last lines of the log of one of them.
  - CloudFormation says only that the circuit breaker was triggered; this says why.
  - Tasks that a deployment replaced, or that were scaled in, are left out.
extends_documentation_fragment:
  - quayside.fargate.aws
options:
  _terms:
    description: Families of the tasks' definitions.
    type: list
    elements: str
    required: true
  cluster:
    description: Name of the cluster.
    type: str
    required: true
  seconds:
    description: How far back to look. ECS itself remembers an hour.
    type: float
    default: 3600
"""

EXAMPLES = r"""
- name: Show why tasks of the last hour stopped
  ansible.builtin.debug:
    msg: "{{ query('quayside.fargate.stopped_tasks', 'shop-orders', cluster='shop') }}"
"""

RETURN = r"""
_raw:
  description: A sentence a reason.
  type: list
  elements: str
  sample:
    - "3 tasks stopped: Essential container in task exited (container app ended with 1). Last lines
      of its log: DB_HOST is missing"
"""

from typing import Any

from ansible.errors import AnsibleLookupError
from ansible.plugins.lookup import LookupBase

from ansible_collections.quayside.fargate.plugins.plugin_utils import aws, ecs
from ansible_collections.quayside.fargate.plugins.plugin_utils.errors import StackError


class LookupModule(LookupBase):  # type: ignore[misc]
    """The lookup quayside.fargate.stopped_tasks."""

    def run(
        self, terms: list[str], variables: dict[str, Any] | None = None, **kwargs: Any
    ) -> list[str]:
        """Return the sentences; raises AnsibleLookupError if AWS refuses to tell."""
        self.set_options(var_options=variables, direct=kwargs)
        option = self.get_option
        try:
            account = aws.Account(option("region"), option("profile"), option("endpoint_url"))
            cluster, seconds = option("cluster"), option("seconds")
            return [
                sentence
                for family in terms
                for sentence in ecs.stopped(account, cluster, str(family), seconds)
            ]
        except StackError as error:
            raise AnsibleLookupError(str(error)) from None
