"""What is in the deploy image, and what is not."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from packaging.specifiers import SpecifierSet

from deploy_image.download_wheels import WHEELS
from tests.e2e.platform import ROOT
from tests.image import containers, deploy_image
from tests.image.containers import docker, inspect, run

MEGABYTE = 1_000_000
# The role `variables` has none: the others depend on it.
ROLES = sorted(path.parts[-3] for path in (ROOT / "roles").glob("*/meta/argument_specs.yml"))
# Certificates that packages bring, all of public authorities.
PUBLIC_CERTIFICATES = {"opt/venv/lib/python3.13/site-packages/botocore/cacert.pem"}


@pytest.fixture(scope="module")
def own_files(image: str, base: str, tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """Content of all files that the image has and its base image has not, by path."""
    before = {name for name, _ in _files(base, tmp_path_factory.mktemp("base"))}
    files = _files(image, tmp_path_factory.mktemp("image"))
    return {name: content for name, content in files if name not in before}


def _files(image: str, folder: Path) -> Iterator[tuple[str, bytes]]:
    container = docker("create", image, "true").strip()
    try:
        docker("export", "--output", str(folder / "files.tar"), container)
    finally:
        docker("rm", container)
    with tarfile.open(folder / "files.tar") as archive:
        for member in archive:
            if member.isfile() and (file := archive.extractfile(member)):
                yield member.name, file.read()


def test_its_structure_is_what_pipelines_rely_on(image: str) -> None:
    program = Path(sys.executable).parent / "container-structure-test"
    config = ROOT / "tests" / "image" / "structure.yml"
    command = [str(program), "test", "--image", image, "--config", str(config)]
    answer = subprocess.run(command, capture_output=True, text=True, check=False)
    assert answer.returncode == 0, answer.stdout + answer.stderr


def test_it_adds_little_to_its_base_image(image: str, base: str) -> None:
    assert inspect(image)["Size"] - inspect(base)["Size"] < 80 * MEGABYTE


def test_it_has_the_version_of_the_collection(image: str) -> None:
    version = yaml.safe_load((ROOT / "galaxy.yml").read_text())["version"]
    assert inspect(image)["Config"]["Labels"]["org.opencontainers.image.version"] == version
    listed = json.loads(run(image, "ansible-galaxy", "collection", "list", "--format", "json"))
    assert listed["/opt/collections/ansible_collections"]["quayside.fargate"]["version"] == version


def test_its_ansible_core_is_the_one_that_the_package_ansible_needs(image: str) -> None:
    (wheel,) = WHEELS.glob("ansible-*.whl")
    with zipfile.ZipFile(wheel) as archive:
        (name,) = [name for name in archive.namelist() if name.endswith(".dist-info/METADATA")]
        (wanted,) = re.findall(
            r"^Requires-Dist: ansible-core(.*)$", archive.read(name).decode(), re.M
        )
    code = "from importlib.metadata import version; print(version('ansible-core'))"
    assert run(image, "python", "-c", code).strip() in SpecifierSet(wanted)


def test_it_has_two_collections_and_no_more(image: str) -> None:
    listed = json.loads(run(image, "ansible-galaxy", "collection", "list", "--format", "json"))
    (collections,) = listed.values()
    assert set(collections) == {"amazon.aws", "quayside.fargate"}


def test_every_role_documents_its_variables(image: str) -> None:
    names = [f"quayside.fargate.{role}" for role in ROLES]
    documented = json.loads(run(image, "ansible-doc", "--type", "role", "--json", *names))
    for name in names:
        options = documented[name]["entry_points"]["main"]["options"]
        assert f"{name.rpartition('.')[2]}_platform" in options


def test_every_module_and_lookup_has_a_documentation(image: str) -> None:
    for kind, folder in ("module", "modules"), ("lookup", "lookup"):
        names = [
            f"quayside.fargate.{path.stem}"
            for path in (ROOT / "plugins" / folder).glob("[a-z]*.py")
        ]
        documented = json.loads(run(image, "ansible-doc", "--type", kind, "--json", *names))
        assert set(documented) == set(names)


def test_the_collection_in_it_is_the_one_that_the_checkout_makes(
    own_files: dict[str, bytes], tmp_path: Path
) -> None:
    galaxy = str(Path(sys.executable).parent / "ansible-galaxy")
    command = [galaxy, "collection", "build", "--output-path", str(tmp_path), str(ROOT)]
    subprocess.run(command, check=True, capture_output=True)
    (tarball,) = tmp_path.glob("*.tar.gz")
    folder = "opt/collections/ansible_collections/quayside/fargate/"

    with tarfile.open(tarball) as archive:
        made = {
            folder + member.name: file.read()
            for member in archive
            if member.isfile() and (file := archive.extractfile(member))
        }
    found = {
        name: content
        for name, content in own_files.items()
        if name.startswith(folder) and not name.startswith(f"{folder}build/")
    }
    assert found.keys() == made.keys()
    assert {name for name in made if made[name] != found[name]} <= {
        folder + "FILES.json",  # lists files in the order of the file system
        folder + "MANIFEST.json",  # has the checksum of FILES.json
    }


def test_the_builders_index_is_in_no_layer_and_no_file(
    image: str, own_files: dict[str, bytes]
) -> None:
    secret = deploy_image.CANARY
    assert secret not in docker("history", "--no-trunc", image)
    assert secret not in json.dumps(inspect(image))
    assert not [name for name, content in own_files.items() if secret.encode() in content]


def test_no_layer_tells_of_an_index_or_a_certificate(image: str) -> None:
    history = docker("history", "--no-trunc", "--format", "{{.CreatedBy}}", image)
    assert not re.findall(r"(?i)pip_|index|\bcert|proxy", history)


def test_it_holds_no_settings_of_pip_and_no_certificates_but_public_ones(
    own_files: dict[str, bytes],
) -> None:
    assert not [name for name in own_files if Path(name).name in {"pip.conf", ".netrc", ".pypirc"}]
    begin = b"-----BEGIN "
    certificates = {
        name for name, content in own_files.items() if content.startswith(begin + b"CERTIFICATE")
    }
    assert certificates <= PUBLIC_CERTIFICATES
    keys = re.compile(rb"^-----BEGIN [A-Z ]*PRIVATE KEY-----\n[A-Za-z0-9+/=\n]{64}", re.MULTILINE)
    assert not [name for name, content in own_files.items() if keys.search(content)]


def test_nothing_in_it_can_be_written_or_gives_rights(image: str) -> None:
    found = run(image, "find", "/opt", "-not", "-type", "l", "-perm", "/6022")
    assert found == ""


def test_everybody_can_read_all_of_it(image: str) -> None:
    unreadable = run(image, "find", "/opt", "/etc/ansible", "-not", "-readable")
    assert unreadable == ""


def test_containers_run_without_a_writable_file_system(image: str) -> None:
    limits = [word for word in containers.HARDENED if word not in {"--tmpfs", "/tmp"}]
    docker("run", "--rm", *limits, "--user", "4711:4712", image, "python", "-c", "import boto3")
