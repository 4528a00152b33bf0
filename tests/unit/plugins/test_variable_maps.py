"""Free text stays what somebody wrote; secrets are named by whole ARNs, and nothing is quoted."""

from __future__ import annotations

import datetime
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.quayside.fargate.plugins.plugin_utils import variable_maps

CANARY = "canary-5c1fe2a9"
SECRET = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:shop/mail-a1B2c3"
PARAMETER = "arn:aws:ssm:eu-central-1:123456789012:parameter/shop/mail"
TYPED = st.one_of(st.integers(), st.floats(), st.booleans(), st.none(), st.dates(), st.datetimes())


@given(st.dictionaries(st.text(min_size=1), st.text()))
def test_texts_are_taken_whatever_they_say(texts: dict[str, str]) -> None:
    for name in ("service_environment", "rds_tags"):
        assert variable_maps.problems(name, texts) == []


@given(key=st.text("ABC_", min_size=1), value=TYPED)
def test_what_yaml_has_read_as_something_else_is_refused_with_the_line_to_write(
    key: str, value: Any
) -> None:
    for name in ("service_environment", "support_tags"):
        (line,) = variable_maps.problems(name, {key: value, "OTHER": "text"})
        assert line.startswith(f"{name}.{key} is ")
        assert f'Quote it as you wrote it: {key}: "..."' in line


@given(key=TYPED)
def test_a_key_that_is_no_text_is_refused_with_the_line_to_write(key: Any) -> None:
    for name in ("service_environment", "service_secrets", "rds_overrides"):
        lines = variable_maps.problems(name, {key: SECRET})
        assert len(lines) == 1
        assert lines[0].startswith(f"{name} has a key that YAML has read as ")
        assert "Quote it as you wrote it, such as " in lines[0]


def test_a_key_that_yaml_reads_as_false_is_called_no() -> None:
    (line,) = variable_maps.problems("service_environment", {False: "x"})
    assert '"NO": ...' in line


@pytest.mark.parametrize("value", [750, 1.1, True, None, datetime.date(2026, 1, 2), ["a"], {}])
def test_no_message_holds_a_value(value: Any) -> None:
    lines = variable_maps.problems("service_environment", {"A": value})
    lines += variable_maps.problems("service_secrets", {"A": f"{CANARY}", "B": value})
    assert all(CANARY not in line and f" {value!r}" not in line for line in lines)
    assert len(lines) == 3


@pytest.mark.parametrize(
    "reference",
    [
        SECRET,
        f"{SECRET}:password::",
        f"{SECRET}::AWSPREVIOUS:",
        f"{SECRET}:key:AWSCURRENT:EXAMPLE1-90ab-cdef-fedc-ba987SECRET1",
        "arn:aws-cn:secretsmanager:cn-north-1:123456789012:secret:rds!cluster-0a-Ab12Cd",
        PARAMETER,
        "arn:aws-us-gov:ssm:us-gov-west-1:123456789012:parameter/mail",
    ],
)
def test_whole_arns_are_taken(reference: str) -> None:
    assert variable_maps.problems("service_secrets", {"MAIL": reference}) == []


@pytest.mark.parametrize(
    ("reference", "said"),
    [
        (CANARY, "is not the ARN of a secret or of a parameter"),
        ("/shop/mail", "is not the ARN of a secret or of a parameter"),
        ("shop/mail", "is not the ARN of a secret or of a parameter"),
        ("", "is not the ARN of a secret or of a parameter"),
        (SECRET[:-7], "ends in a hyphen and six characters"),
        (SECRET.replace("mail-a1B2c3", "m-a1B2c"), "ends in a hyphen and six characters"),
        (f"{SECRET[:-7]}:password::", "ends in a hyphen and six characters"),
        (f"{SECRET}:password", "without all three colons"),
        (f"{SECRET}:password:", "without all three colons"),
        (f"{PARAMETER}:3", "is not the ARN of a secret or of a parameter"),
        (f"{SECRET} ", "ends in a hyphen and six characters"),
        ("arn:aws:s3:::bucket", "is not the ARN of a secret or of a parameter"),
        ({"Ref": "Secret"}, "is not the ARN of a secret or of a parameter"),
        (5, "is not the ARN of a secret or of a parameter"),
    ],
)
def test_other_references_are_refused_without_quoting_them(reference: Any, said: str) -> None:
    (line,) = variable_maps.problems("service_secrets", {"MAIL": reference})
    assert line.startswith("service_secrets.MAIL ")
    assert said in line
    assert CANARY not in line


def test_a_policy_names_the_secret_without_what_follows_its_arn() -> None:
    assert variable_maps.secret_arn(f"{SECRET}:key:AWSCURRENT:") == SECRET
    assert variable_maps.secret_arn(PARAMETER) is None
    assert variable_maps.parameter_arn(PARAMETER) == PARAMETER
    assert variable_maps.parameter_arn(SECRET) is None


def overrides(**container: Any) -> dict[str, Any]:
    container = {"Name": "app", **container}
    task = {"Properties": {"ContainerDefinitions": [container]}}
    return {"Resources": {"TaskDefinition": task}}


