"""What the rules of a load balancer match, in which order, and what they may not be."""

from __future__ import annotations

import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError, ParamValidationError

from local_aws.control import LocalAws
from tests.integration.local_aws.support import LOAD_BALANCER, Stacks

Add = Callable[..., str]


def host(*names: str) -> dict[str, Any]:
    return {"Field": "host-header", "HostHeaderConfig": {"Values": list(names)}}


def path(*paths: str) -> dict[str, Any]:
    return {"Field": "path-pattern", "PathPatternConfig": {"Values": list(paths)}}


def query(*pairs: dict[str, str]) -> dict[str, Any]:
    return {"Field": "query-string", "QueryStringConfig": {"Values": list(pairs)}}


def header(name: str, *values: str) -> dict[str, Any]:
    config = {"HttpHeaderName": name, "Values": list(values)}
    return {"Field": "http-header", "HttpHeaderConfig": config}


def source(*networks: str) -> dict[str, Any]:
    return {"Field": "source-ip", "SourceIpConfig": {"Values": list(networks)}}


@pytest.fixture(scope="module")
def listener(aws: LocalAws) -> Iterator[str]:
    stacks = Stacks(aws)
    yield stacks.deploy("rules-balancer", LOAD_BALANCER)["ListenerArn"]
    stacks.delete("rules-balancer")


def properties(
    listener: str, priority: int, text: str, conditions: tuple[dict[str, Any], ...]
) -> dict[str, Any]:
    fixed = {"StatusCode": "200", "ContentType": "text/plain", "MessageBody": text}
    return {
        "ListenerArn": listener,
        "Priority": priority,
        "Conditions": list(conditions),
        "Actions": [{"Type": "fixed-response", "FixedResponseConfig": fixed}],
    }


@pytest.fixture
def add(aws: LocalAws, listener: str) -> Iterator[Add]:
    """Make rules that answer with a text; they are deleted afterwards."""
    elbv2, made = aws.client("elbv2"), []

    def run(priority: int, text: str, *conditions: dict[str, Any]) -> str:
        answer = elbv2.create_rule(**properties(listener, priority, text, conditions))
        made.append(str(answer["Rules"][0]["RuleArn"]))
        return made[-1]

    yield run
    for arn in made:
        elbv2.delete_rule(RuleArn=arn)


def answer(aws: LocalAws, host: str, path: str = "/") -> str:
    url, headers = aws.url(host, path)
    try:
        with urllib.request.urlopen(urllib.request.Request(url, headers=headers)) as response:
            return str(response.read().decode())
    except urllib.error.HTTPError as error:
        return str(error.code)


def test_the_rule_of_the_lowest_number_that_fits_answers(aws: LocalAws, add: Add) -> None:
    add(20, "wild", host("*.order.test"))
    add(3, "late", host("late.order.test"))
    assert answer(aws, "late.order.test") == "late"
    assert answer(aws, "a.order.test") == "wild"


def test_host_names_have_no_case_and_paths_have(aws: LocalAws, add: Add) -> None:
    add(1, "upper", host("Case.TEST"), path("/Up"))
    add(2, "lower", host("case.test"))
    assert answer(aws, "CASE.test", "/Up") == "upper"
    assert answer(aws, "case.Test", "/up") == "lower"


def test_only_two_letters_are_wildcards(aws: LocalAws, add: Add) -> None:
    add(1, "set", host("wild.test"), path("/[ab]"))
    add(2, "one", host("wild.test"), path("/?x"))
    add(3, "rest", host("wild.test"))
    assert answer(aws, "wild.test", "/a") == "rest"
    assert answer(aws, "wild.test", "/ax") == "one"


def test_one_of_the_values_of_a_query_string_is_enough(aws: LocalAws, add: Add) -> None:
    arn = add(1, "new", host("query.test"), query({"Key": "v", "Value": "2*"}, {"Value": "beta"}))
    add(2, "old", host("query.test"))
    assert answer(aws, "query.test", "/?v=21") == "new"
    assert answer(aws, "query.test", "/?any=Beta") == "new"
    assert answer(aws, "query.test", "/?v=1") == "old"
    (rule,) = aws.client("elbv2").describe_rules(RuleArns=[arn])["Rules"]
    assert rule["Conditions"][1]["QueryStringConfig"]["Values"] == [
        {"Key": "v", "Value": "2*"},
        {"Value": "beta"},
    ]


