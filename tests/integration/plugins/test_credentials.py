"""Whatever gives the AWS CLI its credentials gives them to plugins, lookups and playbooks too."""

from __future__ import annotations

import base64
import importlib.util
import json
import os
import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from local_aws.control import LocalAws
from tests.integration.plugins import credential_sources as sources
from tests.integration.plugins.credential_endpoints import served
from tests.integration.plugins.credential_sources import SOURCES, Source, World
from tests.integration.plugins.support import ROOT, TEMPLATES
from tests.warm.playbooks import PROGRAM  # botocore looks for HOME when it is imported

EVERYTHING = '{"Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}'
WITHOUT_AWSCRT = importlib.util.find_spec("awscrt") is None
ORDERS = ROOT / "examples" / "orders"
# What laptops and pipelines have most; how botocore finds the others is tried in walks.
USUAL = ("environment", "session_in_environment", "assumed_role", "web_identity", "identity_center")


@pytest.fixture(scope="module")
def world(aws: LocalAws) -> Iterator[World]:
    """A role, who may assume it, and endpoints that hand its credentials out."""
    iam, sts = aws.client("iam"), aws.client("sts")
    iam.create_user(UserName="deployer")
    iam.put_user_policy(UserName="deployer", PolicyName="all", PolicyDocument=EVERYTHING)
    key = iam.create_access_key(UserName="deployer")["AccessKey"]
    account = f"arn:aws:iam::{aws.account}:root"  # whom of it the policies let
    provider = f"arn:aws:iam::{aws.account}:oidc-provider/{sources.ISSUER}"
    branch = "project_path:team/orders:ref_type:branch:ref:main"
    trusted = [
        {"Principal": {"AWS": account}, "Action": "sts:AssumeRole"},
        {
            "Principal": {"Federated": provider},
            "Action": "sts:AssumeRoleWithWebIdentity",
            "Condition": {"StringEquals": {f"{sources.ISSUER}:sub": branch}},
        },
    ]
    trust = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", **it} for it in trusted]}
    role = iam.create_role(RoleName="deployer", AssumeRolePolicyDocument=json.dumps(trust))["Role"]
    iam.put_role_policy(RoleName="deployer", PolicyName="all", PolicyDocument=EVERYTHING)
    keys = {
        "AWS_ACCESS_KEY_ID": key["AccessKeyId"],
        "AWS_SECRET_ACCESS_KEY": key["SecretAccessKey"],
    }

    def give() -> Any:
        return sts.assume_role(RoleArn=role["Arn"], RoleSessionName="given")["Credentials"]

    with served(give) as address:
        yield World(aws, keys, role["Arn"], address, give)


@pytest.fixture
def source(tmp_path: Path, aws: LocalAws) -> Source:
    """A home without anything in it, and an environment that names the local AWS alone."""
    return Source(
        home=tmp_path / "home",
        environment={
            "AWS_ENDPOINT_URL": aws.environment["AWS_ENDPOINT_URL"],
            "AWS_REGION": aws.region,
            "AWS_EC2_METADATA_DISABLED": "true",
        },
    )


@dataclass(frozen=True)
class Played:
    """What ansible-playbook printed, and its exit status."""

    code: int
    output: str


