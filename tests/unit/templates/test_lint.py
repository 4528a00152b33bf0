"""cfn-lint has nothing to say, down to its remarks."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.unit.templates.templates import FOLDER, NAMES

CFN_LINT = Path(sys.executable).with_name("cfn-lint")
MOST_BYTES = 51_200  # of a template that is sent as it is (CloudFormation quotas)


def lint(*templates: Path) -> str:
    """What cfn-lint says of templates under the project's settings (.cfnlintrc)."""
    command: list[Path | str] = [CFN_LINT, "--template", *templates]
    done = subprocess.run(command, cwd=FOLDER.parent, capture_output=True, text=True, check=False)
    return done.stdout


def test_cfn_lint_is_silent() -> None:
    assert lint(*FOLDER.glob("*.yml"), *FOLDER.glob("compact/*.yml")) == ""


def test_cfn_lint_would_speak_and_its_remarks_count(tmp_path: Path) -> None:
    broken = tmp_path / "broken.yml"
    broken.write_text(
        "Resources: {Group: {Type: AWS::Logs::LogGroup, Properties: {LogGrupName: a}}}"
    )
    said = lint(broken)
    assert "LogGrupName" in said
    assert "I3011" in said  # no DeletionPolicy


@pytest.mark.parametrize("name", NAMES)
def test_a_template_or_its_compact_form_can_be_sent_without_a_bucket(
    name: str, record_property: Callable[[str, object], None]
) -> None:
    compact = FOLDER / "compact" / f"{name}.yml"
    size = (compact if compact.exists() else FOLDER / f"{name}.yml").stat().st_size
    record_property("bytes", size)
    assert size < MOST_BYTES
