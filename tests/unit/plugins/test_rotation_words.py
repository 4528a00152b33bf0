"""What rotate.yml says in the end."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.quayside.fargate.plugins.plugin_utils.errors import StackError
from ansible_collections.quayside.fargate.plugins.plugin_utils.rotation_words import (
    refuse_two_wishes,
    told,
)


def result(changed: bool = True, **rotated: float) -> dict[str, Any]:
    return {
        "changed": changed,
        "active_user": "green",
        "status": "UPDATE_COMPLETE",
        "rotated": rotated,
    }


def said(answer: dict[str, Any], *, abort: bool = False) -> str:
    return " ".join(told("shop/orders", answer, abort=abort, seconds=42.06))


def test_who_is_active_and_what_was_rotated_is_said() -> None:
    assert said(result(green=20.5, blue=21.0)) == (
        "shop/orders: green is active, the stack is UPDATE_COMPLETE. "
        "Rotated: green in 20.5 s, blue in 21.0 s. All took 42.1 s."
    )


def test_a_flip_that_was_cancelled_is_said_and_none_that_was_not_there() -> None:
    assert "The flip was cancelled: the other user has its new" in said(result(), abort=True)
    assert "cancelled" not in said(result(changed=False), abort=True)
    assert "cancelled" not in said(result(green=20.5))


def test_two_wishes_at_once_are_refused() -> None:
    with pytest.raises(StackError, match=r"^Nothing was rotated\. Give one of -e all=true and"):
        refuse_two_wishes(every=True, abort=True)
    refuse_two_wishes(every=True, abort=False)
    refuse_two_wishes(every=False, abort=True)
