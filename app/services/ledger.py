"""Ledger: appends events to their chains, each sealed over its content and the seal before it.

The seals are HMACs under the audit subkey, which rotation re-seals, so they outlive every secret. Whoever can
write to the database but does not have the encryption secret cannot make one. While no key is loaded, events
are written unsealed, and sealed in order by the first process that can.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any, Final
from weakref import WeakKeyDictionary

from sqlalchemy import Engine, bindparam, insert, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import DBAPIError, IntegrityError, InternalError, ProgrammingError

from app.errors import KeyNotLoadedError, LedgerClosedError
from app.extensions import db
from app.models import AuditChain, AuditEvent
from app.services.keys import Keys
from app.services.subkeys import existing_subkey, subkey

logger = logging.getLogger(__name__)

PURPOSE: Final = "audit"
#: The seal before the first of a chain.
BEGINNING: Final = ""
#: What a seal covers, in this order. Nothing about an event is outside it.
SEALED: Final = (
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
    "details",
    "chain",
    "place",
)


#: What each event is written with, built once for the process. Past the unit of work: no objects of its.
_LONGER: Final = (
    update(AuditChain)
    .where(AuditChain.chain == bindparam("its_chain"))
    .values(length=AuditChain.length + bindparam("more"))
    .returning(AuditChain.length, AuditChain.last_seal)
)
_ADDED: Final = insert(AuditEvent).returning(AuditEvent.place, AuditEvent.id)
_SEALED: Final = (
    update(AuditEvent)
    .where(AuditEvent.id == bindparam("event_id"))
    .values(seal=bindparam("new_seal"), seal_key=bindparam("its_key"))
)
_ENDED: Final = (
    update(AuditChain)
    .where(AuditChain.chain == bindparam("its_chain"))
    .values(last_seal=bindparam("its_seal"))
)


class AuditKey:
    """The audit subkey of one installation, as far as this process has it."""

    def __init__(self, keys: Keys) -> None:
        self._keys = keys
        self._raw: bytes | None = None

    def prepare(self) -> None:
        """Make the subkey where there is none. Commits then. Call it between transactions."""
        if self._raw is None:
            try:
                # Not for sealing tokens: the key is admitted by the first token that is saved, and until
                # then another secret may take its place, which makes another subkey.
                self._raw = subkey(PURPOSE, self._keys.vault_for_reading())
            except KeyNotLoadedError:
                # Events are written unsealed until somebody has it.
                db.session.rollback()
            except DBAPIError as error:
                # A database that takes no writes now, or was not upgraded yet.
                db.session.rollback()
                logger.warning("The ledger has no key yet.", extra={"reason": type(error).__name__})

    def raw(self) -> bytes | None:
        """Return the subkey, None while it is not loaded. Writes nothing."""
        if self._raw is None:
            try:
                self._raw = existing_subkey(PURPOSE, self._keys)
            except KeyNotLoadedError:
                return None
        return self._raw


_KEYS: Final[WeakKeyDictionary[Engine, AuditKey]] = WeakKeyDictionary()


def seal_with(engine: Engine, key: AuditKey) -> None:
    """Let what is appended through this engine be sealed with this key."""
    _KEYS[engine] = key


def append(chain: int, content: Mapping[str, Any]) -> int:
    """Add an event at the end of its chain and return its id; the caller commits it with what it records.

    Writers of one chain queue at its row; those of different chains do not wait for each other.
    Raises LedgerClosedError, after rolling back, when the table takes none, and SQLAlchemy's OperationalError
    when the database is not there at all.
    """
    return append_all(chain, [content])[0]


def append_all(chain: int, contents: Sequence[Mapping[str, Any]]) -> list[int]:
    """Add events at the end of their chain, in their order: thousands at once. Otherwise as `append` does.

    For one event in each of many chains: `ledger_batch.append_to_each`.
    """
    ids: list[int] = []
    with closed_when_refused():
        if contents:
            ids = _append(chain, contents)
    return ids


@contextmanager
def closed_when_refused() -> Iterator[None]:
    """Raise LedgerClosedError, after rolling back, for an event that the table does not take."""
    # What else is pending may fail for reasons of its own.
    db.session.flush()
    try:
        yield
    except (IntegrityError, InternalError, ProgrammingError) as error:
        db.session.rollback()
        logger.error("The ledger takes no events.", extra={"reason": type(error).__name__})
        raise LedgerClosedError from None


def loaded_key() -> bytes | None:
    """Return the subkey that events are sealed with now, None while it is not loaded."""
    key = _KEYS.get(db.engine)
    return key.raw() if key else None


def seal_of(raw: bytes, before: str, event: Mapping[str, Any]) -> str:
    """Return the seal of an event after the one before it, 64 hex digits."""
    text = json.dumps([before, *(_plain(event[name]) for name in SEALED)], separators=(",", ":"))
    return hmac.new(raw, text.encode(), hashlib.sha256).hexdigest()


def fingerprint(raw: bytes) -> str:
    """Return the public fingerprint of an audit subkey, 16 hex digits."""
    return hmac.new(raw, b"fingerprint", hashlib.sha256).hexdigest()[:16]


def seal_pending(chain: int, raw: bytes) -> str | None:
    """Seal what was written unsealed in a chain, in order; return the seal at its end. The caller commits.

    None: nothing was unsealed.
    """
    statement = (
        select(AuditEvent)
        .where(AuditEvent.chain == chain, AuditEvent.seal.is_(None))
        .order_by(AuditEvent.place)
        .execution_options(populate_existing=True)
    )
    seal: str | None = None
    seals: list[tuple[int, str]] = []
    for event in db.session.scalars(statement).all():
        if seal is None:
            seal = _seal_at(chain, event.place - 1)
        seal = seal_of(raw, seal, {name: getattr(event, name) for name in SEALED})
        seals.append((event.id, seal))
    if seal is not None:
        _set_seals(seals, raw)
        db.session.execute(update(AuditChain).where(AuditChain.chain == chain).values(last_seal=seal))
    return seal


def _append(chain: int, contents: Sequence[Mapping[str, Any]]) -> list[int]:
    last_place, before = _next_places(chain, len(contents))
    first = last_place - len(contents) + 1
    events: list[dict[str, Any]] = [
        {**content, "chain": chain, "place": place} for place, content in enumerate(contents, first)
    ]
    connection = db.session.connection()
    # Alone, an event goes the driver's shortest way.
    added = connection.execute(_ADDED, events[0] if len(events) == 1 else events)
    ids = {row.place: row.id for row in added}
    in_order = [ids[event["place"]] for event in events]
    raw = loaded_key()
    if raw is None:
        connection.execute(_ENDED, {"its_chain": chain, "its_seal": None})
        return in_order
    if before is None:
        # Seals these events too, which are the last of them.
        seal_pending(chain, raw)
        return in_order
    seals: list[tuple[int, str]] = []
    for event in events:
        before = seal_of(raw, before, event | {"id": ids[event["place"]]})
        seals.append((ids[event["place"]], before))
    _set_seals(seals, raw)
    connection.execute(_ENDED, {"its_chain": chain, "its_seal": before})
    return in_order


def _next_places(chain: int, count: int) -> tuple[int, str | None]:
    """Lock the chain, for so many events; return the place of the last, and the seal before the first.

    None: what is before it is not sealed.
    """
    connection = db.session.connection()
    more = {"its_chain": chain, "more": count}
    row = connection.execute(_LONGER, more).one_or_none()
    if row is None:
        dialect = postgresql if db.engine.dialect.name == "postgresql" else sqlite
        new = dialect.insert(AuditChain).values(chain=chain, length=0, last_seal=BEGINNING)
        connection.execute(new.on_conflict_do_nothing())
        row = connection.execute(_LONGER, more).one()
    return row[0], row[1]


def _seal_at(chain: int, place: int) -> str:
    statement = select(AuditEvent.seal).where(AuditEvent.chain == chain, AuditEvent.place == place)
    return db.session.scalar(statement) or BEGINNING


def _set_seals(seals: Sequence[tuple[int, str]], raw: bytes) -> None:
    """Write the seal of each event, by its id."""
    key = fingerprint(raw)
    rows = [{"event_id": event_id, "new_seal": seal, "its_key": key} for event_id, seal in seals]
    db.session.connection().execute(_SEALED, rows)


def _plain(value: Any) -> Any:
    """Return a value as the seal covers it: the same from SQLite and PostgreSQL, before and after storing."""
    if isinstance(value, datetime):
        return value.isoformat(timespec="microseconds")
    if isinstance(value, Mapping):
        return {name: _plain(value[name]) for name in sorted(value)}
    return value
