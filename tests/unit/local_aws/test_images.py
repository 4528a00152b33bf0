"""A folder with a Dockerfile is an image."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from local_aws.errors import LocalAwsError
from local_aws.images import folder_of, name_and_tag, read_image, store


def folder(tmp_path: Path, dockerfile: str) -> Path:
    made = tmp_path / "folder"
    made.mkdir(exist_ok=True)
    (made / "Dockerfile").write_text(dockerfile)
    return made


def test_entrypoint_and_command_are_one_command(tmp_path: Path) -> None:
    image = read_image(folder(tmp_path, 'ENTRYPOINT ["python", "-m"]\ncmd ["app"]\n'))
    assert image.command == ["python", "-m", "app"]


def test_the_last_stage_alone_counts(tmp_path: Path) -> None:
    text = 'FROM a AS build\nENV STAGE=build\nCMD ["make"]\nFROM b\nCMD ["run"]\n'
    image = read_image(folder(tmp_path, text))
    assert image.command == ["run"]
    assert image.environment == {}


def test_environment_lines_are_read_in_all_their_forms(tmp_path: Path) -> None:
    text = 'ENV A=1 B="two words" \\\n    C=${A}x\n# ENV D=4\nENV OLD form of it\nCMD ["x"]\n'
    environment = read_image(folder(tmp_path, text)).environment
    assert environment == {"A": "1", "B": "two words", "C": "${A}x", "OLD": "form of it"}


def test_a_variable_of_an_earlier_line_is_replaced(tmp_path: Path) -> None:
    image = read_image(folder(tmp_path, 'ENV A=1\nENV B=$A/b\nCMD ["x"]\n'))
    assert image.environment["B"] == "1/b"


@pytest.mark.parametrize("command", ["CMD python app.py", 'CMD ["python", 1]', 'CMD "python"'])
def test_a_command_that_is_not_in_the_json_form_is_refused(tmp_path: Path, command: str) -> None:
    with pytest.raises(LocalAwsError, match="not in the JSON form"):
        read_image(folder(tmp_path, command))


def test_a_folder_without_a_command_or_a_dockerfile_is_refused(tmp_path: Path) -> None:
    with pytest.raises(LocalAwsError, match="no CMD"):
        read_image(folder(tmp_path, "FROM scratch\n"))
    with pytest.raises(LocalAwsError, match=r"no .*Dockerfile"):
        read_image(tmp_path)


def test_the_digest_is_that_of_the_manifest_and_follows_the_content(tmp_path: Path) -> None:
    source = folder(tmp_path, 'CMD ["x"]\n')
    manifest, digest = store(source, tmp_path / "images")
    assert digest == f"sha256:{hashlib.sha256(manifest.encode()).hexdigest()}"
    assert store(source, tmp_path / "images")[1] == digest
    (source / "more").write_text("content")
    assert store(source, tmp_path / "images")[1] != digest


def test_a_pushed_image_stays_what_it_was(tmp_path: Path) -> None:
    source = folder(tmp_path, 'CMD ["one"]\n')
    manifest, _ = store(source, tmp_path / "images")
    (source / "Dockerfile").write_text('CMD ["two"]\n')
    pushed = folder_of(manifest)
    assert pushed is not None
    assert read_image(pushed).command == ["one"]


def test_what_no_image_needs_is_not_pushed(tmp_path: Path) -> None:
    source = folder(tmp_path, 'CMD ["one"]\n')
    before = store(source, tmp_path / "images")
    (source / "__pycache__").mkdir()
    (source / "__pycache__" / "a.pyc").write_bytes(b"x")
    assert store(source, tmp_path / "images") == before


def test_a_manifest_of_someone_else_names_no_folder() -> None:
    assert folder_of(json.dumps({"schemaVersion": 2})) is None


@given(st.from_regex(r"[a-z0-9]{1,8}(/[a-z0-9]{1,8})?", fullmatch=True), st.integers(0, 99))
def test_a_name_and_a_tag_are_taken_apart(name: str, number: int) -> None:
    assert name_and_tag(f"{name}:v{number}") == (name, f"v{number}")


@pytest.mark.parametrize("reference", ["orders", "Orders:1", "orders:", ":1", "a b:1", "orders:-x"])
def test_a_bad_name_says_what_a_good_one_is(reference: str) -> None:
    with pytest.raises(LocalAwsError, match="NAME:TAG"):
        name_and_tag(reference)
