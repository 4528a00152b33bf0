#!/usr/bin/python
"""Documentation of the action quayside.fargate.team_prefix; the code is in plugins/action."""

from __future__ import annotations

DOCUMENTATION = r"""
module: team_prefix
short_description: Refuse a service that isn't its team's by its name
version_added: 1.1.0
author: The Quayside team (@quayside)
description:
  - Asks the stack of a team's deployment role what the names of the team's services begin with, and
    fails if a service's name doesn't. A stack that isn't there refuses nothing.
extends_documentation_fragment:
  - quayside.fargate.aws
attributes:
  check_mode:
    description: Changes nothing, and does the same in check mode.
    support: full
options:
  platform:
    description: Name of the platform.
    type: str
    required: true
  team:
    description: Name of the team.
    type: str
    required: true
  service:
    description: Name of the service.
    type: str
    required: true
"""

EXAMPLES = r"""
- name: Refuse a name that isn't the team's
  quayside.fargate.team_prefix:
    platform: shop
    team: payments
    service: pay-orders
"""

RETURN = r"""
prefix:
  description: What the names begin with, empty if that isn't known.
  type: str
  returned: success
  sample: pay-
seconds:
  description: Seconds the task took.
  type: float
  returned: always
  sample: 0.2
"""
