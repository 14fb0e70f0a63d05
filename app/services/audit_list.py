"""Audit list: events by cursor, the newest first; everyone's for auditors, one's own for each person."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

from sqlalchemy import Select, or_, select

from app import clock
from app.extensions import db
from app.models import AuditEvent, User
from app.services.actors import Actor
from app.services.audit import Action, record

PAGE_SIZE: Final = 50
#: Kinds by which one can filter: the part of an action before its dot.
KINDS: Final = (
    *("token", "sign_in", "session", "password", "totp", "account"),
    *("group", "server", "rotation", "audit"),
)
MAX_ID: Final = 2**31 - 1
#: One line an hour says that somebody reads; one a page would drown what they read.
NOTED_FOR: Final = timedelta(hours=1)


@dataclass(frozen=True)
class EventFilter:
    """What is wanted. `before`: the id of the last event of the page before."""

    kind: str = ""
    server_id: int | None = None
    #: Part of a server's name as it was.
    server: str = ""
    #: Part of an actor's name as it was.
    actor: str = ""
    subject_user_id: int | None = None
    before: int | None = None


@dataclass(frozen=True)
class EventPage:
    """Events, the newest first. `next`: the cursor of the page after it, None on the last."""

    events: list[AuditEvent]
    next: int | None


def list_events(wanted: EventFilter, limit: int = PAGE_SIZE) -> EventPage:
    """Return a page of all events."""
    return _page(_filtered(select(AuditEvent), wanted), limit)


def list_own_events(user: User, wanted: EventFilter, limit: int = PAGE_SIZE) -> EventPage:
    """Return a page of the events about this person, whoever caused them."""
    return _page(_filtered(select(AuditEvent).where(AuditEvent.subject_user_id == user.id), wanted), limit)


def note_reading(actor: Actor) -> None:
    """Record that this person looks at everyone's events, unless they did within the hour. Commits."""
    recently = select(AuditEvent.id).where(
        AuditEvent.action == Action.AUDIT_READ.value,
        AuditEvent.actor_id == actor.user_id,
        AuditEvent.occurred_at > clock.now() - NOTED_FOR,
    )
    if db.session.scalar(recently.limit(1)) is None:
        record(Action.AUDIT_READ, actor)
        db.session.commit()


def emails_of(ids: set[int | None]) -> dict[int, str]:
    """Return id → email of those of these people who still have an account."""
    rows = db.session.execute(select(User.id, User.email).where(User.id.in_(ids)))
    return {row.id: row.email for row in rows}


def own_servers(user: User) -> dict[int, str]:
    """Return id → name of the servers that this person's events speak of, by name."""
    statement = (
        select(AuditEvent.server_id, AuditEvent.server_name)
        .where(AuditEvent.subject_user_id == user.id, AuditEvent.server_id.is_not(None))
        .distinct()
    )
    found: dict[int, str] = {row.server_id: row.server_name or "" for row in db.session.execute(statement)}
    return dict(sorted(found.items(), key=lambda item: item[1].casefold()))


def _page(statement: Select[Any], limit: int) -> EventPage:
    events = list(db.session.scalars(statement.order_by(AuditEvent.id.desc()).limit(limit + 1)))
    return EventPage(events[:limit], events[limit - 1].id if len(events) > limit else None)


def _filtered(statement: Select[Any], wanted: EventFilter) -> Select[Any]:
    if wanted.kind in KINDS:
        # Actions begin with their kind and a dot, but for `sign_out`.
        names = [f"{wanted.kind}.%"] + (["sign_out"] if wanted.kind == "sign_in" else [])
        names += ["tokens.%", "storing.%"] if wanted.kind == "token" else []
        matches = [AuditEvent.action.like(name.replace("_", r"\_"), escape="\\") for name in names]
        statement = statement.where(or_(*matches))
    if wanted.server_id is not None:
        statement = statement.where(AuditEvent.server_id == wanted.server_id)
    for text, column in ((wanted.actor, AuditEvent.actor_name), (wanted.server, AuditEvent.server_name)):
        if text:
            statement = statement.where(column.icontains(text.replace("\0", " "), autoescape=True))
    if wanted.subject_user_id is not None:
        statement = statement.where(AuditEvent.subject_user_id == wanted.subject_user_id)
    if wanted.before is not None:
        statement = statement.where(AuditEvent.id < wanted.before)
    return statement
