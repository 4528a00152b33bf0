#!/usr/bin/env bash
# Every test, on a fresh machine; arguments go to pytest. What is skipped, and why, stands at the end.
set -euo pipefail
cd "$(dirname "$0")/.."
.venv/bin/python tests/postgres/install.py
# Three processes on two cores: most tests wait for a server more than they compute.
exec .venv/bin/python -m pytest --numprocesses 3 "$@"
