"""The catalogue of MCP servers."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002_catalogue"
down_revision = "0001_accounts"
branch_labels = None
depends_on = None

UTC = sa.DateTime(timezone=True)
#: Sorts by code point on both databases.
SORT_KEY = sa.String(400).with_variant(sa.String(400, collation="C"), "postgresql")


def upgrade() -> None:
    op.create_table(
        "mcp_servers",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("slug", sa.String(100), nullable=False),
        sa.Column("name", sa.String(200), nullable=False),
        sa.Column("name_key", SORT_KEY, nullable=False),
        sa.Column("search_text", sa.Text(), nullable=False),
        sa.Column("description", sa.Text(), nullable=False, server_default=""),
        sa.Column("url", sa.String(2048), nullable=False),
        sa.Column("transport", sa.String(16), nullable=False, server_default="streamable-http"),
        sa.Column("auth_header_name", sa.String(100), nullable=False, server_default="Authorization"),
        sa.Column("auth_value_format", sa.String(200), nullable=False, server_default="Bearer {token}"),
        sa.Column("token_required", sa.Boolean(), nullable=False, server_default=sa.true()),
        sa.Column("extra_headers", sa.JSON(), nullable=False, server_default="{}"),
        sa.Column("token_help_url", sa.String(2048)),
        sa.Column("token_help", sa.Text()),
        sa.Column("token_placeholder", sa.String(200)),
        sa.Column("probe_tool", sa.String(200)),
        sa.Column("is_enabled", sa.Boolean(), nullable=False, server_default=sa.true()),
        sa.Column("disabled_reason", sa.String(500)),
        sa.Column("registry_name", sa.String(200)),
        sa.Column("created_at", UTC, nullable=False),
        sa.Column("updated_at", UTC, nullable=False),
        sa.CheckConstraint("transport IN ('streamable-http', 'sse')", name=op.f("ck_mcp_servers_transport")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_mcp_servers")),
        sa.UniqueConstraint("slug", name=op.f("uq_mcp_servers_slug")),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_mcp_servers_name_key_id", "mcp_servers", ["name_key", "id"])
    op.create_index(op.f("ix_mcp_servers_registry_name"), "mcp_servers", ["registry_name"])


def downgrade() -> None:
    op.drop_table("mcp_servers")
