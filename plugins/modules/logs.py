#!/usr/bin/python
"""Documentation of the action quayside.fargate.logs; the code is plugins/action/logs.py."""

from __future__ import annotations

DOCUMENTATION = r"""
module: logs
short_description: Show the log of a service
version_added: 1.1.0
author: The Quayside team (@quayside)
description:
  - Reads the last lines that the tasks of a service wrote, those that stopped too, in order of
    time; and goes on with those to come if it is asked to.
  - Control characters don't reach a terminal. What an application wrote is shown as it stands, but
    for what a data protection policy of the log group masks.
  - Fails if there is no such platform, service or task, or the filter pattern is malformed.
extends_documentation_fragment:
  - quayside.fargate.aws
  - quayside.fargate.aws.service
attributes:
  check_mode:
    description: Changes nothing, and does the same in check mode.
    support: full
options:
  tail:
    description: How many of the last lines, 1 to 10,000.
    type: int
    default: 100
  filter:
    description: A filter pattern of CloudWatch Logs; only lines that fit it are shown.
    type: str
    default: ''
  since:
    description:
      - From when on. A time ago, such as C(10m), C(2h) or C(3d), or a time of ISO 8601, of UTC if
        it doesn't say where.
    type: str
    default: 1h
  end:
    description: Until when, as O(since); not given, until now.
    type: str
    default: ''
  task:
    description: Id of one task, or at least its first 6 characters. Not given, all of them.
    type: str
    default: ''
  follow:
    description: Whether to go on with the lines to come.
    type: bool
    default: false
  follow_seconds:
    description: For how many seconds, at most 86,400.
    type: int
    default: 600
  show:
    description: How to print the lines at once, besides the result. C(json) is one document a line.
    type: str
    choices: [table, json, nothing]
    default: nothing
"""

EXAMPLES = r"""
- name: Show the errors of the last two hours
  quayside.fargate.logs:
    platform: shop
    service: orders
    filter: '{ $.level = "error" }'
    since: 2h
    show: table
"""

RETURN = r"""
lines:
  description: The lines, without those that O(follow) brought.
  type: list
  elements: dict
  returned: success
  contains:
    time:
      description: When it was written, in UTC.
      type: str
      sample: '2026-11-29T04:30:00.123Z'
    task:
      description: Id of the task that wrote it.
      type: str
    container:
      description: Name of its container that wrote it.
      type: str
      sample: app
    message:
      description: What it wrote.
      type: str
left_out:
  description: Whether there are older lines, or AWS had more to look through.
  type: bool
  returned: success
seconds:
  description: Seconds the task took.
  type: float
  returned: always
  sample: 0.4
"""
