"""Starting, asking and stopping a local AWS from Python.

with LocalAws.start(Path("build/local_aws")) as aws:
    aws.client("cloudformation").create_stack(...)
"""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import shutil
import signal
import subprocess
import sys
import time
import urllib.parse
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import boto3

from local_aws import controls, images
from local_aws.errors import LocalAwsError
from local_aws.running import server_process
from local_aws.server import ATTACHED
from local_aws.settings import (
    ACCOUNT,
    DEFAULT_REGION,
    LATEST,
    SERVER_PORTS,
    Settings,
    free_port,
    port_is_free,
)

_START_TIMEOUT = 60  # seconds
_STRICT = "LOCAL_AWS_STRICT"
_STOP_TIMEOUT = 20  # seconds
_SLACK = 0.2  # seconds: the strict mode looks every 0.05, and at a busy machine later
_ATTEMPTS = 3  # a free port may be gone until the server binds it


@dataclass(frozen=True)
class Call:
    """One authorization that a request asked of IAM.

    Args:
        principal: ARN of the user or of the role's session; empty for an unknown key.
        action: of IAM, such as s3:GetObject.
        resource: ARN; * where the call names none, or it isn't known.
        error: why IAM refused, such as AccessDenied; empty when it allowed.
    """

    principal: str
    action: str
    resource: str
    error: str


