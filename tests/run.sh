#!/usr/bin/env bash
# Every test but the walks, on a fresh machine; arguments go to pytest. What is skipped, and why, stands at the end,
# and what took longest. Three areas run beside each other (tests/conftest.py), each with servers of its own: each waits
# for its servers about a third of its time.
set -euo pipefail
cd "$(dirname "$0")/.."
.venv/bin/python tests/postgres/install.py
exec .venv/bin/python -m pytest --numprocesses 3 --no-loadscope-reorder -m "not walk" \
  --durations 25 --durations-min 1 "$@"
