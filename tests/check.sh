#!/usr/bin/env bash
# What a commit needs, in under 90 seconds on two quiet cores: what linters say of the code and of the templates that are
# changed, the unit tests (with fewer random examples), and the quickest tests on real servers. Arguments go to pytest.
set -euo pipefail
cd "$(dirname "$0")/.."
BIN=.venv/bin
QUICKEST=(
  tests/integration/custom_resources/test_password.py
  tests/integration/custom_resources/test_listener_priority.py
  tests/integration/local_aws/test_change_sets.py
  tests/integration/plugins/test_image_digest.py
)
$BIN/ruff check --quiet .
$BIN/ruff format --quiet --check .
$BIN/yamllint --strict .
mapfile -t templates < <(git diff --name-only --diff-filter=d HEAD -- 'templates/*.yml')
[ ${#templates[@]} = 0 ] || $BIN/cfn-lint "${templates[@]}"
$BIN/mypy
exec $BIN/python -m pytest --quiet --numprocesses 2 --no-loadscope-reorder -m "not walk" --hypothesis-profile quick \
  --durations 10 --durations-min 1 tests/unit examples/orders/tests "${QUICKEST[@]}" "$@"
