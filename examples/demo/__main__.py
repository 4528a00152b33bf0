"""python -m examples.demo: exit status 0 when all of it worked, and nothing left running."""

from __future__ import annotations

import os
import signal
import sys
from types import FrameType
from typing import NoReturn

from examples.demo.demo import run_demo
from examples.demo.steps import StepError


def main() -> int:
    """Run the demo.

    Returns:
        exit status: 0, 1 when a step failed, 128 plus the number of the signal that stopped it.
    """
    signal.signal(signal.SIGINT, _stop)
    signal.signal(signal.SIGTERM, _stop)
    # Only the local AWS is meant, whatever account this shell is set up for.
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        del os.environ[name]
    os.environ |= {"AWS_CONFIG_FILE": os.devnull, "AWS_SHARED_CREDENTIALS_FILE": os.devnull}
    try:
        run_demo()
    except StepError as error:
        print(f"\n{error}", file=sys.stderr)
        return 1
    return 0


def _stop(number: int, _: FrameType | None) -> NoReturn:
    # Once is enough: a second Ctrl-C must not cut the clearing up short.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    print("\nStopping what was started ...", file=sys.stderr)
    sys.exit(128 + number)


if __name__ == "__main__":
    sys.exit(main())
