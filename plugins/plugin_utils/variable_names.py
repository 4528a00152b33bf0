"""What a platform's things are found by: names and tags that no variable may change.

Rotation, status, teardown and the policies in docs/permissions look for these names; the deployment
role and teardown for the tags. A thing with another name works, and is never rotated, shown or
deleted.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ansible_collections.quayside.fargate.plugins.plugin_utils.overlays import overlay

_TAGS = "quayside:"  # what the names of Quayside's own tags begin with
# The property that names a resource, by its type; of a role, IAM's policies go by the path.
_NAMES = {
    "AWS::CloudWatch::Alarm": "AlarmName",
    "AWS::CloudWatch::Dashboard": "DashboardName",
    "AWS::DynamoDB::Table": "TableName",
    "AWS::ECS::Cluster": "ClusterName",
    "AWS::ECS::Service": "ServiceName",
    "AWS::ECS::TaskDefinition": "Family",
    "AWS::ElasticLoadBalancingV2::LoadBalancer": "Name",
    "AWS::Events::Rule": "Name",
    "AWS::IAM::Role": "Path",
    "AWS::KMS::Alias": "AliasName",
    "AWS::Lambda::Function": "FunctionName",
    "AWS::Logs::LogGroup": "LogGroupName",
    "AWS::Logs::QueryDefinition": "Name",
    "AWS::Logs::ResourcePolicy": "PolicyName",
    "AWS::SNS::Topic": "TopicName",
    "AWS::SQS::Queue": "QueueName",
    "AWS::SSM::Parameter": "Name",
    "AWS::SecretsManager::Secret": "Name",
}


def problems(role: str, values: Mapping[str, Any], document: Mapping[str, Any]) -> Iterator[str]:
    """Yield a line for each value of a role's variables that would make a thing invisible.

    Args:
        role: name of the role.
        values: its options by their names without the role's.
        document: its template, without what is laid over it; empty if it can't be read.
    """
    for key in values.get("tags") or {}:
        if str(key).startswith(_TAGS):
            yield (
                f"{role}_tags.{key}: things are found by this tag, which the role sets itself. "
                "Leave it out."
            )
    yield from laid_over(f"{role}_overrides", values.get("overrides") or {}, document)


def laid_over(
    option: str, overrides: Mapping[str, Any], document: Mapping[str, Any]
) -> Iterator[str]:
    """Yield a line for each name and tag that an overlay would change.

    Args:
        option: the variable that it comes from.
        overrides: what is laid over.
        document: the template under it.
    """
    resources = document.get("Resources") or {}
    for logical_id, resource in (overrides.get("Resources") or {}).items():
        known = resources.get(logical_id) or {}
        named = _NAMES.get(known.get("Type", ""), "")
        if named in (known.get("Properties") or {}) and named in _properties(resource):
            yield (
                f"{option}.Resources.{logical_id}.Properties.{named}: rotation, status, "
                "teardown and permissions find it by the name that the template gives it. Leave "
                "it out."
            )
        yield from _tags(f"{option}.Resources.{logical_id}", resource, known)


def _tags(name: str, resource: Any, known: Mapping[str, Any]) -> Iterator[str]:
    """Yield a line for each tag of Quayside's own that a resource would get or lose."""
    properties = _properties(resource)
    if "Tags" in properties:
        before, laid = _properties(known).get("Tags"), properties["Tags"]
        lost = set(_own(before)) - set(_own(overlay(before, laid)))
        for tag in sorted(lost | set(_own(laid))):
            yield (
                f"{name}.Properties.Tags.{tag}: things are found by this tag, which the template "
                "or the role sets itself. Leave it out."
            )


def _own(tags: Any) -> Iterator[str]:
    """Yield Quayside's own tags: a list of pairs, a map, or a function of them."""
    if isinstance(tags, Mapping):
        for name in (*tags, tags.get("Key")):
            if isinstance(name, str) and name.startswith(_TAGS):
                yield name
        tags = list(tags.values())
    for inner in tags if isinstance(tags, list) else []:
        yield from _own(inner)


def _properties(resource: Any) -> Mapping[str, Any]:
    found = resource.get("Properties") if isinstance(resource, Mapping) else None
    return found if isinstance(found, Mapping) else {}
