"""One line of the ledger: who did what, when, from where."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, Index, Integer, String, text
from sqlalchemy.orm import Mapped, mapped_column

from app.extensions import Model
from app.models.types import UtcDateTime


def _index_of(name: str, actions: str, *columns: str) -> Index:
    """Return an index of the events of these actions alone; the others cost it nothing."""
    rows = text(f"action {actions}")
    return Index(f"ix_audit_events_{name}", *columns, sqlite_where=rows, postgresql_where=rows)


class AuditEvent(Model):
    """An event. Triggers refuse to change or delete it.

    No foreign keys: it outlives the people and servers it speaks of.
    """

    __tablename__ = "audit_events"
    __table_args__ = (
        Index("ix_audit_events_subject_user_id_id", "subject_user_id", "id"),
        Index("ix_audit_events_action_id", "action", "id"),
        Index("ix_audit_events_server_id_id", "server_id", "id"),
        Index("uq_audit_events_chain_place", "chain", "place", unique=True),
        # What is looked at when an event is judged (`app.services.oddity_rules`).
        _index_of("agents", "= 'sign_in.ok'", "subject_user_id", "agent"),
        _index_of("addresses", "= 'sign_in.ok'", "subject_user_id", "client_address"),
        _index_of("failures", "IN ('sign_in.failed', 'sign_in.limited')", "subject_user_id", "occurred_at"),
        _index_of("uses", "= 'token.used'", "subject_user_id", "occurred_at"),
        _index_of("moves", "= 'server.address_changed'", "server_id", "occurred_at"),
        {"sqlite_autoincrement": True},
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    occurred_at: Mapped[datetime] = mapped_column(UtcDateTime)
    #: One of `app.services.audit.Action`.
    action: Mapped[str] = mapped_column(String(40))
    outcome: Mapped[str] = mapped_column(String(40))
    #: Who did it; None: the system or a stranger.
    actor_id: Mapped[int | None]
    actor_name: Mapped[str] = mapped_column(String(254))
    #: Whose account or token it concerns; None: nobody's.
    subject_user_id: Mapped[int | None]
    server_id: Mapped[int | None]
    #: Name and host as they were.
    server_name: Mapped[str | None] = mapped_column(String(200))
    server_host: Mapped[str | None] = mapped_column(String(300))
    client_address: Mapped[str] = mapped_column(String(45))
    agent: Mapped[str] = mapped_column(String(80))
    request_id: Mapped[str] = mapped_column(String(32))
    #: Exactly the keys that the action declares; no free text but a tool's name (`services.tool_names`).
    details: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict, server_default="{}")
    #: The chain it stands in (`audit_chains.chain`), and its place there, from 1.
    chain: Mapped[int] = mapped_column(Integer, server_default="0")
    place: Mapped[int] = mapped_column(Integer, server_default="0")
    #: HMAC over all of the above and the seal before it; None: written while no key was loaded.
    seal: Mapped[str | None] = mapped_column(String(64))
    #: Public fingerprint of the subkey that sealed it.
    seal_key: Mapped[str | None] = mapped_column(String(16))
