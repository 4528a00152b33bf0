"""Taking a collection out of ansible's wheel."""

from __future__ import annotations

import hashlib
import json
import zipfile
from pathlib import Path

import pytest

from deploy_image.unpack_collection import CollectionError, main, unpack

PLUGINS = {"plugins/modules/thing.py": b"thing = 1\n", "plugins/lookup/other.py": b"other = 2\n"}


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def wheel(folder: Path, published: dict[str, bytes], shipped: dict[str, bytes]) -> Path:
    """Make a wheel with the collection acme.tools and another.

    Args:
        folder: for the wheel.
        published: files that the collection's list of checksums names.
        shipped: files that are in the wheel, besides that list and the manifest.
    """
    listed = [
        {"name": name, "ftype": "file", "chksum_sha256": sha256(content)}
        for name, content in published.items()
    ]
    files = json.dumps({"files": [{"name": ".", "ftype": "dir"}, *listed]}).encode()
    manifest = {"file_manifest_file": {"name": "FILES.json", "chksum_sha256": sha256(files)}}
    path = folder / "ansible-1-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("ansible_collections/acme/tools/MANIFEST.json", json.dumps(manifest))
        for name, content in {"FILES.json": files, **shipped}.items():
            archive.writestr(f"ansible_collections/acme/tools/{name}", content)
        archive.writestr("ansible_collections/acme/others/README.md", b"another collection")
    return path


def test_a_collection_is_taken_whole_and_alone(tmp_path: Path) -> None:
    count = unpack(wheel(tmp_path, PLUGINS, PLUGINS), "acme.tools", tmp_path / "target")

    collection = tmp_path / "target" / "ansible_collections" / "acme" / "tools"
    for name, content in PLUGINS.items():
        assert (collection / name).read_bytes() == content
    assert count == len(PLUGINS) + 2
    assert [path.name for path in collection.parent.iterdir()] == ["tools"]


def test_tests_and_dot_files_that_the_wheel_leaves_out_are_not_missed(tmp_path: Path) -> None:
    published = {**PLUGINS, "tests/unit/test_thing.py": b"", ".gitignore": b""}

    unpack(wheel(tmp_path, published, PLUGINS), "acme.tools", tmp_path / "target")


@pytest.mark.parametrize(
    ("shipped", "refusal"),
    [
        pytest.param(
            {**PLUGINS, "plugins/modules/thing.py": b"thing = 3\n"},
            "not as published: plugins/modules/thing.py",
            id="changed",
        ),
        pytest.param(
            {**PLUGINS, "plugins/modules/added.py": b""},
            "not as published: plugins/modules/added.py",
            id="added",
        ),
        pytest.param(
            {"plugins/lookup/other.py": b"other = 2\n"},
            "missing: plugins/modules/thing.py",
            id="missing",
        ),
    ],
)
def test_a_collection_that_was_altered_is_refused_and_nothing_is_written(
    tmp_path: Path, shipped: dict[str, bytes], refusal: str
) -> None:
    with pytest.raises(CollectionError, match=refusal):
        unpack(wheel(tmp_path, PLUGINS, shipped), "acme.tools", tmp_path / "target")
    assert not (tmp_path / "target").exists()


def test_an_altered_list_of_checksums_is_refused(tmp_path: Path) -> None:
    altered = {**PLUGINS, "FILES.json": json.dumps({"files": []}).encode()}

    with pytest.raises(CollectionError, match=r"not as published: .*FILES\.json"):
        unpack(wheel(tmp_path, PLUGINS, altered), "acme.tools", tmp_path / "target")


def test_a_collection_that_is_not_in_the_wheel_is_refused_by_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = wheel(tmp_path, PLUGINS, PLUGINS)
    words = ["unpack_collection.py", str(path), "acme.absent", str(tmp_path)]
    monkeypatch.setattr("sys.argv", words)

    assert main() == 1
    assert "has no collection acme.absent" in capsys.readouterr().err
