"""Alarms on functions, queues and what is found in logs; alarms on metric math in templates."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from local_aws.control import LocalAws
from tests.integration.local_aws.support import eventually, function

CODE = """
def handler(event, context):
    if event.get("fail"):
        raise RuntimeError("failed")
"""


def put_alarm(aws: LocalAws, name: str, namespace: str, metric: str, **more: Any) -> None:
    aws.client("cloudwatch").put_metric_alarm(
        **{
            "AlarmName": name,
            "Namespace": namespace,
            "MetricName": metric,
            "Statistic": "Sum",
            "Period": 300,
            "EvaluationPeriods": 1,
            "Threshold": 0,
            "ComparisonOperator": "GreaterThanThreshold",
            "TreatMissingData": "notBreaching",
        }
        | more
    )


def state(aws: LocalAws, name: str) -> str:
    (alarm,) = aws.client("cloudwatch").describe_alarms(AlarmNames=[name])["MetricAlarms"]
    return str(alarm["StateValue"])


@pytest.fixture(scope="module")
def functions(aws: LocalAws, host_runtime: str) -> Iterator[Any]:
    lambdas = aws.client("lambda")
    for name in ("sound", "failing"):
        function(aws, name, CODE, host_runtime)
    yield lambdas
    for name in ("sound", "failing"):
        lambdas.delete_function(FunctionName=name)


def test_a_function_that_fails_rings_its_own_alarm_and_no_other(
    aws: LocalAws, functions: Any
) -> None:
    for name in ("sound", "failing"):
        dimensions = [{"Name": "FunctionName", "Value": name}]
        put_alarm(aws, name, "AWS/Lambda", "Errors", Dimensions=dimensions)
        functions.invoke(FunctionName=name, Payload=json.dumps({"fail": name == "failing"}))
    assert state(aws, "failing") == "ALARM"
    assert state(aws, "sound") == "OK"


def test_a_function_that_a_rule_calls_is_measured_like_one_that_a_client_calls(
    aws: LocalAws, functions: Any
) -> None:
    events = aws.client("events")
    rule = events.put_rule(Name="call", EventPattern=json.dumps({"source": ["tests"]}))["RuleArn"]
    functions.add_permission(
        FunctionName="failing",
        StatementId="rule",
        Action="lambda:InvokeFunction",
        Principal="events.amazonaws.com",
        SourceArn=rule,
    )
    arn = functions.get_function(FunctionName="failing")["Configuration"]["FunctionArn"]
    target = {"Id": "function", "Arn": arn, "Input": json.dumps({"fail": True})}
    events.put_targets(Rule="call", Targets=[target])
    dimensions = [{"Name": "FunctionName", "Value": "failing"}]
    put_alarm(aws, "called", "AWS/Lambda", "Errors", Dimensions=dimensions, Period=60)

    def errors() -> float:
        now = datetime.now(UTC)
        found = aws.client("cloudwatch").get_metric_statistics(
            Namespace="AWS/Lambda",
            MetricName="Errors",
            Dimensions=dimensions,
            StartTime=now - timedelta(hours=1),
            EndTime=now + timedelta(minutes=1),
            Period=3600,
            Statistics=["Sum"],
        )["Datapoints"]
        return float(sum(point["Sum"] for point in found))

    before = errors()
    entry = {"Source": "tests", "DetailType": "call", "Detail": "{}"}
    events.put_events(Entries=[entry])
    eventually(lambda: errors() == before + 1)
    assert state(aws, "called") == "ALARM"


def test_an_alarm_waits_for_as_many_periods_as_it_was_told(aws: LocalAws, functions: Any) -> None:
    dimensions = [{"Name": "FunctionName", "Value": "failing"}]
    put_alarm(aws, "once", "AWS/Lambda", "Errors", Dimensions=dimensions)
    put_alarm(aws, "twice", "AWS/Lambda", "Errors", Dimensions=dimensions, EvaluationPeriods=2)
    functions.invoke(FunctionName="failing", Payload=json.dumps({"fail": True}))
    assert (state(aws, "once"), state(aws, "twice")) == ("ALARM", "OK")


def test_a_message_in_a_queue_rings_until_it_is_gone(aws: LocalAws) -> None:
    sqs = aws.client("sqs")
    url = sqs.create_queue(QueueName="alarmed")["QueueUrl"]
    put_alarm(
        aws,
        "message",
        "AWS/SQS",
        "ApproximateNumberOfMessagesVisible",
        Dimensions=[{"Name": "QueueName", "Value": "alarmed"}],
        Statistic="Maximum",
        Period=1,
    )
    assert state(aws, "message") == "OK"
    sqs.send_message(QueueUrl=url, MessageBody="dead")
    assert state(aws, "message") == "ALARM"
    sqs.purge_queue(QueueUrl=url)
    eventually(lambda: state(aws, "message") == "OK")


@pytest.mark.parametrize(
    "pattern",
    [
        '{ $.message.outcome = "bad" }',
        '{ ($.message.outcome = "worse") || ($.message.outcome = "bad") }',
    ],
)
def test_what_a_metric_filter_finds_in_a_log_rings(aws: LocalAws, pattern: str) -> None:
    logs = aws.client("logs")
    logs.create_log_group(logGroupName="alarmed")
    logs.create_log_stream(logGroupName="alarmed", logStreamName="all")
    logs.put_metric_filter(
        logGroupName="alarmed",
        filterName="bad",
        filterPattern=pattern,
        metricTransformations=[
            {"metricNamespace": "Tests", "metricName": "Bad", "metricValue": "1"}
        ],
    )
    put_alarm(aws, "bad", "Tests", "Bad")

    def say(message: str) -> None:
        event = {"timestamp": int(time.time() * 1000), "message": message}
        logs.put_log_events(logGroupName="alarmed", logStreamName="all", logEvents=[event])

    say("no JSON, though bad")
    say(json.dumps({"message": {"outcome": "good", "reason": "bad"}}))
    assert state(aws, "bad") == "OK"
    say(json.dumps({"message": {"outcome": "bad"}}))
    assert state(aws, "bad") == "ALARM"
    logs.delete_log_group(logGroupName="alarmed")


MEASURING = """
import json, time