class LocalAws:
    """One running local AWS; as a context manager it stops at the end of the block."""

    def __init__(self, settings: Settings, process: subprocess.Popen[bytes] | None = None) -> None:
        """Know a running local AWS; use `start` or `running` to get one."""
        self._settings = settings
        self._process = process

    @classmethod
    def start(
        cls,
        directory: Path | str,
        port: int | None = None,
        region: str = DEFAULT_REGION,
        *,
        attached: bool = True,
        strict: bool | None = None,
    ) -> Self:
        """Start a local AWS and wait until it answers.

        Args:
            directory: for all that it writes; what another start left there is deleted.
            port: of the API; without it, a free block of ports is found.
            region: the only one it has.
            attached: end it when this process ends, however that comes.
            strict: answer a moment late and throttle calls (local_aws/README.md, "Strict mode");
                without it, the environment's LOCAL_AWS_STRICT=1 decides.

        Raises:
            LocalAwsError: one runs there already, the port is taken, or it doesn't start.
        """
        directory = Path(directory).resolve()
        _refuse_running(directory)
        _refuse_taken(port)
        if strict is None:
            strict = os.environ.get(_STRICT) == "1"
        attempts = _ATTEMPTS if port is None else 1
        while True:
            attempts -= 1
            settings = Settings.fresh(directory, port or free_port(), region, strict=strict)
            _prepare(settings)
            try:
                return cls(settings, _launch(settings, attached=attached))
            except LocalAwsError as error:
                if not attempts or "address already in use" not in str(error):
                    raise

    @classmethod
    def running(cls, directory: Path | str) -> Self:
        """Return the local AWS that runs in `directory`.

        Raises:
            LocalAwsError: none does.
        """
        directory = Path(directory).resolve()
        settings = Settings.load(directory)
        if server_process(directory) is None:
            raise LocalAwsError(
                f"The local AWS of {directory} does not run any more; its log is {settings.log}. "
                f"Start it again: python -m local_aws start --directory {directory}"
            )
        return cls(settings)

    @property
    def environment(self) -> dict[str, str]:
        """What an AWS client needs in its environment; the key is the account's root."""
        return self._settings.environment()

    @property
    def region(self) -> str:
        """The region."""
        return self._settings.region

    @property
    def account(self) -> str:
        """The account's id."""
        return ACCOUNT

    @property
    def directory(self) -> Path:
        """Where it keeps everything."""
        return self._settings.directory

    @property
    def ca_bundle(self) -> Path:
        """The PEM file with which its certificates, the databases' too, can be verified."""
        return self._settings.ca_bundle

    def client(self, service: str, **options: Any) -> Any:
        """Return a boto3 client of `service`, as the account's root."""
        return boto3.client(
            service,
            endpoint_url=self._settings.endpoint,
            region_name=self._settings.region,
            aws_access_key_id=self._settings.access_key,
            aws_secret_access_key=self._settings.secret_key,
            **options,
        )

    def url(self, host: str, path: str = "/", scheme: str = "http") -> tuple[str, dict[str, str]]:
        """Return URL and headers with which `host` is reached through its load balancer.

        Args:
            host: the name that a listener rule or a load balancer has.
            path: with query, encoded or not.
            scheme: http for the listener of port 80, https for that of port 443; its certificate
                is verified with `ca_bundle`, whatever the listener's own would be.
        """
        quoted = urllib.parse.quote(path, safe="/?&=%")
        if scheme == "https":
            return f"https://localhost:{self._settings.secure_front_port}{quoted}", {"Host": host}
        return f"http://127.0.0.1:{self._settings.front_port}{quoted}", {"Host": host}

    def rotate_as_scheduled(self, moment: datetime) -> list[str]:
        """Do what Secrets Manager does at `moment`; time itself fires no schedule here.

        Args:
            moment: in UTC; the rotations whose window begins in this minute are started.

        Returns:
            the names of the secrets whose rotation was started.
        """
        names: list[str] = self._control(
            "rotate", moment=moment.astimezone(UTC).isoformat(timespec="minutes")
        )
        return names

    def scale(self, cluster: str, service: str, count: int) -> int:
        """Do what a scaling policy does: set a service's number of tasks, within its limits.

        Nothing is measured here, so no policy does it by itself.

        Args:
            cluster, service: their names; the service is a scalable target.
            count: the number that the policy would choose.

        Returns:
            the number that it became.

        Raises:
            LocalAwsError: it is no scalable target.
        """
        return int(self._control("scale", cluster=cluster, service=service, count=count))

    def scale_as_scheduled(self, moment: datetime) -> list[str]:
        """Do what Application Auto Scaling does at `moment`; time itself fires no schedule here.

        Args:
            moment: with a time zone; the actions whose schedule says this minute are done.

        Returns:
            their names, each behind its service's: SERVICE/NAME.
        """
        names: list[str] = self._control(
            "scale_as_scheduled", moment=moment.astimezone(UTC).isoformat(timespec="minutes")
        )
        return names

    def fail(
        self,
        stack: str,
        resource: str,
        action: str = "CREATE",
        times: int = 1,
        reason: str = "Injected failure",
        *,
        after: bool = False,
    ) -> None:
        """Let the next operations on one resource of a stack fail, as a handler's failure would.

        Args:
            stack: its name; it needn't exist yet.
            resource: the logical id.
            action: CREATE, UPDATE (a replacement too) or DELETE.
            times: how many fail; 0 takes back what was asked before.
            reason: the event's.
            after: fail when the resource was made, updated or deleted, not before.
        """
        self._control(
            "fail",
            stack=stack,
            resource=resource,
            action=action,
            times=times,
            reason=reason,
            after=after,
        )

    def database_away(self, cluster: str, seconds: float, how: str = "stop") -> None:
        """Let the database server of a cluster be away for `seconds`, and return at once.

        Args:
            cluster: its DBClusterIdentifier.
            seconds: until it comes back, with all that was committed.
            how: "stop" (connections are refused), "cut" (connections are broken again and again, in
                TLS handshakes too) or "failover" (open sessions end, and the writer is read-only).

        Raises:
            LocalAwsError: there is no such cluster, it is away already, or it can't be so.
        """
        self._control("database_away", cluster=cluster, seconds=seconds, how=how)

    def calls(self) -> list[Call]:
        """Return every call of its API since its start, in order; also once it is stopped."""
        return [Call(**json.loads(line)) for line in self._settings.calls.open()]

    def reclaim(self, task: str) -> bool:
        """Take a task of Fargate Spot away, as AWS does when it needs the capacity.

        Args:
            task: its ARN. It gets SIGTERM at once, and SIGKILL after its stop timeout.

        Returns:
            whether it ran, and ran on Fargate Spot.
        """
        return bool(self._control("reclaim", task=task))

    def idle(self, days: float, restoring: float = 5) -> None:
        """Let `days` go by without an invocation: functions in a VPC are inactive after 14.

        Args:
            days: for all functions; those of several calls add up.
            restoring: seconds that a function takes to be active again, from its next invocation,
                which fails; up to 90 on AWS.
        """
        self._control("idle", days=days, restoring=restoring)

    def limit_rules(self, most: int) -> None:
        """Set the account's quota of rules a load balancer, which is 100 at first.

        Args:
            most: rules of all listeners together, default ones not counted.
        """
        self._control("limit_rules", most=most)

    def settle(self) -> None:
        """Wait until whatever was written so far is in every answer (strict mode: a moment)."""
        if self._settings.strict:
            time.sleep(LATEST + _SLACK)

    def _control(self, name: str, **arguments: Any) -> Any:
        """Call a control of the server (local_aws/controls.py) and return its answer.

        Raises:
            LocalAwsError: there is no such control, or it takes other arguments.
        """
        connection = http.client.HTTPConnection("127.0.0.1", self._settings.port, timeout=60)
        headers = {controls.KEY: self._settings.secret_key}
        connection.request("POST", controls.PATH + name, json.dumps(arguments), headers)
        response = connection.getresponse()
        body = response.read()
        connection.close()
        if response.status != http.HTTPStatus.OK:
            raise LocalAwsError(f"The control {name} failed: {body.decode()}")
        return json.loads(body)

    def push_image(self, folder: Path | str, reference: str) -> str:
        """Push the image that `folder` is as NAME:TAG, and return its ECR reference.

        Raises:
            LocalAwsError: the folder has no Dockerfile that can be run, or the name is bad.
        """
        name, tag = images.name_and_tag(reference)
        manifest, _ = images.store(Path(folder).resolve(), self.directory / "images")
        ecr = self.client("ecr")
        with contextlib.suppress(ecr.exceptions.RepositoryAlreadyExistsException):
            ecr.create_repository(repositoryName=name)
        ecr.put_image(
            repositoryName=name,
            imageManifest=manifest,
            imageManifestMediaType=images.MANIFEST_TYPE,
            imageTag=tag,
        )
        return f"{ACCOUNT}.dkr.ecr.{self.region}.amazonaws.com/{name}:{tag}"

    def stop(self) -> None:
        """Stop the server and all it started; a stopped one stays so."""
        pid = self._process.pid if self._process else server_process(self.directory)
        if pid is None:
            return
        _signal(pid, signal.SIGTERM)
        deadline = time.monotonic() + _STOP_TIMEOUT
        while self._runs(pid):
            if time.monotonic() > deadline:
                _signal(pid, signal.SIGKILL)
                deadline = float("inf")
            time.sleep(0.02)
        if self._process is not None and self._process.stdin:
            self._process.stdin.close()

    def _runs(self, pid: int) -> bool:
        if self._process is not None:
            return self._process.poll() is None
        return server_process(self.directory) == pid

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop."""
        self.stop()


def _refuse_running(directory: Path) -> None:
    pid = server_process(directory)
    if pid is not None:
        raise LocalAwsError(
            f"A local AWS runs in {directory} already (process {pid}). "
            f"Stop it: python -m local_aws stop --directory {directory}"
        )


def _refuse_taken(port: int | None) -> None:
    for number in range(port, port + SERVER_PORTS) if port is not None else ():
        if not port_is_free(number):
            raise LocalAwsError(
                f"The port {number} is taken. Stop what listens there, or choose another --port."
            )


def _prepare(settings: Settings) -> None:
    directory = settings.directory
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    directory.chmod(0o700)
    for name in ("tls", "tmp", "images", "lambda-packages"):
        shutil.rmtree(directory / name, ignore_errors=True)
        (directory / name).mkdir(mode=0o700)
    settings.save()


def _launch(settings: Settings, *, attached: bool) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "local_aws.server", str(settings.directory)]
    with settings.log.open("wb") as log:
        process = subprocess.Popen(
            command + [ATTACHED] * attached,
            env=_server_environment(),
            stdin=subprocess.PIPE if attached else subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    _wait_until_healthy(settings, process)
    return process


def _server_environment() -> dict[str, str]:
    """Return what of this environment the server may see: no credentials, no settings of others."""
    kept = ("PATH", "HOME", "LANG", "LC_ALL", "PYENV_ROOT", "LD_LIBRARY_PATH")
    home = str(Path(__file__).resolve().parent.parent)
    return {name: os.environ[name] for name in kept if name in os.environ} | {"PYTHONPATH": home}


def _wait_until_healthy(settings: Settings, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + _START_TIMEOUT
    while not _is_healthy(settings):
        if process.poll() is not None:
            raise LocalAwsError(
                f"The local AWS did not start: {_tail(settings.log)} (log: {settings.log})"
            )
        if time.monotonic() > deadline:
            process.kill()
            process.wait()
            raise LocalAwsError(
                f"The local AWS did not answer within {_START_TIMEOUT} s; see {settings.log}."
            )
        time.sleep(0.02)


def _is_healthy(settings: Settings) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", settings.port, timeout=5)
    try:
        connection.request("GET", "/_ministack/health")
        return connection.getresponse().status == http.HTTPStatus.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def _tail(log: Path) -> str:
    lines = [line for line in log.read_text(errors="replace").splitlines() if line.strip()]
    return lines[-1] if lines else "it said nothing"


def _signal(pid: int, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, number)
