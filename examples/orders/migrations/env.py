"""Alembic's environment: one transaction for all that is missing."""

from __future__ import annotations

import os

from alembic import context
from sqlalchemy import create_engine, text
from sqlalchemy.pool import NullPool

from orders.settings import Settings

# connect_args, not a URL: a URL with a password in it finds its way into messages.
engine = create_engine(
    "postgresql+psycopg://",
    connect_args=Settings.from_environment(os.environ).connection(),
    poolclass=NullPool,
)
with engine.connect() as connection:
    context.configure(connection=connection)
    with context.begin_transaction():
        # A migration that can't get its table lock must not queue all traffic behind it.
        connection.execute(text("SET LOCAL lock_timeout = '5s'"))
        context.run_migrations()
