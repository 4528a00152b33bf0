"""What of a service's route is refused before AWS is called."""

from __future__ import annotations

import ipaddress
import re
from typing import Any

import pytest
import yaml
from hypothesis import example, given
from hypothesis import strategies as st

from ansible_collections.quayside.fargate.plugins.plugin_utils import routes, routing_rules
from custom_resources.listener_priority.conditions import Conditions
from custom_resources.shared.failure import Failure
from local_aws.mends.load_balancing import rules
from tests.unit.plugins.test_variable_rules import ROOT, broken, values
from tests.unit.templates.templates import Stack, load

PARAMETERS = load("service")["Parameters"]
HOSTS = st.sampled_from(["a.example.com", "b.example.com", "*.example.com", "a.b.example.org"])
PATHS = st.sampled_from(["/a/*", "/A/*", "/b", "/a/?", "/*", "/*/b/*/??", "/?/*?"])
TOO_LONG = f"{'a' * 63}.{'b' * 61}.com"  # 129 characters
METHODS = ["GET", "HEAD", "POST"]
CIDRS = st.one_of(
    st.ip_addresses().map(lambda it: f"{it}/{it.max_prefixlen}"),
    st.sampled_from(["0.0.0.0/0", "::/0", "10.0.0.0/8"]),
)


def problems(**options: Any) -> list[str]:
    return list(routing_rules.problems(values(**options)))


def as_parameters(**options: Any) -> dict[str, str]:
    """The template's parameters of some options."""
    words = {it: "".join(word.capitalize() for word in it.split("_")) for it in options}
    return {
        words[it]: ",".join(value) if isinstance(value, list) else str(value)
        for it, value in options.items()
    }


def rule(**options: Any) -> list[dict[str, Any]]:
    """The conditions that the template makes of some options."""
    stack = Stack("service", {"Platform": "shop", "Name": "orders", **as_parameters(**options)})
    conditions = stack.resources["ListenerRule"]["Properties"]["Conditions"]
    assert conditions == stack.resources["ListenerPriority"]["Properties"]["Conditions"]
    return list(conditions)


