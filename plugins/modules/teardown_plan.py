#!/usr/bin/python
"""Documentation of the action quayside.fargate.teardown_plan; see plugins/action."""

from __future__ import annotations

DOCUMENTATION = r"""
module: teardown_plan
short_description: Find which stacks go with a platform, and in which order
version_added: 1.1.0
author: The Quayside team (@quayside)
description:
  - Lists a platform's stacks in the order of their deletion. A stack is the platform's if its
    parameter C(Platform) says so; what a change set left that was never executed is by its name,
    unless another platform would call one of its stacks so.
  - Fails if the run isn't confirmed, and if a stack of the platform has a name that no role gives,
    since CloudFormation would refuse to delete what it stands on.
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
  confirm:
    description: The same name again.
    type: str
    default: ""
  delete_data:
    description: The same name again if the data are to go too.
    type: str
    default: ""
"""

EXAMPLES = r"""
- name: Find the platform's stacks
  quayside.fargate.teardown_plan:
    platform: shop
    confirm: shop
  register: plan
"""

RETURN = r"""
platform:
  description: Name of the platform.
  type: str
  returned: success
delete_data:
  description: Whether the data go too.
  type: bool
  returned: success
services:
  description: The stacks of services, and what stands on the databases beside them.
  type: list
  elements: str
  returned: success
  sample: [shop-service-orders, shop-rotation]
protected:
  description: The stacks whose resources may be protected against deletion.
  type: list
  elements: str
  returned: success
  sample: [shop-load-balancer-public, shop-rds]
unprotect:
  description: Those of them that take the update that lifts the protection.
  type: list
  elements: str
  returned: success
foundations:
  description: The stacks that the others stood on.
  type: list
  elements: str
  returned: success
  sample: [shop-deployment-all, shop-cluster, shop-support, shop-network]
bucket:
  description: The artifacts bucket that the platform made, an empty text if it isn't there.
  type: str
  returned: success
key:
  description: ARN of the databases' key, empty if no stack tells it.
  type: str
  returned: success
platforms:
  description: All the platforms that there are.
  type: list
  elements: str
  returned: success
seconds:
  description: Seconds the task took.
  type: float
  returned: always
  sample: 0.4
"""
