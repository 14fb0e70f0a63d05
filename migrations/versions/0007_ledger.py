"""The ledger becomes a chain of sealed events that nobody can change or delete."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007_ledger"
down_revision = "0007_mcp_auth_tokens"
branch_labels = None
depends_on = None

#: What sealing a written event later may set; everything else stays as it was written.
SEALS = ("seal", "seal_key")
CONTENT = (
    "id",
    "occurred_at",
    "action",
    "outcome",
    "actor_id",
    "actor_name",
    "subject_user_id",
    "server_id",
    "server_name",
    "server_host",
    "client_address",
    "agent",
    "request_id",
    "chain",
    "place",
)
REFUSED = "audit_events is append-only"


def upgrade() -> None:
    op.create_table(
        "audit_chains",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("chain", sa.Integer(), nullable=False),
        sa.Column("length", sa.Integer(), nullable=False, server_default="0"),
        sa.Column("last_seal", sa.String(64)),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit_chains")),
        sa.UniqueConstraint("chain", name=op.f("uq_audit_chains_chain")),
        sqlite_autoincrement=True,
    )
    op.add_column("audit_events", sa.Column("chain", sa.Integer(), nullable=False, server_default="0"))
    op.add_column("audit_events", sa.Column("place", sa.Integer(), nullable=False, server_default="0"))
    op.add_column("audit_events", sa.Column("seal", sa.String(64)))
    op.add_column("audit_events", sa.Column("seal_key", sa.String(16)))
    # What was written before has a place in its chain, and is sealed by the first process that can.
    op.execute(
        "UPDATE audit_events SET chain = coalesce(subject_user_id, 0), place = ("
        "SELECT count(*) FROM audit_events AS earlier WHERE earlier.id <= audit_events.id "
        "AND coalesce(earlier.subject_user_id, 0) = coalesce(audit_events.subject_user_id, 0))"
    )
    op.execute(
        "INSERT INTO audit_chains (chain, length) SELECT chain, count(*) FROM audit_events GROUP BY chain "
        "ORDER BY min(id)"
    )
    op.create_index("uq_audit_events_chain_place", "audit_events", ["chain", "place"], unique=True)
    op.create_index("ix_audit_events_action_id", "audit_events", ["action", "id"])
    if op.get_context().dialect.name == "postgresql":
        guard_postgresql()
    else:
        guard_sqlite()


def guard_sqlite() -> None:
    """Let triggers refuse every change but sealing what was written unsealed."""
    kept = " AND ".join(f"NEW.{name} IS OLD.{name}" for name in (*CONTENT, "details"))
    op.execute(
        f"CREATE TRIGGER audit_events_append_only BEFORE UPDATE ON audit_events "
        f"WHEN NOT (OLD.seal IS NULL AND NEW.seal IS NOT NULL AND {kept}) "
        f"BEGIN SELECT RAISE(ABORT, '{REFUSED}'); END"
    )
    op.execute(
        f"CREATE TRIGGER audit_events_no_delete BEFORE DELETE ON audit_events "
        f"BEGIN SELECT RAISE(ABORT, '{REFUSED}'); END"
    )


def guard_postgresql() -> None:
    """The same, and TRUNCATE besides, which fires no trigger of rows."""
    kept = " AND ".join(f"NEW.{name} IS NOT DISTINCT FROM OLD.{name}" for name in CONTENT)
    op.execute(
        "CREATE FUNCTION refuse_ledger_change() RETURNS trigger LANGUAGE plpgsql AS $$ "
        f"BEGIN RAISE EXCEPTION '{REFUSED}' USING ERRCODE = 'restrict_violation'; END $$"
    )
    op.execute(
        "CREATE TRIGGER audit_events_append_only BEFORE UPDATE ON audit_events FOR EACH ROW "
        f"WHEN (NOT (OLD.seal IS NULL AND NEW.seal IS NOT NULL AND {kept} "
        "AND NEW.details::text = OLD.details::text)) EXECUTE FUNCTION refuse_ledger_change()"
    )
    op.execute(
        "CREATE TRIGGER audit_events_no_delete BEFORE DELETE ON audit_events FOR EACH ROW "
        "EXECUTE FUNCTION refuse_ledger_change()"
    )
    op.execute(
        "CREATE TRIGGER audit_events_no_truncate BEFORE TRUNCATE ON audit_events FOR EACH STATEMENT "
        "EXECUTE FUNCTION refuse_ledger_change()"
    )


def downgrade() -> None:
    postgresql = op.get_context().dialect.name == "postgresql"
    of_table = " ON audit_events" if postgresql else ""
    for name in ("append_only", "no_delete", *(("no_truncate",) if postgresql else ())):
        op.execute(f"DROP TRIGGER audit_events_{name}{of_table}")
    if postgresql:
        op.execute("DROP FUNCTION refuse_ledger_change()")
    op.drop_index("ix_audit_events_action_id", "audit_events")
    op.drop_index("uq_audit_events_chain_place", "audit_events")
    for column in ("seal_key", "seal", "place", "chain"):
        op.drop_column("audit_events", column)
    op.drop_table("audit_chains")
