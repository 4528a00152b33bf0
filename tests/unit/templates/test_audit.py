"""The audit of shells in containers: the cluster's setting, and the roles that know it by name."""

from __future__ import annotations

from typing import Any

from tests.permissions.policies import Statement, statements
from tests.unit.templates.templates import ACCOUNT, REGION, Stack

AUDITED = {"Platform": "shop", "ExecuteCommandAudit": "true"}
AT = f"{REGION}:{ACCOUNT}"


def setting(**given: str) -> dict[str, Any]:
    cluster = Stack("cluster", {"Platform": "shop"} | given).resources["Cluster"]["Properties"]
    found: dict[str, Any] = cluster["Configuration"]["ExecuteCommandConfiguration"]
    return found


def of_task_role(**given: str) -> list[Statement]:
    stack = Stack("service", {"Platform": "shop", "Name": "orders"} | given)
    policies = stack.resources["TaskRole"]["Properties"].get("Policies") or []
    return [it for policy in policies if policy for it in statements(policy["PolicyDocument"])]


def test_a_session_is_kept_encrypted_in_the_log_group_or_nowhere() -> None:
    assert setting(ExecuteCommandAudit="true") == {
        "KmsKeyId": "<ExecuteCommandKey.Arn>",
        "Logging": "OVERRIDE",
        "LogConfiguration": {
            "CloudWatchLogGroupName": "<ExecuteCommandLogGroup>",
            "CloudWatchEncryptionEnabled": True,
        },
    }
    assert setting() == {"Logging": "NONE"}, "said, since ECS keeps what it isn't told"
    resources = Stack("cluster", {"Platform": "shop"}).resources
    assert not [key for key in resources if key.startswith("ExecuteCommand")]


def test_a_task_whose_shell_is_on_writes_the_clusters_log_under_the_clusters_key() -> None:
    resources = Stack("cluster", AUDITED).resources
    group = resources["ExecuteCommandLogGroup"]["Properties"]
    alias = resources["ExecuteCommandKeyAlias"]["Properties"]
    assert group["KmsKeyId"] == "<ExecuteCommandKey.Arn>"
    assert alias["TargetKeyId"] == "<ExecuteCommandKey>"
    role = of_task_role(ExecuteCommand="true")
    stream = f"arn:aws:logs:{AT}:log-group:{group['LogGroupName']}:log-stream:a-session"
    for action in ("logs:CreateLogStream", "logs:DescribeLogStreams", "logs:PutLogEvents"):
        assert any(it.covers(action, stream) for it in role), action
    (decrypts,) = [
        it for it in role if "kms:Decrypt" in it.actions and "ForAnyValue" in str(it.condition)
    ]
    assert decrypts.condition == {
        "ForAnyValue:StringEquals": {"kms:ResourceAliases": alias["AliasName"]}
    }
    (writes,) = [
        it
        for it in resources["ExecuteCommandKey"]["Properties"]["KeyPolicy"]["Statement"]
        if it["Sid"] == "CloudWatchEncryptsTheLog"
    ]
    context = writes["Condition"]["ArnEquals"]["kms:EncryptionContext:aws:logs:arn"]
    assert context == f"arn:aws:logs:{AT}:log-group:{group['LogGroupName']}"


def test_a_task_whose_shell_is_off_reaches_neither() -> None:
    said = str(of_task_role())
    assert "shop-exec" not in said
    assert "ssmmessages" not in said
