"""Documentation of the action quayside.fargate.doctor."""

from __future__ import annotations

DOCUMENTATION = r"""
module: doctor
author: The Quayside team (@quayside)
short_description: Look at an AWS account before the first platform
version_added: 1.1.0
description:
  - Looks whether a platform, and a service on it, can be deployed - credentials and rights, quotas,
    service-linked roles, availability zones, the database's engine, certificate, hosted zone and
    image. Everything is asked side by side, and nothing is changed.
  - A finding is C(ok), a C(warning) or C(failed). What may not be asked is a warning. The task
    itself fails for none of them; RV(verdict) names those that failed.
  - docs/permissions/doctor.json allows every call.
  - playbooks/doctor.yml is made of it.
  - Runs inside ansible-playbook on the controller, with botocore.
extends_documentation_fragment:
  - quayside.fargate.aws
attributes:
  check_mode:
    description: Nothing is changed anyway.
    support: full
options:
  platform:
    description: Name of the platform.
    type: str
    required: true
  vpc_id:
    description: A VPC of your own. Empty means that the platform makes one.
    type: str
    default: ""
  zone_count:
    description: Number of availability zones of the platform's network.
    type: int
    default: 2
  availability_zones:
    description: Their names. Empty takes the region's first ones.
    type: list
    elements: str
    default: []
  nat_gateways:
    description: NAT gateways of the platform's network.
    type: str
    choices: [none, single, per-zone]
    default: single
  engine_version:
    description: Version of Aurora PostgreSQL. Empty takes the template's.
    type: str
    default: ""
  instance_class:
    description: Class of the database's instances. Empty takes the template's.
    type: str
    default: ""
  certificate_arn:
    description: Certificate of the load balancer. Empty means plain HTTP.
    type: str
    default: ""
  hosted_zone_id:
    description: Hosted zone of a service. Empty means none.
    type: str
    default: ""
  host_name:
    description: Name of a service's host, which certificate and hosted zone must fit.
    type: str
    default: ""
  image:
    description: Image of a service. Empty looks at none.
    type: str
    default: ""
  permissions:
    description: Whose rights are held against docs/permissions.
    type: str
    choices: [platform, service]
    default: platform
  show:
    description: What is printed while the task runs.
    type: str
    choices: [table, json, nothing]
    default: nothing
"""

EXAMPLES = r"""
- name: Look at the account
  quayside.fargate.doctor:
    platform: shop
    certificate_arn: arn:aws:acm:eu-central-1:123456789012:certificate/0a1b2c3d
    show: table
"""

RETURN = r"""
counts:
  description: How many findings are C(ok), C(warning) and C(failed).
  type: dict
  returned: always
  sample: {"ok": 17, "warning": 2, "failed": 0}
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
  description: A sentence that names what failed. Empty if nothing did.
  type: str
  returned: always
table:
  description: The same as lines of a table.
  type: list
  elements: str
  returned: always
seconds:
  description: Seconds the task took.
  type: float
  returned: always
  sample: 2.4
"""
