#!/usr/bin/python
"""Documentation of the action quayside.fargate.watched_tasks; the code is in plugins/action."""

from __future__ import annotations

DOCUMENTATION = r"""
module: watched_tasks
short_description: Find out what a service's alarms must know of its tasks
version_added: 1.1.0
author: The Quayside team (@quayside)
description:
  - Says whether a service may be without a task as somebody wants it, by its variables or since ECS
    is told to keep none, and how many tasks scaling makes at most.
  - A service that isn't there goes by its variables, and so does one that ECS tells nothing of,
    which is a warning.
extends_documentation_fragment:
  - quayside.fargate.aws
attributes:
  check_mode:
    description: Changes nothing, and does the same in check mode.
    support: full
options:
  variables:
    description: All options of the role service by their names without the role's, typed.
    type: dict
    required: true
"""

EXAMPLES = r"""
- name: Find out what its alarms must know
  quayside.fargate.watched_tasks:
    variables:
      platform: shop
      name: orders
      desired_count: 2
      scaling: {min: 2, max: 20, schedules: []}
"""

RETURN = r"""
options:
  description: Values of two parameters of service_monitoring.yml, by their options' names.
  type: dict
  returned: success
  contains:
    may_have_no_task:
      description: Whether it is as wanted when no task runs.
      type: bool
    most_tasks:
      description: Greatest number of tasks that scaling makes; 0 where it always makes the same.
      type: int
  sample: {may_have_no_task: false, most_tasks: 20}
seconds:
  description: Seconds the task took.
  type: float
  returned: always
  sample: 0.1
"""
