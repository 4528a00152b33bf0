"""What the region and the account have: service-linked roles, zones, database engines."""

from __future__ import annotations

from typing import Any

from ansible_collections.quayside.fargate.plugins.plugin_utils import aws, partitions, template
from ansible_collections.quayside.fargate.plugins.plugin_utils.doctor_findings import (
    COLLECTION,
    Finding,
    Patient,
    failed,
    not_asked,
    ok,
    warning,
)

_ENGINE = "aurora-postgresql"
# Service-linked roles by the service that acts with them; IAM user guide, "AWS services that work
# with IAM", and each service's page on its own.
_LINKED = {
    "AWSServiceRoleForECS": "ecs.amazonaws.com",
    "AWSServiceRoleForRDS": "rds.amazonaws.com",
    "AWSServiceRoleForElasticLoadBalancing": "elasticloadbalancing.amazonaws.com",
    "AWSServiceRoleForApplicationAutoScaling_ECSService": (
        "ecs.application-autoscaling.amazonaws.com"
    ),
}
# Zones by their ids, which are the same for everybody (aws/aws-cdk#5847).
_WITHOUT_NAT = frozenset({"apne1-az3"})


def linked_roles(patient: Patient) -> list[Finding]:
    """Look for the roles with which AWS's services act in the account."""
    return [_linked_role(patient, name, service) for name, service in _LINKED.items()]


def _linked_role(patient: Patient, name: str, service: str) -> Finding:
    check = f"role {name.removeprefix('AWSServiceRoleFor')}"
    try:
        patient.client("iam").get_role(RoleName=name)
    except aws.AwsError as error:
        if aws.code(error) != "NoSuchEntity":
            return not_asked(check, error)
        what = f"{name} isn't there. AWS makes it with the first use, which can then fail once."
        create = f"aws iam create-service-linked-role --aws-service-name {service}"
        return warning(check, what, f"Make it now: {create}")
    return ok(check, f"{name} is there.")


def zones(patient: Patient) -> list[Finding]:
    """Look whether the zones of the network have the NAT gateways and endpoints that it makes."""
    check, wanted = "zones", patient.wanted
    if wanted["vpc_id"]:
        return [ok(check, f"The network is your own, {wanted['vpc_id']}; its zones aren't asked.")]
    ids = _available(patient)
    chosen = wanted["availability_zones"] or sorted(ids)[: wanted["zone_count"]]
    others = "Name others: -e '{\"network_availability_zones\": [...]}'."
    unknown = [zone for zone in chosen if zone not in ids]
    if unknown or len(chosen) < wanted["zone_count"]:
        what = f"{patient.region} has the zones {', '.join(sorted(ids))}, not {', '.join(unknown)}."
        few = f"{len(chosen)} zones aren't the {wanted['zone_count']} of network_zone_count."
        return [failed(check, what if unknown else few, others)]
    gateways = wanted["nat_gateways"] != "none"
    lacking = [f"{zone} has no NAT gateways" for zone in chosen if ids[zone] in _WITHOUT_NAT]
    if not gateways:
        lacking = _lacking(patient, chosen)
    if lacking:
        return [failed(check, f"{'; '.join(lacking)}.", others)]
    made = "NAT gateways" if gateways else "the endpoints"
    return [ok(check, f"{' and '.join(chosen)} have {made} that the network makes.")]


def _available(patient: Patient) -> dict[str, str]:
    """Return the ids of the region's zones that can be used, by name."""
    described = patient.client("ec2").describe_availability_zones(
        Filters=[{"Name": "zone-type", "Values": ["availability-zone"]}]
    )
    usable = (it for it in described.get("AvailabilityZones", ()) if it.get("State") == "available")
    return {
        it.get("ZoneName", ""): it.get("ZoneId", "")
        for it in usable
        if it.get("OptInStatus") != "not-opted-in"
    }