def as_kept(conditions: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Conditions as the local AWS keeps them."""
    plain = {"HostHeaderConfig", "PathPatternConfig", "HttpRequestMethodConfig", "SourceIpConfig"}
    return [
        {"Field": it["Field"], **next((it[key] for key in plain & it.keys()), it)}
        for it in conditions
    ]


@st.composite
def routed(draw: st.DrawFn) -> dict[str, Any]:
    """The options that decide which requests come to a service."""
    hosts = draw(st.lists(HOSTS, min_size=1, max_size=4, unique=True))
    named = draw(st.lists(st.sampled_from(["1", "2*", "beta"]), max_size=2, unique=True))
    return {
        "host_name": hosts[0],
        "more_host_names": hosts[1:],
        "path_patterns": draw(st.lists(PATHS, max_size=3, unique=True)),
        "header_name": draw(st.sampled_from(["X-Version", "x-version"])) if named else "",
        "header_values": named,
        "query_parameter": draw(st.sampled_from(["", "version=2*", "Version=2*"])),
        "request_methods": draw(st.lists(st.sampled_from(METHODS), max_size=2, unique=True)),
        "source_cidrs": draw(st.lists(CIDRS, max_size=2, unique=True)),
    }


@given(routed())
def test_what_the_role_takes_the_load_balancer_takes_and_nothing_else(
    options: dict[str, Any],
) -> None:
    conditions = rule(**options)
    too_many = rules.problem(1, as_kept(conditions))
    assert bool(broken(**options)) is bool(too_many), (too_many, problems(**options))
    if "condition values" in too_many:
        with pytest.raises(Failure, match="more than 5"):
            Conditions.of(conditions)


@given(one=routed(), other=routed())
@example(one={"host_name": "a.b"}, other={"host_name": "a.b", "path_patterns": ["/*"]})
@example(
    one={"host_name": "a.b"}, other={"host_name": "a.b", "source_cidrs": ["0.0.0.0/0", "::/0"]}
)
@example(
    one={"host_name": "a.b", "source_cidrs": ["2001:db8:0::/48"]},
    other={"host_name": "a.b", "source_cidrs": ["2001:db8::/48"]},
)
@example(
    one={"host_name": "a.b", "path_patterns": ["/a**"]},
    other={"host_name": "a.b", "path_patterns": ["/a*"]},
)
def test_what_verify_says_of_two_rules_the_stack_says_too(
    one: dict[str, Any], other: dict[str, Any]
) -> None:
    if broken(**one) or broken(**other):
        return
    deployed, wanted = rule(**one), rule(**other)
    described = [{"Conditions": deployed, "Actions": []}]
    held = [*routes.fronts(described, routes.wanted(values(**other)))]
    assert bool(held) is Conditions.of(deployed).collides(Conditions.of(wanted))


def test_a_service_without_more_has_the_rule_that_it_had() -> None:
    assert rule(host_name="orders.example.com") == [
        {"Field": "host-header", "HostHeaderConfig": {"Values": ["orders.example.com"]}}
    ]


def test_a_service_that_never_rewrites_says_nothing_of_it() -> None:
    def transforms(**options: Any) -> Any:
        stack = Stack("service", {"Platform": "shop", "Name": "orders", **as_parameters(**options)})
        return stack.resources["ListenerRule"]["Properties"].get("Transforms")

    assert transforms(host_name="a.b") is None
    (host,) = transforms(host_name="a.b", host_rewrite_pattern="^a", host_rewrite_replacement="b")
    assert host["Type"] == "host-header-rewrite"
    (url,) = transforms(host_name="a.b", url_rewrite_pattern="^/a", url_rewrite_replacement="/b")
    assert url["Type"] == "url-rewrite"


@pytest.mark.parametrize(
    ("paths", "path"),
    [([], "/"), (["/api/*", "/b"], "/api/"), (["/orders/?"], "/orders/"), (["/a?b*"], "/a")],
)
def test_the_address_ends_before_the_first_wildcard(paths: list[str], path: str) -> None:
    options = as_parameters(host_name="a.b", path_patterns=paths)
    given_ = {"Platform": "shop", "Name": "orders", "ListenerProtocol": "http"}
    stack = Stack("service", {**given_, **options})
    assert stack.outputs["Url"] == f"http://a.b{path}"


@pytest.mark.parametrize(
    ("given_", "refusal"),
    [
        (
            {"health_check_interval_seconds": 5},
            "service_health_check_timeout_seconds is 5, and service_health_check_interval",
        ),
        ({"health_check_codes": ["200", "299-250"]}, "299-250 begins after its end. Write 250-299"),
        ({"stickiness": "app_cookie"}, "service_stickiness_cookie_name is empty"),
        ({"header_name": "X-A"}, "service_header_name and service_header_values go together"),
        ({"header_values": ["a"]}, "service_header_name and service_header_values go together"),
        ({"source_cidrs": ["10.0.0.1/8"]}, "10.0.0.1/8 is no CIDR block"),
        ({"source_cidrs": ["10.0.0.256/32"]}, "10.0.0.256/32 is no CIDR block"),
        ({"source_cidrs": ["::/129"]}, "::/129 is no CIDR block"),
        ({"more_host_names": ["a.b", "a.b"]}, "service_more_host_names has a.b twice"),
        ({"more_host_names": ["orders.example.com"]}, "which is service_host_name"),
        ({"host_name": TOO_LONG}, "service_host_name is 'aaa"),
        ({"host_name": "10.0.0.5"}, "with letters alone after its last dot"),
        ({"more_host_names": ["a.b", TOO_LONG]}, "of at most 128 characters each"),
        ({"redirected_host_names": ["a.xn--p1ai"]}, "with letters alone after the last dot"),
        (
            {"more_host_names": ["a.b", "c.d"], "path_patterns": ["/a", "/b", "/c"]},
            "has 6 values (3 of service_host_name and service_more_host_names, 3 of service_path_",
        ),
        (
            {"host_name": "*.b.c", "path_patterns": ["/*/a/?", "/*?"], "query_parameter": "v=2*"},
            "has 6 wildcards (1 of service_host_name and service_more_host_names, 4 of service_pat",
        ),
        ({"redirected_host_names": ["orders.example.com"]}, "is routed to the service itself"),
        ({"redirected_host_names": [f"{it}.b" for it in "abcdef"]}, "has 6 names"),
        (
            {"host_name": "*.example.com", "redirected_host_names": ["a.b"]},
            "*.example.com (service_host_name) is a pattern",
        ),
        (
            {"redirected_host_names": ["*.example.com"], "path_patterns": ["/a"]},
            "*.example.com is orders.example.com (service_host_name) too, whose requests without",
        ),
        ({"host_rewrite_pattern": "^a$"}, "service_host_rewrite_replacement go together"),
        ({"url_rewrite_replacement": "/"}, "service_url_rewrite_replacement go together"),
        (
            {"url_rewrite_pattern": "^/(?!a)", "url_rewrite_replacement": "/"},
            "(?! of ^/(?!a) isn't known to Elastic Load Balancing",
        ),
        (
            {"url_rewrite_pattern": "^/(", "url_rewrite_replacement": "/"},
            "^/( is no regular expression",
        ),
        (
            {"url_rewrite_pattern": "^/(.*)$", "url_rewrite_replacement": "/$2"},
            "$2 of /$2 is no group of ^/(.*)$, which has 1",
        ),
    ],
)
def test_what_can_not_be_is_said_in_a_sentence(given_: dict[str, Any], refusal: str) -> None:
    (line,) = broken(**given_)
    assert refusal in line
    assert line.endswith(".")


@pytest.mark.parametrize(
    "given_",
    [
        {"health_check_codes": ["200", "204", "300-399"]},
        {"stickiness": "app_cookie", "stickiness_cookie_name": "session"},
        {"stickiness": "lb_cookie"},
        {"redirected_host_names": ["www.example.com", "*.example.net"]},
        {"redirected_host_names": ["*.example.com"]},
        {"redirected_host_names": ["*.example.net", "www.example.com"], "path_patterns": ["/a"]},
        {"url_rewrite_pattern": r"^/a\++(?<rest>.*)$", "url_rewrite_replacement": "/$1"},
        {"host_name": "*.b.c", "path_patterns": ["/*/a/?", "/*"], "query_parameter": "v=2*"},
        {"redirected_host_names": [f"*.{it}.test" for it in "abcde"]},
        {"route": False, "host_name": "", "more_host_names": ["a.b", "a.b"]},
    ],
)
def test_what_can_be_is_taken(given_: dict[str, Any]) -> None:
    assert broken(**given_) == []


@given(CIDRS | st.from_regex(r"[0-9a-f.:]{2,39}/[0-9]{1,3}", fullmatch=True))
def test_addresses_that_the_template_takes_and_that_are_none_are_refused(text: str) -> None:
    assert re.fullmatch(PARAMETERS["SourceCidrs"]["AllowedPattern"], text)
    try:
        is_network = bool(ipaddress.ip_network(text))
    except ValueError:
        is_network = False
    assert bool(problems(source_cidrs=[text])) is not is_network


NAMES = st.from_regex(r"[a-z0-9*]{1,60}(\.[a-z0-9-]{1,60}){0,2}\.[a-z0-9-]{1,8}", fullmatch=True)


@given(name=NAMES | st.sampled_from([TOO_LONG, TOO_LONG[1:], "a.b", "*.example.com", "10.0.0.5"]))
def test_a_host_name_that_a_parameter_takes_a_rule_takes(name: str) -> None:
    """What a rule takes may still be no host name: a hyphen at an end, a star within."""
    refused = rules.problem(1, [{"Field": "host-header", "Values": [name]}])
    for parameter in ("HostName", "MoreHostNames", "RedirectedHostNames"):
        fits = re.fullmatch(PARAMETERS[parameter]["AllowedPattern"], name)
        assert not (fits and refused)
        named = "*" not in name[1:] and not any(
            it[0] == "-" or it[-1] == "-" for it in name.split(".")
        )
        assert fits or refused or not named


@pytest.mark.parametrize(
    ("parameter", "good", "bad"),
    [
        ("HostName", TOO_LONG[1:], TOO_LONG),
        ("HostName", "*.xn--80ak6aa92e.com", "a.xn--p1ai"),
        ("MoreHostNames", "a.b,*.c.d", "a.b,"),
        ("MoreHostNames", f"a.b,{TOO_LONG[1:]}", f"a.b,{TOO_LONG}"),
        ("RedirectedHostNames", "*.example.com", "10.0.0.5"),
        ("PathPatterns", "/a/*,/b?", "a/*"),
        ("HeaderName", "X-Version", "Host"),
        ("HeaderValues", "1.*,b=c", "a, b"),
        ("QueryParameter", "v=2*", "v"),
        ("RequestMethods", "GET,HEAD", "get"),
        ("SourceCidrs", "10.0.0.0/8,2001:db8::/32", "10.0.0.1"),
        ("HealthCheckCodes", "200,300-399", "500"),
        ("StickinessCookieName", "session", "AWSALBTG"),
    ],
)
def test_a_parameter_takes_what_it_says(parameter: str, good: str, bad: str) -> None:
    pattern = PARAMETERS[parameter]["AllowedPattern"]
    assert re.fullmatch(pattern, good)
    assert not re.fullmatch(pattern, bad)


def test_the_pages_examples_are_taken() -> None:
    page = (ROOT / "docs/routing.md").read_text()
    blocks = re.findall(r"```yaml\n(service_.*?)```", page, re.S)
    assert blocks
    for block in blocks:
        named = yaml.safe_load(block)
        assert broken(**{name.removeprefix("service_"): it for name, it in named.items()}) == []
