"""Services of one host name, names that lead to another, and what a rule doesn't take."""

from __future__ import annotations

import http.client
import shutil
import urllib.parse
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from tests.integration.templates import conftest
from tests.integration.templates.conftest import ROOT, Platform
from tests.repeating import Repeating
from tests.walks.requests import Requests

OLD, NEW = "old.routed.test", "new.routed.test"
TAKEN = {"Database": "false", "LaunchType": ""}


def asked(platform: Platform, host: str, path: str = "/") -> tuple[int, str]:
    """Return status and Location of an answer; a redirect isn't followed."""
    answer, _ = answered(platform, host, path)
    return answer.status, answer.getheader("Location", "")


def body(platform: Platform, host: str, path: str) -> str:
    """Return what is answered."""
    return answered(platform, host, path)[1]


def answered(platform: Platform, host: str, path: str) -> tuple[http.client.HTTPResponse, str]:
    """Ask once; return the answer and its body."""
    url, headers = platform.aws.url(host, path)
    connection = http.client.HTTPConnection(url.split("/")[2], timeout=10)
    try:
        connection.request("GET", path, headers=headers)
        answer = connection.getresponse()
        return answer, answer.read().decode()
    finally:
        connection.close()


def rule_arn(platform: Platform, name: str) -> str:
    return platform.physical_id(f"service-{name}", "ListenerRule")


@pytest.fixture
def named(platform: Platform, hello: str) -> Iterator[str]:
    """A service under the old name; its image answers to / alone."""
    platform.service("named", hello, HostName=OLD, **TAKEN)
    yield "named"
    platform.delete("service-named")


def test_a_path_is_another_services_and_rewritten_for_it(
    platform: Platform, hello: str, named: str
) -> None:
    assert asked(platform, OLD, "/api/")[0] == 404
    rewrite = {"UrlRewritePattern": "^/api(/.*)$", "UrlRewriteReplacement": "$1"}
    outputs = platform.service(
        "api", hello, HostName=OLD, PathPatterns="/api/*", **rewrite, **TAKEN
    )
    try:
        assert outputs["Url"] == f"http://{OLD}/api/"
        assert int(outputs["ListenerPriority"]) < int(
            platform.outputs["service-named"]["ListenerPriority"]
        )
        assert asked(platform, OLD, "/api/")[0] == 200
        assert asked(platform, OLD, "/")[0] == 200
        assert asked(platform, OLD, "/other")[0] == 404
        with pytest.raises(AssertionError, match="is taken: the stack shop-service-api"):
            platform.service("second", hello, HostName=OLD, PathPatterns="/b,/api/*", **TAKEN)
        platform.cloudformation.delete_stack(StackName="shop-service-second")
    finally:
        platform.delete("service-api")
    assert asked(platform, OLD, "/api/")[0] == 404


@pytest.fixture
def echo(platform: Platform, tmp_path: Path) -> str:
    """An image that answers with the path and query that it was asked for."""
    folder = tmp_path / "echo"
    shutil.copytree(ROOT / "tests" / "images" / "hello", folder)
    server = folder / "server.py"
    text = server.read_text()
    answering = text.replace(r'b"not found\n"', "self.path.encode()")
    assert answering != text
    server.write_text(answering)
    return platform.aws.push_image(folder, "echo:1")


def test_the_pages_rewrite_is_done_to_a_path_with_and_without_a_query(
    platform: Platform, echo: str
) -> None:
    page = (ROOT / "docs" / "routing.md").read_text()
    given = yaml.safe_load(page.split("```yaml\n")[1].split("```")[0])
    options = {
        "PathPatterns": ",".join(given["service_path_patterns"]),
        "UrlRewritePattern": given["service_url_rewrite_pattern"],
        "UrlRewriteReplacement": given["service_url_rewrite_replacement"],
    }
    platform.service("rewritten", echo, HostName=NEW, **options, **TAKEN)
    try:
        seen = {it: body(platform, NEW, it) for it in ("/orders", "/orders?x=1", "/orders/7?x=1")}
    finally:
        platform.delete("service-rewritten")
    assert seen == {"/orders": "/v2", "/orders?x=1": "/v2?x=1", "/orders/7?x=1": "/v2/7?x=1"}


