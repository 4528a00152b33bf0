#!/usr/bin/python
"""Documentation of the action quayside.fargate.status; the code is plugins/action/status.py."""

from __future__ import annotations

DOCUMENTATION = r"""
module: status
short_description: Say what stands on a platform
version_added: 1.0.0
author: The Quayside team (@quayside)
description:
  - Tells of every service of a platform, or of one, who its active database user is, when both
    users were and will be rotated, which deployment runs, and which alarms are in ALARM; of a stack
    that failed, also why.
  - Fails if there is no such platform or service.
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
  service:
    description: Name of the service. Not given, all of them.
    type: str
  show:
    description: What to print at once, besides the result.
    type: str
    choices: [table, json, nothing]
    default: nothing
  output:
    description: A file that the answer is written into as JSON, instead of printing it.
    type: path
  outdated:
    description:
      - Whether only those stacks are told in the table that aren't from the version of the
        collection in use. Fails then if one is from an earlier version.
    type: bool
    default: false
"""

EXAMPLES = r"""
- name: Print a table of all services
  quayside.fargate.status:
    platform: shop
    show: table

- name: Ask about one service
  quayside.fargate.status:
    platform: shop
    service: orders
  register: asked
"""

RETURN = r"""
status:
  description: What stands.
  type: dict
  returned: success
  contains:
    platform:
      description: Name of the platform.
      type: str
    platform_alarms:
      description: Names of the platform's own alarms in ALARM.
      type: list
      elements: str
    collection:
      description: Version of the collection in use.
      type: str
    outdated:
      description: A sentence for each stack that is older than the collection in use.
      type: list
      elements: str
    newer:
      description: A sentence for each stack that is newer than the collection in use.
      type: list
      elements: str
    stacks:
      description: The platform's own stacks; none if one service was asked for.
      type: list
      elements: dict
      contains:
        stack:
          description: Name of the stack.
          type: str
        status:
          description: Its status.
          type: str
        template:
          description: Name of the template that it comes from; null if it doesn't tell.
          type: str
        version:
          description:
            - Version of Quayside that it comes from; C(before 1.1.0) if it doesn't tell, null of
              one that never stood.
          type: str
    services:
      description: The services by name.
      type: list
      elements: dict
      contains:
        service:
          description: Name of the service.
          type: str
        stack:
          description: Name of its stack.
          type: str
        status:
          description: Status of its stack, whatever it is; only a deleted one is left out.
          type: str
        template:
          description: Name of the template that it comes from, as of C(stacks).
          type: str
        version:
          description: Version of Quayside that it comes from, as of C(stacks).
          type: str
        monitoring:
          description: The stack that watches it, as of C(stacks); null if there is none.
          type: dict
        why:
          description:
            - What led to a state that nobody asked for, such as C(ROLLBACK_COMPLETE) after a first
              deployment that failed; null in any other.
          type: str
        active_user:
          description: C(blue) or C(green); null without a database and while the stack is changed.
          type: str
        rotation:
          description: Whether its users are rotated.
          type: bool
        users:
          description:
            - By user with a secret, its name (C(secret)), the moments of its last and next rotation
              (C(last_rotation), C(next_rotation); null if there is none), and the version of a
              rotation that was begun and isn't finished (C(unfinished_rotation)).
          type: dict
        deployment:
          description: The deployment that runs, with its C(id) and its numbers of tasks; or null.
          type: dict
        alarms:
          description: Its alarms in ALARM, without the name of the stack.
          type: list
          elements: str
    warnings:
      description:
        - What is not as it was asked for, such as a cluster without deletion protection, or a stack
          of the platform's own that failed or is being changed.
      type: list
      elements: str
table:
  description: The same as lines of a table.
  type: list
  elements: str
  returned: success
seconds:
  description: Seconds the task took.
  type: float
  returned: always
  sample: 0.4
"""
