"""What log groups keep of policies, what of that is refused, and saved queries."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from local_aws.control import LocalAws
from tests.integration.local_aws.support import Stacks

MANAGED = "arn:aws:dataprotection::aws:data-identifier/"
MAIL = [f"{MANAGED}EmailAddress"]


def statements(audit: Any, mask: Any, destination: Any = None) -> list[Any]:
    findings = {"FindingsDestination": destination or {}}
    return [
        {"Sid": "audit", "DataIdentifier": audit, "Operation": {"Audit": findings}},
        {"Sid": "mask", "DataIdentifier": mask, "Operation": {"Deidentify": {"MaskConfig": {}}}},
    ]


def policy(**different: Any) -> dict[str, Any]:
    return {
        "Name": "shop-orders",
        "Version": "2021-06-01",
        "Statement": statements(MAIL, MAIL),
        **different,
    }


@pytest.fixture
def group(aws: LocalAws) -> Iterator[str]:
    logs = aws.client("logs")
    logs.create_log_group(logGroupName="/tests/kept")
    yield "/tests/kept"
    logs.put_log_group_deletion_protection(
        logGroupIdentifier="/tests/kept", deletionProtectionEnabled=False
    )
    logs.delete_log_group(logGroupName="/tests/kept")


def test_a_data_protection_policy_is_kept_shown_and_deleted(aws: LocalAws, group: str) -> None:
    logs = aws.client("logs")
    assert "policyDocument" not in logs.get_data_protection_policy(logGroupIdentifier=group)
    logs.put_data_protection_policy(logGroupIdentifier=group, policyDocument=json.dumps(policy()))
    kept = logs.get_data_protection_policy(logGroupIdentifier=group)["policyDocument"]
    assert json.loads(kept) == policy()
    (told,) = logs.describe_log_groups(logGroupNamePrefix=group)["logGroups"]
    assert told["dataProtectionStatus"] == "ACTIVATED"
    logs.delete_data_protection_policy(logGroupIdentifier=group)
    assert "policyDocument" not in logs.get_data_protection_policy(logGroupIdentifier=group)


@pytest.mark.parametrize(
    ("document", "reason"),
    [
        (policy(Version="2012-10-17"), "Version"),
        (policy(Name="two words"), "alphanumeric"),
        (policy(Statement=statements(MAIL, MAIL)[::-1]), "first statement must be Audit"),
        (policy(Statement=statements(MAIL, MAIL)[1:]), "two statements"),
        (policy(Statement=statements(MAIL, [f"{MANAGED}Name"])), "match exactly"),
        (policy(Statement=statements([], [])), "match exactly"),
        (policy(Statement=statements(*[[f"{MANAGED}Ssn"]] * 2)), "Ssn is not known"),
        (policy(Statement=statements(*[[f"{MANAGED}EmailAddress-DE"]] * 2)), "is not known"),
        (policy(Statement=statements(*[["EmailAddress"]] * 2)), "is not known"),
        (
            policy(Statement=statements(MAIL, MAIL, {"CloudWatchLogs": {"LogGroup": "/gone"}})),
            "does not exist",
        ),
        (
            policy(
                Statement=statements(MAIL, MAIL, {"CloudWatchLogs": {"LogGroup": "/tests/kept"}})
            ),
            "No resource policy lets delivery",
        ),
    ],
)
def test_a_malformed_policy_is_refused(
    aws: LocalAws, group: str, document: dict[str, Any], reason: str
) -> None:
    with pytest.raises(ClientError, match=reason) as refused:
        aws.client("logs").put_data_protection_policy(
            logGroupIdentifier=group, policyDocument=json.dumps(document)
        )
    assert refused.value.response["Error"]["Code"] == "InvalidParameterException"


def test_an_identifier_of_ones_own_is_named_in_the_configuration(aws: LocalAws, group: str) -> None:
    own = {"CustomDataIdentifier": [{"Name": "Employee", "Regex": "E-[0-9]{6}"}]}
    document = policy(Configuration=own, Statement=statements(["Employee"], ["Employee"]))
    aws.client("logs").put_data_protection_policy(
        logGroupIdentifier=group, policyDocument=json.dumps(document)
    )


def test_an_index_policy_is_kept_shown_and_has_twenty_fields_at_most(
    aws: LocalAws, group: str
) -> None:
    logs = aws.client("logs")
    arn = f"arn:aws:logs:{aws.region}:{aws.account}:log-group:{group}"
    logs.put_index_policy(logGroupIdentifier=arn, policyDocument='{"Fields": ["trace_id"]}')
    (kept,) = logs.describe_index_policies(logGroupIdentifiers=[group])["indexPolicies"]
    assert json.loads(kept["policyDocument"]) == {"Fields": ["trace_id"]}
    for fields in ([], ["f" * 101], [f"f{number}" for number in range(21)]):
        with pytest.raises(ClientError, match="InvalidParameterException"):
            logs.put_index_policy(
                logGroupIdentifier=group, policyDocument=json.dumps({"Fields": fields})
            )
    logs.delete_index_policy(logGroupIdentifier=group)
    assert logs.describe_index_policies(logGroupIdentifiers=[group])["indexPolicies"] == []


def test_a_protected_log_group_can_not_be_deleted(aws: LocalAws) -> None:
    logs = aws.client("logs")
    logs.create_log_group(logGroupName="/tests/protected", deletionProtectionEnabled=True)
    with pytest.raises(ClientError, match="Cannot delete log group with deletion protection"):
        logs.delete_log_group(logGroupName="/tests/protected")
    logs.put_log_group_deletion_protection(
        logGroupIdentifier="/tests/protected", deletionProtectionEnabled=False
    )
    logs.delete_log_group(logGroupName="/tests/protected")


def test_a_log_group_has_two_subscriptions_at_most_and_streams_need_a_role(
    aws: LocalAws, group: str
) -> None:
    logs = aws.client("logs")
    function = f"arn:aws:lambda:{aws.region}:{aws.account}:function:reader"
    given = {"logGroupName": group, "filterPattern": "", "destinationArn": function}
    for name in ("one", "two", "one"):
        logs.put_subscription_filter(filterName=name, **given)
    with pytest.raises(ClientError, match="LimitExceededException"):
        logs.put_subscription_filter(filterName="three", **given)
    stream = f"arn:aws:kinesis:{aws.region}:{aws.account}:stream/lines"
    with pytest.raises(ClientError, match="roleArn"):
        logs.put_subscription_filter(filterName="two", **given | {"destinationArn": stream})


def log_group(**properties: Any) -> dict[str, Any]:
    named = {"LogGroupName": "/tests/made"} | properties
    return {"Resources": {"Group": {"Type": "AWS::Logs::LogGroup", "Properties": named}}}


def test_a_template_gives_a_log_group_all_three_and_takes_them_again(
    aws: LocalAws, stacks: Stacks
) -> None:
    logs = aws.client("logs")
    indexes = [{"Fields": ["trace_id"]}]
    stacks.deploy("group", log_group())
    logs.create_log_stream(logGroupName="/tests/made", logStreamName="kept")
    stacks.deploy(
        "group",
        log_group(
            DataProtectionPolicy=policy(),
            FieldIndexPolicies=indexes,
            DeletionProtectionEnabled="true",
        ),
    )
    (told,) = logs.describe_log_groups(logGroupNamePrefix="/tests/made")["logGroups"]
    assert (told["dataProtectionStatus"], told["deletionProtectionEnabled"]) == ("ACTIVATED", True)
    assert logs.describe_index_policies(logGroupIdentifiers=["/tests/made"])["indexPolicies"]
    stacks.deploy("group", log_group(DeletionProtectionEnabled=False))
    (told,) = logs.describe_log_groups(logGroupNamePrefix="/tests/made")["logGroups"]
    assert "dataProtectionStatus" not in told
    assert not told["deletionProtectionEnabled"]
    assert not logs.describe_index_policies(logGroupIdentifiers=["/tests/made"])["indexPolicies"]
    streams = logs.describe_log_streams(logGroupName="/tests/made")["logStreams"]
    assert [it["logStreamName"] for it in streams] == ["kept"]


def test_a_stack_with_a_protected_log_group_is_not_deleted(aws: LocalAws, stacks: Stacks) -> None:
    stacks.deploy("protected", log_group(DeletionProtectionEnabled=True))
    cloudformation = aws.client("cloudformation")
    cloudformation.delete_stack(StackName="protected")
    with pytest.raises(Exception, match="DELETE_FAILED"):
        cloudformation.get_waiter("stack_delete_complete").wait(
            StackName="protected", WaiterConfig={"Delay": 0.2, "MaxAttempts": 100}
        )
    events = cloudformation.describe_stack_events(StackName="protected")["StackEvents"]
    assert any("deletion protection enabled" in it.get("ResourceStatusReason", "") for it in events)
    aws.client("logs").put_log_group_deletion_protection(
        logGroupIdentifier="/tests/made", deletionProtectionEnabled=False
    )


def test_a_template_saves_queries_that_are_shown_changed_and_gone(
    aws: LocalAws, stacks: Stacks
) -> None:
    logs = aws.client("logs")

    def template(text: str) -> dict[str, Any]:
        properties = {
            "Name": "tests/errors",
            "QueryString": text,
            "LogGroupNames": ["/any"],
            "Parameters": [{"Name": "least", "DefaultValue": "5"}],
        }
        query = {"Type": "AWS::Logs::QueryDefinition", "Properties": properties}
        return {"Resources": {"Query": query}}

    stacks.deploy("queries", template("fields @message"))
    (first,) = logs.describe_query_definitions(queryDefinitionNamePrefix="tests/")[
        "queryDefinitions"
    ]
    stacks.deploy("queries", template("fields @timestamp"))
    (second,) = logs.describe_query_definitions(queryDefinitionNamePrefix="tests/")[
        "queryDefinitions"
    ]
    assert first["queryDefinitionId"] == second["queryDefinitionId"]
    assert second["queryString"] == "fields @timestamp"
    assert second["parameters"] == [{"name": "least", "defaultValue": "5"}]
    logs.delete_query_definition(queryDefinitionId=second["queryDefinitionId"])
    assert not logs.describe_query_definitions(queryDefinitionNamePrefix="tests/")[
        "queryDefinitions"
    ]


def test_the_1001st_saved_query_of_an_account_is_refused_also_of_a_template(
    aws: LocalAws, stacks: Stacks
) -> None:
    logs = aws.client("logs")
    given = {"queryString": "fields @message"}
    made: list[str] = []
    try:
        for number in range(1000):
            answer = logs.put_query_definition(name=f"full/{number}", **given)
            made.append(answer["queryDefinitionId"])
        with pytest.raises(ClientError, match="LimitExceededException"):
            logs.put_query_definition(name="full/1000", **given)
        logs.put_query_definition(queryDefinitionId=made[0], name="full/changed", **given)
        query = {"Name": "tests/more", "QueryString": "fields @message"}
        resource = {"Type": "AWS::Logs::QueryDefinition", "Properties": query}
        with pytest.raises(Exception, match="Resource limit exceeded"):
            stacks.deploy("full", {"Resources": {"Query": resource}})
    finally:
        for identifier in made:
            logs.delete_query_definition(queryDefinitionId=identifier)
