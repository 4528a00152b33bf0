"""Documentation of the options that every plugin here shares: how AWS is reached."""

from __future__ import annotations


class ModuleDocFragment:
    """The fragments quayside.fargate.aws, and of it service and timeout."""

    DOCUMENTATION = r"""
requirements:
  - botocore >= 1.40.76
options:
  region:
    description: AWS region; without it E(AWS_REGION), E(AWS_DEFAULT_REGION) or the profile's.
    type: str
  profile:
    description: Name of a profile of the AWS configuration; without it E(AWS_PROFILE).
    type: str
  endpoint_url:
    description: Another address for AWS; without it E(AWS_ENDPOINT_URL).
    type: str
"""

    TIMEOUT = r"""
options:
  timeout:
    description: Seconds the task may take. After them it fails; what was begun goes on by itself.
    type: int
    default: 3600
"""

    SERVICE = r"""
options:
  platform:
    description: Name of the platform.
    type: str
    required: true
  service:
    description: Name of the service.
    type: str
    required: true
"""
