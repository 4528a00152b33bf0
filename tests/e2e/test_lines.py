"""How much people read: the lines of each kind of run, what must be among them, and what mustn't.

The figures go to build/lines.json. `make demo` has its limit in test_demo.py.
"""

from __future__ import annotations

import json

import pytest

from tests.e2e.platform import ROOT, Platform

FIGURES = ROOT / "build" / "lines.json"
SERVICE = "lines"
DEPLOY = "playbooks/service.yml"
LIMITS = {
    "platform": 60,
    "platform again": 8,
    "first service": 40,
    "service again": 8,
    "changed variable": 15,
    "flip": 15,
    "failed deployment": 25,
    "failed first deployment": 25,
}
FAILED = [name for name in LIMITS if name.startswith("failed")]
WORDS = "crash: this image always fails"


@pytest.fixture(scope="module")
def printed(platform: Platform, orders_image: str, crash_image: str) -> dict[str, str]:
    """What each run printed, by its name."""
    service = platform.service(SERVICE, orders_image)
    crash = platform.service("linescrash", crash_image, service_database=False)
    told = {
        "platform": platform.deployment,
        "platform again": platform.deploy(),
        "first service": platform.play(DEPLOY, **service),
        "service again": platform.play(DEPLOY, **service),
        "flip": platform.play(
            "playbooks/rotate.yml", service_platform=platform.name, service_name=SERVICE
        ),
        "changed variable": platform.play(
            DEPLOY, **service, service_environment={"LOG_LEVEL": "debug"}
        ),
        "failed deployment": platform.play_in_vain(
            DEPLOY, **{**service, "service_image": crash_image}
        ),
        "failed first deployment": platform.play_in_vain(DEPLOY, **crash),
    }
    figures = {
        name: {"lines": len(text.splitlines()), "limit": LIMITS[name]}
        for name, text in told.items()
    }
    FIGURES.parent.mkdir(exist_ok=True)
    FIGURES.write_text(json.dumps(figures, indent=2) + "\n")
    return told


@pytest.fixture(scope="module")
def secrets(platform: Platform, printed: dict[str, str]) -> list[str]:
    """Every password of the platform and the service, as they are when all has run."""
    del printed
    manager, parameters = (platform.aws.client(name) for name in ("secretsmanager", "ssm"))
    found = []
    for user in ("blue", "green"):
        name = f"{platform.name}/{SERVICE}/db/{user}"
        for version in manager.list_secret_version_ids(SecretId=name)["Versions"]:
            value = manager.get_secret_value(SecretId=name, VersionId=version["VersionId"])
            found.append(json.loads(value["SecretString"])["password"])
    admin = platform.outputs(f"{platform.name}-rds")["DatabaseAdminPasswordParameter"]
    answer = parameters.get_parameter(Name=admin, WithDecryption=True)
    return [*found, answer["Parameter"]["Value"]]


@pytest.mark.parametrize("name", LIMITS)
def test_a_run_prints_no_more_lines_than_people_read(printed: dict[str, str], name: str) -> None:
    assert len(printed[name].splitlines()) <= LIMITS[name], printed[name]


@pytest.mark.parametrize("name", FAILED)
def test_a_failure_is_told_once_its_cause_before_the_containers_own_words(
    printed: dict[str, str], name: str
) -> None:
    output = printed[name]
    assert output.count("Circuit Breaker") == 1, output
    assert output.count(WORDS) >= 1, output
    assert output.index("Circuit Breaker") < output.index(WORDS)
    assert output.count("container app ended with 1") == 1, output


def test_a_service_ends_with_what_to_use_of_it(printed: dict[str, str], platform: Platform) -> None:
    outputs = platform.outputs(f"{platform.name}-service-{SERVICE}")
    rows = [line.split() for line in printed["first service"].splitlines()]
    assert ["url", outputs["Url"]] in rows
    assert ["log", "group", outputs["LogGroupName"]] in rows
    assert any(row[:2] == ["active", "user"] and row[2] in ("blue", "green") for row in rows)
    assert any(row[0] == "image" and "@sha256:" in row[1] for row in rows)


def test_a_platform_ends_with_a_row_for_each_stack_that_people_use(
    printed: dict[str, str], platform: Platform
) -> None:
    for name in ("platform", "platform again"):
        rows = dict(line.split(maxsplit=1) for line in printed[name].splitlines()[-7:-1])
        stacks = ("network", "support", "deployment-all", "cluster", "load-balancer-public", "rds")
        assert list(rows) == [f"{platform.name}-{stack}" for stack in stacks]
        assert platform.outputs(f"{platform.name}-rds")["DatabaseHost"] in rows["shop-rds"]


def test_no_secret_is_in_any_line(printed: dict[str, str], secrets: list[str]) -> None:
    assert len(secrets) >= 3
    for name, output in printed.items():
        assert not any(secret in output for secret in secrets), f"a secret in the output of {name}"
