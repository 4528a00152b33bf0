"""What a user mistypes is refused in a line with its name before AWS is called, by real runs."""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.integration.plugins.support import HERE, ROOT
from tests.warm import playbooks as warm

ROLES = sorted(path.parts[-3] for path in ROOT.glob("roles/*/meta/argument_specs.yml"))
CANARY = "canary-5c1fe2a9"
# Nothing listens there: whoever calls AWS fails with other words than those looked for.
NOWHERE = {
    "AWS_ENDPOINT_URL": "http://127.0.0.1:9",
    "AWS_REGION": "eu-central-1",
    "AWS_ACCESS_KEY_ID": "nobody",
    "AWS_SECRET_ACCESS_KEY": "nothing",
    "AWS_MAX_ATTEMPTS": "1",
    "ANSIBLE_NOCOLOR": "1",
}
ORDERS = {
    "service_platform": "shop",
    "service_name": "orders",
    "service_image": "orders:1",
    "service_host_name": "orders.example.com",
}
NAMED = {"service_platform": "shop", "service_name": "orders"}
# A value that isn't the default, for a sample of every type and role.
SAMPLE: dict[str, Any] = {
    "network_zone_count": 3,
    "cluster_termination_protection": False,
    "load_balancer_idle_timeout_seconds": 120,
    "load_balancer_deletion_protection": True,
    "rds_min_capacity": 1.5,
    "rds_max_capacity": 16,
    "rds_engine_version": "17.10",
    "rds_performance_insights": True,
    "rotation_paused": True,
    "rotation_settling_seconds": 0,
    "service_cpu": 512,
    "service_memory": 1024,
    "service_rotation_hour": 5,
    "service_route": False,
    "service_database_extensions": ["pgcrypto", "hstore"],
    "service_scaling": {
        "min": 2,
        "max": 10,
        "cpu_percent": 70,
        "memory_percent": 80,
        "requests_per_task": 0,  # without a route nobody counts them
        "scale_out_cooldown_seconds": 30,
        "scale_in_cooldown_seconds": 200,
        "schedules": [
            {
                "name": "morning",
                "cron": "0 7 ? * * *",
                "time_zone": "Asia/Tokyo",
                "min": 3,
                "max": 9,
            }
        ],
    },
    "service_environment": {"TIME": "12:30", "NO": "yes"},
    "service_log_retention_days": 7,
}


@dataclass(frozen=True)
class Run:
    """A finished run of ansible-playbook: what it printed, and the results of its tasks."""

    code: int
    output: str
    results: list[dict[str, Any]]

    @property
    def refusal(self) -> list[str]:
        """The lines of the message of the first step, which was refused."""
        assert (self.code, len(self.results)) == (2, 1), self.output
        return str(self.results[0]["msg"]).split("\n")


def run(playbook: str | Path, *options: str) -> Run:
    """Run a playbook in this checkout."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "results"
        environment = {
            **os.environ,
            **NOWHERE,
            "ANSIBLE_CALLBACK_PLUGINS": str(HERE / "callback"),
            "ANSIBLE_CALLBACKS_ENABLED": "results",
            "RESULTS": str(path),
        }
        done = subprocess.run(
            [*warm.command(environment), str(playbook), *options],
            cwd=ROOT,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=120,
            check=False,
        )
        lines = path.read_text("utf-8").splitlines() if path.exists() else []
    return Run(done.returncode, done.stdout, [json.loads(line) for line in lines])


def extra(variables: dict[str, Any]) -> list[str]:
    return ["-e", json.dumps(variables)]


@pytest.fixture(scope="module")
def play(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A playbook that writes the checked values of every role into a file, and runs none."""
    folder = tmp_path_factory.mktemp("play")
    tasks: list[dict[str, Any]] = [
        {
            "quayside.fargate.variables": {"role": "{{ item }}"},
            "loop": "{{ roles }}",
            "register": "_checked",
        },
        {
            "ansible.builtin.copy": {
                "dest": "{{ written }}",
                "mode": "0600",
                "content": "{{ dict(roles | zip(_checked.results)) }}",
            },
            "no_log": True,
        },
    ]
    variables: dict[str, Any] = {f"{role}_platform": "shop" for role in ROLES} | ORDERS
    variables["roles"] = list(ROLES)
    play = {"hosts": "localhost", "gather_facts": False, "vars": variables, "tasks": tasks}
    path = folder / "play.yml"
    path.write_text(yaml.safe_dump([play]))
    return path


def checked(play: Path, *options: str) -> dict[str, Any]:
    written = play.parent / "checked.json"
    done = run(play, "-v", *options, "-e", f"written={written}")
    assert done.code == 0, done.output
    assert "12:30" not in done.output, "an environment is not shown, with -v neither"
    return dict(json.loads(written.read_text()))


