"""A mail of the alarm topic about a service, and the command in it."""

from __future__ import annotations

import shlex
import time
from collections.abc import Iterator
from typing import Any

import pytest

from tests.e2e.platform import Platform
from tests.mailbox import Mailbox

PATIENCE = 30  # seconds


@pytest.fixture
def mailbox(platform: Platform) -> Iterator[Mailbox]:
    """What the alarm topic's subscribers get."""
    topic = platform.outputs("shop-support")["AlarmTopicArn"]
    made = Mailbox(platform.aws, topic, "mailbox")
    yield made
    made.close()


@pytest.fixture
def noticed(platform: Platform, hello_image: str) -> Iterator[dict[str, Any]]:
    """The variables of a service, which is deleted afterwards."""
    service = platform.service("noticed", hello_image, service_database=False)
    yield service
    platform.play("playbooks/service.yml", **service, service_state="absent")


def mails(mailbox: Mailbox, service: str, count: int) -> list[str]:
    """The texts about a service, once there are so many; that no more come than there should, the
    test beside the template holds (tests/integration/templates/test_notices.py)."""
    found = list[str]()
    until = time.monotonic() + PATIENCE
    while len(found) < count and time.monotonic() < until:
        texts = [it["Message"] for it in mailbox.take()]
        found += [it for it in texts if f"service {service} of shop" in it]
        time.sleep(0.2)
    assert len(found) == count, found
    return found


def test_what_a_notice_tells_to_type_shows_what_the_task_wrote(
    platform: Platform, mailbox: Mailbox, noticed: dict[str, Any], crash_image: str
) -> None:
    platform.play("playbooks/service.yml", **noticed)
    platform.play_in_vain("playbooks/service.yml", **noticed | {"service_image": crash_image})
    for text in mails(mailbox, "noticed", 2):
        (command,) = [it for it in text.split("\n") if it.startswith("ansible-playbook ")]
        _, playbook, *options = shlex.split(command)
        variables = dict(it.split("=", 1) for it in options if it != "-e")
        assert "crash: this image always fails" in platform.play(playbook, **variables)
