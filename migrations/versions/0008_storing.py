"""Whether a person wants tokens stored at all."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008_storing"
down_revision = "0008_mcp_auth_tokens"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("users", sa.Column("stores_tokens", sa.Boolean(), nullable=False, server_default=sa.true()))


def downgrade() -> None:
    op.drop_column("users", "stores_tokens")
