"""Whether who looks may do what docs/permissions lists, by IAM's own simulation.

Source: IAM API reference, SimulatePrincipalPolicy: it takes no wildcards in actions, and answers
for the identity's policies, its boundary and the organization's policies, not for resources' own.
"""

from __future__ import annotations

import fnmatch
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from ansible_collections.quayside.fargate.plugins.plugin_utils import aws
from ansible_collections.quayside.fargate.plugins.plugin_utils.doctor_findings import (
    COLLECTION,
    Finding,
    Patient,
    failed,
    not_asked,
    ok,
    warning,
)

_CHECK = "rights"
_SHOWN = 6  # actions that a sentence names
_AT_ONCE = 100  # actions that one call simulates
# What stands for a wildcard in a policy: what the first deployments do.
_PROBES = (
    *("cloudformation:CreateChangeSet", "cloudformation:ExecuteChangeSet"),
    *("cloudwatch:PutMetricAlarm", "dynamodb:CreateTable", "dynamodb:DescribeTable"),
    *("ec2:CreateVpc", "ec2:CreateSubnet", "ec2:CreateSecurityGroup", "ec2:DescribeVpcs"),
    *("ecs:CreateCluster", "ecs:DescribeClusters", "elasticloadbalancing:CreateLoadBalancer"),
    *("elasticloadbalancing:DescribeLoadBalancers", "events:PutRule", "iam:CreateRole"),
    *("kms:CreateKey", "kms:CreateAlias", "lambda:CreateFunction", "logs:CreateLogGroup"),
    *("logs:DescribeLogGroups", "rds:CreateDBCluster", "rds:DescribeDBClusters"),
    *("s3:CreateBucket", "s3:PutObject", "sns:CreateTopic", "sqs:CreateQueue"),
    *("ssm:PutParameter", "ssm:GetParameters"),
)


def rights(patient: Patient) -> list[Finding]:
    """Ask IAM about every action of docs/permissions for the one who looks.

    Raises: botocore's errors.
    """
    kind = patient.wanted.get("permissions")
    if patient.arn.endswith(":root"):
        what = "The account's root may do everything, and nobody can take that from it."
        return [warning(_CHECK, what, f"Use a role with docs/permissions/{kind}*.json instead.")]
    try:
        principal = _principal(patient)
        questions = list(_questions(patient, kind))
        with ThreadPoolExecutor(max_workers=4) as pool:
            answers = list(pool.map(lambda it: _denied(patient, principal, it), questions))
    except aws.AwsError as error:
        return [not_asked(_CHECK, error)]
    asked = {action for actions, _resource, _context in questions for action in actions}
    denied = sorted({action for answer in answers for action in answer})
    if not denied:
        what = f"IAM allows {len(asked)} of the {len(asked)} actions in docs/permissions/{kind}*"
        return [ok(_CHECK, f"{what}.json that can be asked for.")]
    named = ", ".join(denied[:_SHOWN]) + (", ..." if len(denied) > _SHOWN else "")
    what = f"IAM refuses {len(denied)} of {len(asked)} actions: {named}."
    to_do = f"Attach docs/permissions/{kind}*.json to {principal}, with PLATFORM and ACCOUNT put in"
    return [failed(_CHECK, what, f"{to_do}; a boundary or an organization may refuse too.")]


def _principal(patient: Patient) -> str:
    """Return the user or role to simulate; a session's ARN lacks the path of its role."""
    arn = str(patient.arn)
    kind, _slash, name = arn.rpartition(":")[2].partition("/")
    if kind != "assumed-role":
        return arn
    found = patient.client("iam").get_role(RoleName=name.partition("/")[0])
    return str(found.get("Role", {}).get("Arn", arn))


Question = tuple[list[str], str, list[dict[str, Any]]]


def _questions(patient: Patient, kind: str) -> Iterator[Question]:
    """Yield actions, an example of their resource and the conditions' context, by statement."""
    for path in sorted((COLLECTION / "docs" / "permissions").glob(f"{kind}*.json")):
        text = path.read_text(encoding="utf-8")
        for statement in json.loads(_filled_in(text, patient))["Statement"]:
            if statement["Effect"] == "Allow" and "Action" in statement:
                actions = sorted(set(_concrete(_listed(statement["Action"]))))
                example = _example(_listed(statement.get("Resource", "*"))[0], patient.region)
                for start in range(0, len(actions), _AT_ONCE):
                    some = actions[start : start + _AT_ONCE]
                    yield some, example, _context(statement.get("Condition", {}))


def _filled_in(text: str, patient: Patient) -> str:
    """Return a policy with examples in place of what docs/permissions/README.md says to put."""
    put = {
        "PLATFORM": patient.platform,
        "ACCOUNT": patient.number,
        "SERVICES": "doctor",
        "SERVICE": "doctor",
        "TEAM": "all",
    }
    for placeholder, value in put.items():
        text = re.sub(rf"\b{placeholder}\b", value, text)
    return text


def _concrete(patterns: Sequence[str]) -> Iterator[str]:
    for pattern in patterns:
        if "*" in pattern:
            yield from fnmatch.filter(_PROBES, pattern)
        else:
            yield pattern


def _example(resource: str, region: str) -> str:
    """Return one resource that a pattern stands for."""
    if resource == "*":
        return resource
    parts = resource.split(":", 5)
    parts[3] = region if parts[3] == "*" else parts[3]
    return ":".join(part.replace("*", "doctor") for part in parts)


def _context(condition: Mapping[str, Mapping[str, Any]]) -> list[dict[str, Any]]:
    return [
        {
            "ContextKeyName": key,
            "ContextKeyType": "string",
            "ContextKeyValues": [_listed(value)[0].replace("*", "doctor")],
        }
        for keys in condition.values()
        for key, value in keys.items()
    ]


def _denied(patient: Patient, principal: str, question: Question) -> list[str]:
    actions, resource, context = question
    pages = (
        patient.client("iam")
        .get_paginator("simulate_principal_policy")
        .paginate(
            PolicySourceArn=principal,
            ActionNames=actions,
            ResourceArns=[resource],
            ContextEntries=context,
        )
    )
    return [
        result["EvalActionName"]
        for page in pages
        for result in page.get("EvaluationResults", ())
        if result["EvalDecision"] != "allowed"
    ]


def _listed(value: Any) -> list[str]:
    return [value] if isinstance(value, str) else list(value)
