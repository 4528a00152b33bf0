"""Every way in which botocore finds credentials that can be had here, as a home and an environment.

Not to be had here: the instance's and container's own addresses (169.254.*; loopback stands for
them), a second factor (it takes a keyboard), the long gone credentials file of EC2's first tools
(AWS_CREDENTIAL_FILE) and boto 2's configuration.
"""

from __future__ import annotations

import base64
import datetime
import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from local_aws.control import LocalAws
from tests.integration.plugins import credential_endpoints as endpoints

ISSUER = "gitlab.example.com"
AUDIENCE = "sts.amazonaws.com"
LOGIN_SESSION = "arn:aws:iam::000000000000:user/somebody"
START_URL = "https://example.awsapps.com/start"


@dataclass(frozen=True)
class World:
    """What a source is made of.

    aws: the account; keys: a user's key, as environment; role: ARN of the role that this user and
    a web identity may assume; address: of the endpoints; give: temporary credentials of the role.
    """

    aws: LocalAws
    keys: Mapping[str, str]
    role: str
    address: str
    give: Callable[[], endpoints.Given]


@dataclass
class Source:
    """An environment to run ansible-playbook in; its home folder is its own.

    home: where .aws is; environment: beside HOME; profile: for option profile, if it takes one.
    """

    home: Path
    environment: dict[str, str] = field(default_factory=dict)
    profile: str = ""

    def write(self, name: str, content: str) -> Path:
        """Write a file below ~/.aws."""
        path = self.home / ".aws" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, encoding="utf-8")
        return path

    def configure(self, profile: str, settings: Mapping[str, str], kind: str = "profile") -> None:
        """Add a section to ~/.aws/config."""
        head = "default" if profile == "default" else f"{kind} {profile}"
        lines = [f"[{head}]", *(f"{key} = {value}" for key, value in settings.items()), ""]
        path = self.home / ".aws" / "config"
        before = path.read_text(encoding="utf-8") if path.exists() else ""
        self.write("config", before + "\n".join(lines) + "\n")


def _lower(keys: Mapping[str, str]) -> dict[str, str]:
    return {name.lower(): value for name, value in keys.items()}


def session_environment(world: World) -> dict[str, str]:
    """Return temporary credentials as environment."""
    given = world.give()
    return {
        "AWS_ACCESS_KEY_ID": given["AccessKeyId"],
        "AWS_SECRET_ACCESS_KEY": given["SecretAccessKey"],
        "AWS_SESSION_TOKEN": given["SessionToken"],
    }


def environment(world: World, source: Source) -> None:
    """A user's key in the environment."""
    source.environment |= world.keys


def session_in_environment(world: World, source: Source) -> None:
    """Temporary credentials in the environment, as GitHub's action leaves them after OIDC."""
    source.environment |= session_environment(world)


def shared_file(world: World, source: Source) -> None:
    """~/.aws/credentials, by AWS_PROFILE."""
    lines = [f"{key} = {value}" for key, value in _lower(world.keys).items()]
    source.write("credentials", "\n".join(["[team]", *lines]))
    source.environment["AWS_PROFILE"] = "team"


def config_file(world: World, source: Source) -> None:
    """~/.aws/config, without a profile."""
    source.configure("default", _lower(world.keys))


def assumed_role(world: World, source: Source) -> None:
    """A role that a profile assumes with another profile's key."""
    source.configure("base", _lower(world.keys))
    source.configure("deploy", {"role_arn": world.role, "source_profile": "base"})
    source.environment["AWS_PROFILE"] = "deploy"


def assumed_role_from(kind: str, given: Callable[[World, Source], None]) -> Any:
    """Return the source of a role that a profile assumes with credential_source."""

    def source_of(world: World, source: Source) -> None:
        given(world, source)
        source.configure("deploy", {"role_arn": world.role, "credential_source": kind})
        if kind == "Environment":
            source.profile = "deploy"  # AWS_PROFILE would lose against the key beside it
        else:
            source.environment["AWS_PROFILE"] = "deploy"

    return source_of


def token(subject: str = "project_path:team/orders:ref_type:branch:ref:main") -> str:
    """Return a web identity's token; the local AWS reads its claims, and verifies no signature."""
    claims = {"iss": f"https://{ISSUER}", "aud": AUDIENCE, "sub": subject}
    parts: tuple[dict[str, str], ...] = ({"alg": "none"}, claims, {})
    return ".".join(
        base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode() for part in parts
    )


def web_identity(world: World, source: Source) -> None:
    """AWS_WEB_IDENTITY_TOKEN_FILE, as on EKS and in GitLab."""
    path = source.write("token", token())
    source.environment |= {"AWS_WEB_IDENTITY_TOKEN_FILE": str(path), "AWS_ROLE_ARN": world.role}


def web_identity_of_profile(world: World, source: Source) -> None:
    """A profile's web_identity_token_file."""
    path = source.write("token", token())
    source.configure("deploy", {"role_arn": world.role, "web_identity_token_file": str(path)})
    source.environment["AWS_PROFILE"] = "deploy"


def container(world: World, source: Source) -> None:
    """A container's endpoint, with a token."""
    source.environment |= {
        "AWS_CONTAINER_CREDENTIALS_FULL_URI": f"{world.address}/container",
        "AWS_CONTAINER_AUTHORIZATION_TOKEN": endpoints.AUTHORIZATION,
    }


