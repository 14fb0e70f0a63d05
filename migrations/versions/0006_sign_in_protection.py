"""Failed sign-ins, browsers that are known, and the second factor."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006_sign_in_protection"
down_revision = "0005_mcp_auth_tokens"
branch_labels = None
depends_on = None

UTC = sa.DateTime(timezone=True)


def of_user(table: str) -> sa.ForeignKeyConstraint:
    """Return the key by which rows go when their person goes."""
    name = op.f(f"fk_{table}_user_id_users")
    return sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=name, ondelete="CASCADE")


def upgrade() -> None:
    op.add_column(
        "users", sa.Column("totp_required", sa.Boolean(), nullable=False, server_default=sa.false())
    )
    op.create_table(
        "failure_counts",
        sa.Column("key_hash", sa.String(64), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("checked_at", UTC, nullable=False),
        sa.PrimaryKeyConstraint("key_hash", name=op.f("pk_failure_counts")),
    )
    op.create_index(op.f("ix_failure_counts_checked_at"), "failure_counts", ["checked_at"])
    op.create_table(
        "known_browsers",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column("browser_hash", sa.String(64), nullable=False),
        sa.Column("last_seen_at", UTC, nullable=False),
        of_user("known_browsers"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_known_browsers")),
        sqlite_autoincrement=True,
    )
    op.create_index(
        "uq_known_browsers_user_id_browser_hash", "known_browsers", ["user_id", "browser_hash"], unique=True
    )
    op.create_table(
        "totp_enrolments",
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column("nonce", sa.String(32), nullable=False),
        sa.Column("created_at", UTC, nullable=False),
        sa.Column("confirmed_at", UTC),
        sa.Column("last_step", sa.BigInteger(), nullable=False, server_default="0"),
        of_user("totp_enrolments"),
        sa.PrimaryKeyConstraint("user_id", name=op.f("pk_totp_enrolments")),
    )
    op.create_table(
        "recovery_codes",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column("code_hash", sa.String(64), nullable=False),
        of_user("recovery_codes"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_recovery_codes")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_recovery_codes_user_id"), "recovery_codes", ["user_id"])
    op.create_table(
        "pending_sign_ins",
        sa.Column("id_hash", sa.String(64), nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column("expires_at", UTC, nullable=False),
        of_user("pending_sign_ins"),
        sa.PrimaryKeyConstraint("id_hash", name=op.f("pk_pending_sign_ins")),
    )
    op.create_index(op.f("ix_pending_sign_ins_user_id"), "pending_sign_ins", ["user_id"])


def downgrade() -> None:
    for table in (
        "pending_sign_ins",
        "recovery_codes",
        "totp_enrolments",
        "known_browsers",
        "failure_counts",
    ):
        op.drop_table(table)
    op.drop_column("users", "totp_required")
