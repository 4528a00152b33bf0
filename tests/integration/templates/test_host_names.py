"""Who gets the requests of a host name, while names come, change hands and go."""

from __future__ import annotations

import http.client
import shutil
import urllib.parse
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.integration.templates import conftest
from tests.integration.templates.conftest import ROOT, Platform
from tests.repeating import Repeating

HELLO = ROOT / "tests" / "images" / "hello"
NAME = "name.example.net"
Deploy = Callable[..., None]


class Answers(Repeating):
    """Ask for a host's page from a thread until the block ends, and note who answered.

    Attributes:
        of: the names of the services that answered, or what came instead.
    """

    def __init__(self, platform: Platform, host: str) -> None:
        super().__init__(pause=0.01)
        address, self._headers = platform.aws.url(host, "/")
        self._address = urllib.parse.urlsplit(address)
        self.of: list[str] = []

    def ask(self) -> str:
        """Ask once."""
        connection = http.client.HTTPConnection(self._address.netloc, timeout=10)
        try:
            connection.request("GET", self._address.path, headers=self._headers)
            answer = connection.getresponse()
            text = answer.read().decode().strip()
        except (OSError, http.client.HTTPException) as error:
            return repr(error)
        finally:
            connection.close()
        return text if answer.status == 200 else str(answer.status)

    def once(self) -> None:
        """Ask, and note who answered."""
        self.of.append(self.ask())


def answers(platform: Platform, host: str) -> str:
    """Who answers to a host now."""
    return Answers(platform, host).ask()


def changes(given: list[str]) -> list[str]:
    """The answers, each run of equal ones once."""
    return [it for number, it in enumerate(given) if number == 0 or it != given[number - 1]]


@pytest.fixture
def deploy(platform: Platform, tmp_path: Path) -> Iterator[Deploy]:
    """Deploy a service whose page is its name; they are deleted afterwards."""
    images: dict[str, str] = {}

    # A leaving task may end the requests that it already got: without that, some would be lost.
    patient = {"Database": "false", "DeregistrationDelaySeconds": "2"}

    def run(name: str, host: str, **given: str) -> None:
        if name not in images:
            folder = tmp_path / name
            shutil.copytree(HELLO, folder)
            server = folder / "server.py"
            server.write_text(server.read_text().replace(r"hello\n", name))
            images[name] = platform.aws.push_image(folder, f"{name}:1")
        platform.service(name, images[name], HostName=host, **patient, **given)

    yield run
    for name in images:
        if f"service-{name}" in platform.outputs:
            platform.delete(f"service-{name}")


def reserved(platform: Platform, service: str) -> list[str]:
    """The conditions that a service has numbers for."""
    pages = platform.aws.client("dynamodb").get_paginator("scan")
    items = [
        item
        for page in pages.paginate(
            TableName=platform.outputs["support"]["ListenerPriorityTableName"]
        )
        for item in page["Items"]
    ]
    return [
        item["Conditions"]["S"]
        for item in items
        if f"/shop-service-{service}/" in item["StackId"]["S"] and "owner#" in item["Entry"]["S"]
    ]


def forget_failed(platform: Platform, name: str) -> None:
    """Delete what a first creation that failed has left."""
    platform.outputs[f"service-{name}"] = {}
    platform.delete(f"service-{name}")


def test_an_exact_name_that_comes_after_a_wildcard_gets_its_requests(
    platform: Platform, deploy: Deploy
) -> None:
    deploy("wild", "*.example.net")
    deploy("late", "late.example.net")

    assert answers(platform, "late.example.net") == "late"
    assert answers(platform, "other.example.net") == "wild"


def test_the_second_service_of_a_name_fails_by_the_firsts_stack(
    platform: Platform, deploy: Deploy
) -> None:
    deploy("first", NAME)
    with pytest.raises(AssertionError, match=r"the stack shop-service-first \(number"):
        deploy("second", NAME)
    forget_failed(platform, "second")
    assert answers(platform, NAME) == "first"

    platform.delete("service-first")
    deploy("second", NAME)
    assert answers(platform, NAME) == "second"


def test_a_living_service_changes_its_name_without_a_lost_request(
    platform: Platform, deploy: Deploy
) -> None:
    deploy("moving", "before.example.net")
    with (
        Answers(platform, "before.example.net") as before,
        Answers(platform, "after.example.net") as after,
    ):
        deploy("moving", "after.example.net")
    assert changes(before.of) in (["moving"], ["moving", "404"])
    assert changes(after.of) in (["404"], ["404", "moving"])
    assert answers(platform, "after.example.net") == "moving"
    (kept,) = reserved(platform, "moving")
    assert "after.example.net" in kept


def test_a_name_goes_over_and_comes_back_without_a_lost_request(
    platform: Platform, deploy: Deploy
) -> None:
    deploy("old", NAME)
    with pytest.raises(AssertionError, match="before it has tasks that answer"):
        deploy("new", NAME, TakesOver="old")
    forget_failed(platform, "new")
    deploy("new", "new.example.net")

    with Answers(platform, NAME) as over:
        deploy("new", NAME, TakesOver="old")
    with Answers(platform, NAME) as settled:
        deploy("old", NAME, StopTimeoutSeconds="20")
        deploy("old", NAME, TakesOver="new")
        platform.delete("service-new")
        deploy("old", NAME)
    assert changes(over.of) == ["old", "new"]
    assert changes(settled.of) == ["new", "old"]