def either(then: Any, otherwise: Any) -> dict[str, Any]:
    return {"Fn::If": ["HasRoute", then, otherwise if otherwise != {} else {"Ref": "AWS::NoValue"}]}


@pytest.mark.parametrize(
    ("member", "value", "named"),
    [
        ("Environment", [{"Name": "TIME", "Value": 750}], "Environment[TIME].Value is a number"),
        ("Environment", [{"Name": "NO", "Value": False}], "Environment[NO].Value is a boolean"),
        ("Secrets", [{"Name": "A", "ValueFrom": 5}], "Secrets[A].ValueFrom is a number"),
        ("DockerLabels", {"version": 1.1}, "DockerLabels.version is a number"),
        ("LogConfiguration", {"Options": {"mode": True}}, "Options.mode is a boolean"),
        ("Environment", [{"Name": "A", False: "x"}], "has a key that YAML has read as a boolean"),
        ("Environment", [{"Name": False, "Value": "x"}], "Environment[0].Name is a boolean"),
        ("Environment", [{"Value": "x"}], "Environment[0] has no Name"),
        ("Environment", [{"Name": None, "Value": "x"}], "Environment[0] has no Name"),
        ("Secrets", [{"Name": 5, "ValueFrom": SECRET}], "Secrets[0].Name is a number"),
        ("Tags", [{"Key": True, "Value": "x"}], "Tags[0].Key is a boolean"),
        ("Tags", {"time": 750}, "Tags.time is a number"),
        ("Environment", either([{"Name": False, "Value": "x"}], []), "[0].Name is a boolean"),
        ("Environment", either([], [{"Name": "A", "Value": 750}]), "[A].Value is a number"),
        ("Environment", [either({"Name": "A", "Value": 1}, {})], "[A].Value is a number"),
        ("Environment", [{"Name": "A", "Value": either("x", 1)}], "[A].Value is a number"),
        ("Command", ["sleep", 750], "Command[1] is a number"),
        ("EntryPoint", either([True], []), "EntryPoint[0] is a boolean"),
        ("HealthCheck", {"Command": ["CMD", 493]}, "HealthCheck.Command[1] is a number"),
    ],
)
def test_texts_in_overrides_are_texts(member: str, value: Any, named: str) -> None:
    (line,) = variable_maps.problems("service_overrides", overrides(**{member: value}))
    assert line.startswith("service_overrides.Resources.TaskDefinition.Properties.Container")
    assert named in line


def test_elsewhere_in_overrides_numbers_and_functions_are_what_they_are() -> None:
    laid = overrides(
        Environment=[{"Name": "A", "Value": {"Ref": "AWS::Region"}}, {"Name": "B", "Value": None}],
        DockerLabels={"region": {"Ref": "AWS::Region"}, "gone": None},
        Ulimits=[{"Name": "nofile", "SoftLimit": 65536, "HardLimit": 65536}],
        ReadonlyRootFilesystem=True,
        Command=["serve", {"Ref": "AWS::Region"}],
        EntryPoint=either(["sh"], {}),
        Secrets=[either({"Name": "C", "ValueFrom": {"Ref": "Secret"}}, {})],
    )
    laid["Resources"]["TaskRole"] = policy({"NumericLessThan": {"s3:max-keys": 10}})
    laid["Resources"]["OtherRole"] = policy({"Bool": {"aws:SecureTransport": True}})
    laid["Resources"]["Queue"] = {
        "Type": "AWS::SQS::Queue",
        "Properties": {"DelaySeconds": 5, "Tags": [{"Key": "a", "Value": "b"}]},
    }
    laid["Resources"]["Alarm"] = None
    assert variable_maps.problems("service_overrides", laid) == []


def policy(condition: Any) -> dict[str, Any]:
    return {
        "Properties": {"Policies": [{"PolicyDocument": {"Statement": [condition_of(condition)]}}]}
    }


def condition_of(condition: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*", "Condition": condition}


@pytest.mark.parametrize("value", [12345670123, ["a", 12345670123], False])
@pytest.mark.parametrize("operator", ["StringEquals", "ForAnyValue:StringLike", "IpAddress"])
def test_what_a_policy_compares_as_text_is_a_text(operator: str, value: Any) -> None:
    laid = {"Resources": {"Role": policy({operator: {"aws:SourceAccount": value}})}}
    (line,) = variable_maps.problems("service_overrides", laid)
    assert f".Condition.{operator}.aws:SourceAccount is a" in line


@pytest.mark.parametrize("name", ["NO", "on", "Yes", "12:30", "0755", "2026-01-02", "~"])
def test_a_name_that_yaml_reads_as_something_else_is_refused_as_it_is_written(name: str) -> None:
    written = f"Environment: [{{Name: {name}, Value: x}}]"
    (line,) = variable_maps.problems("service_overrides", overrides(**yaml.safe_load(written)))
    assert "Environment[0]" in line
    assert 'Name: "..."' in line
