"""The action quayside.fargate.logs against CloudWatch Logs of a local AWS."""

from __future__ import annotations

import json
import re
import signal
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from local_aws.control import LocalAws
from tests.integration.plugins.support import Playbooks, Run

sys.path.insert(0, str(Path(__file__).parents[3] / "collections"))
from ansible_collections.quayside.fargate.plugins.plugin_utils import service_log
from ansible_collections.quayside.fargate.plugins.plugin_utils.log_query import Query

STACK, GROUP = "shop-service-quiet", "/shop/quiet"
OLD, NEW = "a1a1a1a1" + "0" * 24, "b2b2b2b2" + "0" * 24
TWIN = "b2b2b2b2" + "1" * 24
TEMPLATE = {
    "Resources": {
        "LogGroup": {"Type": "AWS::Logs::LogGroup", "Properties": {"LogGroupName": GROUP}},
    },
    "Outputs": {"LogGroupName": {"Value": {"Ref": "LogGroup"}}},
}


class Log:
    """The log of a service without tasks, into which a test writes."""

    def __init__(self, client: Any) -> None:
        self.client = client
        self.now = int(time.time() * 1000)

    def write(
        self, task: str, *texts: str, ago: float = 0, apart: int = 1000, container: str = "app"
    ) -> None:
        """Write lines of a task, so many milliseconds apart, so many seconds before the test."""
        stream = {"logGroupName": GROUP, "logStreamName": f"app/{container}/{task}"}
        if not self.client.describe_log_streams(
            logGroupName=GROUP, logStreamNamePrefix=stream["logStreamName"]
        )["logStreams"]:
            self.client.create_log_stream(**stream)
        start = self.now - int(ago * 1000) if ago else int(time.time() * 1000)
        events = [{"timestamp": start + n * apart, "message": it} for n, it in enumerate(texts)]
        self.client.put_log_events(**stream, logEvents=events)


@pytest.fixture
def log(aws: LocalAws, cloudformation: Any) -> Iterator[Log]:
    cloudformation.create_stack(StackName=STACK, TemplateBody=json.dumps(TEMPLATE))
    cloudformation.get_waiter("stack_create_complete").wait(
        StackName=STACK, WaiterConfig={"Delay": 0.1}
    )
    yield Log(aws.client("logs"))
    cloudformation.delete_stack(StackName=STACK)


@pytest.fixture
def silent(playbooks: Playbooks) -> Playbooks:
    """Runs whose standard output is for what was asked for alone."""
    return playbooks.with_environment(
        ANSIBLE_STDOUT_CALLBACK="quayside.fargate.silent", ANSIBLE_VERBOSITY="0"
    )


def shown(silent: Playbooks, **options: Any) -> Run:
    return silent.task(
        {"quayside.fargate.logs": {"platform": "shop", "service": "quiet", **options}}
    )


def messages(run: Run) -> list[str]:
    assert run.code == 0, run.output
    return [line["message"] for line in run.result["lines"]]


def test_lines_of_all_tasks_come_in_order_of_time(silent: Playbooks, log: Log) -> None:
    log.write(OLD, "first", "third", ago=100)
    log.write(NEW, "second", "\x1b]0;x\x07\x1b[31mfourth", ago=99.5)
    log.write(OLD, "of yesterday", ago=86_400)
    run = shown(silent, show="table")
    lines = run.stdout.splitlines()
    assert [line.split("  ")[1:] for line in lines] == [
        ["a1a1a1a1", "first"],
        ["b2b2b2b2", "second"],
        ["a1a1a1a1", "third"],
        ["b2b2b2b2", r"\x1b]0;x\x07fourth"],
    ]
    assert run.stderr == ""
    told = shown(silent, show="json", since="2d", tail=3)
    assert [json.loads(line)["task"] for line in told.stdout.splitlines()] == [NEW, OLD, NEW]
    assert "these are the last 3. For more, -e tail=N." in told.stderr
    assert told.result["left_out"]


def test_lines_of_one_millisecond_stay_in_order(silent: Playbooks, log: Log) -> None:
    trace = [f"line {n}" for n in range(40)]
    log.write(OLD, *trace, ago=100, apart=0)
    assert messages(shown(silent)) == trace
    assert messages(shown(silent, tail=3)) == trace[-3:]


def test_lines_of_a_second_container_are_a_tasks_too(silent: Playbooks, log: Log) -> None:
    log.write(OLD, "of the application", ago=100)
    log.write(OLD, "of the proxy", ago=99, container="proxy")
    log.write(NEW, "of another task's proxy", ago=98, container="proxy")
    told = shown(silent, task=OLD[:8])
    assert [(it["container"], it["message"]) for it in told.result["lines"]] == [
        ("app", "of the application"),
        ("proxy", "of the proxy"),
    ]
    alone = shown(silent, task=NEW, show="table")  # its application never wrote
    assert alone.stdout.rstrip().endswith("  b2b2b2b2/proxy  of another task's proxy")


