"""A stack brought to its wanted state: what the action quayside.fargate.stack does."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ansible_collections.quayside.fargate.plugins.plugin_utils import (
    artifacts,
    aws,
    changes,
    fixed,
