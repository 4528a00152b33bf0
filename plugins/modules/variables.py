#!/usr/bin/python
"""Documentation of the action quayside.fargate.variables (plugins/action/variables.py)."""

from __future__ import annotations

DOCUMENTATION = r"""
module: variables
short_description: Check the variables of a role or playbook, and return them typed
version_added: 1.1.0
author: The Quayside team (@quayside)
description:
  - Reads the variables that the task sees, holds them against a role's argument specs or against
    O(options), and returns a value of the right type for each.
  - A text of the command line (C(-e)) and a value of YAML come out the same. What a conversion
    would alter is refused, so is an unknown variable with the role's prefix; the task's message is
    one line a variable, and never holds a value of an environment or a secret.
  - Calls nothing in AWS. The result isn't shown, with C(-v) neither.
attributes:
  check_mode:
    description: The same, since it changes nothing.
    support: full
  diff_mode:
    description: There is nothing to show.
    support: none
options:
  role:
    description: Name of the role whose variables are checked.
    type: str
  playbook:
    description: Name of the playbook, for messages, whose O(options) are checked.
    type: str
  options:
    description: Variables of the playbook as argument specs have them, by their names.
    type: dict
    default: {}
  template:
    description:
      - Path of a template whose parameters take O(options) of the same names (V(vpc_id) is
        C(VpcId)). A role's own template is one of its variables.
    type: str
  roles:
    description:
      - Roles whose variables are checked as well, those of a playbook's later steps. One that lacks
        what it needs is left to itself.
    type: list
    elements: str
    default: []
  named_in:
    description:
      - Roles whose variables the playbook takes some of, as they are set for the role itself. Their
        names and types are checked.
    type: list
    elements: str
    default: []
"""

EXAMPLES = r"""
- name: Check a role's variables
  quayside.fargate.variables:
    role: service
  register: _service_checked

- name: Check a playbook's variables
  quayside.fargate.variables:
    playbook: platform
    options:
      platform: {type: str, required: true, description: Name of the platform.}
      vpc_id: {type: str, default: ""}
    roles: [network, support]
  register: _checked
"""

RETURN = r"""
options:
  description: Every variable that has a value, typed, by its name without the role's prefix.
  type: dict
  returned: success
  sample: {memory: 512, route: true}
given:
  description: Names of the variables that somebody set.
  type: list
  elements: str
  returned: success
  sample: [service_memory, service_name]
parameters:
  description: Parameters of the role's template that the values decide otherwise than by name.
  type: dict
  returned: success
  sample: {NetworkStack: shop-network}
initial_parameters:
  description: Those that the role's stack is created with, and that others change later.
  type: dict
  returned: success
  sample: {ActiveUser: green}
overlay:
  description: What is laid over the role's template.
  type: dict
  returned: success
termination_protection:
  description: Whether the role's stack is protected, null if that stays as it is.
  type: bool
  returned: success
beside:
  description: Options C(given) and C(parameters_from) of the stack that stands beside a service's.
  type: dict
  returned: success
sources:
  description:
    - Names of the stacks that the role's stack takes values from, with what to say of one that
      is missing.
  type: dict
  returned: success
  sample: {shop-support: There is no platform shop.}
"""
