"""What `make up` does: a local AWS that is ready for a platform, and what to type next."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import yaml

from custom_resources.build import BuildError
from examples import local
from local_aws.control import LocalAws
from local_aws.errors import LocalAwsError
from set_up import step

VARIABLES = Path("build/local.yml")
NEXT = """
The local AWS answers at {endpoint}. What to type next:

  source .venv/bin/activate
  eval "$(python -m local_aws env)"
  ansible-playbook playbooks/platform.yml -e @{variables}
  image="$(python -m local_aws push examples/orders orders:1)"
  ansible-playbook examples/orders/deploy.yml -e service_image="$image"
  python -m local_aws url orders.example.com /health
  ansible-playbook playbooks/status.yml -e service_platform=shop
  make down

README.md has the same with what comes back, and goes on with a service of your own."""


def main(arguments: list[str] | None = None) -> int:
    """Start it, unless it runs; return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m examples.up", description=__doc__)
    parser.add_argument("--directory", type=Path, required=True, help="where it keeps everything")
    parser.add_argument("--port", type=int, default=4566, help="of the API")
    options = parser.parse_args(arguments)
    try:
        with step(f"A local AWS in {options.directory}"):
            aws = _running(options.directory) or LocalAws.start(
                options.directory, options.port, attached=False
            )
        with step("Lambda functions in build/functions"):
            local.build_functions()
    except (LocalAwsError, BuildError) as error:
        print(f"\n{error}", file=sys.stderr)
        return 1
    file = local.ROOT / VARIABLES
    why = "# What a platform on this machine's local AWS is given; `make up` writes it.\n"
    file.write_text(f"---\n{why}{yaml.safe_dump(local.VARIABLES, sort_keys=False)}")
    print(NEXT.format(endpoint=aws.environment["AWS_ENDPOINT_URL"], variables=VARIABLES))
    return 0


def _running(directory: Path) -> LocalAws | None:
    try:
        return LocalAws.running(directory)
    except LocalAwsError:
        return None


if __name__ == "__main__":
    sys.exit(main())
