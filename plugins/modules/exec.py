#!/usr/bin/python
"""Documentation of the action quayside.fargate.exec; the code is plugins/action/exec.py."""

from __future__ import annotations

DOCUMENTATION = r"""
module: exec
short_description: Say how a shell in a container is opened
version_added: 1.1.0
author: The Quayside team (@quayside)
description:
  - Looks at all that ECS Exec needs, picks a task of a service, and returns the command of the AWS
    CLI that opens the shell. Opens none itself.
  - Fails with what is in the way. It is off for the service or was when the task began, the file
    system is read-only, the agent doesn't run, no task runs, or a program isn't installed.
extends_documentation_fragment:
  - quayside.fargate.aws
  - quayside.fargate.aws.service
attributes:
  check_mode:
    description: Changes nothing, and does the same in check mode.
    support: full
options:
  task:
    description:
      - Id of a task that runs, or at least its first 6 characters. Not given, the newest one that
        can be entered.
    type: str
    default: ''
  command:
    description: What runs in the container. No shell reads it, unless it is one.
    type: str
    default: /bin/sh
  check_programs:
    description: Whether the AWS CLI and its Session Manager plugin must be on the path here.
    type: bool
    default: true
  show:
    description: What to print at once, besides the result.
    type: str
    choices: [table, json, nothing]
    default: nothing
"""

EXAMPLES = r"""
- name: Print the command that opens a shell
  quayside.fargate.exec:
    platform: shop
    service: orders
    show: table
"""

RETURN = r"""
command:
  description: What to type, quoted for a POSIX shell.
  type: str
  returned: success
  sample: aws ecs execute-command --cluster shop --task 3f2a9c1d --container app --interactive
task:
  description: Id of the task.
  type: str
  returned: success
log_group:
  description: Log group in which the cluster keeps what is typed and shown; empty if in none.
  type: str
  returned: success
key:
  description: ARN of the KMS key that encrypts the connection; empty without one.
  type: str
  returned: success
seconds:
  description: Seconds the task took.
  type: float
  returned: always
  sample: 0.4
"""