def test_a_service_gets_another_name_and_back_and_loses_no_request(
    platform: Platform, hello: str, named: str
) -> None:
    before = rule_arn(platform, named)

    def deploy(host: str, more: str = "", redirected: str = "") -> None:
        given = {"HostName": host, "MoreHostNames": more, "RedirectedHostNames": redirected}
        platform.service(named, hello, **given, **TAKEN)

    with Requests(platform.aws, OLD) as old:
        deploy(OLD, more=NEW)
        with Requests(platform.aws, NEW) as new:
            deploy(NEW, redirected=OLD)
            assert asked(platform, OLD, "/a?b=c") == (302, f"http://{NEW}:80/a?b=c")
            deploy(NEW, more=OLD)
            deploy(OLD, more=NEW)
    assert old.lost(302) == 0, Counter(old.answers)
    assert new.lost() == 0, Counter(new.answers)
    assert {200, 302} <= {*old.answers}
    assert rule_arn(platform, named) == before


class Followed(Repeating):
    """Ask a name from a thread until the block ends, and follow where it leads.

    Attributes:
        answers: the last status of each.
    """

    def __init__(self, platform: Platform, host: str) -> None:
        super().__init__(pause=0.02)
        self._platform, self._host = platform, host
        self.answers: list[int] = []

    def once(self) -> None:
        """Ask, and follow one redirect."""
        status, location = asked(self._platform, self._host)
        if status == 302:
            status, _ = asked(self._platform, str(urllib.parse.urlsplit(location).hostname))
        self.answers.append(status)


SLOW = """
  Slow:
    Type: Custom::ListenerPriority
    DependsOn: RedirectRule
    Properties:
      ServiceToken: !Ref ListenerPriorityFunctionArn
      ListenerArn: !Ref ListenerArn
      Conditions: [{Field: host-header, HostHeaderConfig: {Values: [!Sub "slow.${HostName}"]}}]

  ListenerRule:
    DependsOn: Slow
"""


@pytest.mark.parametrize("steps", [1, 2])
def test_a_redirect_that_stands_leads_to_another_name_in_two_steps_and_loses_no_request(
    platform: Platform,
    hello: str,
    named: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    *,
    steps: int,
) -> None:
    """AWS takes seconds between the two rules, the local AWS a call of a function: in one step,
    which verify.yml refuses, requests are lost."""
    text = (conftest.TEMPLATES / "service.yml").read_text()
    (tmp_path / "service.yml").write_text(text.replace("\n  ListenerRule:\n", SLOW))
    monkeypatch.setattr(conftest, "TEMPLATES", tmp_path)

    def deploy(host: str, more: str = "") -> None:
        given = {
            "HostName": host,
            "MoreHostNames": more,
            "RedirectedHostNames": "first.routed.test",
        }
        platform.service(named, hello, **given, **TAKEN)

    deploy(OLD)
    with Followed(platform, "first.routed.test") as followed:
        if steps == 2:
            deploy(OLD, more=NEW)
        deploy(NEW)
    lost = {*followed.answers} - {200}
    assert bool(lost) is (steps == 1), Counter(followed.answers)
    assert asked(platform, "first.routed.test") == (302, f"http://{NEW}:80/")


@pytest.mark.parametrize("third_is_first", [False, True])
def test_a_take_over_with_more_names_takes_no_third_services_name(
    platform: Platform, hello: str, *, third_is_first: bool
) -> None:
    others = {"old": OLD, "third": "third.routed.test"}
    names = sorted(others, reverse=third_is_first)
    try:
        for name in names:
            platform.service(name, hello, HostName=others[name], **TAKEN)
        platform.service("taking", hello, HostName=NEW, **TAKEN)
        given = {"HostName": OLD, "TakesOver": "old", **TAKEN}
        with pytest.raises(
            AssertionError, match=f"{others['third']} is taken: the stack shop-service-third"
        ):
            platform.service("taking", hello, MoreHostNames=others["third"], **given)
        assert asked(platform, NEW)[0] == 200
        platform.service("taking", hello, MoreHostNames=NEW, **given)
        with pytest.raises(AssertionError, match="is taken: the stack shop-service-third"):
            platform.service("old", hello, HostName=OLD, MoreHostNames=others["third"], **TAKEN)
    finally:
        for name in ("taking", *names):
            if f"service-{name}" in platform.outputs:
                platform.delete(f"service-{name}")


def test_more_values_than_a_rule_takes_leave_the_service_as_it_was(
    platform: Platform, hello: str, named: str
) -> None:
    with pytest.raises(AssertionError, match="more than 5 values"):
        platform.service(named, hello, HostName=OLD, PathPatterns="/a,/b,/c,/d,/e", **TAKEN)
    assert asked(platform, OLD)[0] == 200
