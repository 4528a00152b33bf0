"""A service's log: masked, indexed, audited, protected and sent on, on a living service."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.integration.templates.conftest import Platform

GROUP = "/shop/logged"
PLAIN = {"Database": "false", "Route": "false"}
MANAGED = "arn:aws:dataprotection::aws:data-identifier/"
KINDS = "EmailAddress,CreditCardNumber,Address,IpAddress"
WATCHING = ("support", "cluster", "service-logged")


@pytest.fixture(scope="module")
def logged(platform: Platform, hello: str) -> Iterator[Platform]:
    """A worker that is as its template's defaults have it."""
    platform.service("logged", hello, **PLAIN)
    platform.deploy("monitoring-logged", "service_monitoring", *WATCHING, Name="logged")
    yield platform
    platform.delete("monitoring-logged")
    platform.delete("service-logged")


def group_of(platform: Platform, name: str = GROUP) -> dict[str, Any]:
    (found,) = [
        it
        for it in platform.aws.client("logs").describe_log_groups(logGroupNamePrefix=name)[
            "logGroups"
        ]
        if it["logGroupName"] == name
    ]
    return dict(found)


def masks(platform: Platform) -> list[str]:
    """The identifiers of the policy that the log group has, none without one."""
    told = platform.aws.client("logs").get_data_protection_policy(logGroupIdentifier=GROUP)
    if "policyDocument" not in told:
        return []
    audit, mask = json.loads(told["policyDocument"])["Statement"]
    assert "Audit" in audit["Operation"]
    assert audit["DataIdentifier"] == mask["DataIdentifier"]
    return [it.removeprefix(MANAGED) for it in audit["DataIdentifier"]]


def identity(platform: Platform) -> tuple[Any, str]:
    """What a replaced log group or a replaced task definition would have anew."""
    return group_of(platform)["creationTime"], platform.outputs["service-logged"][
        "TaskDefinitionArn"
    ]


def test_masking_goes_on_changes_and_goes_off_and_replaces_nothing(
    logged: Platform, hello: str
) -> None:
    before = identity(logged)
    assert masks(logged) == []
    for kinds in (KINDS, f"{KINDS},TaxId-DE,Ssn-US", "EmailAddress", ""):
        logged.service("logged", hello, **PLAIN, MaskedData=kinds)
        assert ",".join(masks(logged)) == kinds
        assert identity(logged) == before


def test_findings_go_to_a_log_group_of_their_own_under_the_same_key(
    logged: Platform, hello: str
) -> None:
    before = identity(logged)
    logged.service("logged", hello, **PLAIN, MaskedData=KINDS, MaskingAudit="true")
    audit = group_of(logged, f"{GROUP}/audit")
    assert audit["kmsKeyId"] == group_of(logged)["kmsKeyId"]
    told = logged.aws.client("logs").get_data_protection_policy(logGroupIdentifier=GROUP)
    operation = json.loads(told["policyDocument"])["Statement"][0]["Operation"]
    destination = {"CloudWatchLogs": {"LogGroup": f"{GROUP}/audit"}}
    assert operation["Audit"]["FindingsDestination"] == destination
    logged.service("logged", hello, **PLAIN)
    assert masks(logged) == []
    assert identity(logged) == before


def test_fields_are_indexed_and_no_longer(logged: Platform, hello: str) -> None:
    before, logs = identity(logged), logged.aws.client("logs")
    for fields in ("trace_id,request_id", "status", ""):
        logged.service("logged", hello, **PLAIN, LogIndexedFields=fields)
        policies = logs.describe_index_policies(logGroupIdentifiers=[GROUP])["indexPolicies"]
        kept = [json.loads(it["policyDocument"])["Fields"] for it in policies]
        assert kept == ([fields.split(",")] if fields else [])
    assert identity(logged) == before


def test_deletion_protection_goes_on_and_off(logged: Platform, hello: str) -> None:
    before = identity(logged)
    for protected in ("true", "false"):
        logged.service("logged", hello, **PLAIN, LogDeletionProtection=protected)
        assert group_of(logged)["deletionProtectionEnabled"] is (protected == "true")
        assert logged.outputs["service-logged"]["LogDeletionProtection"] == protected
    assert identity(logged) == before


def test_a_first_creation_that_fails_takes_a_log_group_along_that_was_to_be_protected(
    logged: Platform, hello: str
) -> None:
    """As the role creates it: protection would hold in the rollback too."""
    logged.aws.fail("shop-service-failing", "Service", "CREATE", after=True)
    protected = {"LogDeletionProtection": "true", "FirstCreation": "true"}
    with pytest.raises(AssertionError, match="Service"):
        logged.service("failing", hello, **PLAIN, **protected)
    (stack,) = logged.describe("service-failing")
    assert stack["StackStatus"] == "ROLLBACK_COMPLETE"
    names = logged.aws.client("logs").describe_log_groups(logGroupNamePrefix="/shop/failing")
    assert names["logGroups"] == []
    logged.cloudformation.delete_stack(StackName="shop-service-failing")


