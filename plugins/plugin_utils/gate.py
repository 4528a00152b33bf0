"""What a deployment doesn't take away unasked: a change set is judged before it is executed.

A resource is removed, or replaced by another, or stays and loses what it holds. Whether it is
replaced is judged by the property that causes it: CloudFormation calls much replaced that stays,
since a value is only known after the deployment, or since it doesn't tell conditions.

https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_ResourceChange.html
https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_ResourceTargetDefinition.html
https://github.com/aws-cloudformation/cloudformation-coverage-roadmap/issues/2113
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ansible_collections.quayside.fargate.plugins.plugin_utils import changes
from ansible_collections.quayside.fargate.plugins.plugin_utils.changes import Detail
from ansible_collections.quayside.fargate.plugins.plugin_utils.parameters import MASK

_LATER = "{{changeSet:KNOWN_AFTER_APPLY}}"
# With the quotes of a list or a number that only the deployment tells.
_LATER_PART = re.compile(f'"?{re.escape(_LATER)}"?')
_REFERENCE = re.compile(r"\$\{([A-Za-z0-9]+)[.}]")
# Their attributes may become others while they stay the same resource.
_OPAQUE = ("Custom::", "AWS::CloudFormation::CustomResource", "AWS::CloudFormation::Stack")
_FATES = {
    ("Remove", changes.DELETED): ("removed", ""),
    ("Remove", changes.SNAPSHOT): ("removed after a snapshot", ""),
    ("Remove", changes.KEPT): ("taken out of the stack and kept in AWS", ""),
    ("Modify", changes.DELETED): ("replaced", ", and the old one deleted"),
    ("Modify", changes.SNAPSHOT): ("replaced", ", and the old one deleted after a snapshot"),
    ("Modify", changes.KEPT): ("replaced", ", and the old one kept in AWS"),
}


ResourceChange = Mapping[str, Any]
Document = Mapping[str, Any]


@dataclass(frozen=True)
class Guard:
    """Why a type's resources stay.

    why: what is lost with one.
    lost_by: properties whose change loses it although the resource stays.
    in_place: properties that CloudFormation calls conditional, and that replace nothing.
    if_told: only if an output of the stack tells its name: nobody else knows it otherwise.
    """

    why: str
    lost_by: frozenset[str] = frozenset()
    in_place: frozenset[str] = frozenset()
    if_told: bool = False


@dataclass(frozen=True)
class Loss:
    """A resource that a deployment would take away.

    name: its logical id.
    text: what would happen, and why it matters.
    """

    name: str
    text: str


_DATA = "it holds data"
# "Some interruptions" or "No interruption" in the user guide's page of AWS::RDS::DBInstance, where
# the type's schema has them among conditionalCreateOnlyProperties.
_INSTANCE_STAYS = frozenset(
    {
        *("AutoMinorVersionUpgrade", "BackupRetentionPeriod", "DBParameterGroupName", "MultiAZ"),
        *("PerformanceInsightsKMSKeyId", "PreferredMaintenanceWindow"),
    }
)
GUARDS: dict[str, Guard] = {
    # What holds data.
    "AWS::RDS::DBCluster": Guard("it holds the data of every service"),
    "AWS::RDS::DBInstance": Guard(
        "connections to it break, and a cluster without an instance can't be reached",
        in_place=_INSTANCE_STAYS,
    ),
    "AWS::RDS::GlobalCluster": Guard(_DATA),
    "AWS::DocDB::DBCluster": Guard(_DATA),
    "AWS::Neptune::DBCluster": Guard(_DATA),
    "AWS::DynamoDB::Table": Guard(_DATA),
    "AWS::DynamoDB::GlobalTable": Guard(_DATA),
    "AWS::S3::Bucket": Guard(_DATA),
    "AWS::EFS::FileSystem": Guard(_DATA),
    "AWS::EC2::Volume": Guard(_DATA),
    "AWS::ElastiCache::ReplicationGroup": Guard(_DATA),
    "AWS::ElastiCache::ServerlessCache": Guard(_DATA),
    "AWS::OpenSearchService::Domain": Guard(_DATA),
    "AWS::Kinesis::Stream": Guard(_DATA),
    "AWS::Cognito::UserPool": Guard("it holds the accounts of users"),
    "AWS::ECR::Repository": Guard("it holds images that tasks start from"),
    "AWS::KMS::Key": Guard("what it encrypted can't be read without it"),
    "AWS::Logs::LogGroup": Guard("its log lines go with it"),
    "AWS::SQS::Queue": Guard("its messages go with it"),
    "AWS::SecretsManager::Secret": Guard(
        "its password goes with it, and running tasks can't log in any more",
        lost_by=frozenset({"GenerateSecretString", "SecretString"}),
    ),
    "AWS::CloudFormation::Stack": Guard("everything in it goes with it"),
    "Custom::Database": Guard(
        "the service's database and its users' logins are its", lost_by=frozenset({"Database"})
    ),
    "Custom::Password": Guard(
        "the database's admin logs in with it", lost_by=frozenset({"ParameterName"})
    ),
    # What routes requests.
    "AWS::ECS::Service": Guard("its tasks stop, and requests find none"),
    "AWS::ECS::Cluster": Guard("every service runs on it"),
    "AWS::ElasticLoadBalancingV2::LoadBalancer": Guard("all requests come by it, under its name"),
    "AWS::ElasticLoadBalancingV2::Listener": Guard("every service's rule on it goes with it"),
    "AWS::ElasticLoadBalancingV2::ListenerRule": Guard("requests find the service by it"),
    "AWS::ElasticLoadBalancingV2::TargetGroup": Guard("requests reach the service's tasks by it"),
    "AWS::Route53::HostedZone": Guard("its records go with it, and its name servers change"),
    "AWS::Route53::RecordSet": Guard("clients find the service by it"),
    "AWS::EC2::VPC": Guard("everything of the platform is in it"),
    "AWS::EC2::Subnet": Guard("tasks, functions and load balancers are in it"),
    "AWS::EC2::NatGateway": Guard("tasks and functions reach the internet by it"),
    "AWS::EC2::VPCEndpoint": Guard("tasks and functions reach AWS by it, and policies may name it"),
    # What others name.
    "AWS::EC2::EIP": Guard("others may have let its address in, which never comes back"),
    "AWS::EC2::SecurityGroup": Guard("rules of other stacks name it", if_told=True),
    "AWS::IAM::Role": Guard("other stacks and policies name it", if_told=True),
    "AWS::Lambda::Function": Guard("other stacks call it by its name", if_told=True),
    "AWS::SNS::Topic": Guard("alarms of other stacks and subscribers name it"),
}


def losses(
    changed: Iterable[ResourceChange], document: Document, outputs: Iterable[str]
) -> list[Loss]:
    """Return what a change set would take away of what GUARDS names, in its order.

    Args:
        changed: DescribeChangeSet's `ResourceChange`s, with the properties' values.
        document: the template to be deployed.
        outputs: the values of the stack's outputs as it is.
    """
    listed, told = list(changed), " ".join(outputs)
    causes = _causes(listed, document)
    return [
        _loss(change, GUARDS[change["ResourceType"]], causes[change["LogicalResourceId"]], document)
        for change in listed
        if change["LogicalResourceId"] in causes and _is_guarded(change, told)
    ]


def _is_guarded(change: ResourceChange, told: str) -> bool:
    guard = GUARDS.get(change["ResourceType"])
    if guard is None or not guard.if_told:
        return guard is not None
    return change.get("PhysicalResourceId", _LATER) in told


def _loss(change: ResourceChange, guard: Guard, cause: str, document: Document) -> Loss:
    name, by = change["LogicalResourceId"], f" for another {cause}" if cause else ""
    fate = (change["Action"], changes.fate(change, document))
    done, old = ("made anew", "") if cause in guard.lost_by else _FATES.get(fate, ("replaced", ""))
    return Loss(name, f"{name} ({change['ResourceType']}) would be {done}{by}{old}: {guard.why}")


def _causes(listed: list[ResourceChange], document: Document) -> dict[str, str]:
    """Return each resource that goes, with the property that causes it ("" where none does)."""
    modified = [it for it in listed if it["Action"] == "Modify"]
    causes = {it["LogicalResourceId"]: "" for it in listed if it["Action"] == "Remove"}
    others = {it["LogicalResourceId"] for it in listed if it["Action"] == "Add"}
    others |= {it["LogicalResourceId"] for it in modified if it["ResourceType"].startswith(_OPAQUE)}
    while True:  # what goes may take with it what refers to it
        found = {
            change["LogicalResourceId"]: cause
            for change in modified
            if change["LogicalResourceId"] not in causes
            and (cause := _cause(change, document, others | causes.keys())) is not None
        }
        if not found:
            return causes
        causes |= found


def _cause(change: ResourceChange, document: Document, others: Collection[str]) -> str | None:
    """Return the property by which a modified resource goes, None if it stays."""
    details, kind = changes.details(change), change["ResourceType"]
    if not details and change.get("Replacement") == "True":
        return ""
    resource = document["Resources"].get(change["LogicalResourceId"]) or {}
    for detail in details:
        name = detail.path.split("/")[0]
        value = (resource.get("Properties") or {}).get(name)
        if _matters(detail, name, kind) and _differs(detail, value, document, others):
            return str(name)
    return None


def _matters(detail: Detail, name: str, kind: str) -> bool:
    """Say whether another value of a property takes the resource away."""
    guard = GUARDS.get(kind, Guard(""))
    if name in guard.lost_by:
        return True
    if kind.startswith(_OPAQUE):  # its function says, not CloudFormation
        return False
    conditional = detail.recreation == "Conditionally" and name not in guard.in_place
    return detail.recreation == "Always" or conditional


def _differs(detail: Detail, value: Any, document: Document, others: Collection[str]) -> bool:
    """Say whether a property gets another value: if that isn't known, whether what it comes from
    becomes another resource.

    Args:
        detail: what the change set says of it.
        value: the property in the template.
        document: the template.
        others: resources that are others afterwards.
    """
    before, after = detail.before, detail.after or ""
    # Two values may be masked alike (NoEcho).
    told = (before, detail.after) != (None, None) and not (before == after and MASK in after)
    if told and _LATER not in after:
        return bool(before != detail.after)
    if told and before is not None and not _may_become(before, after):
        return True
    cause = detail.cause.split(".")[0]
    if not told and detail.certain and cause not in document["Resources"]:
        return True  # a parameter's value, or the template's own
    return not {cause, *_references(value)}.isdisjoint(others)


def _may_become(before: str, after: str) -> bool:
    """Say whether a value of which parts are only told by the deployment may be the one before."""
    known = (re.escape(part) for part in _LATER_PART.split(after))
    return re.fullmatch(".*".join(known), before, re.DOTALL) is not None


def _references(value: Any) -> Iterator[str]:
    """Yield the names that a property's functions refer to: resources, and parameters too."""
    if isinstance(value, Mapping):
        for key, item in value.items():
            if key == "Ref":
                yield str(item)
            elif key == "Fn::GetAtt":
                yield str(item[0] if isinstance(item, list) else item).partition(".")[0]
            elif key == "Fn::Sub":
                yield from _REFERENCE.findall(str(item if isinstance(item, str) else item[0]))
            if not isinstance(item, str):
                yield from _references(item)
    elif isinstance(value, list):
        for item in value:
            yield from _references(item)
