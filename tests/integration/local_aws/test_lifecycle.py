"""Starting, stopping and being killed."""

from __future__ import annotations

import os
import pty
import signal
import stat
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterable
from pathlib import Path

import pytest

from local_aws.__main__ import main
from local_aws.control import LocalAws
from local_aws.errors import LocalAwsError
from local_aws.settings import free_port
from tests.integration.local_aws.support import LOAD_BALANCER, Stacks, call, service_template

ROOT = Path(__file__).parents[3]
IMAGE = Path(__file__).parent / "image"
DATABASE = {
    "Resources": {
        "Cluster": {
            "Type": "AWS::RDS::DBCluster",
            "DeletionPolicy": "Delete",
            "Properties": {
                "Engine": "aurora-postgresql",
                "MasterUsername": "quayside",
                "MasterUserPassword": "a-password",
            },
        }
    }
}
needs_proc = pytest.mark.skipif(sys.platform != "linux", reason="/proc is Linux's")


def processes_below(root: int) -> set[int]:
    """Return every process whose ancestor is `root`."""
    parents = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, parent = path.read_text().rsplit(")", 1)[1].split()[:2]
        except FileNotFoundError:
            continue
        if state != "Z":
            parents[int(path.parent.name)] = int(parent)
    below = {root}
    while grown := {pid for pid, parent in parents.items() if parent in below} - below:
        below |= grown
    return below - {root}


def wait_until_gone(pids: Iterable[int]) -> set[int]:
    for _ in range(1000):
        left = {pid for pid in pids if Path(f"/proc/{pid}").exists()}
        left = {pid for pid in left if ") Z " not in Path(f"/proc/{pid}/stat").read_text()}
        if not left:
            return set()
        time.sleep(0.02)
    return left


def busy(aws: LocalAws) -> set[int]:
    """Make the local AWS run a database and a service; return its processes."""
    stacks = Stacks(aws)
    listener = stacks.deploy("balancer", LOAD_BALANCER)["ListenerArn"]
    stacks.deploy("database", DATABASE)
    image = aws.push_image(IMAGE, "app:1")
    stacks.deploy(
        "service",
        service_template(image),
        Host="service.example",
        ListenerArn=listener,
        Priority="1",
        Cluster="tests",
    )
    return processes_below(server_pid(aws))


def server_pid(aws: LocalAws) -> int:
    return int((aws.directory / "server.pid").read_text())


def addresses_listened_on(pids: set[int]) -> set[str]:
    """Return the local addresses (hexadecimal, as the kernel shows them) of listening sockets."""
    inodes = set()
    for pid in pids:
        for descriptor in Path(f"/proc/{pid}/fd").iterdir():
            target = str(descriptor.readlink()) if descriptor.is_symlink() else ""
            if target.startswith("socket:["):
                inodes.add(target[8:-1])
    listening = "0A"
    found = set()
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        for line in Path(table).read_text().splitlines()[1:]:
            fields = line.split()
            if fields[3] == listening and fields[9] in inodes:
                found.add(fields[1].split(":")[0])
    return found


@needs_proc
def test_two_local_aws_run_side_by_side_and_each_leaves_nothing_behind(tmp_path: Path) -> None:
    with (
        LocalAws.start(tmp_path / "one") as one,
        LocalAws.start(tmp_path / "other") as other,
    ):
        started = {name: busy(aws) for name, aws in (("one", one), ("other", other))}
        assert call(one, "service.example")[1]["pid"] in started["one"]
        assert call(other, "service.example")[1]["pid"] in started["other"]
        listened = addresses_listened_on({server_pid(one), *started["one"]})
        assert listened
        # little endian: 0100007F is 127.0.0.1, so the last two digits are the first octet
        assert all(address.endswith("7F") for address in listened)
    assert wait_until_gone(started["one"] | started["other"]) == set()


@needs_proc
def test_what_it_started_ends_when_it_is_killed_with_9_and_the_next_start_clears_up(
    tmp_path: Path,
) -> None:
    aws = LocalAws.start(tmp_path / "aws")
    started = busy(aws)
    assert len(started) >= 3  # two tasks and a database
    os.kill(server_pid(aws), signal.SIGKILL)
    assert wait_until_gone(started) == set()
    aws.stop()
    left = Path((aws.directory / "databases.path").read_text())
    # the next start clears up; root's data lies outside of the directory, and any start does
    with LocalAws.start(aws.directory if os.geteuid() else tmp_path / "other"):
        assert not list(left.glob("*cluster*"))


@needs_proc
def test_an_attached_one_ends_when_its_parent_is_killed_with_9(tmp_path: Path) -> None:
    code = (
        "import sys; from local_aws.control import LocalAws; "
        f"LocalAws.start({str(tmp_path / 'aws')!r}); print('up', flush=True); sys.stdin.read()"
    )
    parent = subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert parent.stdout
    assert parent.stdout.readline() == b"up\n"
    server = int((tmp_path / "aws" / "server.pid").read_text())
    parent.kill()
    parent.wait()
    assert wait_until_gone({server}) == set()


