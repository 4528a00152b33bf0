"""What comes to a target: rewritten, stuck to it, checked; and what a listener has."""

from __future__ import annotations

import http.client
import http.server
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from botocore.exceptions import ClientError

from local_aws.control import LocalAws
from local_aws.mends.load_balancing.transforms import rewritten
from tests.integration.local_aws.support import LOAD_BALANCER, Stacks, eventually
from tests.integration.local_aws.test_listener_rules import host

Group = dict[str, Any]
BALANCER: Group = {
    **LOAD_BALANCER,
    "Resources": {k: it for k, it in LOAD_BALANCER["Resources"].items() if k != "Cluster"},
}
PLAIN: Group = {
    "VpcId": "vpc-00000000",
    "TargetType": "ip",
    "Protocol": "HTTP",
    "Port": 80,
    "HealthCheckPath": "/health",
}


class Echo(http.server.BaseHTTPRequestHandler):
    """Answers with what it was asked; its health check has the status 204."""

    def do_GET(self) -> None:
        port = self.connection.getsockname()[1]
        text = json.dumps({"host": self.headers["Host"], "path": self.path, "port": port})
        self.send_response(204 if self.path == "/health" else 200)
        if self.path == "/login":
            self.send_header("Set-Cookie", "session=1; Path=/")
        body = b"" if self.path == "/health" else text.encode()
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


@contextmanager
def echo(address: str) -> Iterator[tuple[str, int]]:
    with http.server.ThreadingHTTPServer((address, 0), Echo) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield address, server.server_address[1]
        server.shutdown()


@pytest.fixture(scope="module")
def listener(aws: LocalAws) -> Iterator[str]:
    stacks = Stacks(aws)
    yield stacks.deploy("routing-balancer", BALANCER)["ListenerArn"]
    stacks.delete("routing-balancer")


def routed(listener: str, name: str, group: Group, rule: dict[str, Any]) -> dict[str, Any]:
    action = {"Type": "forward", "TargetGroupArn": {"Ref": "Group"}}
    base = {
        "ListenerArn": listener,
        "Priority": 1,
        "Conditions": [host(f"{name}.routing.test")],
        "Actions": [action],
    }
    return {
        "Resources": {
            "Group": {
                "Type": "AWS::ElasticLoadBalancingV2::TargetGroup",
                "Properties": {**PLAIN, **group},
            },
            "Rule": {
                "Type": "AWS::ElasticLoadBalancingV2::ListenerRule",
                "Properties": {**base, **rule},
            },
        },
        "Outputs": {"Group": {"Value": {"Ref": "Group"}}},
    }


@pytest.fixture
def targets(aws: LocalAws, stacks: Stacks, listener: str) -> Iterator[Callable[..., str]]:
    """Deploy a target group with two targets behind a rule; return its ARN."""
    with echo("127.0.0.1") as one, echo("127.0.0.2") as other:

        def deploy(name: str, group: Group, **rule: Any) -> str:
            template = routed(listener, name, {"Matcher": {"HttpCode": "204"}, **group}, rule)
            arn = stacks.deploy(name, template)["Group"]
            elb = aws.client("elbv2")
            registered = [{"Id": it, "Port": port} for it, port in (one, other)]
            elb.register_targets(TargetGroupArn=arn, Targets=registered)
            eventually(lambda: states(aws, arn) == ["healthy", "healthy"])
            return arn

        yield deploy


def states(aws: LocalAws, group: str) -> list[str]:
    health = aws.client("elbv2").describe_target_health(TargetGroupArn=group)
    return [it["TargetHealth"]["State"] for it in health["TargetHealthDescriptions"]]


def ask(
    aws: LocalAws, name: str, path: str, cookies: dict[str, str] | None = None
) -> tuple[dict[str, Any], dict[str, str]]:
    """Return what a target was asked, and the cookies of the answer."""
    url, headers = aws.url(f"{name}.routing.test", path)
    at = url.split("/")[2]
    connection = http.client.HTTPConnection(at)
    sent = "; ".join(f"{key}={value}" for key, value in (cookies or {}).items())
    connection.request("GET", path, headers={**headers, **({"Cookie": sent} if sent else {})})
    response = connection.getresponse()
    given = [it.split(";")[0].partition("=") for it in response.headers.get_all("Set-Cookie", [])]
    body = json.loads(response.read())
    connection.close()
    return body, {key: value for key, _, value in given}