def test_a_log_group_that_somebody_deleted_comes_back_as_is_said(
    silent: Playbooks, log: Log, cloudformation: Any
) -> None:
    log.client.delete_log_group(logGroupName=GROUP)
    said = shown(silent).message
    assert said.startswith(f"There is no log group {GROUP}: somebody deleted it")
    log.client.create_log_group(logGroupName=re.findall(r"--log-group-name (\S+)", said)[0])
    log.write(OLD, "back again", ago=5)
    assert messages(shown(silent)) == ["back again"]
    changed = json.loads(json.dumps(TEMPLATE))
    changed["Resources"]["LogGroup"]["Properties"]["RetentionInDays"] = 30
    cloudformation.update_stack(StackName=STACK, TemplateBody=json.dumps(changed))
    cloudformation.get_waiter("stack_update_complete").wait(
        StackName=STACK, WaiterConfig={"Delay": 0.1}
    )
    (told,) = log.client.describe_log_groups(logGroupNamePrefix=GROUP)["logGroups"]
    assert told["retentionInDays"] == 30


def test_one_task_a_range_and_a_pattern_narrow_it(silent: Playbooks, log: Log) -> None:
    log.write(OLD, '{"level": "error", "n": 1}', '{"level": "info", "n": 2}', ago=600)
    log.write(NEW, '{"level": "error", "n": 3}', "connection refused by peer", ago=60)
    assert len(messages(shown(silent, task="a1a1a1a1"))) == 2
    errors = messages(shown(silent, filter='{ $.level = "error" }'))
    assert [json.loads(it)["n"] for it in errors] == [1, 3]
    assert messages(shown(silent, filter='"connection refused"')) == ["connection refused by peer"]
    assert len(messages(shown(silent, end="5m"))) == 2
    assert len(messages(shown(silent, since="5m"))) == 2
    none = shown(silent, filter="nothing", show="table")
    assert none.stdout == ""
    assert "wrote no line that fits the filter since" in none.stderr
    assert "ECS has no such service" in none.stderr


def test_a_task_that_is_unknown_or_not_the_only_one_is_named(silent: Playbooks, log: Log) -> None:
    log.write(NEW, "one")
    log.write(TWIN, "two")
    twice = shown(silent, task="b2b2b2b2").message
    assert f"{NEW}, {TWIN}. Give the whole id." in twice
    assert messages(shown(silent, task=NEW)) == ["one"]
    unknown = shown(silent, task="c3c3c3c3").message
    assert unknown.startswith(f"No task c3c3c3c3 is in the log {GROUP}")
    assert NEW in unknown


def test_more_than_a_page_is_read_up_to_a_bound_which_is_told(
    silent: Playbooks, log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    for minute in range(3):
        log.write(OLD, *(f"{minute} {n} {'x' * 200_000}" for n in range(4)), ago=500 - minute * 60)
    told = messages(shown(silent, tail=12))
    assert [it.split(" ")[:2] for it in told] == [
        [str(m), str(n)] for m in range(3) for n in range(4)
    ]
    monkeypatch.setattr(service_log, "MOST_PAGES", 2)
    query = Query(since=log.now - 600_000, until=None, tail=12, pattern="", task="")
    read = service_log.ServiceLog(log.client, GROUP).newest(query)
    assert read.unread
    assert [line.text.split(" ")[:2] for line in read.lines][-1] == ["2", "3"]
    assert len(read.lines) < len(told)


def test_what_is_refused_has_a_sentence(
    silent: Playbooks, aws: LocalAws, log: Log, cloudformation: Any
) -> None:
    assert shown(silent, service="nobody").message.startswith(
        "There is no stack shop-service-nobody."
    )
    malformed = shown(silent, filter="%[%").message  # which only AWS looks at
    assert malformed.startswith(f"The log {GROUP} can't be asked so: Invalid filter pattern")
    iam = aws.client("iam")
    iam.create_user(UserName="onlooker")
    sees = {"Effect": "Allow", "Action": "cloudformation:*", "Resource": "*"}
    iam.put_user_policy(
        UserName="onlooker",
        PolicyName="sees",
        PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [sees]}),
    )
    key = iam.create_access_key(UserName="onlooker")["AccessKey"]
    denied = shown(silent.acting_as(key["AccessKeyId"], key["SecretAccessKey"])).message
    assert denied.startswith(f"Reading the log {GROUP} was refused: ")
    assert "docs/permissions/read.json" in denied


def test_it_goes_on_with_what_comes_and_ends_by_itself(silent: Playbooks, log: Log) -> None:
    log.write(OLD, "before", ago=5)
    late = threading.Timer(1, log.write, [NEW, "while it follows"])
    late.start()
    run = shown(silent, follow=True, follow_seconds=7, show="table")
    late.join()
    assert [line.split("  ")[2] for line in run.stdout.splitlines()] == [
        "before",
        "while it follows",
    ]
    assert "Followed for 7 s" in run.stderr


def test_ctrl_c_ends_it(silent: Playbooks, log: Log) -> None:
    log.write(OLD, "before", ago=5)
    options = {"platform": "shop", "service": "quiet", "follow": True, "show": "table"}
    running = silent.cold()._start([{"quayside.fargate.logs": options}], ())
    running.wait_for("before")
    started = time.monotonic()
    running.process.send_signal(signal.SIGINT)
    running.process.wait(timeout=30)
    assert time.monotonic() - started < 10
