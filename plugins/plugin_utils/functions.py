"""Lambda functions of a stack, held against the zips that they were deployed from."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from ansible_collections.quayside.fargate.plugins.plugin_utils import aws
from ansible_collections.quayside.fargate.plugins.plugin_utils.artifacts import Artifact
from ansible_collections.quayside.fargate.plugins.plugin_utils.errors import StackError


def refuse_foreign_code(
    client: Any,
    document: Mapping[str, Any],
    files: Mapping[str, Artifact],
    resources: Iterable[Mapping[str, Any]],
) -> None:
    """Hold each function's code against its file.

    Args:
        client: botocore's client for Lambda.
        document: the template; a function whose S3Key is a parameter of `files` is looked at.
        files: by the parameter that names each.
        resources: the stack's resources (ListStackResources).

    Raises: StackError with the functions that run other code than their file has.
    """
    names = {item.get("LogicalResourceId"): item.get("PhysicalResourceId") for item in resources}
    foreign = [
        f"{names[logical_id]} ({parameter})"
        for logical_id, parameter in _deployed_from(document, files)
        if names.get(logical_id)
        and _checksum(client, str(names[logical_id])) != files[parameter].checksum
    ]
    if foreign:
        raise StackError(
            f"Other code runs than was deployed: the CodeSha256 of {', '.join(foreign)} is not "
            "that of the file. Find out who changed it (CloudTrail: UpdateFunctionCode), then put "
            "the file there again: aws lambda update-function-code --function-name NAME "
            "--zip-file fileb://FILE."
        )


def _deployed_from(
    document: Mapping[str, Any], files: Mapping[str, Artifact]
) -> Iterator[tuple[str, str]]:
    """Yield the logical id of each function whose zip is a file, and the file's parameter."""
    for logical_id, resource in document["Resources"].items():
        if resource.get("Type") != "AWS::Lambda::Function":
            continue
        key = ((resource.get("Properties") or {}).get("Code") or {}).get("S3Key")
        parameter = key.get("Ref") if isinstance(key, Mapping) else None
        if parameter in files:
            yield logical_id, str(parameter)


def _checksum(client: Any, name: str) -> str:
    try:
        return str(client.get_function_configuration(FunctionName=name).get("CodeSha256"))
    except aws.AwsError as error:
        raise StackError(aws.explain(error, f"GetFunctionConfiguration of {name}")) from error