def rewrites(kind: str, config: str, pattern: str, replacement: str) -> dict[str, Any]:
    return {"Type": kind, config: {"Rewrites": [{"Regex": pattern, "Replace": replacement}]}}


def test_requests_are_rewritten_on_their_way_and_no_longer(
    aws: LocalAws, targets: Callable[..., str]
) -> None:
    name = rewrites(
        "host-header-rewrite", "HostHeaderRewriteConfig", r"^(.+)\.routing\.test$", "$1.internal"
    )
    url = rewrites("url-rewrite", "UrlRewriteConfig", r"^/shop/([a-z]+)\?id=(\d+)$", "/$1/$2")
    nothing: tuple[dict[str, list[Any]], ...] = ({"Transforms": []}, {})
    for none in nothing:
        targets("rewritten", {}, Transforms=[name, url])
        asked, _ = ask(aws, "rewritten", "/shop/item?id=7")
        assert (asked["host"], asked["path"]) == ("rewritten.internal", "/item/7")
        asked, _ = ask(aws, "rewritten", "/other?id=7")
        assert asked["path"] == "/other?id=7"
        targets("rewritten", {}, **none)
        asked, _ = ask(aws, "rewritten", "/shop/item?id=7")
        assert (asked["host"], asked["path"]) == ("rewritten.routing.test", "/shop/item?id=7")


def test_an_expression_replaces_what_it_matches_and_nothing_else() -> None:
    assert rewritten({"Regex": "b+", "Replace": "[$0]"}, "abbabb") == "a[bb]abb"
    assert rewritten({"Regex": "(?<n>x)", "Replace": "y"}, "axb") == "ayb"
    assert rewritten({"Regex": "x", "Replace": "y"}, "abc") == "abc"


def sticky(kind: str, **more: str) -> Group:
    attributes = {"enabled": "true", "type": kind, **more}
    return {
        "TargetGroupAttributes": [
            {"Key": f"stickiness.{key}", "Value": value} for key, value in attributes.items()
        ]
    }


def test_a_client_with_the_load_balancers_cookie_stays_with_its_target(
    aws: LocalAws, targets: Callable[..., str]
) -> None:
    targets("sticky", sticky("lb_cookie"))
    first, cookies = ask(aws, "sticky", "/")
    assert cookies.keys() == {"AWSALB"}
    assert {ask(aws, "sticky", "/", cookies)[0]["port"] for _ in range(20)} == {first["port"]}
    assert len({ask(aws, "sticky", "/")[0]["port"] for _ in range(40)}) == 2
    assert ask(aws, "sticky", "/", {"AWSALB": "unknown"})[1].keys() == {"AWSALB"}


def test_a_client_with_the_applications_cookie_stays_with_its_target(
    aws: LocalAws, targets: Callable[..., str]
) -> None:
    targets("session", sticky("app_cookie", **{"app_cookie.cookie_name": "session"}))
    assert ask(aws, "session", "/")[1] == {}
    first, cookies = ask(aws, "session", "/login")
    assert cookies.keys() == {"session", "AWSALBAPP-0"}
    assert {ask(aws, "session", "/", cookies)[0]["port"] for _ in range(20)} == {first["port"]}


def test_codes_decide_what_is_healthy(aws: LocalAws, targets: Callable[..., str]) -> None:
    arn = targets("codes", {})
    targets("codes", {"Matcher": {"HttpCode": "200-299"}})
    aws.client("elbv2").modify_target_group(TargetGroupArn=arn, Matcher={"HttpCode": "200,300-399"})
    eventually(lambda: states(aws, arn) == ["unhealthy", "unhealthy"])


