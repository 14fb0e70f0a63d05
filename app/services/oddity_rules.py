"""Oddity rules: what about an event a person should look at, noted as the event is recorded.

The event stands in its person's chain by then, whose lock the transaction holds: two events of one person at
once are judged one after the other, and each knows of the one before. A rule is one query, answered by
indexes of the events of its action alone, and counts no further than it needs to (docs/decisions/0015).
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import ColumnElement, Select, bindparam, delete, func, literal, literal_column, select, text
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import DBAPIError

from app import clock
from app.extensions import db
from app.models import AuditEvent, OddEvent, User

logger = logging.getLogger(__name__)

#: Older than this, nothing is shown any more.
SHOWN_FOR: Final = timedelta(days=14)
#: Older than this, it goes when its person has something new. Later than it can be dismissed, on a node with
#: another clock too, so that the two never meet at one row.
KEPT_FOR: Final = SHOWN_FOR + timedelta(days=1)
MANY_FAILURES: Final = 5
FAILURES_WITHIN: Final = timedelta(days=1)
LONG_REST: Final = timedelta(days=90)
BURST: Final = 100
BURST_WITHIN: Final = timedelta(hours=1)
AFTER_ADDRESS_CHANGE: Final = timedelta(hours=1)

NEW_AGENT: Final = "new_agent"
NEW_ADDRESS: Final = "new_address"
FAILED_SIGN_INS: Final = "failed_sign_ins"
USED_AFTER_REST: Final = "used_after_rest"
BURST_OF_USES: Final = "burst_of_uses"
USED_AFTER_ADDRESS_CHANGE: Final = "used_after_address_change"
UNREADABLE: Final = "unreadable"
KINDS: Final = (
    *(NEW_AGENT, NEW_ADDRESS, FAILED_SIGN_INS, UNREADABLE),
    *(USED_AFTER_REST, BURST_OF_USES, USED_AFTER_ADDRESS_CHANGE),
)


def _counted(up_to: int, actions: str, order: Any, *conditions: ColumnElement[bool]) -> Any:
    """Return SQL for how many events of these actions meet the conditions, counting no further than `up_to`.

    `actions`: in the very words of their index (`app.models.audit_event`), since SQLite compares words.
    `order`: a column of it, so that PostgreSQL does not read the table where it hopes to find some soon.
    """
    rows: Select[Any] = select(literal_column("1")).select_from(AuditEvent)
    rows = rows.where(text(f"audit_events.action {actions}"), *conditions).order_by(order).limit(up_to)
    return select(func.count()).select_from(rows.subquery()).scalar_subquery()


_OF_PERSON: Final = AuditEvent.subject_user_id == bindparam("user_id")
_SINCE: Final = AuditEvent.occurred_at > bindparam("since")
_SIGN_IN: Final = "= 'sign_in.ok'"
_AGENT: Final = AuditEvent.agent == bindparam("agent")
_ADDRESS: Final = AuditEvent.client_address == bindparam("address")
#: Each counts the sign-in that is judged, and is 2 where there was one before.
_KNOWN: Final = select(
    _counted(2, _SIGN_IN, AuditEvent.agent, _OF_PERSON).label("anything"),
    _counted(2, _SIGN_IN, AuditEvent.agent, _OF_PERSON, _AGENT).label("agent"),
    _counted(2, _SIGN_IN, AuditEvent.client_address, _OF_PERSON, _ADDRESS).label("address"),
)
_FAILED: Final = "IN ('sign_in.failed', 'sign_in.limited')"
#: Here and below one more than makes it odd: that one was told of already.
_FAILURES: Final = select(_counted(MANY_FAILURES + 1, _FAILED, AuditEvent.occurred_at, _OF_PERSON, _SINCE))
_USES: Final = select(
    _counted(BURST + 1, "= 'token.used'", AuditEvent.occurred_at, _OF_PERSON, _SINCE).label("uses"),
    _counted(
        1,
        "= 'server.address_changed'",
        AuditEvent.occurred_at,
        AuditEvent.server_id == bindparam("server_id"),
        AuditEvent.occurred_at > bindparam("moved_since"),
        AuditEvent.occurred_at <= bindparam("now"),
    ).label("moves"),
)
_ITS_PERSON: Final = select(AuditEvent.subject_user_id).where(AuditEvent.id == bindparam("its_event"))
_OUTLIVED: Final = delete(OddEvent).where(
    OddEvent.subject_user_id == _ITS_PERSON.scalar_subquery(), OddEvent.occurred_at < bindparam("before")
)


def note_what_is_odd(event: Mapping[str, Any], event_id: int) -> None:
    """Note what is odd about an event that was added to this transaction; the caller commits both."""
    rule = RULES.get(event["action"])
    if rule and event["subject_user_id"] is not None:
        note(event_id, *rule(event))


def has_rested(last_used_at: datetime | None) -> bool:
    """Whether a token that was used last at that time, None for never, is odd to be used now."""
    return last_used_at is not None and clock.now() - last_used_at > LONG_REST


def note(event_id: int, *kinds: str) -> None:
    """Note that an event of this transaction is odd, in each of these ways; the caller commits both.

    What cannot be noted is in the log and hinders nobody.
    """
    if not kinds:
        return
    connection = db.session.connection()
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    columns = ["kind", "event_id", "subject_user_id", "occurred_at"]
    try:
        # By itself: on PostgreSQL, what fails would take the event and its transaction along.
        with connection.begin_nested():
            for kind in kinds:
                new = dialect.insert(OddEvent).from_select(columns, _row(kind, event_id))
                connection.execute(new.on_conflict_do_nothing())
            connection.execute(_OUTLIVED, {"its_event": event_id, "before": clock.now() - KEPT_FOR})
    except DBAPIError as error:
        logger.warning("An oddity could not be noted.", extra={"reason": type(error).__name__})


def _row(kind: str, event_id: int) -> Any:
    """Return SQL for what is noted: nothing of a person who is gone or just going.

    Whoever deletes them holds their row, and comes for the chain that this transaction holds: waiting for
    them here would be waiting in a circle.
    """
    found = select(literal(kind), AuditEvent.id, User.id, AuditEvent.occurred_at)
    found = found.join(User, User.id == AuditEvent.subject_user_id).where(AuditEvent.id == event_id)
    return found.with_for_update(read=True, key_share=True, skip_locked=True, of=User)


def _sign_in(event: Mapping[str, Any]) -> Iterator[str]:
    """From an agent or address that none before came from; the first of all is not odd."""
    found = _ask(_KNOWN, event, {"agent": event["agent"], "address": event["client_address"]})
    if found.agent < found.anything:
        yield NEW_AGENT
    elif found.address < found.anything:
        yield NEW_ADDRESS


def _failure(event: Mapping[str, Any]) -> Iterator[str]:
    """The last of so many failed sign-ins within a day; told once a row of them."""
    (count,) = _ask(_FAILURES, event, {"since": event["occurred_at"] - FAILURES_WITHIN})
    if count == MANY_FAILURES:
        yield FAILED_SIGN_INS


def _use(event: Mapping[str, Any]) -> Iterator[str]:
    """The last of a burst, told once, or right after its server moved."""
    now = event["occurred_at"]
    times = {"since": now - BURST_WITHIN, "moved_since": now - AFTER_ADDRESS_CHANGE, "now": now}
    found = _ask(_USES, event, times | {"server_id": event["server_id"]})
    if found.uses == BURST:
        yield BURST_OF_USES
    if found.moves:
        yield USED_AFTER_ADDRESS_CHANGE


def _unreadable(_event: Mapping[str, Any]) -> Iterator[str]:
    yield UNREADABLE


#: By action (`app.services.audit.Action`, which asks here and so cannot be asked).
RULES: Final[Mapping[str, Callable[[Mapping[str, Any]], Iterator[str]]]] = {
    "sign_in.ok": _sign_in,
    "sign_in.failed": _failure,
    "sign_in.limited": _failure,
    "token.used": _use,
    "token.unreadable": _unreadable,
}


def _ask(statement: Any, event: Mapping[str, Any], about: Mapping[str, Any]) -> Any:
    return db.session.connection().execute(statement, {"user_id": event["subject_user_id"], **about}).one()
