"""Templates and functions agree: handlers exist, and properties are what the functions take."""

from __future__ import annotations

from pathlib import Path

import pytest

from custom_resources.database.decisions import DatabaseProperties
from custom_resources.database.limits import Limits
from custom_resources.password.decisions import PasswordProperties
from tests.unit.templates.templates import FOLDER, NAMES, Stack, of_type

SECRET = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:shop/orders/db"


def as_sent(properties: dict[str, object]) -> dict[str, object]:
    """Properties as CloudFormation sends them: every number is a string."""
    return {key: str(it) if isinstance(it, int) else it for key, it in properties.items()}


@pytest.mark.parametrize(
    "function", [it for name in NAMES for it in of_type(name, "AWS::Lambda::Function").values()]
)
def test_a_functions_handler_is_in_the_repository(function: dict[str, dict[str, str]]) -> None:
    module, name = function["Properties"]["Handler"].rsplit(".", 1)
    source = FOLDER.parent / Path(*module.split(".")).with_suffix(".py")
    assert f"def {name}(" in source.read_text()


def test_the_password_function_takes_what_the_template_gives() -> None:
    stack = Stack("rds", {"Platform": "shop", "AdminPasswordRotation": "3"})
    properties = stack.resources["AdminPassword"]["Properties"]
    properties |= {"KeyId": "arn:aws:kms:eu-central-1:123456789012:key/1"}
    taken = PasswordProperties.of(as_sent(properties))
    assert taken.parameter_name == "/shop/rds/admin-password"
    assert (taken.length, taken.rotation) == (32, 3)


@pytest.mark.parametrize(
    ("given", "users", "extensions"),
    [
        ({}, {"blue", "green"}, ()),
        ({"DatabaseUsers": "blue"}, {"blue"}, ()),
        ({"DatabaseExtensions": "citext,pgcrypto"}, {"blue", "green"}, ("citext", "pgcrypto")),
        ({"RepairNumber": "7", "RepairOwnership": "true"}, {"blue", "green"}, ()),
        ({"StatementTimeoutSeconds": "30", "ConnectionLimit": "40"}, {"blue", "green"}, ()),
    ],
)
def test_the_database_function_takes_what_the_template_gives(
    given: dict[str, str], users: set[str], extensions: tuple[str, ...]
) -> None:
    service = {"Platform": "shop", "Name": "orders", "DatabaseHost": "db.example.com"}
    service |= {"DatabaseAdminPasswordParameter": "/shop/rds/admin-password"}
    resources = Stack("service", service | given).resources
    properties = {
        key: SECRET if "SecretArn" in key else value
        for key, value in resources["DatabaseAndUsers"]["Properties"].items()
    }
    taken = DatabaseProperties.of(as_sent(properties))
    assert taken.database == "orders"
    assert taken.secret_arns.keys() == users
    assert taken.extensions == extensions
    assert taken.deletion_policy == "Retain"
    assert taken.limits == Limits(
        int(given.get("StatementTimeoutSeconds", 0)), int(given.get("ConnectionLimit", 0))
    )
    assert (taken.repair, taken.gives_ownership) == (
        int(given.get("RepairNumber", 0)),
        bool(taken.repair),
    )
