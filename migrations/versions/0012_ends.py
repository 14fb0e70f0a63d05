"""An index of when sessions end: each sign-in deletes those that have, and read all of them for it."""

from __future__ import annotations

from alembic import op

revision = "0012_ends"
down_revision = "0011_mcp_auth_tokens"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index(op.f("ix_login_sessions_expires_at"), "login_sessions", ["expires_at"])


def downgrade() -> None:
    op.drop_index(op.f("ix_login_sessions_expires_at"), "login_sessions")
