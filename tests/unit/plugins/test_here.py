"""A web ACL of another region or account is refused before CloudFormation is asked."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from ansible_collections.quayside.fargate.plugins.plugin_utils import here, template
from ansible_collections.quayside.fargate.plugins.plugin_utils.errors import StackError

TEMPLATE = Path(__file__).parents[3] / "templates" / "load_balancer.yml"
DOCUMENT = template.load(TEMPLATE.read_text())


def deploy(arn: str | None) -> int:
    """Deploy a load balancer with a web ACL in account 1...2; return how often STS was asked."""
    asked: list[str] = []

    def client(service: str) -> Any:
        asked.append(service)
        return SimpleNamespace(
            meta=SimpleNamespace(region_name="eu-central-1"),
            get_caller_identity=lambda: {"Account": "123456789012"},
        )

    parameter = {"UsePreviousValue": True} if arn is None else {"ParameterValue": arn}
    request = {"Parameters": [{"ParameterKey": "WebAclArn", **parameter}]}
    account: Any = SimpleNamespace(client=client)
    here.refuse_others(DOCUMENT, request, account, "load_balancer")
    return len(asked)


@pytest.mark.parametrize("place", ["eu-west-1:123456789012", "eu-central-1:210987654321"])
def test_a_web_acl_of_elsewhere_is_refused_by_its_variable(place: str) -> None:
    arn = f"arn:aws:wafv2:{place}:regional/webacl/shop/1a2b"
    with pytest.raises(StackError) as refusal:
        deploy(arn)
    assert str(refusal.value) == (
        f"load_balancer_web_acl_arn (parameter WebAclArn) is {arn}, which is in "
        f"{place.replace(':', ' of account ')}, and the stack in eu-central-1 of account "
        "123456789012. Give a web ACL of the same region and account."
    )


def test_one_of_here_is_taken() -> None:
    assert deploy("arn:aws:wafv2:eu-central-1:123456789012:regional/webacl/shop/1a2b") == 1


@pytest.mark.parametrize("arn", ["", None])
def test_nobody_is_asked_without_one(arn: str | None) -> None:
    assert deploy(arn) == 0
