"""The ledger."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004_audit_events"
down_revision = "0003_encryption_keys"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # No foreign keys: an event outlives the people and servers that it speaks of.
    op.create_table(
        "audit_events",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("occurred_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("action", sa.String(40), nullable=False),
        sa.Column("outcome", sa.String(40), nullable=False),
        sa.Column("actor_id", sa.Integer()),
        sa.Column("actor_name", sa.String(254), nullable=False),
        sa.Column("subject_user_id", sa.Integer()),
        sa.Column("server_id", sa.Integer()),
        sa.Column("server_name", sa.String(200)),
        sa.Column("server_host", sa.String(300)),
        sa.Column("client_address", sa.String(45), nullable=False),
        sa.Column("agent", sa.String(80), nullable=False),
        sa.Column("request_id", sa.String(32), nullable=False),
        sa.Column("details", sa.JSON(), nullable=False, server_default="{}"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit_events")),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_audit_events_subject_user_id_id", "audit_events", ["subject_user_id", "id"])


def downgrade() -> None:
    op.drop_table("audit_events")
