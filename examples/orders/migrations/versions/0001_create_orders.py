"""Create orders."""

from __future__ import annotations

from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    op.execute(
        """
        CREATE TABLE orders (
            id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
            item text NOT NULL CHECK (length(item) BETWEEN 1 AND 200),
            quantity integer NOT NULL CHECK (quantity BETWEEN 1 AND 10000),
            created_at timestamptz NOT NULL DEFAULT now()
        )
        """
    )
