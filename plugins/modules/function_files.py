#!/usr/bin/python
"""Documentation of the action quayside.fargate.function_files; the code is in plugins/action."""

from __future__ import annotations

DOCUMENTATION = r"""
module: function_files
short_description: Find the zips of the Lambda functions
version_added: 1.1.0
author: The Quayside team (@quayside)
description:
  - Returns where the build put the zip of each function.
  - Fails if the functions are not built for that runtime and architecture. AWS isn't asked.
attributes:
  check_mode:
    description: Changes nothing, and does the same in check mode.
    support: full
options:
  directory:
    description: Where the functions were built.
    type: path
    required: true
  runtime:
    description: Lambda runtime that they were built for.
    type: str
    required: true
  architecture:
    description: Processor that they were built for.
    type: str
    required: true
  variable_prefix:
    description: Prefix of the role's variables that name these, for the message of a failure.
    type: str
    required: true
"""

EXAMPLES = r"""
- name: Find the functions' zips
  quayside.fargate.function_files:
    directory: build/functions
    runtime: python3.13
    architecture: arm64
    variable_prefix: support
  register: functions
"""

RETURN = r"""
files:
  description: Path of each function's zip, by the function's name.
  type: dict
  returned: success
  sample: {password: build/functions/python3.13-arm64/password-acc7fd4c118083c6.zip}
seconds:
  description: Seconds the task took.
  type: float
  returned: always
  sample: 0.2
"""
