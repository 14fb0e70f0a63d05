"""Audit list: events by cursor, the newest first; everyone's for auditors, one's own for each person.

A page costs the same however many events there are: those of a person, of a server or of a kind are found by
an index, and what else is asked of them is looked for among the newest `LOOKED_THROUGH` of these.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import ColumnElement, Select, func, select, union_all

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
#: Actions that do not begin with their kind.
OTHERS: Final = {
    Action.SIGN_OUT: "sign_in",
    Action.TOKENS_LOSS_ACCEPTED: "token",
    Action.STORING_CHANGED: "token",
}
#: How many events a page looks through for what no index finds.
LOOKED_THROUGH: Final = 5000
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
    """Events, the newest first. `next`: the cursor of the page after it, None on the last.

    `looked_to`: until when this page has looked back, where more may be found further back; else None.
    """

    events: list[AuditEvent]
    next: int | None
    looked_to: datetime | None = None

    @property
    def is_cut(self) -> bool:
        """Whether more may be found further back than this page has looked."""
        return self.looked_to is not None


def list_events(wanted: EventFilter, limit: int = PAGE_SIZE) -> EventPage:
    """Return a page of all events."""
    return _page(wanted, limit)


def list_own_events(user: User, wanted: EventFilter, limit: int = PAGE_SIZE) -> EventPage:
    """Return a page of the events about this person, whoever caused them."""
    return _page(replace(wanted, subject_user_id=user.id), limit)


def last_event(action: Action, *, outcome: str | None = None) -> AuditEvent | None:
    """Return the last event of an action: the end of its part of the index, however long the ledger is."""
    events = select(AuditEvent).where(AuditEvent.action == action.value)
    if outcome is not None:
        events = events.where(AuditEvent.outcome == outcome)
    return db.session.scalar(events.order_by(AuditEvent.id.desc()).limit(1))


def note_reading(actor: Actor) -> None:
    """Record that this person looks at everyone's events, unless they did within the hour. Commits."""
    readings = select(AuditEvent.occurred_at).where(
        AuditEvent.action == Action.AUDIT_READ.value, AuditEvent.actor_id == actor.user_id
    )
    last = db.session.scalar(readings.order_by(AuditEvent.id.desc()).limit(1))
    if last is None or last <= clock.now() - NOTED_FOR:
        record(Action.AUDIT_READ, actor)
        db.session.commit()


def emails_of(ids: set[int | None]) -> dict[int, str]:
    """Return id → email of those of these people who still have an account."""
    rows = db.session.execute(select(User.id, User.email).where(User.id.in_(ids)))
    return {row.id: row.email for row in rows}


def own_servers(user: User) -> dict[int, str]:
    """Return id → name of the servers that this person's newest events speak of, by name."""
    newest = _newest(EventFilter(subject_user_id=user.id), LOOKED_THROUGH).subquery()
    statement = (
        select(AuditEvent.server_id, AuditEvent.server_name)
        .join(newest, newest.c.id == AuditEvent.id)
        .where(AuditEvent.server_id.is_not(None))
        .distinct()
    )
    found: dict[int, str] = {row.server_id: row.server_name or "" for row in db.session.execute(statement)}
    return dict(sorted(found.items(), key=lambda item: item[1].casefold()))


def _page(wanted: EventFilter, limit: int) -> EventPage:
    rest = _rest(wanted)
    if rest:
        return _looked_for(wanted, rest, limit)
    ids = db.session.scalars(_newest(wanted, limit + 1)).all()
    shown = select(AuditEvent).where(AuditEvent.id.in_(ids[:limit])).order_by(AuditEvent.id.desc())
    return EventPage(list(db.session.scalars(shown)), ids[limit - 1] if len(ids) > limit else None)


def _looked_for(wanted: EventFilter, rest: Sequence[ColumnElement[bool]], limit: int) -> EventPage:
    """Return a page of what else is asked of the newest events that an index finds."""
    newest = _newest(wanted, LOOKED_THROUGH).subquery()
    statement = select(AuditEvent).join(newest, newest.c.id == AuditEvent.id).where(*rest)
    events = list(db.session.scalars(statement.order_by(AuditEvent.id.desc()).limit(limit + 1)))
    if len(events) > limit:
        return EventPage(events[:limit], events[limit - 1].id)
    looked_at, oldest = db.session.execute(select(func.count(), func.min(newest.c.id))).one()
    if looked_at < LOOKED_THROUGH:
        return EventPage(events, None)
    looked_to = db.session.scalar(select(AuditEvent.occurred_at).where(AuditEvent.id == oldest))
    return EventPage(events, oldest, looked_to)


def _newest(wanted: EventFilter, most: int) -> Select[int]:
    """Return a statement for the ids of so many events, the newest before the cursor, found by one index."""
    ids = select(AuditEvent.id)
    if wanted.before is not None:
        ids = ids.where(AuditEvent.id < wanted.before)
    if wanted.subject_user_id is not None:
        ids = ids.where(AuditEvent.subject_user_id == wanted.subject_user_id)
    elif wanted.server_id is not None:
        ids = ids.where(AuditEvent.server_id == wanted.server_id)
    elif wanted.kind in KINDS:
        # Each action from its place in the index: one condition for all of them would read or sort them all.
        parts = [
            select(
                ids.where(AuditEvent.action == action).order_by(AuditEvent.id.desc()).limit(most).subquery()
            )
            for action in _actions_of(wanted.kind)
        ]
        found = union_all(*parts).subquery()
        return select(found.c.id).order_by(found.c.id.desc()).limit(most)
    return ids.order_by(AuditEvent.id.desc()).limit(most)


def _rest(wanted: EventFilter) -> list[ColumnElement[bool]]:
    """Return the conditions that `_newest` has not met."""
    rest: list[ColumnElement[bool]] = []
    is_found = wanted.subject_user_id is not None
    if wanted.server_id is not None and is_found:
        rest.append(AuditEvent.server_id == wanted.server_id)
    is_found = is_found or wanted.server_id is not None
    if wanted.kind in KINDS and is_found:
        rest.append(AuditEvent.action.in_(_actions_of(wanted.kind)))
    for text, column in ((wanted.actor, AuditEvent.actor_name), (wanted.server, AuditEvent.server_name)):
        if text:
            rest.append(column.icontains(text.replace("\0", " "), autoescape=True))
    return rest


def _actions_of(kind: str) -> list[str]:
    """Return the actions of a kind: they begin with it and a dot, but for a few."""
    return [action.value for action in Action if OTHERS.get(action, action.value.partition(".")[0]) == kind]
