"""The Jenkinsfile of examples/orders, run from its first stage until the service answers.

The node's Docker, the agents' containers, the tests, the image, the playbooks and the smoke test
are real. Jenkins, the push into ECR and AWS have stand-ins: jenkins.py, docker.py, local_aws.
"""

from __future__ import annotations

import json
import re
import shutil
import ssl
import subprocess
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import yaml

from local_aws.control import LocalAws
from tests.e2e.platform import ROOT, Platform, platform_variables
from tests.pipelines import python_image, role
from tests.pipelines.docker_node import DockerNode
from tests.pipelines.jenkins import Build, Jenkins

# Images are built, and a platform is deployed, beforehand.
pytestmark = [pytest.mark.walk, pytest.mark.timeout(900)]

ORDERS = ROOT / "examples" / "orders"
STAGES = ["Test", "Build and push", "Preview", "Deploy", "Smoke test"]


@pytest.fixture(scope="module")
def aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalAws]:
    with LocalAws.start(tmp_path_factory.mktemp("aws") / "state") as running:
        yield running


@pytest.fixture(scope="module")
def platform(image: str, aws: LocalAws) -> Platform:
    """The platform ``shop`` with HTTPS, as an administrator deployed it; not without an image."""
    certificate = aws.client("acm").request_certificate(DomainName="*.example.com")
    variables = platform_variables() | {
        "load_balancer_certificate_arn": certificate["CertificateArn"]
    }
    deployed = Platform(aws)
    deployed.play("playbooks/platform.yml", platform=deployed.name, **variables)
    aws.client("ecr").create_repository(repositoryName="orders")
    return deployed


@pytest.fixture(scope="module")
def credentials(aws: LocalAws) -> Iterator[str]:
    """Address of the node's role: it may deploy services and push the image of orders."""
    policies = {}
    for name in ("service", "push"):
        text = (ROOT / "docs" / "permissions" / f"{name}.json").read_text()
        for word, value in {
            "PLATFORM": "shop",
            "ACCOUNT": aws.account,
            "SERVICES": "*",  # before SERVICE
            "SERVICE": "orders",
            "TEAM": "all",
        }.items():
            text = text.replace(word, value)
        policies[name] = text
    with role.handed_out(aws, "jenkins-node", policies) as address:
        yield address


