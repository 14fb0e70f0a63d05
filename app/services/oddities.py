"""Oddities: what in the ledger a person should look at, as it was noted when it happened (`oddity_rules`)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import bindparam, delete, select

from app import clock
from app.errors import NotThereError
from app.extensions import db
from app.models import AuditEvent, OddEvent, User
from app.services.actors import Actor
from app.services.audit import Action, record
from app.services.audit_list import MAX_ID
from app.services.oddity_rules import KINDS, SHOWN_FOR
from app.services.rows_changed import rows_changed

SHOWN: Final = 20

#: One index each has the rows in this order, and the ledger is asked for those that are shown, by id.
_OF_ALL: Final = (
    select(
        OddEvent.kind,
        OddEvent.event_id,
        OddEvent.occurred_at,
        OddEvent.subject_user_id,
        AuditEvent.server_name,
        AuditEvent.agent,
        AuditEvent.client_address,
    )
    .join(AuditEvent, AuditEvent.id == OddEvent.event_id)
    .where(OddEvent.occurred_at > bindparam("since"))
    .order_by(OddEvent.occurred_at.desc(), OddEvent.id.desc())
    .limit(SHOWN)
)
_OF_ONE: Final = _OF_ALL.where(OddEvent.subject_user_id == bindparam("user_id"))


@dataclass(frozen=True)
class Oddity:
    """Something odd. `event_id` names the event that gave rise to it, and with `kind` the oddity."""

    kind: str
    event_id: int
    occurred_at: datetime
    user_id: int
    server_name: str | None
    agent: str
    client_address: str


def oddities_of(user: User) -> list[Oddity]:
    """Return what is odd about this person's events and not dismissed, the newest first. One query."""
    found = db.session.connection().execute(_OF_ONE, {"since": _since(), "user_id": user.id})
    return [Oddity(*row) for row in found]


def oddities_of_all() -> list[Oddity]:
    """Return what is odd of late about anybody, the newest first; for admins and auditors. One query."""
    found = db.session.connection().execute(_OF_ALL, {"since": _since()})
    return [Oddity(*row) for row in found]


def dismiss(user: User, kind: str, event_id: int, actor: Actor) -> None:
    """Hide one of this person's oddities. Commits; writes one audit row. Raises NotThereError."""
    if kind not in KINDS or event_id > MAX_ID:
        raise NotThereError
    gone = delete(OddEvent).where(
        OddEvent.subject_user_id == user.id,
        OddEvent.event_id == event_id,
        OddEvent.kind == kind,
        OddEvent.occurred_at > _since(),
    )
    # Before the chain is locked: whoever deletes the person comes for both in this order.
    if not rows_changed(gone):
        db.session.rollback()
        raise NotThereError
    record(
        Action.NOTICE_DISMISSED,
        actor,
        subject_user_id=user.id,
        details={"notice": kind, "event": event_id},
    )
    db.session.commit()


def _since() -> datetime:
    return clock.now() - SHOWN_FOR