@pytest.mark.parametrize(
    ("group", "refusal"),
    [
        ({"HealthCheckIntervalSeconds": 5, "HealthCheckTimeoutSeconds": 5}, "greater than the tim"),
        ({"Matcher": {"HttpCode": "500"}}, "'500' isn't valid"),
        ({"Matcher": {"HttpCode": "200,299-250"}}, "'299-250' isn't valid"),
        (sticky("app_cookie"), "application cookie's name"),
        (sticky("app_cookie", **{"app_cookie.cookie_name": "AWSALBTG"}), "'AWSALBTG'"),
        (sticky("source_ip"), "'source_ip' isn't a stickiness type"),
        (sticky("lb_cookie", **{"lb_cookie.duration_seconds": "604801"}), "'604801'"),
    ],
)
def test_what_a_target_group_may_not_be_is_refused(
    stacks: Stacks, listener: str, group: Group, refusal: str
) -> None:
    with pytest.raises(AssertionError, match=refusal):
        stacks.deploy("refused-group", routed(listener, "refused", group, {}))


def test_a_listener_gets_certificates_and_loses_them(aws: LocalAws, stacks: Stacks) -> None:
    acm, elb = aws.client("acm"), aws.client("elbv2")
    arns = [acm.request_certificate(DomainName=f"{it}.test")["CertificateArn"] for it in range(4)]
    template = {**BALANCER, "Resources": dict(BALANCER["Resources"])}
    (key,) = (k for k, it in template["Resources"].items() if it["Type"].endswith("::Listener"))
    secured = json.loads(json.dumps(template["Resources"][key]))
    secured["Properties"] |= {
        "Port": 443,
        "Protocol": "HTTPS",
        "Certificates": [{"CertificateArn": arns[0]}],
    }
    template["Resources"][key] = secured

    def deploy(more: list[str]) -> set[str]:
        template["Resources"]["More"] = {
            "Type": "AWS::ElasticLoadBalancingV2::ListenerCertificate",
            "Properties": {
                "ListenerArn": {"Ref": key},
                "Certificates": [{"CertificateArn": it} for it in more],
            },
        }
        arn = stacks.deploy("secured", template)["ListenerArn"]
        told = elb.describe_listener_certificates(ListenerArn=arn)["Certificates"]
        assert [it["CertificateArn"] for it in told if it["IsDefault"]] == [arns[0]]
        return {it["CertificateArn"] for it in told if not it["IsDefault"]}

    assert deploy(arns[1:3]) == {*arns[1:3]}
    assert deploy(arns[2:4]) == {*arns[2:4]}
    assert deploy(arns[:2]) == {*arns[:2]}  # the default one is told twice
    with pytest.raises(AssertionError, match="not found"):
        deploy([f"{arns[0][:-1]}x"])
    with pytest.raises(ClientError, match="ListenerNotFound"):
        elb.describe_listener_certificates(ListenerArn=f"{arns[0]}/listener")


def test_a_load_balancer_gets_a_web_acl_and_loses_it(aws: LocalAws, stacks: Stacks) -> None:
    waf = aws.client("wafv2")
    seen = {
        "SampledRequestsEnabled": False,
        "CloudWatchMetricsEnabled": False,
        "MetricName": "acl",
    }
    acl = waf.create_web_acl(
        Name="acl", Scope="REGIONAL", DefaultAction={"Allow": {}}, VisibilityConfig=seen
    )["Summary"]["ARN"]
    (key,) = (k for k, it in BALANCER["Resources"].items() if it["Type"].endswith("::LoadBalancer"))
    association = {
        "Type": "AWS::WAFv2::WebACLAssociation",
        "Properties": {"ResourceArn": {"Ref": key}, "WebACLArn": acl},
    }
    more = {"Association": association}
    template = {**BALANCER, "Resources": {**BALANCER["Resources"], **more}}
    stacks.deploy("filtered", template)
    assert len(waf.list_resources_for_web_acl(WebACLArn=acl)["ResourceArns"]) == 1
    stacks.deploy("filtered", BALANCER)
    assert waf.list_resources_for_web_acl(WebACLArn=acl)["ResourceArns"] == []
