"""Oddities: what in the ledger a person should look at. Rules read events and send nothing anywhere."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, TypeAlias

from sqlalchemy import Row, Select, bindparam, select

from app import clock
from app.errors import NotThereError
from app.extensions import db
from app.models import AuditEvent, User
from app.services.actors import Actor
from app.services.audit import Action, record

#: Older than this, nothing is shown any more.
SHOWN_FOR: Final = timedelta(days=14)
MANY_FAILURES: Final = 5
FAILURES_WITHIN: Final = timedelta(days=1)
LONG_REST: Final = timedelta(days=90)
BURST: Final = 100
BURST_WITHIN: Final = timedelta(hours=1)
AFTER_ADDRESS_CHANGE: Final = timedelta(hours=1)
#: Of each person, so many of their newest events are looked at.
LOOKED_AT: Final = 1000
SHOWN: Final = 20

NEW_AGENT: Final = "new_agent"
NEW_ADDRESS: Final = "new_address"
FAILED_SIGN_INS: Final = "failed_sign_ins"
USED_AFTER_REST: Final = "used_after_rest"
BURST_OF_USES: Final = "burst_of_uses"
USED_AFTER_ADDRESS_CHANGE: Final = "used_after_address_change"
UNREADABLE: Final = "unreadable"

_ACTIONS: Final = (
    Action.SIGN_IN_OK,
    Action.SIGN_IN_FAILED,
    Action.SIGN_IN_LIMITED,
    Action.TOKEN_USED,
    Action.TOKEN_UNREADABLE,
    Action.NOTICE_DISMISSED,
)
#: Built once: the page of tokens asks both each time. Rows, not objects: one person may have a thousand.
_NEWEST: Final[Select[*tuple[Any, ...]]] = (
    select(
        AuditEvent.id,
        AuditEvent.occurred_at,
        AuditEvent.action,
        AuditEvent.subject_user_id,
        AuditEvent.server_id,
        AuditEvent.server_name,
        AuditEvent.client_address,
        AuditEvent.agent,
        AuditEvent.details,
    )
    .where(AuditEvent.subject_user_id == bindparam("user_id"))
    .where(AuditEvent.action.in_([action.value for action in _ACTIONS]))
    .order_by(AuditEvent.id.desc())
    .limit(LOOKED_AT)
)
_MOVES: Final = select(AuditEvent.server_id, AuditEvent.occurred_at).where(
    AuditEvent.action == Action.SERVER_ADDRESS_CHANGED.value, AuditEvent.occurred_at > bindparam("since")
)
#: A row of the first.
Event: TypeAlias = Row[*tuple[Any, ...]]


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
    """Return what is odd about this person's events and not dismissed, the newest first."""
    return _find(_events(user.id), _address_changes())


def oddities_of_all() -> list[Oddity]:
    """Return what is odd of late about anybody, the newest first; for admins and auditors."""
    since = clock.now() - SHOWN_FOR
    of_late = select(AuditEvent.subject_user_id).where(
        AuditEvent.action.in_([action.value for action in _ACTIONS]),
        AuditEvent.occurred_at > since,
        AuditEvent.subject_user_id.is_not(None),
    )
    people = db.session.scalars(of_late.distinct().limit(500)).all()
    changes = _address_changes()
    found = [one for person in people for one in _find(_events(person), changes)]
    return sorted(found, key=lambda one: one.event_id, reverse=True)[:SHOWN]


def dismiss(user: User, kind: str, event_id: int, actor: Actor) -> None:
    """Hide one of this person's oddities. Commits; writes one audit row. Raises NotThereError."""
    if not any((one.kind, one.event_id) == (kind, event_id) for one in oddities_of(user)):
        raise NotThereError
    record(
        Action.NOTICE_DISMISSED,
        actor,
        subject_user_id=user.id,
        details={"notice": kind, "event": event_id},
    )
    db.session.commit()


def _events(user_id: int | None) -> Sequence[Event]:
    """Return somebody's events of the kinds that rules look at, the oldest first."""
    return db.session.connection().execute(_NEWEST, {"user_id": user_id}).all()[::-1]


def _address_changes() -> list[tuple[int, datetime]]:
    """Return server id and time of each change of address of late."""
    since = {"since": clock.now() - SHOWN_FOR - AFTER_ADDRESS_CHANGE}
    return [(row.server_id, row.occurred_at) for row in db.session.connection().execute(_MOVES, since)]


def _find(events: Sequence[Event], changes: list[tuple[int, datetime]]) -> list[Oddity]:
    since = clock.now() - SHOWN_FOR
    dismissed = {
        (event.details.get("notice"), event.details.get("event"))
        for event in events
        if event.action == Action.NOTICE_DISMISSED
    }
    found: list[Oddity] = []
    for kind, event in (*_sign_ins(events), *_failures(events), *_uses(events, changes)):
        if event.occurred_at > since and (kind, event.id) not in dismissed:
            found.append(
                Oddity(
                    kind,
                    event.id,
                    event.occurred_at,
                    event.subject_user_id or 0,
                    event.server_name,
                    event.agent,
                    event.client_address,
                )
            )
    return sorted(found, key=lambda one: one.event_id, reverse=True)[:SHOWN]


def _sign_ins(events: Iterable[Event]) -> Iterator[tuple[str, Event]]:
    """A sign-in from an agent or address that none before came from; the first of all is not odd."""
    agents: set[str] = set()
    addresses: set[str] = set()
    for event in events:
        if event.action != Action.SIGN_IN_OK:
            continue
        if agents and event.agent not in agents:
            yield NEW_AGENT, event
        elif addresses and event.client_address not in addresses:
            yield NEW_ADDRESS, event
        agents.add(event.agent)
        addresses.add(event.client_address)


def _failures(events: Iterable[Event]) -> Iterator[tuple[str, Event]]:
    """So many failed sign-ins within a day; told once a row of them."""
    row: list[Event] = []
    for event in events:
        if event.action not in {Action.SIGN_IN_FAILED, Action.SIGN_IN_LIMITED}:
            continue
        row = [one for one in row if event.occurred_at - one.occurred_at < FAILURES_WITHIN] + [event]
        if len(row) == MANY_FAILURES:
            yield FAILED_SIGN_INS, event


def _uses(events: Iterable[Event], changes: list[tuple[int, datetime]]) -> Iterator[tuple[str, Event]]:
    """A token found unreadable, used after a long rest, in a burst, or right after its server moved."""
    last: dict[int | None, datetime] = {}
    burst: list[datetime] = []
    for event in events:
        if event.action == Action.TOKEN_UNREADABLE:
            yield UNREADABLE, event
        if event.action != Action.TOKEN_USED:
            continue
        now = event.occurred_at
        if event.server_id in last and now - last[event.server_id] > LONG_REST:
            yield USED_AFTER_REST, event
        last[event.server_id] = now
        burst = [one for one in burst if now - one < BURST_WITHIN] + [now]
        if len(burst) == BURST:
            yield BURST_OF_USES, event
        if any(
            server_id == event.server_id and timedelta(0) <= now - changed < AFTER_ADDRESS_CHANGE
            for server_id, changed in changes
        ):
            yield USED_AFTER_ADDRESS_CHANGE, event
