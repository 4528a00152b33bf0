"""How an error becomes a sentence."""

from __future__ import annotations

import copy
from typing import Any

import botocore.session
from botocore.exceptions import ClientError, EndpointConnectionError, ParamValidationError
from hypothesis import given
from hypothesis import strategies as st

from custom_resources.shared import log
from custom_resources.shared.failure import Failure
from custom_resources.shared.sentences import sentence


def test_a_failure_is_said_as_it_is() -> None:
    assert sentence(Failure("It rains.", "Stay in.")) == "It rains. Stay in."


def test_a_refused_call_is_said_in_awss_words() -> None:
    error = ClientError(
        {"Error": {"Code": "AccessDeniedException", "Message": "not authorised to do that"}},
        "PutParameter",
    )

    assert sentence(error).startswith(
        "PutParameter failed with AccessDeniedException: not authorised to do that. Check "
    )


def test_an_error_without_words_is_its_code() -> None:
    error = ClientError({"Error": {"Code": "ParameterNotFound", "Message": ""}}, "GetParameter")

    assert sentence(error).startswith("GetParameter failed with ParameterNotFound. Check ")


def test_an_endpoint_that_cannot_be_reached_is_named() -> None:
    said = sentence(EndpointConnectionError(endpoint_url="https://ssm.example"))

    assert "https://ssm.example" in said
    assert "VPC endpoints" in said


def test_a_call_that_the_runtimes_botocore_does_not_know_is_named() -> None:
    """As it is with a botocore of before October 2024, which has no service deployments."""
    session = botocore.session.get_session()
    loader = session.get_component("data_loader")
    model = copy.deepcopy(loader.load_service_model("ecs", "service-2"))
    del model["operations"]["ListServiceDeployments"]
    load = loader.load_service_model

    def load_old(name: str, kind: str, api_version: str | None = None) -> Any:
        return model if kind == "service-2" else load(name, kind, api_version)

    loader.load_service_model = load_old
    ecs = session.create_client("ecs", "eu-central-1")
    try:
        ecs.list_service_deployments(cluster="shop", service="orders")
    except AttributeError as error:
        said = sentence(error)

    assert said == (
        f"The runtime's botocore {botocore.__version__} doesn't know the call "
        "list_service_deployments of ECS. Give the function's stack the newest FunctionRuntime "
        "(support_function_runtime; of rotate and activate rotation_function_runtime)."
    )


def test_an_error_nobody_foresaw_says_where_and_not_what() -> None:
    try:
        int("CANARY")
    except ValueError as error:
        said = sentence(error)

    assert said.startswith("The function failed with ValueError at test_answers.py:")
    assert "CANARY" not in said


@given(secret=st.text(min_size=8), around=st.text())
def test_a_secret_that_was_confided_is_struck_out_of_whatever_aws_says(
    secret: str, around: str
) -> None:
    log.forget_secrets()
    log.confide(secret)

    assert secret not in sentence(ParamValidationError(report=f"{around}{secret}{around}"))
    log.forget_secrets()
