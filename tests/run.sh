#!/usr/bin/env bash
# Every test, on a fresh machine; arguments go to pytest. What is skipped, and why, stands at the end.
set -euo pipefail
cd "$(dirname "$0")/.."
.venv/bin/python tests/postgres/install.py
exec .venv/bin/python -m pytest "$@"
