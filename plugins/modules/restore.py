#!/usr/bin/python
"""Documentation of the action quayside.fargate.restore; the code is in plugins/action."""

from __future__ import annotations

DOCUMENTATION = r"""
module: restore
short_description: Restore the database of one service to a moment
version_added: 1.1.0
author: The Quayside team (@quayside)
description:
  - Makes a second cluster as the platform's was at a moment, lets the service's users in with their
    present passwords, moves the service's database over by a task with pg_dump and pg_restore, and
    removes the second cluster. What was restored stands beside the service's own database, which
    nothing is done to.
  - Gives a database that was restored the name of the service's own, and keeps that one under
    another name; drops either; removes what a restore that failed has left.
  - One of O(moment), O(swap), O(drop) and O(clean) is given. Fails, before anything is made, where
    it isn't possible.
extends_documentation_fragment:
  - quayside.fargate.aws
  - quayside.fargate.aws.service
  - quayside.fargate.aws.timeout
attributes:
  check_mode:
    description: With O(moment) or O(clean) what would change in the stack of the restore.
    support: full
options:
  moment:
    description: When, in UTC to the second, such as V(2026-11-29T10:15:00Z).
    type: str
    default: ""
  image:
    description:
      - With O(moment), an image in ECR with C(sh), C(mktemp), C(pg_dump) and C(pg_restore), the
        latter two as new as the cluster or newer.
    type: str
    default: ""
  swap:
    description:
      - Name of a database that was restored, or kept, that takes the name of the service's own. The
        service must run no task.
    type: str
    default: ""
  drop:
    description: Name of a database that was restored, or kept, that is dropped.
    type: str
    default: ""
  clean:
    description: Whether the stack of a failed restore is deleted, and the second cluster with it.
    type: bool
    default: false
  template:
    description: Path of the template of the second cluster, C(templates/restore.yml).
    type: str
    required: true
"""

EXAMPLES = r"""
- name: Restore a database beside the one that the service has
  quayside.fargate.restore:
    platform: shop
    service: orders
    moment: "2026-11-29T10:15:00Z"
    image: 123456789012.dkr.ecr.eu-central-1.amazonaws.com/postgres:17
    template: "{{ playbook_dir }}/../templates/restore.yml"
"""

RETURN = r"""
database:
  description: Name of the database that was restored.
  type: str
  returned: success, with O(moment)
  sample: orders_at_20261129t101500
kept:
  description: Name that the service's own database is kept under.
  type: str
  returned: success, with O(swap)
  sample: orders_before_20261129t120000
steps:
  description: Seconds that each step took.
  type: dict
  returned: success, with O(moment)
seconds:
  description: Seconds the task took.
  type: float
  returned: always
  sample: 912.1
"""
