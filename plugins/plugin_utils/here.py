"""ARNs that must be of the stack's own region and account.

A template's `Metadata: {Quayside: {Here: {PARAMETER: WHAT}}}` says what a parameter is, for the
sentence.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible_collections.quayside.fargate.plugins.plugin_utils import aws
from ansible_collections.quayside.fargate.plugins.plugin_utils.errors import StackError
from ansible_collections.quayside.fargate.plugins.plugin_utils.mapping import subject


def refuse_others(
    document: Mapping[str, Any],
    request: Mapping[str, Any],
    account: aws.Account,
    variable_prefix: str | None = None,
) -> None:
    """Refuse an ARN of another region or account. AWS is asked for the account, if there is one.

    Args:
        document: the template.
        request: the arguments of CreateChangeSet.
        account: in which the stack is deployed.
        variable_prefix: of the role's variables, by one of which the value is named.

    Raises: StackError naming the variable, the ARN, and where the stack is.
    """
    rules = ((document.get("Metadata") or {}).get("Quayside") or {}).get("Here") or {}
    given = {it["ParameterKey"]: it.get("ParameterValue") for it in request["Parameters"]}
    arns = {name: given[name] for name in rules if given.get(name)}
    if not arns:
        return
    client = account.client("sts")
    try:
        number = client.get_caller_identity()["Account"]
    except aws.AwsError as error:
        raise StackError(aws.explain(error, "GetCallerIdentity")) from error
    here = (client.meta.region_name, number)
    for name, arn in arns.items():
        if (region_and_account := tuple(arn.split(":")[3:5])) != here:
            theirs, ours = (" of account ".join(it) for it in (region_and_account, here))
            raise StackError(
                f"{subject(name, variable_prefix)} is {arn}, which is in {theirs}, and the stack "
                f"in {ours}. Give {rules[name]} of the same region and account."
            )
