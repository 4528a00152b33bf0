"""Documentation of the action quayside.fargate.verify."""

from __future__ import annotations

DOCUMENTATION = r"""
module: verify
author: The Quayside team (@quayside)
short_description: Look at what a service's deployment would fail of
version_added: 1.1.0
description:
  - Looks whether the platform's stacks stand, the image is there for the processor of the service's
    tasks, the secrets and parameters of its container are there and its execution role is given
    their keys, the host name is free, the load balancer has room for a rule, and the subnets have
    addresses left. Everything is asked side by side, nothing is changed, and no secret is read.
  - A finding is C(ok), a C(warning) or C(failed). What may not be asked is a warning.
  - docs/permissions/service.json allows every call.
  - playbooks/verify.yml is made of it, and the role service begins with it.
  - Of a service whose option C(state) is C(absent) nothing is asked.
  - Runs inside ansible-playbook on the controller, with botocore.
extends_documentation_fragment:
  - quayside.fargate.aws
attributes:
  check_mode:
    description: Nothing is changed anyway. A platform that isn't there is a warning then.
    support: full
options:
  variables:
    description: Options of the service, as M(quayside.fargate.variables) returns them.
    type: dict
    required: true
  sources:
    description:
      - Stacks that the service's takes values from, each with the words to say if it is missing.
    type: dict
    required: true
  show:
    description: What is printed while the task runs.
    type: str
    choices: [table, json, nothing]
    default: nothing
  refuse:
    description:
      - Whether the task fails if something did. Warnings are then shown as Ansible's own.
    type: bool
    default: false
"""

EXAMPLES = r"""
- name: Look at what a service's deployment would fail of
  quayside.fargate.verify:
    variables: "{{ service.options }}"
    sources: "{{ service.sources }}"
    show: table
"""

RETURN = r"""
counts:
  description: How many findings are C(ok), C(warning) and C(failed).
  type: dict
  returned: always
  sample: {"ok": 6, "warning": 1, "failed": 0}
findings:
  description: What was found, in the table's order.
  type: list
  elements: dict
  returned: always
  contains:
    check:
      description: What was looked at.
      type: str
    result:
      description: C(ok), C(warning) or C(failed).
      type: str
    what:
      description: What was found.
      type: str
    to_do:
      description: What to do about it. Empty if nothing is to be done.
      type: str
verdict:
  description: What failed, with what to do, line by line. Empty if nothing did.
  type: str
  returned: always
table:
  description: The same findings as lines of a table.
  type: list
  elements: str
  returned: always
image:
  description: The image by its digest if it is in ECR. Empty if that isn't known.
  type: str
  returned: always
options:
  description: What the role adds to its options - the versions of the secrets, unless they stay.
  type: dict
  returned: always
seconds:
  description: Seconds the task took.
  type: float
  returned: always
  sample: 0.4
"""
