"""Alarms on functions, queues and what is found in logs; alarms on metric math in templates."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

from local_aws.control import LocalAws
from tests.integration.local_aws.support import Service, Stacks, eventually, function

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
        Period=10,
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
    put_alarm(aws, "ignoring", "Tests", "Gauge", Period=10, TreatMissingData="ignore")
    put_alarm(aws, "forgetting", "Tests", "Gauge", Period=10)
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


def test_the_samples_of_a_services_cpu_use_are_its_running_tasks(
    aws: LocalAws, service: Service, image: str
) -> None:
    """As AWS has it: one a minute and task, and none while no task runs."""
    service.deploy(image)
    dimensions = [
        {"Name": "ClusterName", "Value": "tests"},
        {"Name": "ServiceName", "Value": service.name},
    ]

    def put(name: str, threshold: int, comparison: str) -> None:
        put_alarm(
            aws,
            f"{service.name}-{name}",
            "AWS/ECS",
            "CPUUtilization",
            Dimensions=dimensions,
            Statistic="SampleCount",
            Period=60,
            Threshold=threshold,
            ComparisonOperator=comparison,
            TreatMissingData="breaching",
        )

    more = len(service.tasks()) + 1
    put("none", 1, "LessThanThreshold")
    put("more", more, "GreaterThanOrEqualToThreshold")
    assert state(aws, f"{service.name}-none") == "OK"
    assert state(aws, f"{service.name}-more") == "OK"
    ecs = aws.client("ecs")
    ecs.update_service(cluster="tests", service=service.name, desiredCount=more)
    eventually(lambda: state(aws, f"{service.name}-more") == "ALARM")
    ecs.update_service(cluster="tests", service=service.name, desiredCount=0)
    eventually(lambda: state(aws, f"{service.name}-none") == "ALARM")
    assert state(aws, f"{service.name}-more") == "ALARM"  # missing data is breaching too
    other = [dimensions[0], {"Name": "ServiceName", "Value": "other"}]
    put_alarm(
        aws,
        "of-another",
        "AWS/ECS",
        "CPUUtilization",
        Dimensions=other,
        Statistic="SampleCount",
        Threshold=1,
        ComparisonOperator="LessThanThreshold",
        TreatMissingData="breaching",
    )
    assert state(aws, "of-another") == "ALARM"


def test_an_alarm_on_a_percentile_rings_for_the_slow_ones(aws: LocalAws) -> None:
    cloudwatch = aws.client("cloudwatch")
    for percentile, low in (("p50", "evaluate"), ("p95", "evaluate"), ("p95", "ignore")):
        cloudwatch.put_metric_alarm(
            AlarmName=f"{percentile}-{low}",
            Namespace="Tests",
            MetricName="Seconds",
            ExtendedStatistic=percentile,
            EvaluateLowSampleCountPercentile=low,
            Period=60,
            EvaluationPeriods=1,
            Threshold=1,
            ComparisonOperator="GreaterThanThreshold",
        )
    data = [
        {"MetricName": "Seconds", "Value": value, "Timestamp": datetime.now(UTC)}
        for value in (*[0.1] * 9, 3)
    ]
    cloudwatch.put_metric_data(Namespace="Tests", MetricData=data)
    assert state(aws, "p50-evaluate") == "OK"
    assert state(aws, "p95-evaluate") == "ALARM"
    assert state(aws, "p95-ignore") != "ALARM"  # of ten samples; it looks at 200


def test_an_alarm_that_cloudwatch_refuses_is_refused_of_calls_and_templates(
    aws: LocalAws, stacks: Stacks
) -> None:
    both = {"Statistic": "Sum", "ExtendedStatistic": "p95"}
    with pytest.raises(ClientError, match="either Statistic or ExtendedStatistic"):
        put_alarm(aws, "both", "Tests", "Bad", **both)
    alarm = {
        "AlarmName": "of-a-template",
        "Namespace": "Tests",
        "MetricName": "Bad",
        "Statistic": "Sum",
        "Period": 60,
        "EvaluationPeriods": 5,
        "DatapointsToAlarm": 3,
        "Threshold": 1,
        "ComparisonOperator": "GreaterThanThreshold",
    }

    def template(**more: Any) -> dict[str, Any]:
        return {"Resources": {"It": {"Type": "AWS::CloudWatch::Alarm", "Properties": alarm | more}}}

    stacks.deploy("refused-alarm", template())
    stacks.deploy("refused-alarm", template(Threshold=2))
    with pytest.raises(AssertionError, match="DatapointsToAlarm is from 1 to EvaluationPeriods"):
        stacks.deploy("refused-alarm", template(DatapointsToAlarm=6))
    stacks.delete("refused-alarm")


def test_a_dashboard_that_is_none_is_refused_of_calls_and_templates(
    aws: LocalAws, stacks: Stacks
) -> None:
    cloudwatch = aws.client("cloudwatch")
    metric = {"type": "metric", "properties": {"metrics": [["Tests", "Bad"]]}}
    bad = json.dumps({"widgets": [metric]})
    with pytest.raises(ClientError, match="required property 'region'"):
        cloudwatch.put_dashboard(DashboardName="shown", DashboardBody=bad)

    def template(body: str) -> dict[str, Any]:
        properties = {"DashboardName": "shown", "DashboardBody": body}
        return {
            "Resources": {"It": {"Type": "AWS::CloudWatch::Dashboard", "Properties": properties}}
        }

    metric["properties"]["region"] = "eu-central-1"  # type: ignore[index]
    stacks.deploy("dashboard", template(json.dumps({"widgets": [metric]})))
    assert json.loads(cloudwatch.get_dashboard(DashboardName="shown")["DashboardBody"])["widgets"]
    stacks.deploy("dashboard", template(json.dumps({"widgets": []})))
    with pytest.raises(AssertionError, match="Should have required property"):
        stacks.deploy("dashboard", template(bad))
    with pytest.raises(AssertionError, match="already exists"):
        stacks.deploy("another-dashboard", template(json.dumps({"widgets": []})))
    stacks.delete("another-dashboard")
    stacks.delete("dashboard")
    assert cloudwatch.list_dashboards()["DashboardEntries"] == []


def test_an_alarm_on_what_is_not_measured_here_says_so(aws: LocalAws) -> None:
    put_alarm(aws, "unknown", "AWS/ECS", "CPUUtilization", TreatMissingData="breaching")
    assert state(aws, "unknown") == "INSUFFICIENT_DATA"
