#!/usr/bin/python
"""Documentation of the action quayside.fargate.artifacts_bucket; the code is in plugins/action."""

from __future__ import annotations

DOCUMENTATION = r"""
module: artifacts_bucket
short_description: Say which bucket a platform's artifacts go into
version_added: 1.1.0
author: The Quayside team (@quayside)
description:
  - Names the bucket after platform, account and region, unless one is named; returns the policy
    that keeps the platform's own bucket to its account and to TLS.
  - Fails if no region is known, and if the platform has another bucket and the variable that named
    it was forgotten.
extends_documentation_fragment:
  - quayside.fargate.aws
attributes:
  check_mode:
    description: Doesn't look which bucket the platform has, since the stack's own task tells it.
    support: full
options:
  platform:
    description: Name of the platform.
    type: str
    required: true
  named:
    description: A bucket of one's own. Of it nothing is asked.
    type: str
    default: ""
  given:
    description: Variables that somebody gave.
    type: list
    elements: str
    default: []
  allow:
    description: Variables that may fall back.
    type: list
    elements: str
    default: []
"""

EXAMPLES = r"""
- name: Name the bucket
  quayside.fargate.artifacts_bucket:
    platform: shop
  register: bucket
"""

RETURN = r"""
name:
  description: Name of the bucket.
  type: str
  returned: success
  sample: shop-artifacts-123456789012-eu-central-1
own:
  description: Whether it is the platform's own, which the role makes.
  type: bool
  returned: success
policy:
  description: The bucket's policy, empty for one that isn't the platform's own.
  type: dict
  returned: success
region:
  description: The region, empty if none is known.
  type: str
  returned: success
  sample: eu-central-1
seconds:
  description: Seconds the task took.
  type: float
  returned: always
  sample: 0.2
"""
