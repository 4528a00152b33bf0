"""Any error as a sentence that its reader can act on."""

from __future__ import annotations

import traceback
from pathlib import Path

import botocore
from botocore.client import BaseClient
from botocore.exceptions import BotoCoreError, ClientError

from custom_resources.shared import aws, log
from custom_resources.shared.failure import Failure


def sentence(error: Exception) -> str:
    """An error as one that a user of the stack can act on, without any secret.

    An error nobody foresaw shows only its type and place: its text may quote anything.
    """
    if isinstance(error, ClientError | BotoCoreError):
        error = aws.failure(error)
    if isinstance(error, AttributeError) and isinstance(error.obj, BaseClient):
        error = _unknown_call(error)
    if isinstance(error, Failure):
        return log.without_secrets(str(error))
    return (
        f"The function failed with {type(error).__name__} at {place(error)}, which is a defect. "
        "Report it with the function's log."
    )


def _unknown_call(error: AttributeError) -> Failure:
    """The zips bring no botocore of their own: Lambda's is newer than any call made here, unless
    the runtime is an old one that is no longer updated."""
    service = type(error.obj).__name__
    return Failure(
        f"The runtime's botocore {botocore.__version__} doesn't know the call {error.name} of "
        f"{service}.",
        "Give the function's stack the newest FunctionRuntime (support_function_runtime; "
        "of rotate and activate rotation_function_runtime).",
    )


def place(error: Exception) -> str:
    """File and line where an error was raised."""
    frames = traceback.extract_tb(error.__traceback__)
    return f"{Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else "unknown place"
