#!/usr/bin/python
"""Documentation of the action quayside.fargate.rotation; the code is plugins/action/rotation.py."""

from __future__ import annotations

DOCUMENTATION = r"""
module: rotation
short_description: Rotate the database users of one service, or cancel a flip
version_added: 1.0.0
author: The Quayside team (@quayside)
description:
  - Has Secrets Manager rotate the idle one of a service's two database users, and waits until the
    platform's activation has moved the service to it. Prints what the functions and the stack say
    while they say it.
  - Waits first until nothing uses the idle user, as after a deployment, so that the rotation isn't
    refused. Goes on with a rotation that was begun and not finished.
  - When the rotation is refused or the flip is rolled back, it fails with the reason. Nothing is
    denied then, the user that was active stays so.
extends_documentation_fragment:
  - quayside.fargate.aws
  - quayside.fargate.aws.service
  - quayside.fargate.aws.timeout
attributes:
  check_mode:
    description: Is skipped in check mode.
    support: none
options:
  all:
    description:
      - Whether both users are rotated, one after the other, waiting for the old tasks' end in
        between, so that no password from before is valid; the same user is active in the end.
    type: bool
    default: false
  abort:
    description:
      - Whether a flip under way is cancelled instead (CancelUpdateStack), so that the stack goes
        back to the user that it had. It leaves every other operation alone.
    type: bool
    default: false
"""

EXAMPLES = r"""
- name: Rotate the idle user and move the service to it
  quayside.fargate.rotation:
    platform: shop
    service: orders

- name: Rotate both users after a password has leaked
  quayside.fargate.rotation:
    platform: shop
    service: orders
    all: true

- name: Cancel a flip whose tasks don't come up
  quayside.fargate.rotation:
    platform: shop
    service: orders
    abort: true
"""

RETURN = r"""
active_user:
  description: The user that the service logs in with now.
  type: str
  returned: success
  sample: green
rotated:
  description: Seconds from the begin of its rotation until the service had moved to it, by user.
  type: dict
  returned: success
  sample: {green: 41.7}
status:
  description: Status of the service's stack.
  type: str
  returned: success
  sample: UPDATE_COMPLETE
seconds:
  description: Seconds the task took.
  type: float
  returned: always
  sample: 42.1
"""
