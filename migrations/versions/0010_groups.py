"""Groups: a server is for everyone, or for the people of the groups that it names."""

from __future__ import annotations

import logging

import sqlalchemy as sa
from alembic import op

revision = "0010_groups"
down_revision = "0009_mcp_auth_tokens"
branch_labels = None
depends_on = None

logger = logging.getLogger("alembic.runtime.migration")

#: Sorts by code point on both databases.
SORT_KEY = sa.String(200).with_variant(sa.String(200, collation="C"), "postgresql")


def upgrade() -> None:
    op.create_table(
        "groups",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(100), nullable=False),
        sa.Column("name_key", SORT_KEY, nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_groups")),
        sa.UniqueConstraint("name_key", name=op.f("uq_groups_name_key")),
        sqlite_autoincrement=True,
    )
    for table, column, of_whom in (
        ("group_members", "user_id", "users"),
        ("server_groups", "mcp_server_id", "mcp_servers"),
    ):
        op.create_table(
            table,
            sa.Column("group_id", sa.Integer(), nullable=False),
            sa.Column(column, sa.Integer(), nullable=False),
            sa.ForeignKeyConstraint(
                ["group_id"], ["groups.id"], name=op.f(f"fk_{table}_group_id_groups"), ondelete="CASCADE"
            ),
            sa.ForeignKeyConstraint(
                [column], [f"{of_whom}.id"], name=op.f(f"fk_{table}_{column}_{of_whom}"), ondelete="CASCADE"
            ),
            sa.PrimaryKeyConstraint("group_id", column, name=op.f(f"pk_{table}")),
        )
        op.create_index(op.f(f"ix_{table}_{column}"), table, [column])
    op.add_column(
        "mcp_servers", sa.Column("for_everyone", sa.Boolean(), nullable=False, server_default=sa.true())
    )


def downgrade() -> None:
    # Without groups a server is for everyone. Those that were not are disabled, with their tokens kept:
    # nobody meets what an admin had kept from them. No reason stays beside them: with one, the next import
    # would take itself for who disabled them, and enable them (`mcp_servers.disabled_reason`).
    closed = op.get_bind().execute(
        sa.text("UPDATE mcp_servers SET is_enabled = false, disabled_reason = NULL WHERE NOT for_everyone")
    )
    if closed.rowcount:
        logger.warning(
            "%s server(s) that are not for everyone are disabled now: without groups they would be. Enable "
            "those that everyone may use.",
            closed.rowcount,
        )
    op.drop_column("mcp_servers", "for_everyone")
    for table in ("server_groups", "group_members", "groups"):
        op.drop_table(table)
