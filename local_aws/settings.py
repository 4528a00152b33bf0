"""What one local AWS is: its directory, ports, loopback addresses, region and root key."""

from __future__ import annotations

import ipaddress
import json
import os
import secrets
import socket
from dataclasses import dataclass
from pathlib import Path

from local_aws.errors import LocalAwsError

ACCOUNT = "000000000000"
DEFAULT_REGION = "eu-central-1"
ADDRESS = "127.0.0.1"  # at which databases listen

# One local AWS owns the ports [64 n, 64 n + 63] and the loopback addresses 127.0.0.0 + n * 2**14:
# 1024 blocks of each, so that what is distinct in ports is distinct in addresses as well.
BLOCK_PORTS = 64
SERVER_PORTS = 4  # of the block, taken by the server itself
BLOCK_ADDRESSES = 1 << 14
# Below 32768 the kernel hands out no ephemeral port; most well-known servers live below 10240.
FREE_BLOCKS = range(10240 // BLOCK_PORTS, 32768 // BLOCK_PORTS)
LATEST = 0.7  # seconds that an answer may be old, in strict mode (mends/strict/lateness.py)


@dataclass(frozen=True)
class Settings:
    """The settings of one local AWS, kept in `server.json` (mode 600) of its directory.

    Args:
        directory: absolute; everything it writes is below (mode 700).
        port: of the API over HTTP; those after it serve TLS and the load balancers.
        region: the only one; unsigned requests resolve in it.
        access_key, secret_key: the account's root, random for each start.
        strict: answers are a moment old, calls are throttled, and names stay taken as on AWS.
    """

    directory: Path
    port: int
    region: str
    access_key: str
    secret_key: str
    strict: bool = False

    @property
    def tls_port(self) -> int:
        """Port of the same API over TLS, which crhelper insists on."""
        return self.port + 1

    @property
    def front_port(self) -> int:
        """Port at which the load balancers' listeners of port 80 answer, chosen by the host."""
        return self.port + 2

    @property
    def secure_front_port(self) -> int:
        """Port at which their listeners of port 443 answer, over TLS."""
        return self.port + 3

    @property
    def ports(self) -> range:
        """The ports above, which must all be free at start."""
        return range(self.port, self.port + SERVER_PORTS)

    @property
    def database_ports(self) -> range:
        """Ports left for database servers."""
        return range(self.port + SERVER_PORTS, self.first_port + BLOCK_PORTS)

    @property
    def endpoint(self) -> str:
        """URL of the API, as AWS_ENDPOINT_URL takes it."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def ca_bundle(self) -> Path:
        """The public authorities and the local one, as one PEM file."""
        return self.directory / "tls" / "bundle.pem"

    @property
    def calls(self) -> Path:
        """Where the server writes who called what."""
        return self.directory / "calls.jsonl"

    @property
    def log(self) -> Path:
        """Standard output and error of the server."""
        return self.directory / "server.log"

    @property
    def first_port(self) -> int:
        """First port of the block."""
        return self.port // BLOCK_PORTS * BLOCK_PORTS

    @property
    def last_address(self) -> str:
        """Last address of the block, which no task gets."""
        return self._address(BLOCK_ADDRESSES - 1)

    def address(self, number: int) -> str:
        """Return the loopback address of task `number` (from 1), of this local AWS alone."""
        return self._address(1 + (number - 1) % (BLOCK_ADDRESSES - 2))

    def _address(self, offset: int) -> str:
        block = self.port // BLOCK_PORTS
        return str(ipaddress.IPv4Address("127.0.0.0") + block * BLOCK_ADDRESSES + offset)

    def environment(self) -> dict[str, str]:
        """Return what an AWS client needs in its environment."""
        return {
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_ACCESS_KEY_ID": self.access_key,
            "AWS_SECRET_ACCESS_KEY": self.secret_key,
            "AWS_REGION": self.region,
            "AWS_DEFAULT_REGION": self.region,
        }

    def save(self) -> None:
        """Write `server.json`, readable by its owner alone: it holds the root key."""
        path = self.directory / "server.json"
        path.unlink(missing_ok=True)
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            json.dump(self.__dict__ | {"directory": str(self.directory)}, file)

    @classmethod
    def load(cls, directory: Path) -> Settings:
        """Return the settings kept in `directory`.

        Raises:
            LocalAwsError: no local AWS was started there.
        """
        try:
            kept = json.loads((directory / "server.json").read_text())
        except FileNotFoundError:
            raise LocalAwsError(
                f"No local AWS was started in {directory}. "
                f"Start one: python -m local_aws start --directory {directory}"
            ) from None
        return cls(**kept | {"directory": Path(kept["directory"])})

    @classmethod
    def fresh(cls, directory: Path, port: int, region: str, *, strict: bool = False) -> Settings:
        """Return settings with a new random root key."""
        key = "AKIA" + "".join(
            secrets.choice("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567") for _ in range(16)
        )
        return cls(directory, port, region, key, secrets.token_urlsafe(30), strict)


def port_is_free(port: int, address: str = "127.0.0.1") -> bool:
    """Return whether a server could listen on `port` (TCP) of `address` now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((address, port))
        except OSError:
            return False
    return True


def free_port() -> int:
    """Return the first port of a block that no one uses.

    Raises:
        LocalAwsError: every block is in use.
    """
    first = secrets.randbelow(len(FREE_BLOCKS))
    for step in range(len(FREE_BLOCKS)):
        port = FREE_BLOCKS[(first + step) % len(FREE_BLOCKS)] * BLOCK_PORTS
        if all(port_is_free(port + offset) for offset in range(SERVER_PORTS)):
            return port
    raise LocalAwsError("No block of 64 free ports is left. Stop some local AWS, or name a --port.")
