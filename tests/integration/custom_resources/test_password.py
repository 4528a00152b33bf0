"""Custom::Password against SSM."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any

import pytest

from custom_resources.shared import aws as functions_aws
from local_aws.control import LocalAws
from tests.integration.custom_resources.support import (
    Answer,
    CloudFormation,
    InterruptedClient,
    Interruption,
    Killed,
    interruptions,
)

Send = Callable[..., Answer]


@pytest.fixture
def send(cfn: CloudFormation, stack_id: str) -> Send:
    from custom_resources.password.function import handler

    return partial(cfn.send, handler, stack_id=stack_id, logical_id="Admin")


@pytest.fixture
def ssm(aws: LocalAws) -> Any:
    return aws.client("ssm")


@pytest.fixture
def properties(name: str) -> dict[str, str]:
    return {"ParameterName": f"/{name}/admin-password", "KeyId": f"alias/{name}", "Rotation": "1"}


def value(ssm: Any, properties: dict[str, str], version: str) -> str:
    name = f"{properties['ParameterName']}:{version}"
    return str(ssm.get_parameter(Name=name, WithDecryption=True)["Parameter"]["Value"])


def exists(ssm: Any, properties: dict[str, str]) -> bool:
    return bool(ssm.get_parameters(Names=[properties["ParameterName"]])["Parameters"])


def test_create_puts_a_secure_string_under_the_key(
    send: Send, ssm: Any, properties: dict[str, str]
) -> None:
    send("Create", properties)

    (version,) = ssm.get_parameter_history(Name=properties["ParameterName"])["Parameters"]
    assert (version["Type"], version["KeyId"]) == ("SecureString", properties["KeyId"])


def test_create_answers_name_version_and_arn(
    send: Send, properties: dict[str, str], aws: LocalAws
) -> None:
    name = properties["ParameterName"]
    assert send("Create", properties).data == {
        "ParameterName": name,
        "Version": "1",
        "ParameterArn": f"arn:aws:ssm:{aws.region}:{aws.account}:parameter{name}",
    }


def test_the_password_has_the_wanted_length_and_no_excluded_character(
    send: Send, ssm: Any, properties: dict[str, str]
) -> None:
    send("Create", properties | {"Length": "41", "ExcludeCharacters": "abcdefghijkl!#$%"})

    password = value(ssm, properties, "1")
    assert len(password) == 41
    assert not set(password) & set("abcdefghijkl!#$%")


def test_a_create_that_is_sent_twice_makes_one_version(
    send: Send, properties: dict[str, str]
) -> None:
    send("Create", properties)

    assert send("Create", properties).data["Version"] == "1"


def test_an_update_of_anything_but_rotation_and_key_keeps_the_version(
    send: Send, properties: dict[str, str]
) -> None:
    created = send("Create", properties)
    updated = send("Update", properties | {"Length": "20"}, physical_id=created.physical_id)

    assert (updated.data["Version"], updated.physical_id) == ("1", created.physical_id)


def test_another_rotation_makes_another_password(
    send: Send, ssm: Any, properties: dict[str, str]
) -> None:
    created = send("Create", properties)
    updated = send("Update", properties | {"Rotation": "2"}, physical_id=created.physical_id)

    assert updated.data["Version"] == "2"
    assert value(ssm, properties, "2") != value(ssm, properties, "1")


def test_a_rollback_of_a_rotation_makes_the_password_before_the_newest(
    send: Send, ssm: Any, properties: dict[str, str]
) -> None:
    created = send("Create", properties)
    send("Update", properties | {"Rotation": "2"}, physical_id=created.physical_id)
    rolled_back = send("Update", properties, physical_id=created.physical_id)

    assert rolled_back.data["Version"] == "3"
    assert value(ssm, properties, "3") == value(ssm, properties, "1")


def test_the_newest_version_is_the_clusters_whatever_rotations_follow_each_other(
    send: Send, ssm: Any, properties: dict[str, str]
) -> None:
    physical_id = send("Create", properties).physical_id
    given = {"1": value(ssm, properties, "1")}
    for rotation in ("2", "3", "1", "1", "3", "2", "2", "4"):
        wanted = properties | {"Rotation": rotation}
        version = send("Update", wanted, physical_id=physical_id).data["Version"]
        newest = ssm.get_parameter(Name=properties["ParameterName"], WithDecryption=True)
        assert str(newest["Parameter"]["Version"]) == version
        password = given.setdefault(rotation, value(ssm, properties, version))
        assert newest["Parameter"]["Value"] == password
    assert len(set(given.values())) == 4


def test_another_key_encrypts_the_same_password_anew(
    send: Send, ssm: Any, properties: dict[str, str]
) -> None:
    created = send("Create", properties)
    moved = send("Update", properties | {"KeyId": "alias/new"}, physical_id=created.physical_id)

    assert moved.data["Version"] == "2"
    assert value(ssm, properties, "2") == value(ssm, properties, "1")


def test_a_value_that_someone_put_by_hand_makes_way_for_the_clusters(
    send: Send, ssm: Any, properties: dict[str, str]
) -> None:
    created = send("Create", properties)
    ssm.put_parameter(
        Name=properties["ParameterName"], Value="by hand", Type="SecureString", Overwrite=True
    )

    updated = send("Update", properties, physical_id=created.physical_id)
    assert updated.data["Version"] == "3"
    assert value(ssm, properties, "3") == value(ssm, properties, "1")


def test_another_name_is_a_replacement_with_a_password_of_its_own(
    send: Send, ssm: Any, properties: dict[str, str]
) -> None:
    created = send("Create", properties)
    renamed = properties | {"ParameterName": properties["ParameterName"] + "-2"}
    updated = send("Update", renamed, physical_id=created.physical_id)
    send("Delete", properties, physical_id=created.physical_id)

    assert updated.physical_id != created.physical_id
    assert exists(ssm, renamed)
    assert not exists(ssm, properties)


def test_a_parameter_without_our_tag_is_refused_and_survives_the_rollback(
    send: Send, ssm: Any, properties: dict[str, str]
) -> None:
    ssm.put_parameter(Name=properties["ParameterName"], Value="theirs", Type="SecureString")

    refused = send("Create", properties)
    send("Delete", properties, physical_id=refused.physical_id)

    assert not refused.succeeded
    assert "its tag quayside:owner is absent" in refused.reason
    assert value(ssm, properties, "1") == "theirs"


def test_a_delete_leaves_a_parameter_alone_that_is_not_ours(
    send: Send, ssm: Any, properties: dict[str, str]
) -> None:
    ssm.put_parameter(Name=properties["ParameterName"], Value="theirs", Type="SecureString")

    deleted = send("Delete", properties, physical_id=f"password:{properties['ParameterName']}")

    assert deleted.succeeded
    assert exists(ssm, properties)


def test_a_stack_made_anew_adopts_the_parameter_with_its_tag(
    send: Send, ssm: Any, properties: dict[str, str], stack_id: str
) -> None:
    owner = f"{stack_id.split('/')[1]}/Admin"
    ssm.put_parameter(
        Name=properties["ParameterName"],
        Value="kept from before",
        Type="SecureString",
        Tags=[{"Key": "quayside:owner", "Value": owner}],
    )

    assert send("Create", properties).data["Version"] == "2"


def test_delete_removes_the_parameter_and_may_be_repeated(
    send: Send, ssm: Any, properties: dict[str, str]
) -> None:
    created = send("Create", properties)

    assert send("Delete", properties, physical_id=created.physical_id).succeeded
    assert not exists(ssm, properties)
    assert send("Delete", properties, physical_id=created.physical_id).succeeded


@pytest.mark.parametrize("physical_id", ["not-created:Admin", "stack-Admin-1ABC", "/x/password"])
def test_the_delete_of_what_was_never_created_succeeds(
    send: Send, properties: dict[str, str], physical_id: str
) -> None:
    assert send("Delete", properties, physical_id=physical_id).succeeded


def test_a_wrong_property_is_refused_before_aws_is_called(
    send: Send, properties: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(functions_aws, "client", lambda service: pytest.fail(f"called {service}"))

    refused = send("Create", properties | {"Length": "42"})

    assert refused.reason == "Property Length is 42. It must be a whole number from 8 to 41."
    assert refused.physical_id == "not-created:Admin"


@pytest.fixture
def killed_during(ssm: Any, send: Send, monkeypatch: pytest.MonkeyPatch) -> Callable[..., bool]:
    """Send an event to a function that an interruption kills; tells whether it came to that."""

    def run(interruption: Interruption, *event: Any, **more: Any) -> bool:
        client = InterruptedClient(ssm, interruption)
        with monkeypatch.context() as patch, suppress(Killed):
            patch.setattr(functions_aws, "client", lambda _service: client)
            send(*event, **more)
        return interruption.happened

    return run


def test_a_create_that_was_killed_anywhere_converges_when_repeated(
    send: Send, killed_during: Callable[..., bool], properties: dict[str, str]
) -> None:
    points = 0
    for interruption in interruptions():
        if not killed_during(interruption, "Create", properties):
            break
        points += 1
        created = send("Create", properties)
        assert created.data["Version"] == send("Create", properties).data["Version"] == "1"
        send("Delete", properties, physical_id=created.physical_id)
    assert points == 2 * len(["ListTagsForResource", "PutParameter", "GetParameterHistory"])


@pytest.mark.parametrize("change", [{"Rotation": "2"}, {"KeyId": "alias/new"}])
def test_an_update_that_was_killed_anywhere_converges_when_repeated(
    send: Send,
    ssm: Any,
    killed_during: Callable[..., bool],
    properties: dict[str, str],
    change: dict[str, str],
) -> None:
    for interruption in interruptions():
        physical_id = send("Create", properties).physical_id
        before = value(ssm, properties, "1")
        if not killed_during(interruption, "Update", properties | change, physical_id=physical_id):
            break
        updated = send("Update", properties | change, physical_id=physical_id)
        assert updated.data["Version"] == "2"
        assert (value(ssm, properties, "2") == before) == ("KeyId" in change)
        send("Delete", properties, physical_id=physical_id)


def test_a_delete_that_was_killed_anywhere_converges_when_repeated(
    send: Send, ssm: Any, killed_during: Callable[..., bool], properties: dict[str, str]
) -> None:
    for interruption in interruptions():
        physical_id = send("Create", properties).physical_id
        if not killed_during(interruption, "Delete", properties, physical_id=physical_id):
            break
        assert send("Delete", properties, physical_id=physical_id).succeeded
        assert not exists(ssm, properties)
