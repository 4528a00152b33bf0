"""CloudFormation types and attributes of EC2.

Wrong upstream: SecurityGroupIngress and Egress, EIP, NatGateway and FlowLog are missing; a VPC has
no attribute CidrBlock.
Source: CloudFormation reference, AWS::EC2::*.
Last needed: ministack 1.5.33.
"""

from __future__ import annotations

from typing import Any

from ministack.core.responses import new_uuid
from ministack.services import ec2
from ministack.services.cloudformation import provisioners

from local_aws.mending import Mending
from local_aws.mends.cloudformation.handlers import (
    Created,
    Handler,
    Properties,
    answered,
    element,
    replaced_on_update,
)


def install(mending: Mending) -> None:
    """Add what Fn::GetAtt finds on AWS; types.py registers the types."""
    for operation in ("create", "update"):
        mending.handler("AWS::EC2::VPC", operation, _with_cidr_block)


def _with_cidr_block(upstream: Any, *arguments: Any) -> Created:
    # Wrong upstream: a VPC has no attribute CidrBlock.
    vpc, attributes = upstream(*arguments)
    return vpc, attributes | {"CidrBlock": ec2._vpcs[vpc]["CidrBlock"]}


def types() -> dict[str, Handler]:
    """Return the handlers by type."""
    return {
        "AWS::EC2::SecurityGroupIngress": _rule("IpPermissions"),
        "AWS::EC2::SecurityGroupEgress": _rule("IpPermissionsEgress"),
        "AWS::EC2::EIP": replaced_on_update(_create_address, _delete_address),
        "AWS::EC2::NatGateway": replaced_on_update(_create_nat_gateway, _delete_nat_gateway),
        "AWS::EC2::FlowLog": replaced_on_update(_create_flow_log, _delete_flow_log),
    }


def _rule(direction: str) -> Handler:
    def create(_: str, properties: Properties, __: str) -> Created:
        group = ec2._security_groups.get(properties.get("GroupId"))
        if group is None:
            raise ValueError(
                f"The security group '{properties.get('GroupId')}' does not exist "
                "(Service: Ec2, Status Code: 400, Error Code: InvalidGroup.NotFound)"
            )
        permission = _permission(properties)
        if permission in group[direction]:
            raise ValueError(
                "the specified rule already exists "
                "(Service: Ec2, Status Code: 400, Error Code: InvalidPermission.Duplicate)"
            )
        group[direction].append(permission)
        made = f"sgr-{new_uuid().replace('-', '')[:17]}"
        return made, {"Id": made}

    def delete(_: str, properties: Properties) -> None:
        group = ec2._security_groups.get(properties.get("GroupId"))
        if group and _permission(properties) in group[direction]:
            group[direction].remove(_permission(properties))

    return replaced_on_update(create, delete)


def _permission(properties: Properties) -> dict[str, Any]:
    permission: dict[str, Any] = provisioners._ec2_sg_permissions([properties])[0]
    return permission


def _tag(resource: str, properties: Properties) -> None:
    if properties.get("Tags"):
        ec2._tags[resource] = list(properties["Tags"])


def _create_address(_: str, properties: Properties, __: str) -> Created:
    answer = answered(ec2._allocate_address({"Domain": "vpc"}), "AllocateAddress")
    allocation, address = element(answer, "allocationId"), element(answer, "publicIp")
    _tag(allocation, properties)
    return address, {"AllocationId": allocation, "PublicIp": address}


def _delete_address(address: str, _: Properties) -> None:
    for allocation, record in list(ec2._addresses.items()):
        if record["PublicIp"] == address:
            ec2._release_address({"AllocationId": allocation})


def _create_nat_gateway(_: str, properties: Properties, __: str) -> Created:
    parameters = {
        name: properties[name]
        for name in ("SubnetId", "AllocationId", "ConnectivityType")
        if name in properties
    }
    answer = answered(ec2._create_nat_gateway(parameters), "CreateNatGateway")
    made = element(answer, "natGatewayId")
    _tag(made, properties)
    return made, {"NatGatewayId": made}


def _delete_nat_gateway(made: str, _: Properties) -> None:
    ec2._nat_gateways.pop(made, None)


def _create_flow_log(_: str, properties: Properties, __: str) -> Created:
    parameters = {"ResourceId.1": properties["ResourceId"]} | {
        name: properties[name]
        for name in (
            "ResourceType",
            "TrafficType",
            "LogDestinationType",
            "LogDestination",
            "LogGroupName",
        )
        if name in properties
    }
    answer = answered(ec2._create_flow_logs(parameters), "CreateFlowLogs")
    made = element(answer, "item")
    _tag(made, properties)
    return made, {"Id": made}


def _delete_flow_log(made: str, _: Properties) -> None:
    ec2._flow_logs.pop(made, None)
