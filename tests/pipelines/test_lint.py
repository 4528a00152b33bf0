"""The three pipelines of examples/orders are well-formed, and say the same."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.pipelines.jenkins import Jenkins

ROOT = Path(__file__).parents[2]
ORDERS = ROOT / "examples" / "orders"
JENKINSFILE = (ORDERS / "Jenkinsfile").read_text()
WORKFLOW = ORDERS / ".github" / "workflows" / "deploy.yml"
GITLAB = ORDERS / ".gitlab-ci.yml"


def lint(program: str, *arguments: str | Path) -> str:
    """Run a linter of the virtual environment; return what it found."""
    command = [Path(sys.executable).parent / program, *arguments]
    answer = subprocess.run(command, capture_output=True, text=True, check=False)
    return answer.stdout + answer.stderr if answer.returncode else ""


def lint_workflow(path: Path) -> str:
    shellcheck = Path(sys.executable).parent / "shellcheck"
    schema = ("--builtin-schema", "vendor.github-workflows")
    return lint("actionlint", "-shellcheck", shellcheck, path) + lint(
        "check-jsonschema", *schema, path
    )


def lint_gitlab(path: Path) -> str:
    schema = ("--builtin-schema", "vendor.gitlab-ci", "--data-transform", "gitlab-ci")
    return lint("check-jsonschema", *schema, path)


def test_the_jenkinsfile_is_one_that_jenkins_takes(jenkins: Jenkins) -> None:
    assert jenkins.check(JENKINSFILE) == []


@pytest.mark.parametrize(
    ("good", "bad"),
    [
        ("stage('Deploy') {", "stage('Deploy' {"),
        ("beforeAgent true", "beforeAgents true"),
        ("archiveArtifacts 'preview.txt'", "archiveArtefacts 'preview.txt'"),
        ("always {", "allways {"),
        ("agent { label 'docker' }", ""),
    ],
)
def test_a_mistake_in_the_jenkinsfile_is_found(jenkins: Jenkins, good: str, bad: str) -> None:
    assert good in JENKINSFILE
    assert jenkins.check(JENKINSFILE.replace(good, bad)) != []


def test_the_workflow_is_one_that_github_takes() -> None:
    assert lint_workflow(WORKFLOW) == ""


@pytest.mark.parametrize(
    ("good", "bad"),
    [
        ("runs-on:", "runs_on:"),
        ("github.ref ==", "github.branch =="),
        ('docker push "$IMAGE"', 'docker push $(echo "$IMAGE'),
    ],
)
def test_a_mistake_in_the_workflow_is_found(tmp_path: Path, good: str, bad: str) -> None:
    broken = tmp_path / "deploy.yml"
    broken.write_text(WORKFLOW.read_text().replace(good, bad))

    assert lint_workflow(broken) != ""


def test_gitlabs_file_is_one_that_gitlab_takes() -> None:
    assert lint_gitlab(GITLAB) == ""


@pytest.mark.parametrize(("good", "bad"), [("resource_group:", "resource_groups:")])
def test_a_mistake_in_gitlabs_file_is_found(tmp_path: Path, good: str, bad: str) -> None:
    broken = tmp_path / ".gitlab-ci.yml"
    broken.write_text(GITLAB.read_text().replace(good, bad))

    assert lint_gitlab(broken) != ""


def test_actions_are_pinned_by_their_commit() -> None:
    uses = re.findall(r"uses: (.*)", WORKFLOW.read_text())

    assert uses
    assert [use for use in uses if not re.fullmatch(r"[\w/-]+@[0-9a-f]{40} # v[\d.]+", use)] == []


def test_all_three_use_the_deploy_image_of_this_version() -> None:
    version = yaml.safe_load((ROOT / "galaxy.yml").read_text())["version"]
    for path in (ORDERS / "Jenkinsfile", WORKFLOW, GITLAB):
        assert re.findall(r"quayside/fargate:([\w.]+)", path.read_text()) == [version]


def test_the_readme_shows_the_jenkinsfiles_own_lines() -> None:
    (shown,) = re.findall(r"```groovy\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)

    assert shown in JENKINSFILE


def test_no_pipeline_holds_an_account_or_a_key() -> None:
    for path in (ORDERS / "Jenkinsfile", WORKFLOW, GITLAB):
        assert re.findall(r"\b\d{12}\b|A[KS]IA\w{16}|secrets\.", path.read_text()) == []


def jenkins_commands() -> list[str]:
    return [
        command
        for command in re.findall(r"\bsh '(.*)'", JENKINSFILE)
        if not command.startswith("cat ")
    ]


def github_commands() -> list[str]:
    steps = yaml.safe_load(WORKFLOW.read_text())["jobs"]["deploy"]["steps"]
    lines = [line for step in steps for line in step.get("run", "").splitlines()]
    return [re.sub(r'^docker run .* "\$DEPLOY_IMAGE" ', "", line) for line in lines]


def gitlab_commands() -> list[str]:
    content: dict[str, Any] = yaml.safe_load(GITLAB.read_text())
    jobs = [job for job in content.values() if isinstance(job, dict) and "stage" in job]
    jobs.sort(key=lambda job: content["stages"].index(job["stage"]))
    return [command for job in jobs for command in job["script"]]


@pytest.mark.parametrize("commands", [github_commands, gitlab_commands])
def test_the_others_run_the_jenkinsfiles_commands(commands: Any) -> None:
    assert [line for line in commands() if not line.startswith("cat ")] == jenkins_commands()
