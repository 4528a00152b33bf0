#!/usr/bin/python
"""Documentation of the action quayside.fargate.summary; the code is plugins/action/summary.py."""

from __future__ import annotations

DOCUMENTATION = r"""
module: summary
short_description: Say what to use of what was deployed
version_added: 1.1.0
author: The Quayside team (@quayside)
description:
  - Prints rows of a name and a text, at the end of a playbook. It asks nobody.
attributes:
  check_mode:
    description: Prints nothing, since nothing was deployed.
    support: full
options:
  rows:
    description:
      - The rows, each with C(name) and C(use), which is a text, a list of texts,
        or a map of texts by their names.
        Those that are empty are left out.
    type: list
    elements: dict
    required: true
"""

EXAMPLES = r"""
- name: Say what to use
  quayside.fargate.summary:
    rows:
      - {name: url, use: "{{ deployed.outputs.Url | default('') }}"}
      - name: shop-rds
        use: {host: "{{ rds.outputs.DatabaseHost }}", port: "{{ rds.outputs.DatabasePort }}"}
"""

RETURN = r"""
table:
  description: The lines.
  type: list
  elements: str
  returned: success
  sample: ["url  https://orders.example.org/"]
seconds:
  description: Seconds the task took.
  type: float
  returned: always
  sample: 0.1
"""
