"""What the bundled schemas say of properties."""

from __future__ import annotations

from typing import Any

import pytest

from local_aws import schemas

REGION = "eu-central-1"


def test_a_type_without_a_schema_has_no_errors() -> None:
    assert schemas.errors("Custom::Thing", {"Any": 1}, REGION) == []


def test_a_value_that_only_deployment_knows_has_no_errors() -> None:
    properties = {"Type": schemas.UNKNOWN, "Value": schemas.UNKNOWN}
    assert schemas.errors("AWS::SSM::Parameter", properties, REGION) == []


def test_each_error_is_found_with_its_path() -> None:
    properties = {"LoadBalancers": [{"ContainerPort": 80}, {"Port": 1}], "LaunchType": "MOON"}
    found = dict(schemas.errors("AWS::ECS::Service", properties, REGION))
    assert set(found) == {"LoadBalancers/1/Port", "LaunchType"}


@pytest.mark.parametrize(
    ("name", "answer"),
    [("Cluster", "Always"), ("LaunchType", "Conditionally"), ("DesiredCount", "Never")],
)
def test_the_schema_tells_what_a_change_needs(name: str, answer: str) -> None:
    assert schemas.recreation("AWS::ECS::Service", name, REGION) == answer


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        ("AWS::Logs::LogGroup", "LogGroupName"),
        ("AWS::SQS::Queue", None),
        ("AWS::ECS::Service", None),
    ],
)
def test_a_name_is_an_identifier_where_a_template_gives_it(kind: str, name: str | None) -> None:
    assert schemas.identifier(kind, REGION) == name


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (123456789012, "1.23456789012E11"),
        (-5000000000, "-5.0E9"),
        (2**53, "9.007199254740992E15"),
    ],
)
def test_a_large_integer_is_written_as_a_double(number: int, text: str) -> None:
    assert schemas.floating(number) == text


def test_large_integers_become_text_only_where_strings_belong() -> None:
    environment: dict[str, Any] = {"Name": "ACCOUNT", "Value": 123456789012}
    container = {"Name": "app", "Environment": [environment, {"Name": "PORT", "Value": 8080}]}
    read = schemas.as_text(
        "AWS::ECS::TaskDefinition", {"ContainerDefinitions": [container]}, REGION
    )
    values = [each["Value"] for each in read["ContainerDefinitions"][0]["Environment"]]
    assert values == ["1.23456789012E11", 8080]
    count = {"DesiredCount": 12345678901}
    assert schemas.as_text("AWS::ECS::Service", count, REGION) == count
