"""Commands of the AWS CLI, as a message or a page has them, typed by a test."""

from __future__ import annotations

import re
import shlex
from typing import Any

from local_aws.control import LocalAws


def type_aws(aws: LocalAws, command: str) -> Any:
    """Do what ``aws SERVICE OPERATION --option VALUE ...`` does; return the answer.

    Args:
        aws: whom to ask.
        command: the words, each option with one value.
    """
    words = shlex.split(command)
    assert words[0] == "aws"
    client, operation = aws.client(words[1]), words[2].replace("-", "_")
    shape = client.meta.service_model.operation_model(
        client.meta.method_to_api_mapping[operation]
    ).input_shape
    members = {re.sub(r"(?<!^)(?=[A-Z])", "-", name).lower(): name for name in shape.members}
    given: dict[str, Any] = {}
    for option, value in zip(words[3::2], words[4::2], strict=True):
        name = option.removeprefix("--")
        if name == "max-items":  # the CLI's own, of what is shown
            continue
        member = members[name]
        given[member] = int(value) if shape.members[member].type_name == "integer" else value
    return getattr(client, operation)(**given)