def container_with_token_file(world: World, source: Source) -> None:
    """The same with the token in a file, as EKS Pod Identity has it."""
    container(world, source)
    del source.environment["AWS_CONTAINER_AUTHORIZATION_TOKEN"]
    path = source.write("authorization", endpoints.AUTHORIZATION)
    source.environment["AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"] = str(path)


def instance(world: World, source: Source) -> None:
    """The role of an EC2 instance, as a Jenkins node has it."""
    source.environment["AWS_EC2_METADATA_SERVICE_ENDPOINT"] = f"{world.address}/"
    del source.environment["AWS_EC2_METADATA_DISABLED"]


def process(world: World, source: Source) -> None:
    """A program of the user's."""
    given = world.give()
    answer = {"Version": 1, **{key: given[key] for key in given if key != "Expiration"}}
    answer["Expiration"] = given["Expiration"].isoformat()
    source.write("answer.json", json.dumps(answer))
    program = f"cat {source.home}/.aws/answer.json"
    source.configure("default", {"credential_process": program})


def identity_center(world: World, source: Source) -> None:
    """IAM Identity Center's cached token, with an sso-session."""
    _identity_center(world, source, {"accessToken": endpoints.SSO_TOKEN, "expiresAt": _moment(60)})


def identity_center_refreshed(world: World, source: Source) -> None:
    """The same with a token that is over, and is refreshed."""
    _identity_center(
        world,
        source,
        {
            "accessToken": "old",
            "expiresAt": _moment(-60),
            "refreshToken": endpoints.SSO_REFRESH,
            "clientId": "client",
            "clientSecret": "hush",
            "registrationExpiresAt": _moment(600),
        },
    )


def identity_center_expired(world: World, source: Source) -> None:
    """The same with a token that is over for good."""
    _identity_center(world, source, {"accessToken": "old", "expiresAt": _moment(-60)})


def identity_center_without_session(world: World, source: Source) -> None:
    """IAM Identity Center as profiles had it before sso-session."""
    settings = {"sso_start_url": START_URL, "sso_region": world.aws.region}
    account = {"sso_account_id": world.aws.account, "sso_role_name": "deployer"}
    source.configure("default", {**settings, **account})
    cached = {"accessToken": endpoints.SSO_TOKEN, "expiresAt": _moment(60)}
    source.write(_cache("sso", START_URL, hashlib.sha1), json.dumps({**settings, **cached}))
    source.environment |= _sso_endpoints(world)


def login(world: World, source: Source) -> None:
    """`aws login`'s cached token."""
    _login(world, source, minutes=60)


def login_refreshed(world: World, source: Source) -> None:
    """The same when its credentials are over, and are refreshed."""
    _login(world, source, minutes=-60)


def _identity_center(world: World, source: Source, cached: dict[str, str]) -> None:
    session = {"sso_start_url": START_URL, "sso_region": world.aws.region}
    source.configure("team", session, kind="sso-session")
    account = {"sso_account_id": world.aws.account, "sso_role_name": "deployer"}
    source.configure("deploy", {"sso_session": "team", **account})
    source.write(_cache("sso", "team", hashlib.sha1), json.dumps({**session, **cached}))
    source.environment |= {"AWS_PROFILE": "deploy", **_sso_endpoints(world)}


def _sso_endpoints(world: World) -> dict[str, str]:
    return dict.fromkeys(("AWS_ENDPOINT_URL_SSO", "AWS_ENDPOINT_URL_SSO_OIDC"), world.address)


def _login(world: World, source: Source, minutes: int) -> None:
    given = world.give()
    key = ec.generate_private_key(ec.SECP256R1()).private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.TraditionalOpenSSL,
        serialization.NoEncryption(),
    )
    cached = {
        "accessToken": {
            "accessKeyId": given["AccessKeyId"],
            "secretAccessKey": given["SecretAccessKey"],
            "sessionToken": given["SessionToken"],
            "accountId": world.aws.account,
            "expiresAt": _moment(minutes),
        },
        "tokenType": "urn:aws:params:oauth:token-type:access_token_sigv4",
        "refreshToken": endpoints.LOGIN_REFRESH,
        "clientId": "client",
        "dpopKey": key.decode(),
    }
    source.configure("default", {"login_session": LOGIN_SESSION})
    source.write(_cache("login", LOGIN_SESSION, hashlib.sha256), json.dumps(cached))
    source.environment["AWS_ENDPOINT_URL_SIGNIN"] = world.address


def _cache(kind: str, name: str, digest: Any) -> str:
    return f"{kind}/cache/{digest(name.encode()).hexdigest()}.json"


def _moment(minutes: int) -> str:
    moment = datetime.datetime.now(datetime.UTC) + datetime.timedelta(minutes=minutes)
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


SOURCES: dict[str, Callable[[World, Source], None]] = {
    it.__name__: it
    for it in (
        environment,
        session_in_environment,
        shared_file,
        config_file,
        assumed_role,
        web_identity,
        web_identity_of_profile,
        container,
        container_with_token_file,
        instance,
        process,
        identity_center,
        identity_center_refreshed,
        identity_center_without_session,
        login,
        login_refreshed,
    )
} | {
    "assumed_role_from_environment": assumed_role_from("Environment", environment),
    "assumed_role_from_container": assumed_role_from("EcsContainer", container),
    "assumed_role_from_instance": assumed_role_from("Ec2InstanceMetadata", instance),
}