def handler(event, context):
    directive = {"Namespace": "Tests", "Dimensions": [["Of"], []], "Metrics": [{"Name": "Age"}]}
    metadata = {"Timestamp": int(time.time() * 1000), "CloudWatchMetrics": [directive]}
    print(json.dumps({"_aws": metadata, "Of": event["of"], "Age": event["age"]}))
"""


def test_what_a_function_prints_in_the_embedded_metric_format_rings(
    aws: LocalAws, host_runtime: str
) -> None:
    function(aws, "measuring", MEASURING, host_runtime)
    of_one = [{"Name": "Of", "Value": "one"}]
    put_alarm(aws, "age", "Tests", "Age", Statistic="Maximum", Threshold=10)
    put_alarm(aws, "of-one", "Tests", "Age", Statistic="Maximum", Threshold=10, Dimensions=of_one)

    def say(of: str, age: object) -> None:
        payload = json.dumps({"of": of, "age": age})
        aws.client("lambda").invoke(FunctionName="measuring", Payload=payload)

    say("one", 3)
    say("two", "eleven")  # no number: no metric
    assert (state(aws, "age"), state(aws, "of-one")) == ("OK", "OK")
    say("two", 11)
    assert (state(aws, "age"), state(aws, "of-one")) == ("ALARM", "OK")
    aws.client("lambda").delete_function(FunctionName="measuring")


def test_an_alarm_that_ignores_missing_data_stays_as_it_is(aws: LocalAws) -> None:
    put_alarm(aws, "ignoring", "Tests", "Gauge", Period=1, TreatMissingData="ignore")
    put_alarm(aws, "forgetting", "Tests", "Gauge", Period=1)
    datum = {"MetricName": "Gauge", "Value": 1}
    aws.client("cloudwatch").put_metric_data(Namespace="Tests", MetricData=[datum])
    assert state(aws, "ignoring") == "ALARM"
    eventually(lambda: state(aws, "forgetting") == "OK")
    assert state(aws, "ignoring") == "ALARM"


STAT = {"Metric": {"Namespace": "Tests", "MetricName": "Used"}, "Period": 60, "Stat": "Sum"}
USED = {"Id": "used", "MetricStat": STAT, "ReturnData": False}
SHARE = {"Id": "share", "Expression": "100 * MAX([used, used])"}


def stack_with_alarm(aws: LocalAws, **properties: Any) -> str:
    """Create a stack with an alarm, and return the status in which it ended."""
    cloudformation = aws.client("cloudformation")
    alarm = {
        "AlarmName": "by-math",
        "EvaluationPeriods": 1,
        "Threshold": 80,
        "ComparisonOperator": "GreaterThanThreshold",
    } | properties
    resources = {"Alarm": {"Type": "AWS::CloudWatch::Alarm", "Properties": alarm}}
    name = cloudformation.create_stack(
        StackName="by-math", TemplateBody=json.dumps({"Resources": resources})
    )["StackId"]

    def status() -> str:
        return str(cloudformation.describe_stacks(StackName=name)["Stacks"][0]["StackStatus"])

    eventually(lambda: not status().endswith("_IN_PROGRESS"))
    ended = status()
    cloudformation.delete_stack(StackName=name)
    eventually(lambda: status() == "DELETE_COMPLETE")
    return ended


def test_a_template_may_have_an_alarm_on_metric_math(aws: LocalAws) -> None:
    assert stack_with_alarm(aws, Metrics=[USED, SHARE]) == "CREATE_COMPLETE"


@pytest.mark.parametrize(
    "wrong",
    [
        {"Metrics": [USED, SHARE], "Namespace": "Tests"},
        {"Metrics": [USED, SHARE | {"ReturnData": False}]},
        {"Metrics": [USED | {"ReturnData": True}, SHARE]},
        {"Metrics": [USED, SHARE | {"Expression": "100 * unused"}]},
        {"Metrics": [USED, SHARE | {"Id": "used"}]},
        {"Metrics": [USED, SHARE | {"Id": "Share"}]},
        {"Metrics": [USED, {"Id": "share"}]},
        {"Metrics": [USED, *[SHARE | {"Id": f"s{n}", "ReturnData": not n} for n in range(11)]]},
    ],
)
def test_an_alarm_on_metric_math_that_can_not_be_is_refused(
    aws: LocalAws, wrong: dict[str, Any]
) -> None:
    assert stack_with_alarm(aws, **wrong) == "ROLLBACK_COMPLETE"


def test_an_alarm_on_what_is_not_measured_here_says_so(aws: LocalAws) -> None:
    put_alarm(aws, "unknown", "AWS/ECS", "CPUUtilization", TreatMissingData="breaching")
    assert state(aws, "unknown") == "INSUFFICIENT_DATA"
