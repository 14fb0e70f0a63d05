"""Indexes: of when sessions end, of which each sign-in deletes those that have; and of a server's events."""

from __future__ import annotations

from alembic import op

revision = "0012_indexes"
down_revision = "0011_mcp_auth_tokens"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index(op.f("ix_login_sessions_expires_at"), "login_sessions", ["expires_at"])
    op.create_index(op.f("ix_audit_events_server_id_id"), "audit_events", ["server_id", "id"])


def downgrade() -> None:
    op.drop_index(op.f("ix_audit_events_server_id_id"), "audit_events")
    op.drop_index(op.f("ix_login_sessions_expires_at"), "login_sessions")