class Repository:
    """A git repository that holds examples/orders, as its team has it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        for name in self._git("ls-files", "-z", folder=ORDERS).rstrip("\0").split("\0"):
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ORDERS / name, folder / name)
        self._git("init", "--quiet", "--initial-branch=main")
        self.commit()

    def commit(self) -> None:
        """Commit what is in the folder."""
        self._git("add", "--all")
        self._git("commit", "--quiet", "--message=A change")

    def replace(self, name: str, old: str, new: str) -> None:
        """Change a file."""
        path = self.folder / name
        assert old in path.read_text()
        path.write_text(path.read_text().replace(old, new))

    def keep_only(self, test: str) -> None:
        """Have one quick test instead of all, and install only what it needs."""
        for path in (self.folder / "tests").glob("*.py"):
            path.unlink()
        (self.folder / "tests" / "test_one.py").write_text(test)
        (self.folder / "requirements.txt").write_text("")
        pinned = self.folder / "requirements-test.txt"
        packages = re.split(r"^(?=\w)", pinned.read_text(), flags=re.MULTILINE)
        pinned.write_text("".join(p for p in packages if p.startswith(NEEDED_BY_PYTEST)))

    @property
    def head(self) -> str:
        """The newest commit."""
        return self._git("rev-parse", "HEAD").strip()

    def _git(self, *words: str, folder: Path | None = None) -> str:
        who = ["-c", "user.name=A team", "-c", "user.email=team@example.com"]
        return subprocess.run(
            ["git", *who, *words],
            cwd=folder or self.folder,
            check=True,
            stdout=subprocess.PIPE,
            text=True,
        ).stdout


NEEDED_BY_PYTEST = ("iniconfig", "packaging", "pluggy", "pygments", "pytest")

Run = Callable[[Repository, str], Build]


@pytest.fixture(scope="module")
def run(
    *,
    jenkins: Jenkins,
    base: str,
    image: str,
    aws: LocalAws,
    platform: Platform,
    credentials: str,
    tmp_path_factory: pytest.TempPathFactory,
) -> Run:
    """Runs the Jenkinsfile on a repository, as a branch."""
    registry = f"{aws.account}.dkr.ecr.{aws.region}.amazonaws.com"
    deploy_image = re.findall(r"quayside/fargate:[\w.]+", (ORDERS / "Jenkinsfile").read_text())[0]
    images = {"python:3.13-slim": python_image.build(base), f"{registry}/{deploy_image}": image}

    def run(repository: Repository, branch: str) -> Build:
        folder = tmp_path_factory.mktemp("node")
        node = DockerNode(folder, repository.folder, aws, credentials, images)
        variables = {"REGISTRY": registry, "AWS_REGION": aws.region}
        jenkinsfile = (repository.folder / "Jenkinsfile").read_text()
        try:
            build = jenkins.run(jenkinsfile, node, branch, variables)
        finally:
            node.release()
        build.kept = {name: (node.archived / name).read_text() for name in build.artifacts}
        assert not node.workspace.exists()
        return build

    return run


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    return Repository(tmp_path / "repository")


@pytest.fixture(scope="module")
def released(run: Run, tmp_path_factory: pytest.TempPathFactory) -> tuple[Repository, Build]:
    """The repository as it is, and its build on main."""
    repository = Repository(tmp_path_factory.mktemp("main") / "repository")
    return repository, run(repository, "main")


Released = tuple[Repository, Build]


def test_a_commit_on_main_is_tested_built_previewed_deployed_and_answers(
    released: Released, aws: LocalAws
) -> None:
    _, build = released

    assert build.result == "SUCCESS", build.log
    assert build.stages == dict.fromkeys(STAGES, "SUCCESS")
    assert status(aws, "/health/database") == 200


def test_the_services_own_tests_ran(released: Released) -> None:
    _, build = released

    assert build.tests["tests"] >= 60
    assert build.tests["failures"] == build.tests["errors"] == build.tests["skipped"] == 0


def test_the_preview_is_kept_and_says_what_the_deployment_does(released: Released) -> None:
    _, build = released

    assert list(build.kept) == ["preview.txt"]
    for line in ("stack shop-service-orders is new", "1 Service (Service)", "failed=0"):
        assert line in build.kept["preview.txt"]
    assert build.kept["preview.txt"] in build.log + "\n"


def test_what_runs_is_the_commits_image_by_its_digest(released: Released, aws: LocalAws) -> None:
    repository, _ = released
    service = aws.client("ecs").describe_services(cluster="shop", services=["orders"])
    task = aws.client("ecs").describe_task_definition(
        taskDefinition=service["services"][0]["taskDefinition"]
    )
    pushed = aws.client("ecr").describe_images(
        repositoryName="orders", imageIds=[{"imageTag": repository.head}]
    )

    (container,) = task["taskDefinition"]["containerDefinitions"]
    assert container["image"].endswith("/orders@" + pushed["imageDetails"][0]["imageDigest"])


def test_another_branch_is_previewed_and_changes_nothing(
    released: Released, run: Run, repository: Repository, platform: Platform
) -> None:
    before = platform.outputs("shop-service-orders")
    repository.replace("deploy.yml", "service_memory: 512", "service_memory: 1024")
    repository.keep_only("def test_one(): pass")
    repository.commit()

    build = run(repository, "larger")

    assert build.result == "SUCCESS", build.log
    assert build.stages == dict.fromkeys(STAGES[:3], "SUCCESS") | dict.fromkeys(
        STAGES[3:], "SKIPPED"
    )
    assert "Memory: 512 -> 1024" in build.kept["preview.txt"]
    assert platform.outputs("shop-service-orders") == before


def test_a_failing_test_ends_the_build_before_anything_is_pushed(
    run: Run, repository: Repository, aws: LocalAws
) -> None:
    repository.keep_only("def test_one(): raise RuntimeError")
    repository.commit()

    build = run(repository, "main")

    assert build.stages == {"Test": "FAILURE"} | dict.fromkeys(STAGES[1:], "NOT_BUILT")
    assert build.tests["failures"] == 1
    pages = aws.client("ecr").get_paginator("list_images").paginate(repositoryName="orders")
    assert repository.head not in {i.get("imageTag") for page in pages for i in page["imageIds"]}


def test_a_version_that_does_not_start_is_rolled_back_and_the_build_says_so(
    released: Released, run: Run, repository: Repository, aws: LocalAws
) -> None:
    repository.replace("orders/__main__.py", "        prepare(settings)", "        return 1")
    repository.keep_only("def test_one(): pass")
    repository.commit()

    build = run(repository, "main")

    assert build.result == "FAILURE"
    assert build.stages == dict.fromkeys(STAGES[:3], "SUCCESS") | {
        "Deploy": "FAILURE",
        "Smoke test": "NOT_BUILT",
    }
    assert "CloudFormation went back to what ran before." in build.log
    assert "UPDATE_ROLLBACK_COMPLETE" in build.log
    assert status(aws, "/health/database") == 200


def test_no_credentials_are_in_console_and_artifacts(released: Released, credentials: str) -> None:
    _, build = released
    shown = build.log + "".join(build.kept.values())

    for secret in role_variables(credentials).values():
        assert secret not in shown
    assert re.findall(r"A[KS]IA\w{16}", shown) == []


def test_a_timeout_ends_what_runs_in_an_agent(
    jenkins: Jenkins, image: str, aws: LocalAws, repository: Repository, tmp_path: Path
) -> None:
    node = DockerNode(tmp_path, repository.folder, aws, "", {"agent": image})
    build = jenkins.run(
        """
        pipeline {
            agent any
            stages { stage('A') {
                agent { docker { image 'agent'; reuseNode true } }
                options { timeout(time: 3, unit: 'SECONDS') }
                steps {
                    sh 'sleep 4713'
                    echo 'too late'
                }
                post { aborted { sh 'set +x; ps -A -o command' } }
            } }
        }
        """,
        node,
    )

    assert (build.result, build.stages) == ("ABORTED", {"A": "ABORTED"})
    assert "too late" not in build.console
    assert "sleep 4713" not in build.console[-1]


def test_githubs_steps_deploy_as_well(
    released: Released, image: str, aws: LocalAws, credentials: str, tmp_path: Path
) -> None:
    """GitHub's own part stands still; its `run` steps are run as bash runs them there."""
    repository, _ = released
    node = DockerNode(tmp_path, repository.folder, aws, credentials, {})
    environment = {
        **node.variables,
        "AWS_REGION": aws.region,
        **role_variables(credentials),
        "DEPLOY_IMAGE": image,
        "IMAGE": f"{aws.account}.dkr.ecr.{aws.region}.amazonaws.com/orders:{repository.head}",
    }
    steps = yaml.safe_load((repository.folder / ".github/workflows/deploy.yml").read_text())
    for step in steps["jobs"]["deploy"]["steps"]:
        if step.get("name") in ("Preview", "Keep the preview", "Deploy", "Smoke test"):
            subprocess.run(
                ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step["run"]],
                cwd=repository.folder,
                env=environment,
                check=True,
            )

    assert "changed=0" in (repository.folder / "preview.txt").read_text()


def role_variables(address: str) -> dict[str, str]:
    """Return the variables in which GitHub's action has the role's credentials."""
    with urllib.request.urlopen(address) as answer:
        given = json.load(answer)
    return {
        "AWS_ACCESS_KEY_ID": given["AccessKeyId"],
        "AWS_SECRET_ACCESS_KEY": given["SecretAccessKey"],
        "AWS_SESSION_TOKEN": given["Token"],
    }


def status(aws: LocalAws, path: str) -> int:
    """Call the service through the load balancer, over TLS; return the status."""
    url, headers = aws.url("orders.example.com", path, "https")
    context = ssl.create_default_context(cafile=aws.ca_bundle)
    request = urllib.request.Request(url, headers=headers)
    with urllib.request.urlopen(request, context=context, timeout=10) as answer:
        return int(answer.status)
