"""What local_aws/UPSTREAM.md says of plain ministack is so."""

from __future__ import annotations

import contextlib
import io
import re
from pathlib import Path
from typing import Any

import pytest

import local_aws
from local_aws.versions import PINS
from tests.integration.local_aws.needed.probing import Aws

PAGE = (Path(local_aws.__file__).parent / "UPSTREAM.md").read_text()
HEAD, *SECTIONS = re.split(r"^## ", PAGE, flags=re.MULTILINE)
PYTHON = re.compile(r"```python\n(.*?)```", re.DOTALL)
PRINTED = re.compile(r"```\n(.*?)```", re.DOTALL)


def test_it_is_about_the_ministack_that_is_pinned() -> None:
    assert f"ministack {PINS['ministack']} " in HEAD


@pytest.mark.parametrize("section", SECTIONS, ids=lambda section: section.partition("\n")[0])
def test_a_reproduction_prints_what_the_page_says(section: str, plain: Aws) -> None:
    (preface,) = PYTHON.findall(HEAD)
    (program,) = PYTHON.findall(section)
    (printed,) = PRINTED.findall(PYTHON.sub("", section))
    assert "Expected: " in section
    assert "Source:" in section
    names: dict[str, Any] = {"ENDPOINT": plain.endpoint}
    with contextlib.redirect_stdout(io.StringIO()) as written:
        exec(preface + program, names)  # our own page
    assert written.getvalue() == printed