def test_mode_and_buffer_roll_the_tasks_and_what_does_not_fit_is_refused(
    logged: Platform, hello: str
) -> None:
    ecs = logged.aws.client("ecs")

    def options() -> dict[str, str]:
        arn = logged.outputs["service-logged"]["TaskDefinitionArn"]
        task = ecs.describe_task_definition(taskDefinition=arn)["taskDefinition"]
        found = task["containerDefinitions"][0]["logConfiguration"]["options"]
        return {key: found[key] for key in ("mode", "max-buffer-size") if key in found}

    assert options() == {}
    logged.service("logged", hello, **PLAIN, LogMode="non-blocking", LogMaxBufferSize="25m")
    assert options() == {"mode": "non-blocking", "max-buffer-size": "25m"}
    logged.service("logged", hello, **PLAIN, LogMode="blocking")
    assert options() == {"mode": "blocking"}
    with pytest.raises(ClientError, match="LogMaxBufferSize is for LogMode non-blocking alone"):
        logged.service("logged", hello, **PLAIN, LogMaxBufferSize="25m")
    with pytest.raises(ClientError, match="MaskingAudit is true, and MaskedData is empty"):
        logged.service("logged", hello, **PLAIN, MaskingAudit="true")
    logged.service("logged", hello, **PLAIN)
    assert options() == {}


def watch(platform: Platform, **given: str) -> None:
    platform.deploy("monitoring-logged", "service_monitoring", *WATCHING, Name="logged", **given)


def test_queries_of_a_service_are_saved_and_ask_its_log_group(logged: Platform) -> None:
    logs = logged.aws.client("logs")

    def saved() -> dict[str, dict[str, Any]]:
        found = logs.describe_query_definitions(queryDefinitionNamePrefix="shop/logged/")
        return {it["name"].removeprefix("shop/logged/"): it for it in found["queryDefinitions"]}

    assert saved() == {}  # an account has 1,000
    watch(logged, LogQueries="true")
    assert saved().keys() == {"errors", "slow requests", "trace"}
    assert all(it["logGroupNames"] == [GROUP] for it in saved().values())
    asked = {name: [it["name"] for it in q.get("parameters", [])] for name, q in saved().items()}
    assert asked == {"errors": [], "slow requests": ["milliseconds"], "trace": ["trace_id"]}
    watch(logged)
    assert saved() == {}


def test_error_lines_are_counted_and_ring(logged: Platform) -> None:
    logs, cloudwatch = logged.aws.client("logs"), logged.aws.client("cloudwatch")
    watch(logged, ErrorLinesThreshold="2")

    def state() -> str:
        (alarm,) = cloudwatch.describe_alarms(AlarmNames=["shop-service-logged-error-lines"])[
            "MetricAlarms"
        ]
        return str(alarm["StateValue"])

    logs.create_log_stream(logGroupName=GROUP, logStreamName="test")
    now = logs.describe_metric_filters(logGroupName=GROUP)["metricFilters"][0]["creationTime"]
    for level, after in (("INFO", "OK"), ("ERROR", "OK"), ("CRITICAL", "ALARM")):
        line = json.dumps({"level": level, "message": "ERROR in a message doesn't count"})
        event = {"timestamp": now + 1, "message": line}
        logs.put_log_events(logGroupName=GROUP, logStreamName="test", logEvents=[event])
        assert state() == after
    watch(logged)
    assert logs.describe_metric_filters(logGroupName=GROUP)["metricFilters"] == []


def test_lines_are_sent_to_a_destination_another_one_and_none(logged: Platform) -> None:
    logs = logged.aws.client("logs")
    at = f"{logged.aws.region}:{logged.aws.account}"
    role = f"arn:aws:iam::{logged.aws.account}:role/shop/logs/logged/stream"
    for given in (
        {"LogSubscriptionArn": f"arn:aws:lambda:{at}:function:reader"},
        {
            "LogSubscriptionArn": f"arn:aws:kinesis:{at}:stream/lines",
            "LogSubscriptionRoleArn": role,
        },
        {
            "LogSubscriptionArn": f"arn:aws:lambda:{at}:function:reader",
            "LogSubscriptionPattern": '{ $.level = "ERROR" }',
        },
        {},
    ):
        cleared = {"LogSubscriptionRoleArn": "", "LogSubscriptionPattern": ""}
        watch(logged, **{"LogSubscriptionArn": "", **cleared, **given})
        filters = logs.describe_subscription_filters(logGroupName=GROUP)["subscriptionFilters"]
        wanted = [given["LogSubscriptionArn"]] if given else []
        assert [it["destinationArn"] for it in filters] == wanted
        assert [it["roleArn"] for it in filters] == [
            role if len(given) == 2 and "kinesis" in wanted[0] else ""
        ] * len(wanted)
    with pytest.raises(ClientError, match="LogSubscriptionArn is empty"):
        watch(logged, LogSubscriptionPattern="ERROR")
