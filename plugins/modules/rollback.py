#!/usr/bin/python
"""Documentation of the action quayside.fargate.rollback; the code is in plugins/action."""

from __future__ import annotations

DOCUMENTATION = r"""
module: rollback
short_description: Take a service back to what it ran before
version_added: 1.1.0
author: The Quayside team (@quayside)
description:
  - Updates the service's stack, with the template that it has, so that image, environment, secrets,
    size, port and commands are those of an earlier revision. Everything else stays as the stack has
    it, the database user in use and where the database is too.
  - Leaves a note in the template's metadata, by which the next deployment says that a rollback was
    in between.
  - Changes nothing, and fails, if the revision's image or a secret of it is gone, if another
    operation runs on the stack, if there is nothing to go back to, or if what differs can't be
    taken over; and where M(quayside.fargate.stack) does.
extends_documentation_fragment:
  - quayside.fargate.aws
  - quayside.fargate.aws.service
  - quayside.fargate.aws.timeout
attributes:
  check_mode:
    description: Prints what would change in the stack, and leaves it as it is.
    support: full
options:
  revision:
    description:
      - Number of the revision of the service's task definition to go back to, such as V(7).
      - Not given, it is the last one whose deployment succeeded and that differs from what runs in
        more than the database user; after a rollback, of those before the one that it went back to.
    type: str
    default: ""
"""

EXAMPLES = r"""
- name: Take a service back to what it ran before
  quayside.fargate.rollback:
    platform: shop
    service: orders

- name: Take it back to a revision
  quayside.fargate.rollback:
    platform: shop
    service: orders
    revision: "7"
"""

RETURN = r"""
from:
  description: The revision that ran.
  type: str
  returned: success
  sample: shop-orders:8
to:
  description: The revision that was gone back to.
  type: str
  returned: success
  sample: shop-orders:7
undone:
  description: What changed, in words that hold no value of a variable or secret.
  type: list
  elements: str
  returned: success
status:
  description: Status of the service's stack.
  type: str
  returned: if something changed
  sample: UPDATE_COMPLETE
outputs:
  description: The stack's outputs.
  type: dict
  returned: if something changed
seconds:
  description: Seconds the task took.
  type: float
  returned: always
  sample: 12.1
"""
