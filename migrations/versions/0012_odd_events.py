"""What is odd about an event is noted when it happens; and indexes of what is looked at to find out.

What is still to be shown of the last fourteen days is filled in for tokens found unreadable and for failed
sign-ins: these need no more than those days. Sign-ins from somewhere new and uses after a long rest could be
told by all of a person's history only. They, bursts and uses after a new address are noted from now on; what
there was of them stands in the ledger.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0012_odd_events"
down_revision = "0012_indexes"
branch_labels = None
depends_on = None

FAILED = "action IN ('sign_in.failed', 'sign_in.limited')"
#: Of the events of some actions alone: name → which, and columns.
INDEXES = {
    "ix_audit_events_agents": ("action = 'sign_in.ok'", ["subject_user_id", "agent"]),
    "ix_audit_events_addresses": ("action = 'sign_in.ok'", ["subject_user_id", "client_address"]),
    "ix_audit_events_failures": (FAILED, ["subject_user_id", "occurred_at"]),
    "ix_audit_events_uses": ("action = 'token.used'", ["subject_user_id", "occurred_at"]),
    "ix_audit_events_moves": ("action = 'server.address_changed'", ["server_id", "occurred_at"]),
}


def upgrade() -> None:
    for name, (rows, columns) in INDEXES.items():
        where = sa.text(rows)
        op.create_index(name, "audit_events", columns, sqlite_where=where, postgresql_where=where)
    op.create_table(
        "odd_events",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(40), nullable=False),
        # No foreign key: nothing that goes has a say in the ledger.
        sa.Column("event_id", sa.Integer(), nullable=False),
        sa.Column("subject_user_id", sa.Integer(), nullable=False),
        sa.Column("occurred_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["subject_user_id"],
            ["users.id"],
            name=op.f("fk_odd_events_subject_user_id_users"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_odd_events")),
        sqlite_autoincrement=True,
    )
    op.create_index(
        "ix_odd_events_subject_user_id_occurred_at_id", "odd_events", ["subject_user_id", "occurred_at", "id"]
    )
    op.create_index("ix_odd_events_occurred_at_id", "odd_events", ["occurred_at", "id"])
    op.create_index("uq_odd_events_event_id_kind", "odd_events", ["event_id", "kind"], unique=True)
    fill()


def fill() -> None:
    """Note what is odd of late and was not dismissed."""
    note("unreadable", "SELECT * FROM audit_events WHERE action = 'token.unreadable'", "true")
    # The fifth within a day, where the sixth is older: so it is told once a row of them.
    failures = (
        "SELECT id, subject_user_id, occurred_at, lag(occurred_at, 4) OVER each_one AS fifth, "  # noqa: S608 - words of ours
        f"lag(occurred_at, 5) OVER each_one AS sixth FROM audit_events WHERE {FAILED} "
        f"AND occurred_at > {days_ago(15)} WINDOW each_one AS (PARTITION BY subject_user_id ORDER BY id)"
    )
    told_once = f"{a_day_before('fifth')} AND NOT coalesce({a_day_before('sixth')}, false)"
    note("failed_sign_ins", failures, told_once)


def note(kind: str, events: str, condition: str) -> None:
    """Note the events that meet the condition, of people who are still there."""
    notice, event = ("json_extract(gone.details, '$.{}')", "json_extract(gone.details, '$.{}') = found.id")
    if is_postgresql():
        notice, event = ("gone.details ->> '{}'", "gone.details ->> '{}' = CAST(found.id AS text)")
    op.execute(
        "INSERT INTO odd_events (kind, event_id, subject_user_id, occurred_at) "  # noqa: S608 - words of ours
        f"SELECT '{kind}', found.id, found.subject_user_id, found.occurred_at FROM ({events}) AS found "
        "JOIN users ON users.id = found.subject_user_id "
        f"WHERE found.occurred_at > {days_ago(14)} AND {condition} AND NOT EXISTS ("
        "SELECT 1 FROM audit_events AS gone WHERE gone.action = 'notice.dismissed' "
        "AND gone.subject_user_id = found.subject_user_id "
        f"AND {notice.format('notice')} = '{kind}' AND {event.format('event')}) ORDER BY found.id"
    )


def days_ago(days: int) -> str:
    """Return SQL for that time, as it is stored."""
    if is_postgresql():
        return f"now() - interval '{days} days'"
    return f"strftime('%Y-%m-%d %H:%M:%f000', 'now', '-{days} days')"


def a_day_before(earlier: str) -> str:
    """Return SQL for whether that was within a day before the event that was found."""
    if is_postgresql():
        return f"found.occurred_at - found.{earlier} < interval '1 day'"
    return f"julianday(found.occurred_at) - julianday(found.{earlier}) < 1"


def is_postgresql() -> bool:
    return op.get_context().dialect.name == "postgresql"


def downgrade() -> None:
    op.drop_table("odd_events")
    for name in INDEXES:
        op.drop_index(name, "audit_events")
