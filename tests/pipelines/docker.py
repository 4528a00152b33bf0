"""The command `docker` of the node that stands in for Jenkins'.

`docker build` and `docker run` are the engine's own, but for the base image and the network.
`docker push` stands in: the local AWS has no registry that the engine could push to, so the image's
working directory, command and variables are recorded in the local ECR, with the rights of who
pushes. What runs later is what was built, but for Python and packages, which are this machine's.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any, NoReturn

import boto3

from local_aws import images

BASE_IMAGE = "PIPELINES_BASE_IMAGE"
ENGINE = "PIPELINES_DOCKER"
IMAGES = "PIPELINES_IMAGES"


def main(arguments: list[str]) -> None:
    """Do what `docker ARGUMENTS` does."""
    match arguments:
        case ["build", *options]:
            base = ["--network", "none", "--build-arg", f"BASE_IMAGE={os.environ[BASE_IMAGE]}"]
            _become("build", *base, *options)
        case ["run", *options]:
            _become("run", "--network", "host", *options)  # where the local AWS is
        case ["push", reference]:
            print(push(reference))
        case _:
            sys.exit(f"The stand-in for docker doesn't know {arguments}.")


def _become(*words: str) -> NoReturn:
    os.execv(os.environ[ENGINE], ["docker", *words])


def push(reference: str) -> str:
    """Record the image REGISTRY/NAME:TAG in the local ECR; return its digest.

    Raises:
        subprocess.CalledProcessError: there is no such image.
        botocore.exceptions.ClientError: who pushes may not, or ECR has no such repository.
    """
    _, _, name_and_tag = reference.partition("/")
    name, tag = images.name_and_tag(name_and_tag)
    with tempfile.TemporaryDirectory() as folder:
        _export(reference, Path(folder))
        manifest, digest = images.store(Path(folder), Path(os.environ[IMAGES]))
    ecr = boto3.client("ecr", region_name=os.environ["AWS_REGION"])
    ecr.get_authorization_token()
    ecr.put_image(
        repositoryName=name,
        imageManifest=manifest,
        imageManifestMediaType=images.MANIFEST_TYPE,
        imageTag=tag,
    )
    return f"{tag}: digest: {digest}"


def _export(reference: str, folder: Path) -> None:
    """Write the image's working directory, and a Dockerfile that says how it is run."""
    (image,) = json.loads(_engine("image", "inspect", reference))
    config: dict[str, Any] = image["Config"]
    container = _engine("create", reference).strip()
    try:
        _engine("cp", f"{container}:{config['WorkingDir']}/.", str(folder))
    finally:
        _engine("rm", container)
    lines = [f"ENV {json.dumps(variable)}" for variable in config["Env"]]
    lines += [f"{key.upper()} {json.dumps(config[key])}" for key in ("Entrypoint", "Cmd")]
    lines = [line for line in lines if not line.endswith("null")]
    (folder / "Dockerfile").write_text("\n".join(["FROM scratch", *lines, ""]))


def _engine(*words: str) -> str:
    command = [os.environ[ENGINE], *words]
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout


if __name__ == "__main__":
    main(sys.argv[1:])