def _lacking(patient: Patient, chosen: list[str]) -> list[str]:
    """Say which endpoints of the network's template a zone doesn't have."""
    names = endpoint_services(patient.region)
    pages = (
        patient.client("ec2")
        .get_paginator("describe_vpc_endpoint_services")
        .paginate(Filters=[{"Name": "service-name", "Values": names}])
    )
    found = {it.get("ServiceName"): it for page in pages for it in page.get("ServiceDetails", ())}
    absent = {
        zone: [it for it in names if zone not in found.get(it, {}).get("AvailabilityZones", ())]
        for zone in chosen
    }
    return [f"{zone} has no endpoint {', '.join(lacks)}" for zone, lacks in absent.items() if lacks]


def endpoint_services(region: str) -> list[str]:
    """Return the services that the network's template makes interface endpoints for."""
    network = _template("network")
    properties = (
        it["Properties"]
        for it in network["Resources"].values()
        if it.get("Type") == "AWS::EC2::VPCEndpoint"
    )
    return sorted(
        _service_name(it.get("ServiceName", {}).get("Fn::Sub", ""), network["Mappings"], region)
        for it in properties
        if it.get("VpcEndpointType") == "Interface"
    )


def _service_name(sub: Any, mappings: dict[str, Any], region: str) -> str:
    """Return what CloudFormation makes of an endpoint's ServiceName in a region."""
    text, names = sub if isinstance(sub, list) else (sub, {})
    for name, value in names.items():
        mapping, _partition, column = value["Fn::FindInMap"]
        found = mappings[mapping][partitions.of_region(region)][column]
        text = text.replace(f"${{{name}}}", found)
    return str(text.replace("${AWS::Region}", region))


def engine(patient: Patient) -> list[Finding]:
    """Look whether the region has the database's version, and its instances' class with it."""
    defaults = _template("rds")["Parameters"]
    version = patient.wanted["engine_version"] or defaults.get("EngineVersion", {}).get(
        "Default", ""
    )
    size = patient.wanted["instance_class"] or defaults["InstanceClass"]["Default"]
    check = "database engine"
    versions = _versions(patient, version)
    if version not in versions:
        major = version.partition(".")[0]
        same = [it for it in versions if it.partition(".")[0] == major] or versions
        what = f"Aurora PostgreSQL {version} can't be had in {patient.region}."
        to_do = f"Set rds_engine_version to one of {', '.join(same[-4:])}."
        return [failed(check, what, to_do if same else "Choose another rds_engine_version.")]
    pages = (
        patient.client("rds")
        .get_paginator("describe_orderable_db_instance_options")
        .paginate(Engine=_ENGINE, EngineVersion=version, DBInstanceClass=size)
    )
    options = [option for page in pages for option in page.get("OrderableDBInstanceOptions", ())]
    if not options:
        what = f"{patient.region} has no {size} for Aurora PostgreSQL {version}."
        return [failed(check, what, "Set rds_instance_class, or another rds_engine_version.")]
    where = {zone["Name"] for option in options for zone in option.get("AvailabilityZones", ())}
    found = f"Aurora PostgreSQL {version} on {size} can be had in {', '.join(sorted(where))}."
    return [ok(check, found)]


def _versions(patient: Patient, version: str) -> list[str]:
    """Return the wanted version alone if it can be had, or else all that can."""
    pages = patient.client("rds").get_paginator("describe_db_engine_versions")
    try:
        found = list(pages.paginate(Engine=_ENGINE, EngineVersion=version))
    except aws.AwsError as error:
        if aws.code(error) not in ("InvalidParameterCombination", "InvalidParameterValue"):
            raise
        found = []
    if not any(page.get("DBEngineVersions") for page in found):
        found = list(pages.paginate(Engine=_ENGINE))
    return [
        it.get("EngineVersion", "") for page in found for it in page.get("DBEngineVersions", ())
    ]


def _template(name: str) -> dict[str, Any]:
    path = COLLECTION / "templates" / f"{name}.yml"
    return dict(template.load(template.read(path), str(path)))
