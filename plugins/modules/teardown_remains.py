#!/usr/bin/python
"""Documentation of the action quayside.fargate.teardown_remains; see plugins/action."""

from __future__ import annotations

DOCUMENTATION = r"""
module: teardown_remains
short_description: See to what is left of a platform whose stacks are gone
version_added: 1.1.0
author: The Quayside team (@quayside)
description:
  - Finds the last snapshots of a platform's databases, the keys that they are under, and the log
    groups that AWS or a DeletionPolicy kept; prints their names, and how to delete or restore them.
  - With the data they are deleted; a key is deleted by AWS in 30 days. What lies under keys of
    others is left alone.
  - Fails if nothing is there of a platform.
extends_documentation_fragment:
  - quayside.fargate.aws
attributes:
  check_mode:
    description: Prints what would go and what would stay.
    support: full
options:
  plan:
    description: What M(quayside.fargate.teardown_plan) returned.
    type: dict
    required: true
  deleted:
    description: Registered results of loops in which M(quayside.fargate.stack) deleted the stacks.
    type: list
    elements: dict
    default: []
"""

EXAMPLES = r"""
- name: Name what is left
  quayside.fargate.teardown_remains:
    plan: "{{ plan }}"
    deleted: ["{{ services }}", "{{ protected }}", "{{ foundations }}"]
"""

RETURN = r"""
snapshots:
  description: Names of the snapshots under the platform's keys.
  type: list
  elements: str
  returned: success
foreign:
  description: Names of the snapshots under keys of others.
  type: list
  elements: str
  returned: success
keys:
  description: ARNs of the platform's keys.
  type: list
  elements: str
  returned: success
log_groups:
  description: Names of the platform's log groups.
  type: list
  elements: str
  returned: success
kept:
  description: Ids of what a DeletionPolicy of overrides kept besides.
  type: list
  elements: str
  returned: success
told:
  description: The lines that were printed.
  type: list
  elements: str
  returned: success
  sample: ["Nothing is left."]
seconds:
  description: Seconds the task took.
  type: float
  returned: always
  sample: 0.8
"""
