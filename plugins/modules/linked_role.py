#!/usr/bin/python
"""Documentation of the action quayside.fargate.linked_role; the code is in plugins/action."""

from __future__ import annotations

DOCUMENTATION = r"""
module: linked_role
short_description: Say whether a service-linked role is to be created
version_added: 1.1.0
author: The Quayside team (@quayside)
description:
  - A service-linked role is one an account. It is to be created if that is wanted, or if nobody
    says so and the account hasn't got it.
extends_documentation_fragment:
  - quayside.fargate.aws
attributes:
  check_mode:
    description: Changes nothing, and does the same in check mode.
    support: full
options:
  name:
    description: Name of the role.
    type: str
    required: true
  wanted:
    description: V(auto) asks AWS, the others say it.
    type: str
    choices: [auto, create, exists]
    default: auto
"""

EXAMPLES = r"""
- name: Look for the ECS service-linked role
  quayside.fargate.linked_role:
    name: AWSServiceRoleForECS
  register: linked_role
"""

RETURN = r"""
create:
  description: Whether it is to be created.
  type: bool
  returned: success
seconds:
  description: Seconds the task took.
  type: float
  returned: always
  sample: 0.2
"""
