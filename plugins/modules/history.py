#!/usr/bin/python
"""Documentation of the action quayside.fargate.history; the code is in plugins/action."""

from __future__ import annotations

DOCUMENTATION = r"""
module: history
short_description: Tell what became of a service
version_added: 1.1.0
author: The Quayside team (@quayside)
description:
  - Tells the newest operations on a service's stack, and the deployments that ECS was asked for
    without the stack, with what each brought, how long it took, how it ended and why.
  - Goes back as far as AWS tells, which is 90 days for deployments of ECS. What may not be asked,
    such as CloudTrail for who it was, is left out.
extends_documentation_fragment:
  - quayside.fargate.aws
  - quayside.fargate.aws.service
attributes:
  check_mode:
    description: Nothing is changed in either mode.
    support: full
options:
  limit:
    description: How many operations, 1 to 200.
    type: int
    default: 20
  show:
    description: What to print.
    type: str
    choices: [table, json, nothing]
    default: nothing
"""

EXAMPLES = r"""
- name: Say what became of a service
  quayside.fargate.history:
    platform: shop
    service: orders
    show: table
"""

RETURN = r"""
history:
  description: The operations, the newest first.
  type: list
  elements: dict
  returned: success
  contains:
    begun:
      description: When it began, UTC.
      type: str
      sample: "2026-11-29T04:50:12+00:00"
    kind:
      description:
        - C(deployment), C(rollback), C(flip) or C(repair), by the token of the operation; without
          one C(creation), C(update), C(deletion) or C(import), as CloudFormation calls it.
        - C(service deployment) is one of ECS that no operation on the stack brought.
      type: str
    result:
      description: C(succeeded), C(rolled back), C(failed), C(stopped) or C(under way).
      type: str
    seconds:
      description: How long it took; none while it goes on.
      type: float
    revision:
      description: The revision of the task definition that it brought.
      type: str
      sample: shop-orders:7
    image:
      description: The image of that revision.
      type: str
    tags:
      description: What ECR says that image is tagged now.
      type: list
      elements: str
    digest:
      description: The image's digest.
      type: str
    who:
      description: Who began it, by CloudTrail.
      type: str
    why:
      description: What failed.
      type: str
table:
  description: The same as lines.
  type: list
  elements: str
  returned: success
seconds:
  description: Seconds the task took.
  type: float
  returned: always
  sample: 0.9
"""
