"""What a load balancer gets and loses while it has requests."""

from __future__ import annotations

import http.client
import ssl
import urllib.parse
from collections.abc import Iterator
from typing import Any

import pytest

from tests.e2e.platform import Platform
from tests.repeating import Repeating

STACK = "shop-load-balancer-named"
ROLE = "tests/walks/first_failures/role.yml"
NO_SERVICE = 404  # what the listener answers by itself


class Named:
    """A load balancer of its own, with a certificate."""

    def __init__(self, platform: Platform) -> None:
        self.platform = platform
        acm = platform.aws.client("acm")
        self.arns = [
            acm.request_certificate(DomainName=f"{it}.named.test")["CertificateArn"]
            for it in range(4)
        ]
        self.given: dict[str, Any] = {}

    def deploy(self, **given: Any) -> None:
        """Run its role, with what was given before too."""
        self.given |= {f"load_balancer_{key}": value for key, value in given.items()}
        self.platform.play(ROLE, **{**self._role(), **self.given})

    def _role(self) -> dict[str, Any]:
        named = {"load_balancer_platform": self.platform.name, "load_balancer_name": "named"}
        return {"role": "quayside.fargate.load_balancer", **named}

    def certificates(self) -> list[str]:
        """Return what the listener has beside its default."""
        listener = self.platform.outputs(STACK)["ListenerArn"]
        told = self.platform.aws.client("elbv2").describe_listener_certificates(
            ListenerArn=listener
        )["Certificates"]
        return sorted(it["CertificateArn"] for it in told if not it["IsDefault"])

    def web_acl(self) -> str:
        """Return the ARN of the web ACL before it, "" if there is none."""
        (balancer,) = self.platform.aws.client("elbv2").describe_load_balancers(
            Names=["shop-named"]
        )["LoadBalancers"]
        waf = self.platform.aws.client("wafv2")
        listed = waf.list_web_acls(Scope="REGIONAL")["WebACLs"]
        found = [
            it["ARN"]
            for it in listed
            if balancer["LoadBalancerArn"]
            in waf.list_resources_for_web_acl(WebACLArn=it["ARN"])["ResourceArns"]
        ]
        return str(*found)


class Watched(Repeating):
    """Ask the listener, and for its certificates, until the block ends."""

    def __init__(self, named: Named, staying: set[str]) -> None:
        super().__init__(pause=0.05)
        self._named, self._staying = named, staying
        aws = named.platform.aws
        self._headers = {"Host": named.platform.outputs(STACK)["LoadBalancerDnsName"]}
        self._netloc = urllib.parse.urlsplit(aws.url("any", scheme="https")[0]).netloc
        self._trust = ssl.create_default_context(cafile=str(aws.ca_bundle))
        self.times = 0
        self.missed: list[object] = []

    def once(self) -> None:
        """Note whatever lacks, and each answer that isn't the listener's own."""
        self.times += 1
        missing = self._staying - {*self._named.certificates()}
        status = self._asked()
        if missing or status != NO_SERVICE:
            self.missed.append((missing, status))

    def _asked(self) -> object:
        connection = http.client.HTTPSConnection(self._netloc, timeout=10, context=self._trust)
        try:
            connection.request("GET", "/", headers=self._headers)
            return connection.getresponse().status
        except (OSError, http.client.HTTPException) as error:
            return error
        finally:
            connection.close()


@pytest.fixture
def named(platform: Platform) -> Iterator[Named]:
    made = Named(platform)
    yield made
    cloudformation = platform.aws.client("cloudformation")
    cloudformation.update_termination_protection(StackName=STACK, EnableTerminationProtection=False)
    cloudformation.delete_stack(StackName=STACK)


def test_certificates_and_a_web_acl_come_and_go_and_nothing_is_lost(named: Named) -> None:
    first, a, b, c = named.arns
    acl = made_web_acl(named.platform)
    named.deploy(certificate_arn=first, more_certificate_arns=[a, b], web_acl_arn=acl)
    assert {*named.certificates()} == {a, b}
    assert named.web_acl() == acl
    with Watched(named, {b}) as watched:
        named.deploy(more_certificate_arns=[b, c])  # b moves up in the list
        assert {*named.certificates()} == {b, c}
        named.deploy(more_certificate_arns=[first, b], web_acl_arn="")
        assert named.web_acl() == ""
        named.deploy(certificate_arn=b)  # both are served, whichever is the default
        assert {*named.certificates()} == {b, first}
    assert watched.times > 0
    assert watched.missed == []


def made_web_acl(platform: Platform) -> str:
    """Make a web ACL of AWS WAF that lets everything through; return its ARN."""
    seen = {"SampledRequestsEnabled": False, "CloudWatchMetricsEnabled": False, "MetricName": "x"}
    made = platform.aws.client("wafv2").create_web_acl(
        Name="named", Scope="REGIONAL", DefaultAction={"Allow": {}}, VisibilityConfig=seen
    )
    return str(made["Summary"]["ARN"])
