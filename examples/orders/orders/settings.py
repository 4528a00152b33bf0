"""Settings of the process: read from the environment once, checked before anything starts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import ip_address
from pathlib import Path

# PostgreSQL, "SSL Support": prefer and allow, left out here, may fall back to plain text.
SSL_MODES = ("require", "verify-ca", "verify-full", "disable")
LOG_LEVELS = ("debug", "info", "warning", "error")


class SettingsError(ValueError):
    """A variable of the environment is missing or wrong; the message names it, never its value."""


@dataclass(frozen=True)
class Settings:
    """What the process needs to know.

    Attributes:
        database_host: name or address of the PostgreSQL server.
        database_port: its TCP port.
        database_name: name of the service's own database.
        database_username: login role, blue or green.
        database_password: its password; never shown by repr().
        ssl_mode: libpq's sslmode, one of SSL_MODES.
        ssl_root_certificate: path of the certificates to trust, or None.
        database_wait_seconds: how long an unreachable database is retried at start.
        bind_host: address to listen on.
        port: TCP port to listen on; 0 takes a free one.
        log_level: name of the lowest level that is logged.
    """

    database_host: str
    database_port: int
    database_name: str
    database_username: str
    database_password: str = field(repr=False)
    ssl_mode: str
    ssl_root_certificate: str | None
    database_wait_seconds: int
    bind_host: str
    port: int
    log_level: str

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> Settings:
        """Read and check the settings.

        Args:
            environment: os.environ, or a mapping like it.

        Raises:
            SettingsError: names every variable that is missing or wrong, all at once.
        """
        reader = _Reader(environment)
        certificate = reader.certificate("DB_SSLROOTCERT")
        settings = cls(
            database_host=reader.text("DB_HOST"),
            database_port=reader.integer("DB_PORT", 5432, 1, 65535),
            database_name=reader.text("DB_NAME"),
            database_username=reader.text("DB_USERNAME"),
            database_password=reader.text("DB_PASSWORD"),
            ssl_mode=reader.choice(
                "DB_SSLMODE", "verify-full" if certificate else "require", SSL_MODES
            ),
            ssl_root_certificate=certificate,
            database_wait_seconds=reader.integer("DB_WAIT_SECONDS", 30, 0, 300),
            bind_host=reader.address("BIND_HOST", "0.0.0.0"),  # noqa: S104 - a container's own address
            port=reader.integer("PORT", 8080, 0, 65535),
            log_level=reader.choice("LOG_LEVEL", "info", LOG_LEVELS).upper(),
        )
        reader.raise_problems()
        return settings

    def connection(self) -> dict[str, str | int]:
        """Return libpq's connection parameters (PostgreSQL, "Parameter Key Words")."""
        parameters: dict[str, str | int] = {
            "host": self.database_host,
            "port": self.database_port,
            "dbname": self.database_name,
            "user": self.database_username,
            "password": self.database_password,
            "sslmode": self.ssl_mode,
            "connect_timeout": 5,
            "application_name": "orders",
        }
        if self.ssl_root_certificate:
            parameters["sslrootcert"] = self.ssl_root_certificate
        return parameters


class _Reader:
    """Reads variables one by one and gathers what is wrong with them."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self.environment = environment
        self.problems: list[str] = []

    def text(self, name: str) -> str:
        value = self.environment.get(name, "")
        if not value:
            self.problems.append(f"{name} is missing")
        return value

    def integer(self, name: str, default: int, lowest: int, highest: int) -> int:
        value = self.environment.get(name) or str(default)
        if value.isascii() and value.isdigit() and lowest <= int(value[:10]) <= highest:
            return int(value)
        self.problems.append(f"{name} is not a whole number from {lowest} to {highest}")
        return default

    def choice(self, name: str, default: str, choices: tuple[str, ...]) -> str:
        value = self.environment.get(name) or default
        if value not in choices:
            self.problems.append(f"{name} is not one of {', '.join(choices)}")
        return value

    def address(self, name: str, default: str) -> str:
        value = self.environment.get(name) or default
        try:
            ip_address(value)
        except ValueError:
            self.problems.append(f"{name} is not an IP address")
        return value

    def certificate(self, name: str) -> str | None:
        value = self.environment.get(name)
        if value and not Path(value).is_file():
            self.problems.append(f"{name} names no file")
        return value or None

    def raise_problems(self) -> None:
        if self.problems:
            raise SettingsError(
                f"The environment is incomplete: {'; '.join(self.problems)}. "
                "Set it in the service's playbook (service_environment, service_secrets)."
            )
