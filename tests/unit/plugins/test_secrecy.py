"""No preview shows a secret: by name, by look, or by where the value comes from."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.quayside.fargate.plugins.plugin_utils import changes, preview, secrecy

CANARY = "canary-5c1fe2a9"
SECRET_NAMES = st.sampled_from(
    [
        *("PASSWORD", "password", "DbPassword", "DB_PASSWD", "PGPASSWORD", "ADMIN_PWD", "MY_PW"),
        *("TOKEN", "ApiToken", "token", "GITHUB_TOKEN", "SECRET", "ClientSecret", "secret_value"),
        *("KEY", "STRIPE_KEY", "ApiKey", "SIGNING-KEY", "MasterKey", "PrivateKey", "EncryptKey"),
        *("SENTRY_DSN", "AUTH_COOKIE", "WEBHOOK_URL", "PasswordSalt", "Credentials"),
    ]
)
PLAIN_NAMES = st.sampled_from(["Options", "Labels", "Level", "Items", "Nested", "Url", "A"])
PLAIN_VALUES = st.sampled_from(["INFO", "8080", "https://example.test/", "a b", ""])


def texts(value: Any) -> Any:
    """Return a value, or the value as JSON in a text."""
    return st.sampled_from([value, json.dumps(value)])


@st.composite
def with_a_secret(draw: st.DrawFn) -> dict[str, Any]:
    """Return properties with the canary somewhere below a secret's name."""
    name, secret = draw(SECRET_NAMES), draw(st.sampled_from([CANARY, f"x{CANARY}", [CANARY]]))
    entry = {"Name": name, "Value": secret}
    value = draw(
        st.sampled_from(
            [
                {name: secret},
                [entry],
                [{"Name": "LEVEL", "Value": "INFO"}, entry],
                {"Environment": [entry, {"Name": "LEVEL", "Value": "INFO"}]},
                {"Environment": {"Variables": {name: secret, "LEVEL": "INFO"}}},
                {"Secrets": [{"Name": "X", "ValueFrom": secret}]},
            ]
        )
    )
    for _ in range(draw(st.integers(0, 3))):
        inner = draw(texts(value))
        plain = {draw(PLAIN_NAMES): draw(PLAIN_VALUES)}
        value = draw(
            st.sampled_from([{**plain, draw(PLAIN_NAMES): inner}, [inner], [plain, inner]])
        )
    return {"Here": value}


def places(value: Any, path: str) -> list[tuple[str, Any]]:
    """Return every path below a value with what stands there, as AWS may name any of them."""
    items = value.items() if isinstance(value, dict) else enumerate(value)
    below = [
        place
        for key, item in items
        if isinstance(item, dict | list)
        for place in places(item, f"{path}/{key}")
    ]
    leaves = [(f"{path}/{key}", it) for key, it in items if not isinstance(it, dict | list)]
    return [(path, value), *below, *leaves]


