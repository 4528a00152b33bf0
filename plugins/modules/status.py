#!/usr/bin/python
"""Documentation of the action quayside.fargate.status; the code is plugins/action/status.py."""

from __future__ import annotations

DOCUMENTATION = r"""
module: status
short_description: Say what stands on a platform
version_added: 1.0.0
author: The Quayside team (@quayside)
description:
  - Tells of a platform's stacks, and of every service, or of one, its state, image, tasks, address,
    last deployment, version, active database user and alarms that ring; of a stack that failed,
    also why.
  - What the caller's policies don't let it ask is left out, with a line on it. docs/status.md has
    each column and key.
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
        behind:
          description: Whether that is older than the collection in use.
          type: bool
    services:
      description: The services by name.
      type: list
      elements: dict
      contains:
        service:
          description: Name of the service.
          type: str
        state:
          description:
            - In a word, of several the one to look at first. C(not deployed), C(creating),
              C(updating), C(importing), C(deleting), C(rolling back), C(failed), C(down),
              C(starting), C(no tasks), C(rolled back), C(deploying), C(few tasks), C(alarm) or
              C(ok).
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
        behind:
          description: Whether that is older than the collection in use.
          type: bool
        monitoring:
          description: The stack that watches it, as of C(stacks); null if there is none.
          type: dict
        why:
          description:
            - What led to a state that nobody asked for, such as C(ROLLBACK_COMPLETE) after a first
              deployment that failed; null in any other.
          type: str
        url:
          description: Its address; null without a route.
          type: str
        image:
          description:
            - The image that its tasks run, and of a service without tasks that of its stack.
              C(reference), C(repository) without the registry, C(tags) that ECR has for it, and
              C(digest), null if it isn't known. Null if none is.
          type: dict
        tasks:
          description:
            - How many are C(running), C(desired) and C(pending); null without an ECS service.
          type: dict
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
          description:
            - The deployment that runs, with its C(id) and its numbers of tasks C(running),
              C(desired) and C(failed); or null.
          type: dict
        last_deployment:
          description:
            - The last one, with its C(id), when it was made (C(at)) and ended (C(finished), null
              while it runs), its C(result), which is C(ok), C(running), C(stopped),
              C(rolling back), C(rolled back) or C(failed), the C(reason) that ECS gives, and who
              made it (C(by), null if CloudTrail may not be asked or has nobody). Null if there is
              none.
          type: dict
        alarms:
          description: Its alarms in ALARM, without the name of the stack.
          type: list
          elements: str
    ringing:
      description: An entry for each alarm in ALARM, the platform's own first.
      type: list
      elements: dict
      contains:
        service:
          description: Name of the service; null of an alarm of the platform.
          type: str
        alarm:
          description: Name of the alarm, that of a service without the name of the stack.
          type: str
        since:
          description: When it went to ALARM.
          type: str
    warnings:
      description:
        - What is not as it was asked for, such as a cluster without deletion protection, or a stack
          of the platform's own that failed or is being changed.
      type: list
      elements: str
    left_out:
      description: A sentence for each thing that the caller's policies don't let it ask.
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