def as_text(name: str, value: Any) -> str:
    if isinstance(value, list):
        return f"{name}={','.join(value)}"
    text = json.dumps(value) if isinstance(value, dict) else str(value)
    return f"{name}={text!r}" if isinstance(value, dict) else f"{name}={text}"


def test_texts_of_the_command_line_and_values_of_a_file_come_out_the_same(play: Path) -> None:
    path = play.parent / "sample.yml"
    path.write_text(yaml.safe_dump(SAMPLE))
    typed = checked(play, "-e", f"@{path}")
    options = [part for name, it in SAMPLE.items() for part in ("-e", as_text(name, it))]
    texts = checked(play, *options)
    for role in ROLES:
        assert texts[role]["options"] == typed[role]["options"]
        assert texts[role]["given"] == typed[role]["given"]
    for name, value in SAMPLE.items():
        role = next(it for it in ROLES if name.startswith(f"{it}_"))
        found = typed[role]["options"][name.removeprefix(f"{role}_")]
        assert found == value
        assert type(found) is type(value)


def test_what_nobody_set_has_its_default_and_is_not_given(play: Path) -> None:
    service = checked(play, "-e", "service_cpu=256")["service"]
    assert service["given"] == sorted([*ORDERS, "service_cpu"])
    assert service["options"]["memory"] == 512
    assert service["options"]["database_name"] == "orders"
    assert service["options"]["template"].endswith("roles/service/../../templates/service.yml")
    assert Path(service["options"]["template"]).exists()


def test_omit_is_not_given(play: Path) -> None:
    service = checked(play, *extra({"service_cpu": "{{ nothing | default(omit) }}"}))["service"]
    assert "service_cpu" not in service["given"]


@pytest.mark.parametrize(
    ("given", "lines"),
    [
        ({"service_environment": {"TIME": 750}}, ["service_environment.TIME is a number"]),
        ({"service_cpu": "300"}, ["service_cpu is 300. Take one of 256, 512"]),
        ({"service_memmory": 512}, ["service_memmory: the role service has no such variable"]),
        ({"service_environment": {"DB_HOST": "x"}}, ["service_environment.DB_HOST: the platform"]),
        ({"service_secrets": {"A": CANARY}}, ["service_secrets.A is not the ARN of a secret"]),
        ({"service_platform": "ab-"}, ["service_platform is 'ab-', but it must be 2 to 21"]),
        (
            {"service_image": "{{ nothing }}"},
            ["service_image: its template has no value: 'nothing'"],
        ),
        (
            {"service_memory": True, "service_rotation_hour": "5.5", "service_cpuu": 1},
            ["service_cpuu: the role", "service_memory is a boolean", "service_rotation_hour is"],
        ),
        (
            {
                "service_overrides": {
                    "Resources": {"Service": {"Properties": {"ServiceName": None}}}
                }
            },
            ["service_overrides.Resources.Service.Properties.ServiceName: rotation, status"],
        ),
    ],
)
def test_a_service_is_refused_with_one_line_a_variable(
    given: dict[str, Any], lines: list[str]
) -> None:
    done = run("playbooks/service.yml", *extra(ORDERS | given))
    found = done.refusal
    assert len(found) == len(lines)
    for line, said in zip(found, lines, strict=True):
        assert line.startswith(said)
    assert CANARY not in done.output
    assert len(done.output.split("\n")) <= 5 + len(lines)


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("{NO: norway}", "service_environment has a key that YAML has read as a boolean (False)"),
        ("{on: x}", "service_environment has a key that YAML has read as a boolean (True)"),
        ("{8080: x}", "service_environment has a key that YAML has read as a number (8080)"),
        ("{TIME: 12:30}", "service_environment.TIME is a number, and a text is due."),
        ("{CODE: 0755}", "service_environment.CODE is a number"),
        ("{VERSION: 1.10}", "service_environment.VERSION is a number"),
        ("{ACCOUNT: 012345670123}", "service_environment.ACCOUNT is a number"),
        ("{LIMIT: .inf}", "service_environment.LIMIT is a number"),
        ("{DAY: 2026-11-28}", "service_environment.DAY is a date"),
        ("{DEBUG: yes}", "service_environment.DEBUG is a boolean"),
        ("{NOTHING: }", "service_environment.NOTHING is empty (null)"),
    ],
)
def test_what_yaml_reads_as_something_else_is_refused_from_a_file_too(
    tmp_path: Path, written: str, said: str
) -> None:
    path = tmp_path / "orders.yml"
    path.write_text(f"{yaml.safe_dump(ORDERS)}service_environment: {written}\n")
    (line,) = run("playbooks/service.yml", "-e", f"@{path}").refusal
    assert line.startswith(said)
    assert "Quote it as you wrote it" in line


