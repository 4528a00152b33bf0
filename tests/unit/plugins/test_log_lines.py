"""The last lines of a container's log tell why it ended, and no secret."""

from __future__ import annotations

import string
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.quayside.fargate.plugins.plugin_utils.log_lines import without_secrets

HIDDEN = "(not shown)"
KEY = [
    "-----BEGIN PRIVATE KEY-----",
    "MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgcanary-of-a-key1",
    "canary-of-a-key",
    "-----END PRIVATE KEY-----",
]
NAMES = [
    *("PASSWORD", "db_password", "passphrase", "API_TOKEN", "client-secret", "X-Api-Key", "pwd"),
    *("SENTRY_DSN", "SLACK_WEBHOOK", "salt", "pin", "connection string", "master_key"),
]
LEADS = ["=", ": ", " = ", " => ", "=>", " := ", " -> ", "': '", '" : "', "="]


@pytest.mark.parametrize(
    "line",
    [
        "DB_PASSWORD=canary-1",
        "{'DB_PASSWORD': 'canary-1', 'PORT': '80'}",
        '{"api_key": "canary-1 with more", "port": 80}',
        "password: canary-1",
        "connecting to postgresql://orders:canary-1@db:5432/orders",
        "Authorization: Bearer eyJcanary-1.eyJ0",
        "export AWS_SECRET_ACCESS_KEY='canary-1'",
        "Authorization: Bearer canary-1",
        "authorization => Basic canary-1",
        'curl -H \'Authorization: Digest username="shop", response="canary-1"\'',
        "sent Bearer canary-1 to the bank",
        "Set-Cookie: sid=canary-1; Path=/; HttpOnly",
        "Cookie: theme=dark; sid=canary-1",
        "PASSWORD => canary-1",
        "password canary-1",
        "the password is canary-1",
        "--password canary-1 --user shop",
        "signed with canary-1c0ffee0c0ffee0c0ffee0c0ffee0c0ffee",
        "signed with Canary-1/aB3dE5gH7jK9mN2pQ4rS6tU8vW0xY+z=",
    ],
)
def test_what_a_container_wrote_shows_no_secret(line: str) -> None:
    (shown,) = without_secrets([line])
    assert "canary-1" not in shown.lower()


@given(
    name=st.sampled_from(NAMES),
    lead=st.sampled_from(LEADS),
    secret=st.text(string.ascii_letters + string.digits + "!#$%&*+/<>?@^_~", min_size=4),
    before=st.sampled_from(["", "starting with ", "2026-01-02T03:04:05Z DEBUG ", "{'A': 'b', '"]),
)
def test_what_follows_a_secrets_name_is_not_shown(
    name: str, lead: str, secret: str, before: str
) -> None:
    (shown,) = without_secrets([f"{before}{name}{lead}canary{secret}"])
    assert "canary" not in shown


@pytest.mark.parametrize(
    "line",
    [
        'FATAL: password authentication failed for user "orders_blue"',
        "KeyError: 'DB_HOST'",
        "ModuleNotFoundError: No module named 'secrets_of_mine'",
        'File "/usr/local/lib/python3.13/site-packages/sqlalchemy/engine/base.py", line 145',
        "SyntaxError: Unexpected token '<', line 1",
        "arn:aws:sts::123456789012:assumed-role/shop-Role-AbC123/0123456789abcdef is denied it",
        "no secret arn:aws:secretsmanager:eu-central-1:123456789012:secret:shop/mail-a1B2c3 found",
        "request 3f2504e0-4f89-41d3-9a0c-0305e82c3301 failed",
        "/app/node_modules/express4/lib/router/layer/handle_request failed",
    ],
)
def test_what_a_container_wrote_of_its_failure_shows(line: str) -> None:
    assert without_secrets([line]) == [line]


@pytest.mark.parametrize("cut", [KEY, KEY[:1], KEY[:2], KEY[:3], KEY[1:], KEY[1:2], KEY[2:]])
def test_of_a_key_over_several_lines_none_shows_wherever_it_is_cut(cut: list[str]) -> None:
    assert without_secrets(cut) == [HIDDEN] * len(cut)


def test_what_comes_before_and_after_a_key_shows() -> None:
    shown = without_secrets(["loading", *KEY, "ValueError: expired", *KEY[:2]])
    assert shown == ["loading", *[HIDDEN] * 4, "ValueError: expired", HIDDEN, HIDDEN]


@pytest.mark.parametrize("word", ["password", "a", "1", "A1b-", "cookie", "secret "])
def test_a_line_four_times_as_long_takes_no_sixteen_times_the_work(word: str) -> None:
    def work(size: int) -> float:
        begin = time.process_time()
        without_secrets([word * (size // len(word))])
        return time.process_time() - begin

    short, long = (min(work(size) for _ in range(3)) for size in (20_000, 80_000))
    assert long < 9 * short
