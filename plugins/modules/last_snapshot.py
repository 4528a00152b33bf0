#!/usr/bin/python
"""Documentation of the action quayside.fargate.last_snapshot; the code is in plugins/action."""

from __future__ import annotations

DOCUMENTATION = r"""
module: last_snapshot
short_description: Take a snapshot before a service's database is dropped
version_added: 1.1.0
author: The Quayside team (@quayside)
description:
  - If the deletion of a service's stack drops its database, takes a manual snapshot of the cluster,
    waits until it is available, and sees that it is of that cluster and newer than the request.
    Fails if there is none, before anything is deleted.
  - The snapshot is of the whole cluster, with the databases of all its services. It stays until
    somebody deletes it.
extends_documentation_fragment:
  - quayside.fargate.aws
  - quayside.fargate.aws.service
  - quayside.fargate.aws.timeout
attributes:
  check_mode:
    description: Takes no snapshot, and says whether it would.
    support: full
"""

EXAMPLES = r"""
- name: Take a snapshot before the database is dropped
  quayside.fargate.last_snapshot:
    platform: shop
    service: orders
"""

RETURN = r"""
snapshot:
  description: Identifier of the snapshot; empty if no database is dropped, and in check mode.
  type: str
  returned: success
  sample: shop-orders-drop-20261129113000
seconds:
  description: Seconds the task took.
  type: float
  returned: always
  sample: 300.5
"""