def test_a_variable_called_no_is_refused_in_overrides_too(tmp_path: Path) -> None:
    path = tmp_path / "orders.yml"
    container = "{Name: app, Environment: [{Name: NO, Value: norway}]}"
    task = f"{{Properties: {{ContainerDefinitions: [{container}]}}}}"
    path.write_text(
        f"{yaml.safe_dump(ORDERS)}service_overrides: {{Resources: {{TaskDefinition: {task}}}}}\n"
    )
    (line,) = run("playbooks/service.yml", "-e", f"@{path}").refusal
    assert "ContainerDefinitions[app].Environment[0].Name is a boolean, and a text is due" in line


def test_a_service_without_a_platform_is_refused_in_two_lines() -> None:
    lines = run("playbooks/service.yml").refusal
    assert [line.partition(".")[0] for line in lines] == [
        "service_platform is missing",
        "service_name is missing",
    ]


def test_a_misspelt_variable_of_a_plays_own_is_refused(tmp_path: Path) -> None:
    role = {"role": "quayside.fargate.service", **ORDERS, "service_memmory": 512}
    play = {"hosts": "localhost", "gather_facts": False, "roles": [role]}
    path = tmp_path / "deploy.yml"
    path.write_text(yaml.safe_dump([play | {"vars": {"service_cppu": 256}}]))
    lines = run(path).refusal
    assert [line.rpartition("mean ")[2] for line in lines] == ["service_cpu?", "service_memory?"]


def test_a_platform_is_refused_before_its_first_stack_for_all_its_roles() -> None:
    given = {"platform": "a--b", "rds_max_capasity": 16, "load_balancer_idle_timeout_seconds": "x"}
    lines = run("playbooks/platform.yml", *extra(given)).refusal
    assert [line.split(" ")[0].rstrip(":") for line in lines] == [
        "platform",
        "load_balancer_idle_timeout_seconds",
        "rds_max_capasity",
    ]
    assert run("playbooks/platform.yml").refusal[0].startswith("platform is missing.")


def inventory(folder: Path, variables: dict[str, Any]) -> list[str]:
    """The options that name an inventory whose group variables these are."""
    python = {"ansible_python_interpreter": "{{ ansible_playbook_python }}"}
    hosts = {"all": {"hosts": {"localhost": {"ansible_connection": "local", **python}}}}
    written(folder, "group_vars/all.yml", variables)
    return ["-i", str(written(folder, "hosts.yml", hosts))]


@pytest.mark.parametrize("own", [{}, {"rotation_log_retention_days": 7}])
def test_the_rotations_functions_are_kept_as_the_others_unless_an_inventory_says_otherwise(
    play: Path, tmp_path: Path, own: dict[str, int]
) -> None:
    shared = {"support_log_retention_days": 14, "support_function_architecture": "arm64"}
    rotation = checked(play, *inventory(tmp_path, shared | own))["rotation"]
    assert rotation["options"]["log_retention_days"] == (7 if own else 14)
    assert rotation["options"]["function_architecture"] == "arm64"
    assert rotation["options"]["function_runtime"] == "python3.13"
    given = {"rotation_log_retention_days", "rotation_function_architecture"}
    assert {*rotation["given"]} == given | {"rotation_platform"}


def test_a_platform_hears_what_an_inventory_says_of_its_rotation(tmp_path: Path) -> None:
    days = {"support_log_retention_days": 14, "rotation_log_retention_days": 31}
    options = [*inventory(tmp_path, days), "-e", "platform=shop"]
    (line,) = run("playbooks/platform.yml", *options).refusal
    assert line.startswith("rotation_log_retention_days is 31. Take one of ")