def shown(
    path: str, value: Any, properties: Any, templates: changes.Templates, *, verbose: bool
) -> str:
    text = value if isinstance(value, str) else json.dumps(value)
    context = json.dumps({"Properties": properties})
    target = {"Attribute": "Properties", "Name": "Here", "Path": path}
    resource = {"LogicalResourceId": "R", "ResourceType": "A::B::C", "AfterContext": context}
    told = [
        {**resource, "Action": "Modify", "Details": [{"Target": {**target, **values}}]}
        for values in (
            {"AfterValue": text},
            {"BeforeValue": f"{text} ", "AfterValue": text},
        )
    ]
    told.append({**told[1], "BeforeContext": context[: len(context) // 2]})
    told.append({**resource, "Action": "Add"})
    made = changes.from_change_set(
        [{"ResourceChange": it} for it in told], templates, verbose=verbose
    )
    return json.dumps(made) + "\n".join(preview.lines("shop", made, verbose=verbose))


EMPTY = changes.Templates({"Resources": {}}, {"Resources": {}})


@given(with_a_secret(), st.booleans(), st.data())
def test_nothing_below_a_secrets_name_is_ever_shown(
    properties: dict[str, Any], verbose: bool, data: st.DataObject
) -> None:
    path, value = data.draw(st.sampled_from(places(properties, "/Properties")[1:]))
    assert CANARY not in shown(path, value, properties, EMPTY, verbose=verbose)


NOECHO = {"Parameters": {"Secret": {"Type": "String", "NoEcho": "true"}, "Plain": {}}}
EXPRESSIONS = st.sampled_from(
    [
        {"Ref": "Secret"},
        {"Fn::Sub": "x${Secret}"},
        {"Fn::Join": ["", ["x", {"Ref": "Secret"}]]},
        {"Fn::Sub": ["${x}", {"x": {"Ref": "Secret"}}]},
        {"Fn::If": ["C", {"Ref": "Secret"}, "y"]},
        "{{resolve:ssm:/shop/plain}}",
        {"Fn::Sub": "{{resolve:secretsmanager:${Plain}}}"},
    ]
)


@given(EXPRESSIONS, st.booleans(), st.sampled_from(["map", "list", "deep", "function"]))
def test_what_comes_from_noecho_or_a_dynamic_reference_is_hidden_even_if_aws_tells_it(
    expression: Any, verbose: bool, shape: str
) -> None:
    def made(it: Any) -> dict[str, Any]:
        below: dict[str, Any] = {
            "map": {"Level": it},
            "list": ["a", it],
            "deep": {"Environment": [{"Name": "LEVEL", "Value": it}]},
            "function": {"Level": it},
        }
        return {"Here": below[shape], "Other": "plain-value"}

    resources = {"R": {"Properties": made(expression)}}
    template = {**NOECHO, "Resources": resources}
    if shape == "function":
        whole = resources["R"]["Properties"]
        whole["Here"] = {"Fn::If": ["C", whole["Here"], {"Ref": "AWS::NoValue"}]}
    properties = made(CANARY)
    templates = changes.Templates(template, template)
    for path, value in places(properties, "/Properties")[1:]:
        assert CANARY not in shown(path, value, properties, templates, verbose=verbose)
    assert "plain-value" in shown(
        "/Properties/Other", "plain-value", properties, templates, verbose=verbose
    )


def test_stars_and_references_that_are_not_resolved_may_stand() -> None:
    template = {**NOECHO, "Resources": {"R": {"Properties": {"Here": {"Ref": "Secret"}}}}}
    templates = changes.Templates(template, template)
    reference = "{{resolve:secretsmanager:shop:SecretString:x}}"
    for text in ("****", reference):
        assert text in shown("/Properties/Here", text, {"Here": text}, templates, verbose=False)


@pytest.mark.parametrize(
    ("value", "visible"),
    [
        ("INFO", True),
        ("https://example.test/hook", True),
        ("postgresql://a:b@c/d", False),
        ("sk_live_4242", False),
        ("ghp_0123456789", False),
        ("f3b1c9d07a5e4b2f8c6d1e0a9b7c5d3f", False),
        ("a password=x", False),
        (json.dumps({"a": 1}), True),
        (json.dumps({"token": 1}), False),
    ],
)
def test_an_environment_variable_shows_with_v_only_and_only_if_it_looks_plain(
    value: str, visible: bool
) -> None:
    entry = {"Name": "LEVEL", "Value": value}
    properties = {"Here": {"Environment": [entry]}}
    path = "/Properties/Here/Environment/0/Value"
    assert value not in shown(path, value, properties, EMPTY, verbose=False)
    assert (
        json.dumps(value)[1:-1] in shown(path, value, properties, EMPTY, verbose=True)
    ) is visible


@pytest.mark.parametrize(
    "name", ["MaxCapacity", "PrivateSubnetIds", "S3Key", "KmsKeyId", "CodeS3Key", "KeyPolicy"]
)
def test_what_only_sounds_like_a_secret_shows(name: str) -> None:
    assert not secrecy.is_secret_name(name)