def test_a_source_is_looked_at(aws: LocalAws, add: Add) -> None:
    add(1, "elsewhere", host("source.test"), source("192.0.2.0/24"))
    add(2, "here", host("source.test"), source("127.0.0.0/8", "::1/128"))
    assert answer(aws, "source.test") == "here"


def test_a_header_decides(aws: LocalAws, add: Add) -> None:
    add(1, "new", host("header.test"), header("X-Version", "2*", "beta"))
    add(2, "old", host("header.test"))
    url, headers = aws.url("header.test", "/")
    for value, text in (("21", "new"), ("BETA", "new"), ("1", "old")):
        given = urllib.request.Request(url, headers={**headers, "X-Version": value})
        with urllib.request.urlopen(given) as response:
            assert response.read().decode() == text


@pytest.mark.parametrize(
    ("priority", "conditions", "refusal"),
    [
        (0, (host("a.test"),), "must be between"),
        (50_001, (host("a.test"),), "must be between"),
        (1, (host("a.test", "b.test", "c.test"), path("/1", "/2", "/3")), "'5' condition values"),
        (1, (host("a.test"), host("b.test")), "only have one 'host-header'"),
        (1, (host("a.test"), source("10.0.0.1/8")), "CIDR '10.0.0.1/8' isn't valid"),
        (1, (host("a.test"), source("10.0.0.1")), "CIDR '10.0.0.1' isn't valid"),
        (1, (host("a.test"), header("Host", "b.test")), "header name 'Host' isn't valid"),
        (1, (host("localhost"),), "Host 'localhost' isn't valid"),
        (1, (host("10.0.0.5"),), "Host '10.0.0.5' isn't valid"),
        (1, (host("a.test", "a.xn--p1ai"),), "Host 'a.xn--p1ai' isn't valid"),
        (1, (host("a.test:8443"),), "Host 'a.test:8443' isn't valid"),
        (1, (host("a.test"), path("/" * 129)), "longer than '128'"),
        (1, (host("*.*.test"), path("/*/*/*/?")), "'5' condition wildcards"),
    ],
)
def test_what_a_rule_may_not_be_is_refused_by_api_and_template(
    aws: LocalAws,
    stacks: Stacks,
    listener: str,
    *,
    priority: int,
    conditions: tuple[dict[str, Any], ...],
    refusal: str,
) -> None:
    given = properties(listener, priority, "x", conditions)
    client = aws.client("elbv2")
    with pytest.raises((ClientError, ParamValidationError), match=rf"{refusal}|value: 0"):
        client.create_rule(**given)
    rule = {"Type": "AWS::ElasticLoadBalancingV2::ListenerRule", "Properties": given}
    with pytest.raises(AssertionError, match=refusal):
        stacks.deploy("refused-rule", {"Resources": {"Rule": rule}})


def test_rules_change_places_in_one_call_and_none_moves_if_one_can_not(
    aws: LocalAws, add: Add
) -> None:
    elbv2 = aws.client("elbv2")
    one, other = add(1, "one", host("*.places.test")), add(2, "other", host("a.places.test"))

    def move(**numbers: int) -> None:
        arns = {"one": one, "other": other, "gone": one[:-1]}
        wanted = [{"RuleArn": arns[it], "Priority": number} for it, number in numbers.items()]
        elbv2.set_rule_priorities(RulePriorities=wanted)

    move(one=2, other=1)
    assert answer(aws, "a.places.test") == "other"
    with pytest.raises(ClientError, match="RuleNotFound"):
        move(other=7, gone=8)
    with pytest.raises(ClientError, match="PriorityInUse"):
        move(other=7, one=7)
    assert answer(aws, "a.places.test") == "other"


def test_the_limit_of_rules_is_told(aws: LocalAws) -> None:
    limits = aws.client("elbv2").describe_account_limits()["Limits"]
    assert {"Name": "rules-per-application-load-balancer", "Max": "100"} in limits