@pytest.mark.parametrize(
    ("playbook", "given", "said"),
    [
        ("rotate", {}, ["service_platform is missing", "service_name is missing"]),
        ("rotate", {"service_platform": "shop"}, ["service_name is missing"]),
        ("rotate", NAMED | {"all": "perhaps"}, ["all is 'perhaps', and a boolean is due"]),
        ("rotate", NAMED | {"abrot": "true"}, ["abrot: the playbook rotate has no such variable"]),
        ("rotate", NAMED | {"service_nmae": "x"}, ["service_nmae: the role service has no such"]),
        ("repair", {}, ["service_platform is missing", "service_name is missing"]),
        (
            "repair",
            NAMED | {"repair_timeout": "1h"},
            ["repair_timeout is '1h', and a whole number"],
        ),
        ("status", {}, ["service_platform is missing"]),
        ("status", NAMED | {"format": "jsn"}, ["format is 'jsn'. Take one of table, json"]),
        (
            "doctor",
            {"platform": "shop", "network_zone_count": "4"},
            ["network_zone_count is 4. Take"],
        ),
        (
            "doctor",
            {"platform": "shop", "rds_engine_version": 17.7},
            ["rds_engine_version is a num"],
        ),
        ("teardown", {"confirm": "shop"}, ["platform is missing"]),
        (
            "teardown",
            {"platform": "shop", "confirm": "shop", "delete_dat": "shop"},
            ["delete_dat: the playbook teardown has no such variable. Did you mean delete_data?"],
        ),
        ("team", {"platform": "shop", "team": "pay"}, ["prefix is missing"]),
        (
            "team",
            {"platform": "shop", "team": "pay", "prefix": "pay"},
            ["deployment_role_service_pre"],
        ),
    ],
)
def test_a_playbooks_own_variables_are_checked_too(
    playbook: str, given: dict[str, Any], said: list[str]
) -> None:
    found = run(f"playbooks/{playbook}.yml", *extra(given)).refusal
    assert len(found) == len(said), found
    for line, words in zip(found, said, strict=True):
        assert line.startswith(words)


OWN = "_service_checked"
REGISTERED = "_service_stack"
SAID = ": the role service sets this variable itself, and nobody else may. Leave it out, or take "
ROLE = {"role": "quayside.fargate.service", **ORDERS}


def written(folder: Path, name: str, content: Any) -> Path:
    path = folder / name
    path.parent.mkdir(exist_ok=True)
    path.write_text(yaml.safe_dump(content))
    return path


def playing(folder: Path, **play: Any) -> Path:
    """A playbook that deploys a service."""
    whole = {"hosts": "localhost", "gather_facts": False, "roles": [ROLE]} | play
    return written(folder, "deploy.yml", [whole])


@pytest.mark.parametrize("name", [OWN, REGISTERED, "_service_tags", "_variables_checked"])
def test_a_roles_own_variable_is_refused_from_the_command_line(tmp_path: Path, name: str) -> None:
    (line,) = run(playing(tmp_path), "-e", json.dumps({name: {"changed": False}})).refusal
    assert line.startswith(name + SAID)


@pytest.mark.parametrize(
    "play",
    [
        {"vars": {OWN: {}}},
        {"vars": {REGISTERED: {}}},
        {"vars_files": [["nowhere.yml", "{{ 'theirs' }}.yml"]]},
        {"roles": [ROLE | {OWN: {}}]},
        {"roles": [ROLE | {"vars": {REGISTERED: {"changed": False}}}]},
        {
            "roles": [],
            "tasks": [{"import_role": {"name": ROLE["role"]}, "vars": {**ORDERS, OWN: 1}}],
        },
    ],
    ids=["play", "registered", "vars_files", "role", "role's vars", "import_role"],
)
def test_so_it_is_from_a_play_its_files_and_where_the_role_is_named(
    tmp_path: Path, play: dict[str, Any]
) -> None:
    written(tmp_path, "theirs.yml", {OWN: {"options": {}}})
    (line,) = run(playing(tmp_path, **play)).refusal
    assert SAID in line


@pytest.mark.parametrize("place", ["hosts.yml", "group_vars/all.yml", "host_vars/localhost.yml"])
@pytest.mark.parametrize("name", [OWN, REGISTERED])
def test_so_it_is_from_an_inventory(tmp_path: Path, place: str, name: str) -> None:
    hosts: dict[str, Any] = {"localhost": {"ansible_connection": "local"}}
    if place == "hosts.yml":
        hosts["localhost"][name] = {}
    else:
        written(tmp_path, place, {name: {}})
    inventory = written(tmp_path, "hosts.yml", {"all": {"hosts": hosts}})
    (line,) = run(playing(tmp_path), "-i", str(inventory)).refusal
    assert line.startswith(name + SAID)


def test_what_a_role_itself_has_left_is_no_strangers(tmp_path: Path) -> None:
    """A play may deploy two services: what the first one's tasks registered is still there."""
    tasks: list[dict[str, Any]] = [
        {"quayside.fargate.variables": {"role": "service"}, "register": "_variables_checked"},
        {"ansible.builtin.debug": {"msg": "x"}, "register": REGISTERED, "when": False},
        {"quayside.fargate.variables": {"role": "service"}},
    ]
    done = run(playing(tmp_path, roles=[], tasks=tasks, vars=ORDERS))
    assert done.code == 0, done.output


def test_a_playbook_refuses_those_of_all_its_roles_at_its_first_step() -> None:
    theirs = {f"_{role}_checked": 1 for role in ("network", "rds", "load_balancer")}
    lines = run("playbooks/platform.yml", *extra({"platform": "shop", **theirs})).refusal
    assert sorted(line.split(":")[0] for line in lines) == sorted(theirs)
