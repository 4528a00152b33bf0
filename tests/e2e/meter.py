"""New logins and requests without pause, none of which may fail."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

from tests.e2e.denial_meter import DenialMeter, Target
from tests.e2e.rotating import Rotating
from tests.e2e.traffic import traffic_on

FEWEST_LOGINS = 50  # a block lasts for seconds, in each of which dozens fit


@contextmanager
def nobody_is_denied(service: Rotating, path: str) -> Iterator[dict[str, int]]:
    """Log in with what tasks hold, and call the service, as long as the block lasts.

    What it yields tells afterwards how many ``logins`` and ``requests`` there were, and of these
    ``logins_denied`` and ``requests_lost``, also if it fails for them.

    Args:
        service: with a database.
        path: that it answers with 200.
    """
    environment = service.platform.aws.environment
    target = Target(
        database=service.name,
        port=service.platform.outputs("shop-rds")["DatabasePort"],
        cluster="shop",
        service=service.name,
        client={
            "endpoint_url": environment["AWS_ENDPOINT_URL"],
            "region_name": environment["AWS_REGION"],
            "aws_access_key_id": environment["AWS_ACCESS_KEY_ID"],
            "aws_secret_access_key": environment["AWS_SECRET_ACCESS_KEY"],
        },
    )
    meter = DenialMeter(target, time.time())
    with meter, traffic_on(service.platform, service.name, path) as traffic:
        service.eventually(lambda: meter.attempts, "the meter measures")
        counted: dict[str, int] = {}
        yield counted
    logins = meter.tally.attempts.total()
    counted |= {
        "logins": logins,
        "logins_denied": meter.tally.denied.total(),
        "requests": traffic.sent,
        "requests_lost": traffic.failed,
    }
    print(f"{logins} logins, {traffic.sent} requests")
    assert not meter.tally.denied
    assert traffic.failures == []
    assert logins > FEWEST_LOGINS
