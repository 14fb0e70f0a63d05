"""The tokens, alone in the last revision: one `flask db downgrade` step rolls back this table and no other.

Whatever else the schema gets is added *before* this revision, which then moves to the end under a new name.
A database that has the table already keeps it and gets the columns and indexes that it lacks
(docs/decisions/0008).
"""

from __future__ import annotations

import os

import sqlalchemy as sa
from alembic import context, op
from alembic.util import CommandError

revision = "0013_mcp_auth_tokens"
down_revision = "0012_odd_events"
branch_labels = None
depends_on = None

UTC = sa.DateTime(timezone=True)
# What the table did not have from its first day on; earlier ends made it with fewer of these.
ADDED: dict[str, sa.types.TypeEngine[object]] = {
    "stated_expires_at": UTC,
    "reminded_days": sa.Integer(),
    "held_at": UTC,
    "last_check_reason": sa.String(32),
    "renew_asked_at": UTC,
}

# Indexes that it did not have from its first day on, with their columns and the rows that they are about.
ADDED_INDEXES: dict[str, tuple[list[str], str | None]] = {
    "idx_mcp_auth_tokens_address": (
        ["mcp_server_id", "bound_url", "last_check_result", "expires_at", "unreadable_at"],
        None,
    ),
    "idx_mcp_auth_tokens_check": (
        ["last_check_result", "expires_at", "mcp_server_id", "bound_url", "unreadable_at"],
        None,
    ),
    "idx_mcp_auth_tokens_unreadable": (["unreadable_at"], "unreadable_at IS NOT NULL"),
    "idx_mcp_auth_tokens_expires": (["expires_at"], "expires_at IS NOT NULL"),
}

# A raw SQL change of the token moves `updated_at` too. A statement that sets `updated_at` itself knows
# better; one that changes `key_id` is a rotation, which is not a change by the token's owner.
SQLITE_TRIGGER = """
CREATE TRIGGER update_mcp_auth_tokens_timestamp AFTER UPDATE ON mcp_auth_tokens FOR EACH ROW
WHEN NEW.token_encrypted IS NOT OLD.token_encrypted
    AND NEW.updated_at IS OLD.updated_at
    AND NEW.key_id IS OLD.key_id
BEGIN
    UPDATE mcp_auth_tokens SET updated_at = strftime('%Y-%m-%d %H:%M:%f000', 'now') WHERE id = NEW.id;
END
"""
POSTGRESQL_FUNCTION = """
CREATE FUNCTION update_mcp_auth_tokens_timestamp() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.updated_at = clock_timestamp();
    RETURN NEW;
END
$$
"""
POSTGRESQL_TRIGGER = """
CREATE TRIGGER update_mcp_auth_tokens_timestamp BEFORE UPDATE ON mcp_auth_tokens FOR EACH ROW
WHEN (NEW.token_encrypted IS DISTINCT FROM OLD.token_encrypted
    AND NEW.updated_at IS NOT DISTINCT FROM OLD.updated_at
    AND NEW.key_id IS NOT DISTINCT FROM OLD.key_id)
EXECUTE FUNCTION update_mcp_auth_tokens_timestamp()
"""


def upgrade() -> None:
    if not context.is_offline_mode() and sa.inspect(op.get_bind()).has_table("mcp_auth_tokens"):
        # Made by the revision that was the last one when this database was set up.
        known = {column["name"] for column in sa.inspect(op.get_bind()).get_columns("mcp_auth_tokens")}
        for name, kind in ADDED.items():
            if name not in known:
                op.add_column("mcp_auth_tokens", sa.Column(name, kind))
        add_indexes({index["name"] for index in sa.inspect(op.get_bind()).get_indexes("mcp_auth_tokens")})
        return
    op.create_table(
        "mcp_auth_tokens",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column("mcp_server_id", sa.Integer(), nullable=False),
        sa.Column("token_encrypted", sa.Text(), nullable=False),
        sa.Column("token_hint", sa.String(7)),
        sa.Column("key_id", sa.String(16), nullable=False),
        sa.Column("bound_url", sa.String(2048), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False, server_default="1"),
        sa.Column("expires_at", UTC),
        sa.Column("fingerprint", sa.String(64)),
        sa.Column("created_at", UTC, nullable=False),
        sa.Column("updated_at", UTC, nullable=False),
        sa.Column("last_used_at", UTC),
        sa.Column("last_check_at", UTC),
        sa.Column("last_check_result", sa.String(16)),
        sa.Column("unreadable_at", UTC),
        *(sa.Column(name, kind) for name, kind in ADDED.items()),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name=op.f("fk_mcp_auth_tokens_user_id_users"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["mcp_server_id"],
            ["mcp_servers.id"],
            name=op.f("fk_mcp_auth_tokens_mcp_server_id_mcp_servers"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_mcp_auth_tokens")),
        sqlite_autoincrement=True,
    )
    op.create_index(
        "idx_mcp_auth_tokens_user_server", "mcp_auth_tokens", ["user_id", "mcp_server_id"], unique=True
    )
    op.create_index("idx_mcp_auth_tokens_user", "mcp_auth_tokens", ["user_id"])
    op.create_index("idx_mcp_auth_tokens_server", "mcp_auth_tokens", ["mcp_server_id"])
    op.create_index("idx_mcp_auth_tokens_key", "mcp_auth_tokens", ["key_id"])
    add_indexes(set())
    if op.get_context().dialect.name == "postgresql":
        op.execute(POSTGRESQL_FUNCTION)
        op.execute(POSTGRESQL_TRIGGER)
    else:
        op.execute(SQLITE_TRIGGER)


def add_indexes(known: set[str | None]) -> None:
    """Make those of `ADDED_INDEXES` that are not known yet."""
    for name, (columns, rows) in ADDED_INDEXES.items():
        if name not in known:
            where = sa.text(rows) if rows else None
            op.create_index(name, "mcp_auth_tokens", columns, sqlite_where=where, postgresql_where=where)


def downgrade() -> None:
    refuse_to_lose_tokens()
    op.drop_table("mcp_auth_tokens")
    if op.get_context().dialect.name == "postgresql":
        op.execute("DROP FUNCTION update_mcp_auth_tokens_timestamp()")


def refuse_to_lose_tokens() -> None:
    """Stop, with everything as it was, unless the table is empty or somebody said that it may go."""
    if context.is_offline_mode() or os.environ.get("ALLOW_TOKEN_LOSS") == "1":
        return
    count = op.get_bind().execute(sa.text("SELECT count(*) FROM mcp_auth_tokens")).scalar_one()
    if count:
        raise CommandError(
            f"This would delete {count} saved token(s), which nobody can bring back. Nothing was changed. "
            "To do it nevertheless: ALLOW_TOKEN_LOSS=1 flask db downgrade"
        )
