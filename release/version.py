"""Writes galaxy.yml's version wherever else a file must name it.

    python -m release.version

That is in the last two outputs of each template, which say where a stack comes from, in the
examples' pipelines, which name the deploy image, in what README and docs/status.md show of
status.yml, and in the compact template. Tests hold them.
"""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[1]
_LINE = re.compile(r"^version: *(\S+)$", re.MULTILINE)
_OUTPUTS = """\
  Template:
    Description: Template of the stack.
    Value: {template}
  Version:
    Description: Version of Quayside.
    Value: {version}
"""
_WRITTEN = re.compile(
    re.escape(_OUTPUTS)
    .replace(re.escape("{template}"), r"\w+")
    .replace(re.escape("{version}"), r"\S+")
)
_NUMBERS = re.compile(r"(\d+)\.(\d+)\.(\d+)")
_BEFORE = "|".join(
    rf"(?<={it})"
    for it in (
        "/quayside/fargate:",
        "_COMPLETE  ",  # a stack's row of status.yml
        " green  ",  # a service's
        "\\n Version: {Value: '",  # the compact template's output
    )
)
_TEXT = re.compile(rf"(?:{_BEFORE})\d+\.\d+\.\d+")


def current(root: Path = ROOT) -> str:
    """Return the version in galaxy.yml.

    Args:
        root: folder of the collection.
    """
    return str(_LINE.findall((root / "galaxy.yml").read_text())[0])


def numbers(text: str) -> tuple[int, int, int]:
    """Return the three numbers that a version begins with, which compare as versions do.

    Args:
        text: such as `1.1.0`.

    Raises: ValueError for another text.
    """
    found = _NUMBERS.match(text)
    if not found:
        raise ValueError(f"'{text}' is no version.")
    major, minor, patch = map(int, found.groups())
    return major, minor, patch


def in_template(text: str, template: str, version: str) -> str:
    """Return a template with the two outputs at its end.

    Args:
        text: the template, whose last section is its outputs.
        template: its name, such as `service`.
        version: such as `1.1.0`.
    """
    outputs = _OUTPUTS.format(template=template, version=version)
    return _WRITTEN.sub("", text).rstrip("\n") + "\n" + outputs


def in_text(text: str, version: str) -> str:
    """Return a pipeline with the deploy image of a version, or another file that shows it.

    Args:
        text: of the file.
        version: such as `1.1.0`.
    """
    return _TEXT.sub(version, text)


def waiting(root: Path = ROOT) -> dict[Path, str]:
    """Return what files have to be written, with what has to stand in them.

    Args:
        root: folder of the repository.
    """
    version = current(root)
    texts = {
        path: in_template(path.read_text(), path.stem, version)
        for path in sorted((root / "templates").glob("*.yml"))
    }
    pipelines = [*(root / "examples").rglob("*.yml"), *(root / "examples").rglob("Jenkinsfile")]
    compact = sorted((root / "templates" / "compact").glob("*.yml"))
    shown = [root / "README.md", root / "docs" / "status.md"]
    others = [*shown, *sorted(pipelines), *compact]
    texts |= {path: in_text(path.read_text(), version) for path in others}
    return {path: text for path, text in texts.items() if path.read_text() != text}


def write(root: Path = ROOT) -> list[Path]:
    """Write the version of galaxy.yml wherever else it stands; return what was written.

    Args:
        root: folder of the repository.
    """
    texts = waiting(root)
    for path, text in texts.items():
        path.write_text(text)
    return list(texts)


if __name__ == "__main__":
    for written in write():
        print(written.relative_to(ROOT))
