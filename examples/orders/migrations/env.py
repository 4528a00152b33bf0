"""Alembic's environment: one connection, one lock, one transaction for all that is missing."""

from __future__ import annotations

import os

from alembic import context
from sqlalchemy import create_engine, text
from sqlalchemy.pool import NullPool

from orders.settings import Settings

# Any number that nobody else uses in this database.
_LOCK = 7_214_001

# connect_args, not a URL: a URL with a password in it finds its way into messages.
engine = create_engine(
    "postgresql+psycopg://",
    connect_args=Settings.from_environment(os.environ).connection(),
    poolclass=NullPool,
)
with engine.connect() as connection:
    context.configure(connection=connection)
    with context.begin_transaction():
        # Two tasks that start at once: the second waits, then finds nothing left to do. The lock
        # ends with the transaction, so a killed task leaves neither a lock nor half a migration.
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
        # A migration that can't get its table lock must not queue all traffic behind it.
        connection.execute(text("SET LOCAL lock_timeout = '5s'"))
        context.run_migrations()
