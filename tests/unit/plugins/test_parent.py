"""A worker whose ansible-playbook is gone: real processes, and a botocore that finds no AWS."""

from __future__ import annotations

import json
import multiprocessing
import os
import time
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.quayside.fargate.plugins.plugin_utils import aws, parent
from ansible_collections.quayside.fargate.plugins.plugin_utils.errors import StackError

FORK = multiprocessing.get_context("fork")
NOWHERE = "http://127.0.0.1:9"
CALLS: dict[str, dict[str, Any]] = {
    "cloudformation execute_change_set": {"ChangeSetName": "c", "StackName": "s"},
    "cloudformation create_change_set": {"ChangeSetName": "c", "StackName": "s"},
    "cloudformation update_termination_protection": {
        "StackName": "s",
        "EnableTerminationProtection": False,
    },
    "s3 put_object": {"Bucket": "b", "Key": "k", "Body": b""},
    "secretsmanager rotate_secret": {"SecretId": "s"},
    "cloudformation describe_stacks": {},
}


def attempt(call: str) -> str:
    """Return what became of a call."""
    service, operation = call.split()
    client = aws.Account("eu-central-1", None, NOWHERE).client(service)
    client.meta.events.register("before-send", lambda **_: (_ for _ in ()).throw(OSError("sent")))
    try:
        getattr(client, operation)(**CALLS[call])
    except (StackError, OSError, *aws.AwsError) as error:
        return str(error)
    return "answered"


def orphan(path: Path, worker_of: int) -> None:
    """Wait until the parent is gone, and write down what becomes of each call."""
    while os.getppid() == worker_of:
        time.sleep(0.01)
    told = {call: attempt(call) for call in CALLS}
    with parent.tidying():
        told["tidying"] = attempt("cloudformation execute_change_set")
    written = path.with_suffix(".new")
    written.write_text(json.dumps(told))
    written.rename(path)


def leave_an_orphan(path: Path) -> None:
    """End at once, and leave a worker behind."""
    FORK.Process(target=orphan, args=(path, os.getpid())).start()
    os._exit(0)


@pytest.fixture
def told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """What an orphan's calls come to, by the call."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "a")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "b")
    path = tmp_path / "told.json"
    started = FORK.Process(target=leave_an_orphan, args=(path,))
    started.start()
    started.join()
    deadline = time.monotonic() + 30
    while not path.exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    return dict(json.loads(path.read_text()))


def test_an_orphan_sends_nothing_that_changes_anything_whatever_the_service(
    told: dict[str, str],
) -> None:
    for call in list(CALLS)[:-1]:
        assert "is gone, so nothing more is sent to AWS" in told[call], f"{call}: {told[call]}"
    assert "is gone" not in told["cloudformation describe_stacks"], "it may look"


def test_an_orphan_may_take_away_what_its_run_has_left_behind(told: dict[str, str]) -> None:
    assert "is gone" not in told["tidying"]
