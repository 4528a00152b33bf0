"""What the API refuses in a template before it looks at anything else.

Wrong upstream: any property takes an ssm-secure reference; Ref, Fn::GetAtt, Fn::Sub and DependsOn
may name what isn't there.
Source: CloudFormation user guide, "Get a secure string value from Systems Manager Parameter Store";
aws-cloudformation/rain 744 for the sentence on references.
Last needed: ministack 1.5.33.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ministack.services.cloudformation import handlers, stacks

from local_aws.mending import Mending

Template = dict[str, Any]

# "Resources that support dynamic parameter patterns for secure strings"; OpsWorks is gone.
_SECURE_STRING_PROPERTIES = {
    ("AWS::DirectoryService::MicrosoftAD", "Password"),
    ("AWS::DirectoryService::SimpleAD", "Password"),
    ("AWS::ElastiCache::ReplicationGroup", "AuthToken"),
    ("AWS::IAM::User", "LoginProfile/Password"),
    ("AWS::KinesisFirehose::DeliveryStream", "RedshiftDestinationConfiguration/Password"),
    ("AWS::RDS::DBCluster", "MasterUserPassword"),
    ("AWS::RDS::DBInstance", "MasterUserPassword"),
    ("AWS::Redshift::Cluster", "MasterUserPassword"),
}
_PSEUDO = "AWS::"


def install(mending: Mending) -> None:
    """Refuse them where upstream looks whether it can deploy a template."""
    mending.around(handlers, "validate_template_support", _validate)


def _validate(upstream: Any, template: Template, *arguments: Any, **options: Any) -> None:
    _refuse_dangling(template)
    refused = sorted(_misplaced_secure_strings(template))
    if refused:
        raise ValueError(f"SSM Secure reference is not supported in: [{','.join(refused)}]")
    upstream(template, *arguments, **options)


def _misplaced_secure_strings(template: Template) -> Iterator[str]:
    for resource in (template.get("Resources") or {}).values():
        kind = resource.get("Type", "") if isinstance(resource, dict) else ""
        for path in _paths_of_secure_strings((resource or {}).get("Properties"), ()):
            # below an intrinsic function's name, the place is still the property's
            place = "/".join(part for part in path if not part.startswith("Fn::"))
            if (kind, place) not in _SECURE_STRING_PROPERTIES:
                yield f"{kind}/Properties/{place}"


def _paths_of_secure_strings(value: Any, path: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    if isinstance(value, str) and "{{resolve:ssm-secure:" in value:
        yield path
    elif isinstance(value, dict):
        for key, inner in value.items():
            yield from _paths_of_secure_strings(inner, (*path, str(key)))
    elif isinstance(value, list):
        for inner in value:
            yield from _paths_of_secure_strings(inner, path)


def _refuse_dangling(template: Template) -> None:
    resources = template.get("Resources") or {}
    known = {*resources, *(template.get("Parameters") or {})}
    for section in ("Resources", "Outputs"):
        members = (template.get(section) or {}).values()
        missing = sorted({name for each in members for name in _missing(each, known, resources)})
        if missing:
            raise ValueError(
                f"Template format error: Unresolved resource dependencies "
                f"[{', '.join(missing)}] in the {section} block of the template"
            )


def _missing(member: Any, known: set[str], resources: dict[str, Any]) -> Iterator[str]:
    for name, _ in stacks._intrinsic_references(member):
        if name not in known and not name.startswith(_PSEUDO):
            yield name
    wanted = member.get("DependsOn") or [] if isinstance(member, dict) else []
    for name in [wanted] if isinstance(wanted, str) else wanted:
        if name not in resources:
            yield name
