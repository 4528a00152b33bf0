#!/usr/bin/env bash
# Every test but the walks, on a fresh machine; arguments go to pytest. What is skipped, and why, stands at the end.
# Two areas run beside each other (tests/conftest.py); each starts servers of its own.
set -euo pipefail
cd "$(dirname "$0")/.."
.venv/bin/python tests/postgres/install.py
exec .venv/bin/python -m pytest --numprocesses 2 --no-loadscope-reorder -m "not walk" "$@"
