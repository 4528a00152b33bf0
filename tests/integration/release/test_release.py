"""A release, made in a repository of its own by the commands that docs/upgrading.md names."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
import tarfile
from dataclasses import dataclass
from pathlib import Path

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

from release import changelog, version
from tests.collection.tools import ROOT, run, tracked

DATE = "2031-05-06"
NEXT = "7.0.0"
NEWS = "stack - the news of this release."


@dataclass(frozen=True)
class Repository:
    """A repository with what this one has, and one commit.

    root: its folder.
    """

    root: Path

    def git(self, *words: str) -> str:
        """Run git; return what it says."""
        named = ["-c", "user.name=Anna", "-c", "user.email=anna@example.com"]
        command = ["git", *named, *words]
        done = subprocess.run(command, cwd=self.root, capture_output=True, text=True, check=True)
        return done.stdout.strip()

    def commit(self, message: str) -> None:
        """Commit everything."""
        self.git("add", "--all")
        self.git("commit", "--quiet", "--message", message)

    def attempt(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run `python -m release` in it."""
        identity = {
            f"GIT_{who}_{what}": f"anna{'@example.com' * (what == 'EMAIL')}"
            for who in ("AUTHOR", "COMMITTER")
            for what in ("NAME", "EMAIL")
        }
        return subprocess.run(
            [sys.executable, "-m", "release", *words],
            cwd=self.root,
            env=os.environ | identity,
            capture_output=True,
            text=True,
            check=False,
        )

    def release(self, *words: str) -> str:
        """Run `python -m release`, which must succeed; return what it says."""
        done = self.attempt(*words)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def refused(self, *words: str) -> str:
        """Run `python -m release`, which must refuse and leave everything as it is."""
        before = self.git("status", "--porcelain"), self.git("for-each-ref")
        done = self.attempt(*words)
        assert done.returncode == 1, done.stdout
        assert (self.git("status", "--porcelain"), self.git("for-each-ref")) == before
        return done.stderr


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Repository:
    """A copy of what git would take of this checkout, with a fragment more."""
    root = tmp_path_factory.mktemp("release") / "fargate"
    for name in tracked():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / name, root / name)
    news = root / "changelogs" / "fragments"
    news.mkdir(exist_ok=True)  # git knows no empty folders, as it is after a release
    for path in news.glob("[0-9]*.yml"):
        path.unlink()
    (news / "news.yml").write_text(f"minor_changes: ['{NEWS}']\n")
    (news / f"{NEXT}.yml").write_text("release_summary: What this is about.\n")
    found = Repository(root)
    found.git("init", "--quiet", "--initial-branch=main")
    found.commit("All of it")
    (ROOT / "build" / "wheels").mkdir(parents=True, exist_ok=True)
    (root / "build").mkdir()
    (root / "build" / "wheels").symlink_to(ROOT / "build" / "wheels")  # what pip got before
    return found


def test_what_isnt_committed_stops_it(repository: Repository) -> None:
    stray = repository.root / "stray.txt"
    stray.touch()
    for command in (["prepare", NEXT], ["build"]):
        assert "stray.txt isn't committed" in repository.refused(*command)
    stray.unlink()


@pytest.mark.parametrize("number", ["1.0.0", "0.9.9", "7.0", "v7.0.0"])
def test_a_version_that_doesnt_follow_the_last_one_is_refused(
    repository: Repository, number: str
) -> None:
    assert f"{number} isn't a version after" in repository.refused("prepare", number)


def test_a_commit_that_no_release_was_prepared_in_is_not_built(repository: Repository) -> None:
    for command in (["build", "--output", "dist"], ["tag"]):
        assert "python -m release prepare" in repository.refused(*command)
    assert not (repository.root / "dist").exists()


@pytest.fixture(scope="module")
def prepared(repository: Repository) -> Repository:
    """The repository after `prepare`, committed."""
    told = repository.release("prepare", NEXT, "--date", DATE)
    assert "not committed" in told
    assert repository.git("log", "--format=%s") == "All of it"
    repository.commit(f"Release {NEXT}")
    return repository


def test_the_version_stands_wherever_it_must(prepared: Repository) -> None:
    assert version.current(prepared.root) == NEXT
    assert version.waiting(prepared.root) == {}
    assert f"    Value: {NEXT}\n" in (prepared.root / "templates" / "service.yml").read_text()


def test_the_news_are_in_the_changelog_and_no_fragment_is_left(prepared: Repository) -> None:
    assert changelog.fragments(prepared.root) == {}
    assert NEXT in changelog.released(prepared.root)
    written = (prepared.root / "CHANGELOG.md").read_text()
    assert "the news of this release" in written
    assert DATE in (prepared.root / "changelogs" / "changelog.yaml").read_text()


