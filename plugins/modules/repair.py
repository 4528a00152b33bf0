#!/usr/bin/python
"""Documentation of the action quayside.fargate.repair; the code is in plugins/action."""

from __future__ import annotations

DOCUMENTATION = r"""
module: repair
short_description: Make the database of a service and its secrets agree again
version_added: 1.1.0
author: The Quayside team (@quayside)
description:
  - Updates the service's stack so that users and rights in its database are looked after, and each
    user whom the current version of its secret doesn't let in gets that password. Nothing is
    rotated.
  - Prints what was found. Fails if something is left to be done, if the service has no database,
    and where M(quayside.fargate.stack) does.
extends_documentation_fragment:
  - quayside.fargate.aws
  - quayside.fargate.aws.service
  - quayside.fargate.aws.timeout
attributes:
  check_mode:
    description: Prints what would change in the stack.
    support: full
options:
  ownership:
    description:
      - The service's name again, to have what belongs to others in its database given to the
        service's owner role.
    type: str
    default: ""
"""

EXAMPLES = r"""
- name: Make database and secrets agree again after a restore
  quayside.fargate.repair:
    platform: shop
    service: orders
"""

RETURN = r"""
outputs:
  description: The stack's outputs; C(Repaired) is what was found.
  type: dict
  returned: success
status:
  description: Status of the service's stack.
  type: str
  returned: success
  sample: UPDATE_COMPLETE
seconds:
  description: Seconds the task took.
  type: float
  returned: always
  sample: 12.1
"""