def test_the_others_stack_goes_while_it_is_taken_over_and_no_request_is_lost(
    platform: Platform, deploy: Deploy
) -> None:
    deploy("old", NAME)
    deploy("new", "new.example.net")
    deploy("new", NAME, TakesOver="old")
    with Answers(platform, NAME) as asked:
        platform.delete("service-old")
        deploy("new", NAME, TakesOver="old", StopTimeoutSeconds="20")
        deploy("new", NAME)
    assert changes(asked.of) == ["new"]
    deploy("old", "old.example.net")
    with pytest.raises(AssertionError, match=r"the stack shop-service-new \(number"):
        deploy("old", NAME)


def test_a_take_over_that_fails_goes_back_without_a_lost_request(
    platform: Platform, deploy: Deploy
) -> None:
    deploy("old", NAME)
    deploy("new", "new.example.net")
    number = platform.outputs["service-new"]["ListenerPriority"]
    platform.aws.fail("shop-service-new", "Service", "UPDATE", after=False)
    with Answers(platform, NAME) as asked, pytest.raises(AssertionError, match="Injected failure"):
        deploy("new", NAME, TakesOver="old", StopTimeoutSeconds="20")
    assert set(asked.of) <= {"old", "new"}
    assert (answers(platform, NAME), answers(platform, "new.example.net")) == ("old", "new")
    (kept,) = reserved(platform, "new")
    assert "new.example.net" in kept

    deploy("new", "new.example.net")
    assert platform.outputs["service-new"]["ListenerPriority"] == number


def test_two_services_swap_their_names_over_a_third_without_a_lost_request(
    platform: Platform, deploy: Deploy
) -> None:
    one, other = "one.example.net", "other.example.net"
    deploy("one", one)
    deploy("other", other)
    with Answers(platform, one) as to_one, Answers(platform, other) as to_other:
        deploy("third", "third.example.net")
        deploy("third", one, TakesOver="one")
        deploy("one", other, TakesOver="other")
        deploy("other", one, TakesOver="third")
        platform.delete("service-third")
        deploy("one", other)
        deploy("other", one)
    assert changes(to_one.of) == ["one", "third", "other"]
    assert changes(to_other.of) == ["other", "one"]


def test_two_services_have_records_of_one_name_while_one_takes_over(
    platform: Platform, deploy: Deploy
) -> None:
    route53 = platform.aws.client("route53")
    zone = route53.create_hosted_zone(Name="example.net", CallerReference="names")
    identity = zone["HostedZone"]["Id"]
    given = {"HostedZoneId": identity.split("/")[-1]}

    def owners() -> list[str]:
        records = route53.list_resource_record_sets(HostedZoneId=identity)["ResourceRecordSets"]
        mine = (it for it in records if it["Name"] == f"{NAME}." and it["Type"] == "A")
        return sorted(it["SetIdentifier"] for it in mine)

    deploy("old", NAME, **given)
    deploy("new", "new.example.net", **given)
    deploy("new", NAME, TakesOver="old", **given)
    assert owners() == ["new", "old"]
    platform.delete("service-old")
    assert owners() == ["new"]


def test_a_service_of_before_with_simple_records_gets_weighted_ones_after_one_change_by_hand(
    platform: Platform, deploy: Deploy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    route53 = platform.aws.client("route53")
    zone = route53.create_hosted_zone(Name="example.net", CallerReference="before")
    identity = zone["HostedZone"]["Id"]
    given = {"HostedZoneId": identity.split("/")[-1]}

    def records() -> list[dict[str, Any]]:
        found = route53.list_resource_record_sets(HostedZoneId=identity)["ResourceRecordSets"]
        return [it for it in found if it["Name"] == f"{NAME}."]

    lines = (conftest.TEMPLATES / "service.yml").read_text().splitlines(keepends=True)
    weighted = ("SetIdentifier: ", "Weight: ")
    before = "".join(it for it in lines if not it.strip().startswith(weighted))
    (tmp_path / "service.yml").write_text(before)
    with monkeypatch.context() as patched:
        patched.setattr(conftest, "TEMPLATES", tmp_path)
        deploy("old", NAME, **given)
    simple = records()
    with pytest.raises(AssertionError, match="cannot be created as a non-weighted set exists"):
        deploy("old", NAME, **given)
    assert records() == simple

    changed = [record | {"SetIdentifier": "old", "Weight": 1} for record in simple]
    changes = [
        {"Action": action, "ResourceRecordSet": record}
        for pair in zip(simple, changed, strict=True)
        for action, record in zip(("DELETE", "CREATE"), pair, strict=True)
    ]
    route53.change_resource_record_sets(HostedZoneId=identity, ChangeBatch={"Changes": changes})
    deploy("old", NAME, **given)
    assert records() == changed
    platform.delete("service-old")
    assert not records()
