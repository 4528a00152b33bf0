"""A platform's stack whose first creation failed, at any resource, is deployed anew.

The local AWS makes each resource of each template fail once. A failed deletion in the rollback, of
each custom resource, is among the cases: once (the stack is ROLLBACK_FAILED) and twice (then it is
DELETE_FAILED).
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from local_aws.control import LocalAws
from tests.e2e.platform import platform_variables
from tests.unit.templates.templates import Stack
from tests.walks.first_failures.walking import Walk, play, walk

pytestmark = pytest.mark.timeout(1500)
PLATFORM = "walk"


@pytest.fixture(scope="module")
def aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalAws]:
    with LocalAws.start(tmp_path_factory.mktemp("aws") / "state") as running:
        yield running


def stack(template: str, last: str, parameters: dict[str, str], **options: Any) -> Walk:
    """The walk over a stack of the platform; `options` are the role's variables and `lift`."""
    lift, walked = options.pop("lift", {}), options.pop("walked", frozenset())
    suffix = {"load_balancer": "load-balancer-public", "deployment_role": "deployment-all"}
    return Walk(
        template=template,
        stack=f"{PLATFORM}-{suffix.get(template, template)}",
        variables={f"{template}_platform": PLATFORM, **options},
        parameters={"Platform": PLATFORM, **parameters},
        last=last,
        lift=lift,
        walked=walked,
    )


def deploy(aws: LocalAws, role: str, **variables: Any) -> None:
    play(aws, "tests/walks/first_failures/role.yml", role=f"quayside.fargate.{role}", **variables)


@pytest.fixture(scope="module")
def network(aws: LocalAws) -> LocalAws:
    deploy(aws, "network", network_platform=PLATFORM)
    return aws


@pytest.fixture(scope="module")
def support(network: LocalAws) -> LocalAws:
    deploy(network, "support", support_platform=PLATFORM, **platform_variables())
    return network


@pytest.fixture(scope="module")
def cluster(network: LocalAws) -> LocalAws:
    deploy(network, "cluster", cluster_platform=PLATFORM)
    return network


def test_network(aws: LocalAws, tmp_path: Path) -> None:
    parameters = {"ZoneCount": "3", "NatGateways": "per-zone", "FlowLogs": "enabled"}
    variables = {"zone_count": 3, "nat_gateways": "per-zone", "flow_logs": "enabled"}
    given = {f"network_{name}": value for name, value in variables.items()}
    walk(aws, stack("network", "PublicRoute", parameters, **given), tmp_path / "report")


def test_network_without_gateways(aws: LocalAws, tmp_path: Path) -> None:
    """What it has instead of them."""
    parameters = {"Platform": PLATFORM, "NatGateways": "per-zone"}
    walked = frozenset(Stack("network", parameters).resources)
    given = {"network_nat_gateways": "none", "walked": walked}
    it = stack("network", "PublicRoute", {"NatGateways": "none"}, **given)
    walk(aws, it, tmp_path / "report")


def test_support(network: LocalAws, tmp_path: Path) -> None:
    email = "oncall@example.com"
    given = platform_variables() | {"support_alarm_email": email}
    parameters = {"AlarmEmail": email, "NetworkStack": f"{PLATFORM}-network"}
    it = stack("support", "DatabasePingPermission", parameters, **given)
    walk(network, it, tmp_path / "report")


def test_the_deployment_role(support: LocalAws, tmp_path: Path) -> None:
    walk(support, stack("deployment_role", "CloudFormationRole", {}), tmp_path / "report")


def test_cluster(network: LocalAws, tmp_path: Path) -> None:
    parameters = {"NetworkStack": f"{PLATFORM}-network", "CreateServiceLinkedRole": "true"}
    walk(network, stack("cluster", "Cluster", parameters), tmp_path / "report")


def test_load_balancer(support: LocalAws, cluster: LocalAws, tmp_path: Path) -> None:
    acm = cluster.client("acm")
    arn = acm.request_certificate(DomainName="*.shop.test")["CertificateArn"]
    given = {
        "load_balancer_certificate_arn": arn,
        "load_balancer_deletion_protection": True,  # it holds in a rollback too
        "lift": {"DeletionProtection": False},
    }
    it = stack("load_balancer", "HttpListener", {"CertificateArn": arn}, **given)
    walk(cluster, it, tmp_path / "report")
