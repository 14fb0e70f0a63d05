"""Where the tokens were made before 0007_ledger came in between: databases at this revision have the table.

The table has a revision of its own, always the last one, which is 0013 now (docs/decisions/0008).
"""

from __future__ import annotations

import os

import sqlalchemy as sa
from alembic import context, op
from alembic.util import CommandError

revision = "0007_mcp_auth_tokens"
down_revision = "0006_sign_in_protection"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Do nothing: 0013 makes the table."""


def downgrade() -> None:
    if context.is_offline_mode() or not sa.inspect(op.get_bind()).has_table("mcp_auth_tokens"):
        return
    # A database that was at this revision goes down from it without having been at 0013.
    count = op.get_bind().execute(sa.text("SELECT count(*) FROM mcp_auth_tokens")).scalar_one()
    if count and os.environ.get("ALLOW_TOKEN_LOSS") != "1":
        raise CommandError(
            f"This would delete {count} saved token(s), which nobody can bring back. Nothing was changed. "
            "To do it nevertheless: ALLOW_TOKEN_LOSS=1 flask db downgrade"
        )
    op.drop_table("mcp_auth_tokens")
    if op.get_context().dialect.name == "postgresql":
        op.execute("DROP FUNCTION update_mcp_auth_tokens_timestamp()")