def play(source: Source, plays: list[dict[str, Any]], **variables: Any) -> Played:
    """Run plays with nothing in the environment but what a source puts there."""
    source.home.mkdir(exist_ok=True)
    playbook = source.home / "play.yml"
    playbook.write_text(json.dumps(plays), encoding="utf-8")
    kept = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    whole = {**kept, **source.environment, "HOME": str(source.home), "ANSIBLE_NOCOLOR": "1"}
    done = subprocess.run(
        [str(PROGRAM), str(playbook), "-e", json.dumps(variables)],
        cwd=ROOT,
        env=whole,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    return Played(done.returncode, done.stdout + done.stderr)


def tasks(*listed: dict[str, Any]) -> dict[str, Any]:
    return {"hosts": "localhost", "gather_facts": False, "tasks": list(listed)}


def own_tasks(aws: LocalAws, profile: str) -> list[dict[str, Any]]:
    """The action and the lookups."""
    given = {"profile": profile} if profile else {}
    option = f", profile='{profile}'" if profile else ""
    image = f"{aws.account}.dkr.ecr.{aws.region}.amazonaws.com/credentials:1"
    stack = {"name": "shop-service-credentials", "template": str(TEMPLATES / "queue.yml"), **given}
    queries = (
        f"query('quayside.fargate.image_digest', '{image}'{option})",
        f"query('quayside.fargate.stopped_tasks', 'x', cluster='credentials'{option})",
    )
    shown = [{"ansible.builtin.debug": {"msg": f"{{{{ {it} }}}}"}} for it in queries]
    return [{"quayside.fargate.stack": stack}, *shown]


# What roles and playbooks use of amazon.aws, and who is asking; the profile comes from the
# environment.
MODULES: list[dict[str, Any]] = [
    {"amazon.aws.aws_caller_info": {}, "register": "caller"},
    {"ansible.builtin.debug": {"msg": "caller={{ caller.arn }}"}},
    {"amazon.aws.s3_bucket": {"name": "credentials"}, "when": "every_module"},
    {
        "amazon.aws.cloudformation_info": {"stack_name": "shop-service-credentials"},
        "when": "every_module",
    },
]


def playbooks() -> list[dict[str, Any]]:
    """status.yml, and rotate.yml with a flip to cancel that there isn't."""
    return [
        {"import_playbook": str(ROOT / "playbooks" / "status.yml")},
        {"import_playbook": str(ROOT / "playbooks" / "rotate.yml"), "vars": {"abort": True}},
    ]


@pytest.fixture(scope="module")
def seen(aws: LocalAws) -> None:
    """What the lookups look at."""
    ecr = aws.client("ecr")
    ecr.create_repository(repositoryName="credentials")
    manifest = '{"schemaVersion": 2}'
    ecr.put_image(repositoryName="credentials", imageManifest=manifest, imageTag="1")
    aws.client("ecs").create_cluster(clusterName="credentials")


def everything(world: World, source: Source, *, every_module: bool = False) -> Played:
    """Run all that speaks to AWS; of amazon.aws only who is asking, or every module."""
    named = {"service_platform": "shop", "service_name": "credentials"}
    # amazon.aws refuses a profile beside a key in the environment, with a sentence of its own
    named |= {"service_profile": source.profile} if source.profile else {}
    listed = own_tasks(world.aws, source.profile) + ([] if source.profile else MODULES)
    return play(source, [tasks(*listed), *playbooks()], every_module=every_module, **named)


@pytest.mark.usefixtures("seen")
@pytest.mark.parametrize(
    "name",
    [pytest.param(it, marks=[] if it in USUAL else [pytest.mark.walk]) for it in SOURCES],
)
def test_credentials_from_here_work_in_all_that_speaks_to_aws(
    world: World, source: Source, name: str
) -> None:
    if name.startswith("login") and WITHOUT_AWSCRT:
        pytest.skip("awscrt isn't installed, and `aws login` needs it")
    SOURCES[name](world, source)
    played = everything(world, source, every_module=name in ("assumed_role", "web_identity"))
    assert played.code == 0, played.output
    assert "no flip is under way" in played.output
    if source.profile:
        return
    by_key = name in ("environment", "shared_file", "config_file")
    assert f"caller=arn:aws:{'iam' if by_key else 'sts'}::" in played.output
    assert ("user/deployer" if by_key else "assumed-role/deployer/") in played.output


@pytest.mark.usefixtures("seen")
def test_gitlab_job_as_it_ships_gets_the_role(world: World, source: Source) -> None:
    shipped = yaml.safe_load((ORDERS / ".gitlab-ci.yml").read_text())
    role, token_file = shipped[".role"], source.home / "aws-token"
    source.home.mkdir()
    variables = {**role["variables"], "AWS_WEB_IDENTITY_TOKEN_FILE": str(token_file)}
    variables["AWS_ROLE_ARN"] = variables["AWS_ROLE_ARN"].replace("$DEPLOY_ROLE_ARN", world.role)
    assert role["id_tokens"] == {"AWS_TOKEN": {"aud": sources.AUDIENCE}}
    for line in role["before_script"]:
        job = {**variables, "AWS_TOKEN": sources.token()}
        subprocess.run(["sh", "-c", line], env=job, check=True)
    source.environment |= variables
    played = everything(world, source)
    assert played.code == 0, played.output
    assert "assumed-role/deployer/" in played.output


def test_github_s_job_as_it_ships_leaves_its_credentials_in_the_environment() -> None:
    """What `session_in_environment` runs is what configure-aws-credentials does by default."""
    workflow = yaml.safe_load((ORDERS / ".github" / "workflows" / "deploy.yml").read_text())
    steps = workflow["jobs"]["deploy"]["steps"]
    assumed = next(it for it in steps if "configure-aws-credentials" in it.get("uses", ""))
    assert workflow["permissions"]["id-token"] == "write"
    assert set(assumed["with"]) == {"aws-region", "role-to-assume"}
    for name in ("Preview", "Deploy"):
        run = next(it["run"] for it in steps if it.get("name") == name)
        assert "--env-file <(env | grep '^AWS_')" in run


def test_the_region_may_stand_in_the_profile_alone(world: World, source: Source) -> None:
    sources.environment(world, source)
    del source.environment["AWS_REGION"]
    source.configure("default", {"region": world.aws.region})
    artifacts = {"name": "quayside.fargate.support", "tasks_from": "artifacts.yml"}
    role = tasks({"ansible.builtin.include_role": artifacts})
    functions = source.home / "functions" / "python3.13-x86_64"
    functions.mkdir(parents=True)
    (functions / "manifest.json").write_text("{}")
    directory = str(functions.parent)
    played = play(source, [role], support_platform="region", support_functions_directory=directory)
    assert played.code == 0, played.output
    made = world.aws.client("s3").get_bucket_location(
        Bucket=f"region-artifacts-{world.aws.account}-{world.aws.region}"
    )
    assert made["LocationConstraint"] == world.aws.region


@pytest.mark.parametrize(
    ("given", "region"),
    [
        ({}, ""),
        ({"AWS_PROFILE": "team"}, "eu-west-3"),
        ({"AWS_PROFILE": "team", "AWS_DEFAULT_REGION": "eu-west-2"}, "eu-west-2"),
        ({"AWS_DEFAULT_REGION": "eu-west-2", "AWS_REGION": "eu-west-1"}, "eu-west-1"),
    ],
)
def test_the_region_is_found_where_the_cli_finds_it(
    source: Source, given: dict[str, str], region: str
) -> None:
    source.home.mkdir()
    del source.environment["AWS_REGION"]
    source.environment |= given
    source.configure("team", {"region": "eu-west-3"})
    named = {"platform": "shop", "named": "ours"}
    listed: list[dict[str, Any]] = [
        {"quayside.fargate.artifacts_bucket": named, "register": "bucket"},
        {"ansible.builtin.debug": {"msg": "region={{ bucket.region }}."}},
    ]
    assert f"region={region}." in play(source, [tasks(*listed)]).output


def refused(source: Source) -> tuple[str, str]:
    """Return what an action and a lookup, which run one after the other, say."""
    lookup = "{{ query('quayside.fargate.stopped_tasks', 'x', cluster='credentials') }}"
    told = "by_action={{ by_action.msg | b64encode }} by_lookup={{ by_lookup.msg | b64encode }}"
    asked = [
        {"quayside.fargate.status": {"platform": "shop"}, "register": "by_action"},
        {"ansible.builtin.debug": {"msg": lookup}, "register": "by_lookup"},
    ]
    ignored = [{**task, "ignore_errors": True} for task in asked]
    played = play(source, [tasks(*ignored, {"ansible.builtin.debug": {"msg": told}})])
    assert "Traceback" not in played.output, played.output
    found = re.search(r"by_action=(\S+)\s+by_lookup=(\S+)", played.output)
    assert found, played.output
    by_action, by_lookup = (base64.b64decode(it).decode() for it in found.groups())
    return by_action, by_lookup


def nothing(world: World, source: Source) -> None:
    """No credentials at all."""


def unknown_profile(world: World, source: Source) -> None:
    source.environment["AWS_PROFILE"] = "nobody"


def half_a_key(world: World, source: Source) -> None:
    source.environment["AWS_ACCESS_KEY_ID"] = world.keys["AWS_ACCESS_KEY_ID"]


def wrong_key(world: World, source: Source) -> None:
    source.environment |= {"AWS_ACCESS_KEY_ID": "AKIAX", "AWS_SECRET_ACCESS_KEY": "wrong"}


def wrong_secret(world: World, source: Source) -> None:
    source.environment |= {**world.keys, "AWS_SECRET_ACCESS_KEY": "wrong"}


def role_that_is_not_trusted(world: World, source: Source) -> None:
    sources.assumed_role(World(world.aws, world.keys, f"{world.role}s", "", world.give), source)


def token_of_another_branch(world: World, source: Source) -> None:
    sources.web_identity(world, source)
    source.write("token", sources.token("project_path:team/orders:ref_type:branch:ref:try"))


def token_file_that_is_gone(world: World, source: Source) -> None:
    sources.web_identity(world, source)
    (source.home / ".aws" / "token").unlink()


def endpoint_that_refuses(world: World, source: Source) -> None:
    sources.container(world, source)
    source.environment["AWS_CONTAINER_AUTHORIZATION_TOKEN"] = "wrong"


def program_that_fails(world: World, source: Source) -> None:
    source.configure("default", {"credential_process": "sh -c 'echo vault is sealed >&2; exit 1'"})


def program_that_is_not_there(world: World, source: Source) -> None:
    source.configure("default", {"credential_process": "/nowhere/vault"})


def program_that_chats(world: World, source: Source) -> None:
    source.configure("default", {"credential_process": "echo Welcome"})


def profile_with_a_second_factor(world: World, source: Source) -> None:
    sources.assumed_role(world, source)
    config = source.home / ".aws" / "config"
    config.write_text(config.read_text() + f"mfa_serial = {world.role}\n")


def login_without_awscrt(world: World, source: Source) -> None:
    sources.login(world, source)
    hidden = source.home / "hidden" / "awscrt"
    hidden.mkdir(parents=True)
    (hidden / "__init__.py").write_text("raise ImportError('No module named awscrt')\n")
    source.environment["PYTHONPATH"] = str(hidden.parent)


def login_that_is_over(world: World, source: Source) -> None:
    if WITHOUT_AWSCRT:
        pytest.skip("awscrt isn't installed, and `aws login` needs it")
    sources.login_refreshed(world, source)
    cached = next((source.home / ".aws" / "login" / "cache").iterdir())
    cached.write_text(cached.read_text().replace("login-refresh", "used"))


def session_that_is_over(world: World, source: Source) -> None:
    """Temporary credentials that AWS doesn't know any more."""
    source.environment |= sources.session_environment(world)
    source.environment["AWS_SESSION_TOKEN"] = "old"


@pytest.mark.parametrize(
    ("break_it", "said", "to_do"),
    [
        (nothing, "Unable to locate credentials", "set AWS_PROFILE or option profile"),
        (unknown_profile, "The config profile (nobody) could not be found", "add the profile to"),
        (half_a_key, "missing: AWS_SECRET_ACCESS_KEY", "Set both halves of the key"),
        (wrong_key, "security token included in the request is invalid", "Log in to AWS again"),
        (wrong_secret, "signature", "mend AWS_ACCESS_KEY_ID"),
        (session_that_is_over, "security token included", "Log in to AWS again"),
        (role_that_is_not_trusted, "not authorized to perform: sts:AssumeRole", "trust policy"),
        (token_of_another_branch, "sts:AssumeRoleWithWebIdentity", "audience and subject"),
        (token_file_that_is_gone, "No such file", "AWS_WEB_IDENTITY_TOKEN_FILE"),
        (endpoint_that_refuses, "Unauthorized", "the endpoint of the container's"),
        (program_that_fails, "vault is sealed", "credential_process"),
        (program_that_is_not_there, "/nowhere/vault", "credential_process"),
        (program_that_chats, "Expecting value", "prints JSON, and nothing else"),
        (profile_with_a_second_factor, "has no keyboard", "aws configure export-credentials"),
        (sources.identity_center_expired, "expired", "Log in again: aws sso login"),
        (login_without_awscrt, 'pip install "botocore[crt]"', "aws configure export-credentials"),
        (login_that_is_over, "reauthenticate using 'aws login'", "Log in again: aws login"),
    ],
)
def test_credentials_that_are_missing_expired_or_refused_are_a_sentence(
    world: World, source: Source, break_it: Any, said: str, to_do: str
) -> None:
    source.home.mkdir()
    break_it(world, source)
    for sentence in refused(source):
        assert said in sentence
        assert to_do in sentence
        for name in ("AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"):
            secret = source.environment.get(name, "")
            assert len(secret) < 10 or secret not in sentence
