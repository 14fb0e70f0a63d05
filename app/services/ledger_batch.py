"""Ledger batch: one event for each of many people at once, each sealed in their own chain.

`ledger.append` takes four statements an event. When a server goes that 5,000 people hold a token for, that is
ten seconds in which, on SQLite, nobody else could write; here it is less than one.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from sqlalchemy import bindparam, insert, select, update
from sqlalchemy.dialects import postgresql, sqlite

from app.extensions import db
from app.models import AuditChain, AuditEvent
from app.services.ledger import (
    BEGINNING,
    closed_when_refused,
    fingerprint,
    loaded_key,
    seal_of,
    seal_pending,
)

#: Rows a statement: below every database's limit of parameters.
BATCH_SIZE: Final = 500


def append_to_each(contents: Mapping[int, Mapping[str, Any]]) -> None:
    """Add an event, chain → content, at the end of each chain; the caller commits them with what they record.

    Raises what `ledger.append` raises.
    """
    with closed_when_refused():
        # Writers queue at the rows of their chains: all in this order, so that no two wait for each other.
        for chains in _batches(sorted(contents)):
            _append({chain: contents[chain] for chain in chains})


def _batches(chains: Sequence[int]) -> Iterator[Sequence[int]]:
    for start in range(0, len(chains), BATCH_SIZE):
        yield chains[start : start + BATCH_SIZE]


def _append(contents: Mapping[int, Mapping[str, Any]]) -> None:
    ends = _next_places(list(contents))
    events = {
        chain: {**content, "chain": chain, "place": ends[chain][0]} for chain, content in contents.items()
    }
    written = insert(AuditEvent).returning(AuditEvent.chain, AuditEvent.id)
    for chain, event_id in db.session.execute(written, list(events.values())):
        events[chain]["id"] = event_id
    raw = loaded_key()
    if raw is None:
        unsealed = update(AuditChain).where(AuditChain.chain.in_(events)).values(last_seal=None)
        db.session.execute(unsealed.execution_options(synchronize_session=False))
        return
    seals: dict[int, str] = {}
    for chain, event in events.items():
        before = ends[chain][1]
        if before is None:
            # Seals this event too, which is the last of them.
            seal_pending(chain, raw)
        else:
            seals[chain] = seal_of(raw, before, event)
    _set_seals(seals, events, raw)


def _next_places(chains: Sequence[int]) -> dict[int, tuple[int, str | None]]:
    """Lock the chains; return for each the place of its next event and the seal before it."""
    dialect = postgresql if db.engine.dialect.name == "postgresql" else sqlite
    new = dialect.insert(AuditChain).values(
        [{"chain": chain, "length": 0, "last_seal": BEGINNING} for chain in chains]
    )
    db.session.execute(new.on_conflict_do_nothing())
    locked = select(AuditChain.chain, AuditChain.length, AuditChain.last_seal)
    locked = locked.where(AuditChain.chain.in_(chains)).order_by(AuditChain.chain).with_for_update()
    ends = {chain: (length + 1, seal) for chain, length, seal in db.session.execute(locked)}
    longer = update(AuditChain).where(AuditChain.chain.in_(chains)).values(length=AuditChain.length + 1)
    db.session.execute(longer.execution_options(synchronize_session=False))
    return ends


def _set_seals(seals: Mapping[int, str], events: Mapping[int, Mapping[str, Any]], raw: bytes) -> None:
    if not seals:
        return
    key = fingerprint(raw)
    # Past the unit of work: these are no objects of its.
    connection = db.session.connection()
    connection.execute(
        update(AuditEvent)
        .where(AuditEvent.id == bindparam("event_id"))
        .values(seal=bindparam("its_seal"), seal_key=key),
        [{"event_id": events[chain]["id"], "its_seal": seal} for chain, seal in seals.items()],
    )
    connection.execute(
        update(AuditChain)
        .where(AuditChain.chain == bindparam("its_chain"))
        .values(last_seal=bindparam("its_seal")),
        [{"its_chain": chain, "its_seal": seal} for chain, seal in seals.items()],
    )
