"""CloudFormation types; upstream's own win as soon as there are any.

Wrong upstream: RolePolicy, ServiceLinkedRole, CompositeAlarm, ClusterCapacityProviderAssociations,
WebACLAssociation and ResourcePolicy of secrets are missing.
Source: CloudFormation reference, the page of each type.
Last needed: ministack 1.5.33.
"""

from __future__ import annotations

import json

from ministack.core.responses import get_account_id, get_region
from ministack.services import alb, iam, secretsmanager, waf

from local_aws.mending import Mending
from local_aws.mends.cloudformation import network_types
from local_aws.mends.cloudformation.handlers import (
    Created,
    Handler,
    Properties,
    answered,
    element,
    record,
    replaced_on_update,
)


def install(mending: Mending) -> None:
    """Register the types."""
    for kind, handler in (network_types.types() | _types()).items():
        mending.lacking("_RESOURCE_HANDLERS", kind, handler)
    for kind in ("AWS::EC2::EIP", "AWS::EC2::NatGateway", "AWS::EC2::FlowLog"):
        mending.lacking("_STACK_TAG_PROPERTY", kind, ("Tags", "list"))


def _types() -> dict[str, Handler]:
    return {
        "AWS::CloudWatch::CompositeAlarm": record(
            lambda logical_id, p: p.get("AlarmName", logical_id),
            lambda made, _: {
                "Arn": f"arn:aws:cloudwatch:{get_region()}:{get_account_id()}:alarm:{made}"
            },
        ),
        "AWS::ECS::ClusterCapacityProviderAssociations": record(lambda _, p: p["Cluster"]),
        "AWS::IAM::RolePolicy": {
            "create": _put_role_policy,
            "update": lambda _, __, new, stack: _put_role_policy("", new, stack),
            "delete": _delete_role_policy,
        },
        "AWS::IAM::ServiceLinkedRole": replaced_on_update(
            _create_service_linked_role, _delete_service_linked_role
        ),
        "AWS::WAFv2::WebACLAssociation": replaced_on_update(
            _associate_web_acl, _disassociate_web_acl
        ),
        "AWS::SecretsManager::ResourcePolicy": {
            "create": _put_resource_policy,
            "update": lambda _, __, new, stack: _put_resource_policy("", new, stack),
            "delete": lambda made, _: secretsmanager._delete_resource_policy({"SecretId": made}),
        },
    }


def _put_role_policy(_: str, properties: Properties, __: str) -> Created:
    role = iam._roles.get(properties["RoleName"])
    if role is None:
        raise ValueError(
            f"The role with name {properties['RoleName']} cannot be found. "
            "(Service: Iam, Status Code: 404, Error Code: NoSuchEntity)"
        )
    role["InlinePolicies"][properties["PolicyName"]] = json.dumps(properties["PolicyDocument"])
    return f"{properties['PolicyName']}|{properties['RoleName']}", {}


def _delete_role_policy(made: str, _: Properties) -> None:
    name, role = made.split("|")
    (iam._roles.get(role) or {"InlinePolicies": {}})["InlinePolicies"].pop(name, None)


def _create_service_linked_role(_: str, properties: Properties, __: str) -> Created:
    service = properties["AWSServiceName"]
    answer = answered(
        iam._create_service_linked_role({"AWSServiceName": service}), "CreateServiceLinkedRole"
    )
    name = element(answer, "RoleName")
    return name, {"RoleName": name, "Arn": element(answer, "Arn")}


def _delete_service_linked_role(made: str, _: Properties) -> None:
    iam._roles.pop(made, None)


def _put_resource_policy(_: str, properties: Properties, __: str) -> Created:
    policy = properties["ResourcePolicy"]
    text = policy if isinstance(policy, str) else json.dumps(policy)
    secret = properties["SecretId"]
    answered(
        secretsmanager._put_resource_policy({"SecretId": secret, "ResourcePolicy": text}),
        "PutResourcePolicy",
    )
    return str(secret), {"Id": secret}


def _associate_web_acl(_: str, properties: Properties, __: str) -> Created:
    resource, web_acl = properties["ResourceArn"], properties["WebACLArn"]
    if alb._lbs.get(resource) is None:
        raise ValueError(
            "AWS WAF couldn't perform the operation because your resource doesn't exist. "
            "(Service: Wafv2, Status Code: 400, Error Code: WAFNonexistentItemException)"
        )
    answered(
        waf._associate_web_acl({"ResourceArn": resource, "WebACLArn": web_acl}), "AssociateWebACL"
    )
    return f"{resource}|{web_acl}", {}


def _disassociate_web_acl(_: str, properties: Properties) -> None:
    # DisassociateWebACL names the resource alone (AWS WAF API reference): it takes away whichever
    # it has by now.
    waf._disassociate_web_acl({"ResourceArn": properties["ResourceArn"]})
