"""What a look at an account makes of answers that the local AWS can't give."""

from __future__ import annotations

import datetime
import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.loaders import Loader

from ansible_collections.quayside.fargate.plugins.plugin_utils import (
    aws,
    doctor,
    doctor_names,
    doctor_quotas,
    doctor_region,
    doctor_rights,
    platform_stacks,
)
from ansible_collections.quayside.fargate.plugins.plugin_utils.doctor_findings import (
    Finding,
    Patient,
)
from tests.unit.templates.templates import Stack

NOW = datetime.datetime.now(datetime.UTC)


@pytest.mark.parametrize(
    ("name", "host_name", "fits"),
    [
        ("orders.example.com", "orders.example.com", True),
        ("*.example.com", "orders.example.com", True),
        ("*.Example.com", "ORDERS.example.com.", True),
        ("*.example.com", "example.com", False),
        ("*.example.com", "eu.orders.example.com", False),
        ("example.com", "orders.example.com", False),
    ],
)
def test_a_certificate_s_star_is_one_whole_label(name: str, host_name: str, fits: bool) -> None:
    assert doctor_names.fits(name, host_name) is fits


@pytest.mark.parametrize(
    ("state", "result", "said"),
    [
        ({"Status": "ISSUED", "NotAfter": NOW - datetime.timedelta(days=1)}, "failed", "ended on"),
        ({"Status": "EXPIRED"}, "failed", "is EXPIRED"),
        ({"Status": "REVOKED"}, "failed", "is REVOKED"),
        ({"Status": "ISSUED", "NotAfter": NOW + datetime.timedelta(9)}, "warning", "ends on"),
    ],
)
def test_a_certificate_that_ends_is_told(state: dict[str, Any], result: str, said: str) -> None:
    found = doctor_names._issued("certificate", {"DomainName": "example.com", **state})
    assert (found.result, said in found.what, bool(found.to_do)) == (result, True, True)


def patient(**wanted: Any) -> Any:
    """A patient whose stacks don't stand, and whose quotas and counts are the test's."""
    defaults = {"vpc_id": "", "zone_count": 3, "nat_gateways": "per-zone"}
    return SimpleNamespace(wanted=defaults | wanted, stands=lambda _stack: False)


@pytest.mark.parametrize(
    ("wanted", "needed"),
    [({}, 3), ({"nat_gateways": "single"}, 1), ({"nat_gateways": "none"}, 0), ({"vpc_id": "v"}, 0)],
)
def test_a_network_needs_an_address_for_each_nat_gateway(
    wanted: dict[str, Any], needed: int
) -> None:
    assert doctor_quotas._addresses(patient(**wanted)) == needed


@pytest.mark.parametrize(
    ("wanted", "needed"),
    [({}, 9), ({"vpc_id": "v"}, 8)],
)
def test_a_new_platform_needs_a_stack_of_each_kind_and_two_for_a_service(
    wanted: dict[str, Any], needed: int
) -> None:
    assert doctor_quotas._stacks_to_come(patient(**wanted)) == needed
    named = {f"shop-{it}" for it in (*doctor_quotas._STACKS, "network")}
    assert {platform_stacks.kind_of(it, "shop") for it in named} == {
        it for it in platform_stacks.KINDS if it.word not in ("service", "monitoring", "restore")
    }


def test_the_endpoints_that_are_asked_for_are_those_of_the_template() -> None:
    services = doctor_region.endpoint_services("eu-central-1")
    assert "com.amazonaws.eu-central-1.secretsmanager" in services
    assert not [it for it in services if "${" in it]


@pytest.mark.parametrize("partition", Loader().load_data("partitions")["partitions"])
def test_the_endpoints_are_called_as_each_partition_calls_them(partition: dict[str, Any]) -> None:
    """ECR's begin with the partition's own domain, from behind; what CloudFormation makes of the
    template is what the doctor asks for."""
    suffix = partition["outputs"]["dnsSuffix"]
    domain = ".".join(reversed(suffix.split(".")))
    for region in partition["regions"]:
        pseudo = {
            "AWS::Partition": partition["id"],
            "AWS::Region": region,
            "AWS::URLSuffix": suffix,
        }
        network = Stack("network", {"NatGateways": "none"})
        network.parameters |= pseudo
        made = sorted(
            it["Properties"]["ServiceName"]
            for it in network.resources.values()
            if it["Properties"].get("VpcEndpointType") == "Interface"
        )
        assert doctor_region.endpoint_services(region) == made
        assert {f"{domain}.{region}.ecr.api", f"{domain}.{region}.ecr.dkr"} <= set(made)
        assert f"com.amazonaws.{region}.secretsmanager" in made


def test_every_wildcard_in_the_permissions_stands_for_something_that_is_asked() -> None:
    permissions = doctor_rights.COLLECTION / "docs" / "permissions"
    paths = [path for kind in ("platform", "service") for path in permissions.glob(f"{kind}*.json")]
    listed = {
        action
        for path in paths
        for statement in json.loads(path.read_text())["Statement"]
        if statement["Effect"] == "Allow"
        for action in doctor_rights._listed(statement["Action"])
    }
    whole = sorted(it for it in listed if it.endswith(":*"))
    assert [it for it in whole if not list(doctor_rights._concrete([it]))] == []


CERTIFICATE = "arn:aws:acm:eu-central-1:123456789012:certificate/1"


@pytest.fixture
def nowhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> pytest.MonkeyPatch:
    """An environment without credentials, and without an AWS to find them at."""
    for name in ("AWS_PROFILE", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    return monkeypatch


def look_at_a_certificate() -> Finding:
    """Look with a real account, whose client for ACM is made only now."""
    account = aws.Account(region="eu-central-1")
    wanted = {"certificate_arn": CERTIFICATE, "host_name": ""}
    seen = Patient(account, wanted, "123456789012", "arn", "eu-central-1")
    (found,) = doctor._look(seen, "certificate", doctor_names.certificate)
    return found


def test_a_client_that_can_not_be_made_costs_its_own_row_only(nowhere: pytest.MonkeyPatch) -> None:
    nowhere.setenv("AWS_ACCESS_KEY_ID", "a")
    nowhere.setenv("AWS_SECRET_ACCESS_KEY", "b")
    nowhere.setenv("AWS_ENDPOINT_URL_ACM", "nonsense")
    found = look_at_a_certificate()
    assert (found.check, found.result) == ("certificate", "warning")
    assert found.what.startswith("This couldn't be looked at: Making a client for acm failed")
    assert found.to_do


def test_credentials_that_end_while_it_looks_fail_the_row(nowhere: pytest.MonkeyPatch) -> None:
    found = look_at_a_certificate()
    assert (found.check, found.result) == ("certificate", "failed")
    assert found.to_do.startswith("Log in to AWS")
