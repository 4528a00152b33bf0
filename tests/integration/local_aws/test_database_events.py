"""What RDS tells of a cluster, and who gets it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from local_aws.control import LocalAws
from tests.integration.local_aws.support import Stacks, eventually

CATEGORIES = ["failover", "failure"]


def queue_of(topic: str) -> dict[str, Any]:
    """Queue, its policy and its subscription to a topic of the template."""
    arn = {"Fn::GetAtt": ["Queue", "Arn"]}
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": "sns.amazonaws.com"},
        "Action": "sqs:SendMessage",
        "Resource": arn,
    }
    document = {"Version": "2012-10-17", "Statement": [statement]}
    return {
        "Queue": {"Type": "AWS::SQS::Queue", "Properties": {}},
        "QueuePolicy": {
            "Type": "AWS::SQS::QueuePolicy",
            "Properties": {"Queues": [{"Ref": "Queue"}], "PolicyDocument": document},
        },
        "Subscription": {
            "Type": "AWS::SNS::Subscription",
            "Properties": {"TopicArn": {"Ref": topic}, "Protocol": "sqs", "Endpoint": arn},
        },
    }


def template(categories: list[str], *, enabled: bool = True) -> dict[str, Any]:
    cluster = {
        "Engine": "aurora-postgresql",
        "MasterUsername": "quayside",
        "MasterUserPassword": "a-password-of-a-test",
    }
    events = {
        "SnsTopicArn": {"Ref": "Topic"},
        "SourceType": "db-cluster",
        "SourceIds": [{"Ref": "Cluster"}],
        "EventCategories": categories,
        "Enabled": enabled,
    }
    return {
        "Resources": {
            "Topic": {"Type": "AWS::SNS::Topic", "Properties": {}},
            **queue_of("Topic"),
            "Cluster": {"Type": "AWS::RDS::DBCluster", "Properties": cluster},
            "Events": {"Type": "AWS::RDS::EventSubscription", "Properties": events},
        },
        "Outputs": {
            name: {"Value": {"Ref": name}} for name in ("Topic", "Queue", "Cluster", "Events")
        },
    }


def told(aws: LocalAws, queue: str) -> list[dict[str, str]]:
    """Take what RDS published from a queue."""
    taken = aws.client("sqs").receive_message(QueueUrl=queue, MaxNumberOfMessages=10)
    bodies = [json.loads(it["Body"]) for it in taken.get("Messages", [])]
    assert all(it["Subject"] == "RDS Notification Message" for it in bodies)
    return [json.loads(it["Message"]) for it in bodies]


def test_a_failover_is_told_to_who_subscribed_to_it_and_to_nobody_else(
    aws: LocalAws, stacks: Stacks
) -> None:
    made = stacks.deploy("heard", template(CATEGORIES))
    other = stacks.deploy("unheard", template(["maintenance"]))
    aws.database_away(made["Cluster"], 0.5, "failover")

    heard: list[dict[str, str]] = []

    def both() -> bool:
        heard.extend(told(aws, made["Queue"]))
        return len(heard) == 2

    eventually(both)
    begun, ended = heard
    assert begun["Source ID"] == ended["Source ID"] == made["Cluster"]
    assert begun["Event ID"].endswith("#RDS-EVENT-0073")
    assert ended["Event ID"].endswith("#RDS-EVENT-0071")

    aws.database_away(other["Cluster"], 0.5, "failover")
    described = eventually(lambda: _recorded(aws, other["Cluster"], 2))
    assert [it["EventCategories"] for it in described] == [["failover"]] * 2
    assert not told(aws, other["Queue"])


def _recorded(aws: LocalAws, cluster: str, count: int) -> list[dict[str, Any]]:
    given = {"SourceType": "db-cluster", "SourceIdentifier": cluster}
    listed: list[dict[str, Any]] = aws.client("rds").describe_events(**given)["Events"]
    return listed if len(listed) == count else []


def test_a_subscription_is_changed_in_place_and_goes_with_its_stack(
    aws: LocalAws, stacks: Stacks
) -> None:
    rds = aws.client("rds")
    made = stacks.deploy("changed", template(CATEGORIES))
    again = stacks.deploy("changed", template(["maintenance"], enabled=False))
    assert again["Events"] == made["Events"]
    (kept,) = rds.describe_event_subscriptions(SubscriptionName=made["Events"])[
        "EventSubscriptionsList"
    ]
    assert (kept["EventCategoriesList"], kept["Enabled"]) == (["maintenance"], False)
    assert kept["SourceIdsList"] == [made["Cluster"]]

    stacks.delete("changed")
    with pytest.raises(ClientError, match="SubscriptionNotFound"):
        rds.describe_event_subscriptions(SubscriptionName=made["Events"])


@pytest.mark.parametrize(
    ("code", "changed"),
    [
        ("SNSTopicArnNotFound", {"SnsTopicArn": "arn:aws:sns:eu-central-1:000000000000:gone"}),
        ("SubscriptionCategoryNotFound", {"EventCategories": ["outage"]}),
        ("SourceNotFound", {"SourceIds": ["no-such-cluster"]}),
        ("InvalidParameterCombination", {"SourceType": "", "SourceIds": ["a-cluster"]}),
    ],
)
def test_what_rds_refuses_of_a_subscription_is_refused(
    aws: LocalAws, code: str, changed: dict[str, Any]
) -> None:
    topic = aws.client("sns").create_topic(Name="refusals")["TopicArn"]
    given = {"SubscriptionName": "refused", "SnsTopicArn": topic, "SourceType": "db-cluster"}
    wanted = {name: value for name, value in (given | changed).items() if value}
    with pytest.raises(ClientError, match=code):
        aws.client("rds").create_event_subscription(**wanted)


def test_a_topic_whose_policy_leaves_rds_out_is_refused(aws: LocalAws) -> None:
    sns = aws.client("sns")
    topic = sns.create_topic(Name="closed")["TopicArn"]
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": "cloudwatch.amazonaws.com"},
        "Action": "sns:Publish",
        "Resource": topic,
    }
    document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    sns.set_topic_attributes(TopicArn=topic, AttributeName="Policy", AttributeValue=document)
    with pytest.raises(ClientError, match="SNSNoAuthorization"):
        aws.client("rds").create_event_subscription(SubscriptionName="closed", SnsTopicArn=topic)
