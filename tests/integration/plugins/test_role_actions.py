"""What the roles ask AWS before they deploy, on a local AWS."""

from __future__ import annotations

import json

from local_aws.control import LocalAws
from tests.integration.plugins.support import Playbooks

ROLE = "AWSServiceRoleForECS"


def test_a_linked_role_is_created_where_the_account_has_none(
    playbooks: Playbooks, aws: LocalAws
) -> None:
    asked = {"quayside.fargate.linked_role": {"name": ROLE}}
    assert playbooks.task(asked).result["create"] is True
    exists = {"quayside.fargate.linked_role": {"name": ROLE, "wanted": "exists"}}
    assert playbooks.task(exists).result["create"] is False
    aws.client("iam").create_service_linked_role(AWSServiceName="ecs.amazonaws.com")
    assert playbooks.task(asked).result["create"] is False
    create = {"quayside.fargate.linked_role": {"name": ROLE, "wanted": "create"}}
    assert playbooks.task(create).result["create"] is True
    aws.client("iam").delete_service_linked_role(RoleName=ROLE)


def test_the_platforms_own_bucket_is_named_and_kept_to_the_account(
    playbooks: Playbooks, aws: LocalAws
) -> None:
    asked = {"quayside.fargate.artifacts_bucket": {"platform": "own"}}
    result = playbooks.task(asked).result
    assert result["name"] == f"own-artifacts-{aws.account}-{aws.region}"
    assert (result["own"], result["region"]) == (True, aws.region)
    assert json.dumps(result["policy"]).count(result["name"]) == 4


def test_of_a_bucket_that_is_named_aws_is_not_asked(playbooks: Playbooks) -> None:
    asked = {"quayside.fargate.artifacts_bucket": {"platform": "own", "named": "ours"}}
    nowhere = playbooks.with_environment(AWS_ENDPOINT_URL="http://127.0.0.1:9")
    result = nowhere.task(asked).result
    assert (result["name"], result["own"], result["policy"]) == ("ours", False, {})


def test_a_service_of_another_team_is_refused(playbooks: Playbooks, aws: LocalAws) -> None:
    cloudformation = aws.client("cloudformation")
    template = {
        "Parameters": {"ServicePrefix": {"Type": "String"}},
        "Resources": {"Topic": {"Type": "AWS::SNS::Topic"}},
    }
    name = {"StackName": "own-deployment-payments"}
    cloudformation.create_stack(
        **name,
        TemplateBody=json.dumps(template),
        Parameters=[{"ParameterKey": "ServicePrefix", "ParameterValue": "pay-"}],
    )
    cloudformation.get_waiter("stack_create_complete").wait(**name, WaiterConfig={"Delay": 1})
    team = {"platform": "own", "team": "payments"}
    asked = {"quayside.fargate.team_prefix": {**team, "service": "orders"}}
    assert "orders doesn't begin with pay-" in playbooks.task(asked).message
    own = {"quayside.fargate.team_prefix": {**team, "service": "pay-orders"}}
    assert playbooks.task(own).result["prefix"] == "pay-"
    nobody = {"quayside.fargate.team_prefix": {**team, "team": "nobody", "service": "orders"}}
    assert playbooks.task(nobody).result["prefix"] == ""
    cloudformation.delete_stack(**name)


def test_nothing_is_dropped_without_a_snapshot(playbooks: Playbooks, aws: LocalAws) -> None:
    cloudformation = aws.client("cloudformation")
    names = ("Database", "DatabaseDeletion", "DatabaseClusterIdentifier")
    template = {
        "Parameters": {name: {"Type": "String"} for name in names},
        "Resources": {"Topic": {"Type": "AWS::SNS::Topic"}},
    }
    name = {"StackName": "own-service-orders"}
    asked = {"quayside.fargate.last_snapshot": {"platform": "own", "service": "orders"}}
    assert playbooks.task(asked).result["snapshot"] == ""
    cloudformation.create_stack(
        **name,
        TemplateBody=json.dumps(template),
        Parameters=[
            {"ParameterKey": key, "ParameterValue": value}
            for key, value in zip(names, ("true", "Drop", "nowhere"), strict=True)
        ],
    )
    cloudformation.get_waiter("stack_create_complete").wait(**name, WaiterConfig={"Delay": 1})
    told = playbooks.task(asked).message
    assert "The database of own/orders is not dropped, and nothing is deleted" in told
    assert "CreateDBClusterSnapshot of nowhere failed" in told
    cloudformation.delete_stack(**name)
