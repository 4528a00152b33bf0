"""Every function answers a ping, and does nothing else for it."""

from __future__ import annotations

import importlib
import socket

import boto3
import pytest

from custom_resources.build import FUNCTIONS
from tests.integration.custom_resources.isolation import HANDLERS


def test_every_function_has_a_handler_to_ping() -> None:
    assert set(HANDLERS) == set(FUNCTIONS)


@pytest.mark.parametrize("function", sorted(FUNCTIONS))
def test_a_ping_is_answered_without_client_connection_or_context(
    function: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    module, _, name = HANDLERS[function].rpartition(".")
    handler = getattr(importlib.import_module(module), name)
    monkeypatch.setattr(boto3, "client", lambda service, **_: pytest.fail(f"client of {service}"))
    monkeypatch.setattr(socket.socket, "connect", lambda *_: pytest.fail("connected"))

    assert handler({"quayside": "ping"}, None) == {"quayside": "pong"}
