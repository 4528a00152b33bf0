"""The stand-in for Jenkins refuses what Jenkins refuses, and runs stages in Jenkins' order."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.pipelines.jenkins import Jenkins
from tests.pipelines.machine import COMMIT, Machine

STAGES = "stages { stage('A') { steps { echo 'hello' } } }"


@pytest.fixture
def node(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


@pytest.mark.parametrize(
    ("jenkinsfile", "mistake"),
    [
        ("pipeline {", "unexpected token"),
        ("node { sh 'make' }", "one block"),
        (f"pipeline {{ {STAGES} }}", 'pipeline lacks "agent"'),
        ("pipeline { agent any }", 'pipeline lacks "stages"'),
        (f"pipeline {{ agent some\n{STAGES} }}", "agent any"),
        (f"pipeline {{ agent any\nagent none\n{STAGES} }}", "comes twice"),
        (f"pipeline {{ agent any\nwrappers {{ }}\n{STAGES} }}", 'unknown directive "wrappers"'),
        (f"pipeline {{ agent any\nenvironment {{ A = now() }}\n{STAGES} }}", "NAME = 'text'"),
        (f"pipeline {{ agent any\nenvironment {{ }}\n{STAGES} }}", "is empty"),
        (f"pipeline {{ agent any\noptions {{ lock('x') }}\n{STAGES} }}", 'directive "lock"'),
        (f"pipeline {{ agent any\noptions {{ timeout(time: '1') }}\n{STAGES} }}", "a number"),
        (f"pipeline {{ agent any\noptions {{ timeout(hours: 1) }}\n{STAGES} }}", '"hours"'),
        (
            f"pipeline {{ agent any\noptions {{ timeout(time: 1, unit: 'H') }}\n{STAGES} }}",
            "unit H",
        ),
        (
            f"pipeline {{ agent any\noptions {{ buildDiscarder(rotator()) }}\n{STAGES} }}",
            '"rotator"',
        ),
        (
            f"pipeline {{ agent any\noptions {{ buildDiscarder(logRotator(n: 1)) }}\n{STAGES} }}",
            'logRotator has no parameter "n"',
        ),
        (
            f"pipeline {{ agent any\n{STAGES}\npost {{ finally {{ echo 'x' }} }} }}",
            "unexpected token",
        ),
        (f"pipeline {{ agent any\n{STAGES}\npost {{ ever {{ echo 'x' }} }} }}", '"ever" in post'),
        (f"pipeline {{ agent any\n{STAGES}\npost {{ always {{ }} }} }}", "holds no steps"),
        ("pipeline { agent any\nstages { } }", "holds no stage"),
        ("pipeline { agent any\nstages { stage { steps { echo 'x' } } } }", "expected \"stage('"),
        ("pipeline { agent any\nstages { stage('A') { } } }", 'either "steps" or "stages"'),
        (
            "pipeline { agent any\nstages { stage('A') { steps { echo 'x' } }\n"
            "stage('A') { steps { echo 'x' } } } }",
            'several stages "A"',
        ),
    ],
)
def test_a_bad_pipeline_is_refused(jenkins: Jenkins, jenkinsfile: str, mistake: str) -> None:
    assert mistake in "\n".join(jenkins.check(jenkinsfile))


@pytest.mark.parametrize(
    ("stage", "mistake"),
    [
        ("step { echo 'x' }", 'unknown directive "step"'),
        ("steps { bat 'dir' }", 'unknown step "bat"'),
        ("steps { script { if (true) { publish() } } }", 'unknown step "publish"'),
        ("steps { sh script: 'ls', quiet: true }", 'no parameter "quiet"'),
        ("steps { def x = 1\necho 'x' }", "expected a step"),
        ("when { monday true }\nsteps { echo 'x' }", 'unknown directive "monday"'),
        ("when { branch true }\nsteps { echo 'x' }", "takes one text"),
        ("agent { podman { image 'x' } }\nsteps { echo 'x' }", 'unknown directive "podman"'),
        ("agent { docker { reuseNode true } }\nsteps { echo 'x' }", 'docker lacks "image"'),
        ("agent { docker { image 'x'\nvolume 'y' } }\nsteps { echo 'x' }", 'directive "volume"'),
        ("options { disableConcurrentBuilds() }\nsteps { echo 'x' }", "unknown directive"),
    ],
)
def test_a_bad_stage_is_refused(jenkins: Jenkins, stage: str, mistake: str) -> None:
    text = f"pipeline {{ agent any\nstages {{ stage('A') {{ {stage} }} }} }}"

    assert mistake in "\n".join(jenkins.check(text))


def test_a_mistake_in_a_stage_that_would_be_skipped_is_refused_before_anything_runs(
    jenkins: Jenkins, node: Machine
) -> None:
    build = jenkins.run(
        """
        pipeline {
            agent any
            stages {
                stage('A') { steps { sh 'touch ran' } }
                stage('B') {
                    when { branch 'never' }
                    steps { publish 'x' }
                }
            }
        }
        """,
        node,
    )

    assert build.result == "FAILURE"
    assert 'line 8: unknown step "publish"' in build.log
    assert not node.workspace.exists()


def test_the_stages_run_in_order_with_their_environment(jenkins: Jenkins, node: Machine) -> None:
    build = jenkins.run(
        """
        pipeline {
            agent { label 'docker' }
            environment { IMAGE = "${REGISTRY}/orders:${GIT_COMMIT}" }
            stages {
                stage('A') {
                    environment { COLOUR = 'blue' }
                    steps { sh 'echo "A $IMAGE $COLOUR"' }
                }
                stage('B') {
                    stages {
                        stage('C') { steps { sh 'echo "C ${COLOUR:-none}"' } }
                    }
                }
            }
        }
        """,
        node,
        variables={"REGISTRY": "registry"},
    )

    assert build.result == "SUCCESS"
    assert build.stages == dict.fromkeys("ACB", "SUCCESS")
    assert f"\nA registry/orders:{COMMIT} blue\n" in build.log
    assert "\nC none\n" in build.log


def test_a_failure_ends_the_build_but_for_what_follows_it(jenkins: Jenkins, node: Machine) -> None:
    build = jenkins.run(
        """
        pipeline {
            agent any
            stages {
                stage('A') {
                    steps { sh 'exit 7' }
                    post {
                        cleanup { echo 'cleanup A' }
                        success { echo 'success A' }
                        failure { echo 'failure A' }
                        always { echo 'always A' }
                    }
                }
                stage('B') {
                    steps { echo 'B runs' }
                    post { always { echo 'always B' } }
                }
            }
            post { unsuccessful { echo 'the end' } }
        }
        """,
        node,
    )

    assert (build.result, build.stages) == ("FAILURE", {"A": "FAILURE", "B": "NOT_BUILT"})
    said = [line for line in build.console if line.split()[-1] in ("A", "B", "runs", "end")]
    said = [line for line in said if not line.startswith(("Post", "Stage"))]
    assert said == ["always A", "failure A", "cleanup A", "the end"]
    assert "script returned exit code 7" in build.log


def test_a_step_after_a_failed_one_does_not_run(jenkins: Jenkins, node: Machine) -> None:
    text = "pipeline { agent any\nstages { stage('A') { steps { sh 'exit 1'\necho 'next' } } } }"

    assert "next" not in jenkins.run(text, node).console


def test_a_stage_for_another_branch_is_skipped(jenkins: Jenkins, node: Machine) -> None:
    text = """
        pipeline {
            agent any
            stages {
                stage('A') {
                    when {
                        beforeAgent true
                        branch 'main'
                    }
                    agent { docker { image 'x'; reuseNode true } }
                    steps { echo 'deployed' }
                }
            }
        }
        """

    assert jenkins.run(text, node, "topic").stages == {"A": "SKIPPED"}


def test_an_agent_that_does_not_start_fails_its_stage(jenkins: Jenkins, node: Machine) -> None:
    text = """
        pipeline {
            agent any
            stages {
                stage('A') {
                    agent { docker { image 'x'; reuseNode true } }
                    steps { echo 'ran' }
                }
            }
        }
        """
    build = jenkins.run(text, node)

    assert (build.result, build.stages) == ("FAILURE", {"A": "FAILURE"})
    assert "has no Docker" in build.log
    assert "ran" not in build.console


def test_a_timeout_aborts(jenkins: Jenkins, node: Machine) -> None:
    build = jenkins.run(
        """
        pipeline {
            agent any
            options { timeout(time: 1, unit: 'SECONDS') }
            stages { stage('A') {
                steps { sh 'sleep 1000' }
                post { aborted { echo 'it goes on' } }
            } }
        }
        """,
        node,
    )

    assert (build.result, build.stages) == ("ABORTED", {"A": "ABORTED"})
    assert "it goes on" in build.console


def test_failures_in_a_test_report_make_the_build_unstable(jenkins: Jenkins, node: Machine) -> None:
    build = jenkins.run(
        """
        pipeline {
            agent any
            stages {
                stage('A') {
                    steps {
                        sh 'echo "<testsuite tests=\\'2\\' failures=\\'1\\'/>" > tests.xml'
                        junit 'tests.xml'
                    }
                    post { unstable { echo 'some failed' } }
                }
                stage('B') { steps { echo 'goes on' } }
            }
        }
        """,
        node,
    )

    assert (build.result, build.stages) == ("UNSTABLE", {"A": "UNSTABLE", "B": "SUCCESS"})
    assert build.tests == {"tests": 2, "failures": 1, "errors": 0, "skipped": 0}
    assert "some failed" in build.console
    assert "goes on" in build.console


def test_a_name_that_nobody_set_fails_the_stage(jenkins: Jenkins, node: Machine) -> None:
    text = 'pipeline { agent any\nstages { stage("A") { steps { echo "${NOWHERE}" } } } }'
    build = jenkins.run(text, node)

    assert build.result == "FAILURE"
    assert "No such property: NOWHERE" in build.log


def test_what_a_stage_leaves_is_kept(jenkins: Jenkins, node: Machine) -> None:
    build = jenkins.run(
        """
        pipeline {
            agent any
            stages { stage('A') {
                steps { sh 'echo changes > preview.txt' }
                post { always { archiveArtifacts 'preview.txt' } }
            } }
            post { cleanup { deleteDir() } }
        }
        """,
        node,
    )

    assert (build.result, build.artifacts) == ("SUCCESS", ["preview.txt"])
    assert (node.archived / "preview.txt").read_text() == "changes\n"
    assert not node.workspace.exists()


@pytest.mark.parametrize("step", ["archiveArtifacts '*.txt'", "junit '*.xml'"])
def test_what_is_to_be_kept_must_be_there(jenkins: Jenkins, node: Machine, step: str) -> None:
    text = f"pipeline {{ agent any\nstages {{ stage('A') {{ steps {{ {step} }} }} }} }}"

    assert jenkins.run(text, node).result == "FAILURE"


def test_a_script_block_is_groovy(jenkins: Jenkins, node: Machine) -> None:
    text = """
        pipeline {
            agent any
            stages { stage('A') { steps { script {
                for (name in ['one', 'two']) { echo "branch ${BRANCH_NAME} $name" }
            } } } }
        }
        """

    assert jenkins.run(text, node, "topic").console[-2:] == ["branch topic one", "branch topic two"]