def test_its_directory_is_its_owners_alone(aws: LocalAws) -> None:
    assert stat.S_IMODE(aws.directory.stat().st_mode) == 0o700


def test_a_second_start_in_the_same_directory_says_how_to_stop_the_first(aws: LocalAws) -> None:
    with pytest.raises(LocalAwsError, match="python -m local_aws stop"):
        LocalAws.start(aws.directory)


def test_a_taken_port_is_named(aws: LocalAws, tmp_path: Path) -> None:
    port = int(aws.environment["AWS_ENDPOINT_URL"].rsplit(":", 1)[1])
    with pytest.raises(LocalAwsError, match=str(port)):
        LocalAws.start(tmp_path, port=port)


def test_another_one_in_the_same_block_of_ports_is_refused(aws: LocalAws, tmp_path: Path) -> None:
    port = int(aws.environment["AWS_ENDPOINT_URL"].rsplit(":", 1)[1])
    with pytest.raises(LocalAwsError, match="Another local AWS has the ports around"):
        LocalAws.start(tmp_path, port=port + 20)


@pytest.mark.parametrize("path", ["/_ministack/reset", "/_ministack/config", "/_ministack/ready"])
def test_the_back_door_is_closed(aws: LocalAws, path: str) -> None:
    request = urllib.request.Request(aws.environment["AWS_ENDPOINT_URL"] + path, method="POST")
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(request)
    assert refused.value.code == 403


def test_the_command_line_starts_shows_and_stops_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    where = ["--directory", str(tmp_path / "aws")]
    code = "import boto3; print(boto3.client('sts').get_caller_identity()['Arn'])"
    assert main(["run", *where, "--", sys.executable, "-c", code]) == 0
    assert main(["status", *where]) == 1
    assert "does not run" in capsys.readouterr().err
    port = free_port()
    assert main(["start", *where, "--port", str(port)]) == 0
    assert main(["status", *where]) == 0
    assert main(["env", *where]) == 0
    exported = capsys.readouterr().out
    assert f"export AWS_ENDPOINT_URL=http://127.0.0.1:{port}" in exported
    assert f"export LOCAL_AWS_DIRECTORY={tmp_path / 'aws'}" in exported
    assert main(["url", *where, "a.test"]) == 0
    assert capsys.readouterr().out == f"http://127.0.0.1:{port + 2}/\n"
    assert main(["url", *where, "--https", "a.test", "/x?y=1"]) == 0
    assert capsys.readouterr().out == f"https://localhost:{port + 3}/x?y=1\n"
    assert main(["push", *where, str(IMAGE), "app:1"]) == 0
    assert ".dkr.ecr.eu-central-1.amazonaws.com/app:1" in capsys.readouterr().out
    assert main(["stop", *where]) == 0
    assert main(["stop", *where]) == 0
    assert main(["env", *where]) == 1


def test_a_shell_that_took_its_variables_finds_it_from_any_folder(
    aws: LocalAws, tmp_path: Path
) -> None:
    command = 'eval "$({0} -m local_aws env --directory {1})" && cd {2} && {0} -m local_aws status'
    told = subprocess.run(
        ["bash", "-euc", command.format(sys.executable, aws.directory, tmp_path)],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert aws.environment["AWS_ENDPOINT_URL"] in told.stdout


def test_a_shell_that_was_set_up_for_another_account_means_the_local_aws_only(
    aws: LocalAws,
) -> None:
    others = {"AWS_PROFILE": "production", "AWS_SESSION_TOKEN": "another-accounts"}
    others["AWS_ENDPOINT_URL_STS"] = "http://127.0.0.1:1"
    code = "import boto3; print(boto3.client('sts').get_caller_identity()['Account'])"
    command = f'eval "$({sys.executable} -m local_aws env --directory {aws.directory})"'
    told = subprocess.run(
        ["bash", "-euc", f'{command}; {sys.executable} -c "{code}"'],
        cwd=ROOT,
        env={**os.environ, **others},
        capture_output=True,
        text=True,
        check=True,
    )
    assert told.stdout.strip() == aws.account


def test_a_terminal_is_told_the_command_that_calls_a_host(aws: LocalAws) -> None:
    terminal, inside = pty.openpty()
    where = ["--directory", str(aws.directory)]
    command = [sys.executable, "-m", "local_aws", "url", *where, "a.test", "/health"]
    subprocess.run(command, cwd=ROOT, stdout=inside, check=True)
    os.close(inside)
    url, told = os.read(terminal, 1000).decode().splitlines()
    os.close(terminal)
    assert url == aws.url("a.test", "/health")[0]
    assert told == f"To call it: curl --header 'Host: a.test' {url}"