@pytest.fixture(scope="module")
def dist(prepared: Repository, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What `build` wrote."""
    folder = tmp_path_factory.mktemp("dist") / "first"
    told = prepared.release("build", "--output", str(folder))
    assert f"git push origin v{NEXT}" in told
    return folder


def files(folder: Path) -> dict[str, bytes]:
    return {
        str(it.relative_to(folder)): it.read_bytes() for it in folder.rglob("*") if it.is_file()
    }


def test_it_tags_and_pushes_nothing_unasked(prepared: Repository, dist: Path) -> None:
    assert dist.exists()
    assert prepared.git("tag") == ""
    assert prepared.git("status", "--porcelain") == ""


def test_a_second_build_is_the_same_to_the_byte(
    prepared: Repository, dist: Path, tmp_path: Path
) -> None:
    elsewhere = Repository(tmp_path / "elsewhere")
    prepared.git("clone", "--quiet", ".", str(elsewhere.root))
    (elsewhere.root / "build").mkdir()
    (elsewhere.root / "build" / "wheels").symlink_to(ROOT / "build" / "wheels")
    elsewhere.release("build", "--output", str(tmp_path / "second"))
    assert files(tmp_path / "second") == files(dist)


def test_every_file_has_its_checksum(dist: Path) -> None:
    written = files(dist)
    sums = written.pop("SHA256SUMS").decode()
    expected = {name: hashlib.sha256(content).hexdigest() for name, content in written.items()}
    assert sums == "".join(f"{it}  {name}\n" for name, it in sorted(expected.items()))
    subprocess.run(["sha256sum", "--quiet", "--check", "SHA256SUMS"], cwd=dist, check=True)


def test_the_collection_can_be_installed_and_verified(dist: Path, tmp_path: Path) -> None:
    tarball = dist / f"quayside-fargate-{NEXT}.tar.gz"
    where = ["--offline", "--collections-path", str(tmp_path)]
    run("ansible-galaxy", "collection", "install", "--no-deps", *where, tarball, cwd=tmp_path)
    told = run("ansible-galaxy", "collection", "verify", *where, "quayside.fargate", cwd=tmp_path)
    assert "Successfully verified that checksums" in told
    with tarfile.open(tarball) as archive:
        assert not [name for name in archive.getnames() if name.startswith(("release", "tests"))]


@pytest.mark.parametrize("target", ["python3.13-x86_64", "python3.13-arm64"])
def test_the_zips_are_those_of_the_manifest(dist: Path, target: str) -> None:
    folder = dist / "functions" / target
    manifest = json.loads((folder / "manifest.json").read_text())
    for entry in manifest.values():
        content = (folder / entry["file"]).read_bytes()
        assert hashlib.sha256(content).hexdigest() == entry["sha256"]
    assert {it.name for it in folder.glob("*.zip")} == {it["file"] for it in manifest.values()}


def bills(dist: Path) -> dict[str, dict[str, object]]:
    return {path.name: json.loads(path.read_text()) for path in dist.glob("*.cdx.json")}


def test_every_bill_is_valid_cyclonedx(dist: Path) -> None:
    validator = JsonStrictValidator(SchemaVersion.V1_6)
    assert len(bills(dist)) == 3
    for name in bills(dist):
        assert validator.validate_str((dist / name).read_text()) is None


@pytest.mark.parametrize("target", ["python3.13-x86_64", "python3.13-arm64"])
def test_a_functions_bill_names_its_zips_and_what_they_hold(dist: Path, target: str) -> None:
    bill = json.loads((dist / f"functions-{NEXT}-{target}.cdx.json").read_text())
    parts = {it["name"]: it for it in bill["components"]}
    zips = {it.name for it in (dist / "functions" / target).glob("*.zip")}
    assert zips < parts.keys()
    assert {"crhelper", "psycopg2-binary"} == parts.keys() - zips
    for name in zips:
        content = (dist / "functions" / target / name).read_bytes()
        assert parts[name]["hashes"] == [
            {"alg": "SHA-256", "content": hashlib.sha256(content).hexdigest()}
        ]
    needs = {it["ref"]: it.get("dependsOn", []) for it in bill["dependencies"]}
    (postgres,) = [name for name in zips if name.startswith("postgres-")]
    assert parts["psycopg2-binary"]["bom-ref"] in needs[postgres]


def test_the_images_bill_names_every_package_that_is_locked(dist: Path) -> None:
    bill = json.loads((dist / f"image-{NEXT}.cdx.json").read_text())
    named = {it.get("purl") for it in bill["components"]}
    locked = [
        line.split()[0].split(";")[0]
        for name in ("requirements", "collections")
        for line in (ROOT / "deploy_image" / f"{name}.txt").read_text().splitlines()
        if "==" in line
    ]
    assert len(locked) > 10
    assert {f"pkg:pypi/{it.replace('==', '@')}" for it in locked} < named
    assert "pkg:docker/python@3.13-slim" in named


def test_a_folder_that_holds_something_is_left_alone(prepared: Repository, dist: Path) -> None:
    assert "isn't empty" in prepared.refused("build", "--output", str(dist))


def test_a_tag_is_given_when_it_is_asked_for_and_kept_afterwards(
    prepared: Repository, dist: Path
) -> None:
    before = files(dist)
    for _ in range(2):
        assert f"git push origin v{NEXT}" in prepared.release("tag")
        assert prepared.git("tag") == f"v{NEXT}"
    assert prepared.git("rev-parse", f"v{NEXT}^{{commit}}") == prepared.git("rev-parse", "HEAD")
    assert files(dist) == before
    (prepared.root / "README.md").open("a").write("More.\n")
    prepared.commit("After it")
    for command in (["build", "--output", "again"], ["tag"]):
        assert f"Tag v{NEXT} is of another commit" in prepared.refused(*command)
