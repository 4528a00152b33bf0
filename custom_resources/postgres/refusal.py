"""The SQLSTATE that a server refuses a login with.

psycopg2 has one for statements only, and the text of a refusal is in the server's own language
(`lc_messages`). libpq knows it, and tells it when it is asked to before the server answers: so the
login is tried once more, in a way that lets us ask.

Source: PostgreSQL documentation, "libpq: Control Functions" (PQsetErrorVerbosity) and appendix A;
psycopg2 documentation, `connection.pgconn_ptr`.
"""

from __future__ import annotations

import ctypes
import re
import select
import time
from collections.abc import Mapping
from contextlib import closing
from typing import Any

import psycopg2
from psycopg2 import _psycopg, extensions

# PQERRORS_SQLSTATE of libpq-fe.h, since PostgreSQL 12: severity and code, and no text.
_SQLSTATE_ONLY = 3
# libpq puts two spaces behind the severity of what a server sent, and nowhere else.
_SENT_BY_SERVER = ":  "
_CODE = re.compile(rf"{_SENT_BY_SERVER}([0-9A-Z]{{5}})\s*$", re.MULTILINE)
# The extension is linked with libpq, which wheels bring under a name of their own.
_libpq = ctypes.CDLL(_psycopg.__file__)
_libpq.PQsetErrorVerbosity.argtypes = (ctypes.c_void_p, ctypes.c_int)


def sqlstate(
    error: psycopg2.OperationalError, parameters: Mapping[str, Any], seconds: float
) -> str | None:
    """Why the server refuses a login.

    Args:
        error: what psycopg2 said about it.
        parameters: of the connection, as psycopg2 takes them.
        seconds: to try it in.
    Returns:
        The five characters; None if it wasn't a server that refused, or if it doesn't any more.
    """
    if _SENT_BY_SERVER not in str(error):
        return None
    try:
        with closing(psycopg2.connect(**parameters, async_=True)) as connection:
            _libpq.PQsetErrorVerbosity(connection.pgconn_ptr, _SQLSTATE_ONLY)
            _wait(connection, time.monotonic() + seconds)
    except psycopg2.OperationalError as again:
        found = _CODE.search(str(again))
        return found[1] if found else None
    return None


def _wait(connection: extensions.connection, until: float) -> None:
    while (state := connection.poll()) != extensions.POLL_OK:
        readers = [connection] if state == extensions.POLL_READ else []
        writers = [connection] if state == extensions.POLL_WRITE else []
        left = max(until - time.monotonic(), 0)
        if not any(select.select(readers, writers, [], left)):
            raise psycopg2.OperationalError("timeout expired")
