#!/usr/bin/env bash
# The walks: what takes long by nature (tests/walks, and tests marked so elsewhere). Arguments go to pytest.
# WALKS_SECONDS bounds them; what that cuts off stands at the end, by name.
set -euo pipefail
cd "$(dirname "$0")/.."
.venv/bin/python tests/postgres/install.py
exec .venv/bin/python -m pytest --numprocesses 2 --no-loadscope-reorder -m walk --durations 25 --durations-min 1 "$@"
