"""Made-up events: a long ledger for measuring with, sealed in its chains as `ledger` seals them.

`ledger.append` locks a chain for each event; ten million would take hours. Nobody else may be at work.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from itertools import cycle, islice
from typing import Any, Final

from sqlalchemy import func, insert, select, text

from app import clock
from app.extensions import db
from app.models import AuditChain, AuditEvent, Server, User
from app.services.actors import Actor
from app.services.audit import Action, event_of
from app.services.ledger import BEGINNING, fingerprint, loaded_key, seal_of
from app.services.made_up import batches

#: Over how long they are spread, the last one now.
SPAN: Final = timedelta(days=365)
USE: Final = {"token_source": "saved", "purpose": "call_tool"}
#: What a person does, again and again: action, outcome, details.
DEEDS: Final[Sequence[tuple[Action, str, Mapping[str, str | int]]]] = (
    (Action.SIGN_IN_OK, "ok", {}),
    (Action.TOKEN_CHECKED, "accepted", {"token_source": "saved", "reason": "", "milliseconds": 180}),
    *(
        (Action.TOKEN_USED, "sent", USE),
        (Action.TOKEN_USE_ENDED, "ok", USE | {"milliseconds": 240}),
    )
    * 4,
    (Action.TOKEN_USED, "sent", USE),
    (Action.TOKEN_USE_ENDED, "upstream_timeout", USE | {"milliseconds": 30_000}),
    (Action.SIGN_OUT, "ok", {}),
)


@dataclass
class _End:
    """The end of a person's chain."""

    length: int
    seal: str


def add_events(count: int, advanced: Callable[[int], None]) -> None:
    """Add events about everyone in turn, oldest first; calls `advanced` with the rows of each batch. Commits.

    For a ledger whose people have no events yet, with its key loaded.
    """
    key = loaded_key()
    people = db.session.execute(select(User.id, User.email).order_by(User.id)).all()
    servers = list(db.session.scalars(select(Server).order_by(Server.id).limit(len(DEEDS))))
    patterns = [_pattern(deed, server) for deed, server in zip(DEEDS, cycle(servers), strict=False)]
    first_id = (db.session.scalar(select(func.max(AuditEvent.id))) or 0) + 1
    ends = {person.id: _End(0, BEGINNING) for person in people}
    began, step = clock.now() - SPAN, SPAN / count
    seal_key = fingerprint(key) if key else None
    turns = islice(cycle(people), count)
    for numbered in batches(enumerate(turns)):
        rows = []
        for number, person in numbered:
            end = ends[person.id]
            event = patterns[end.length % len(patterns)] | {
                "id": first_id + number,
                "occurred_at": began + step * (number + 1),
                "actor_id": person.id,
                "actor_name": person.email,
                "subject_user_id": person.id,
                "chain": person.id,
                "place": end.length + 1,
            }
            seal = seal_of(key, end.seal, event) if key else None
            ends[person.id] = _End(end.length + 1, seal or BEGINNING)
            rows.append(event | {"seal": seal, "seal_key": seal_key})
        db.session.connection().execute(insert(AuditEvent), rows)
        db.session.commit()
        advanced(len(rows))
    _set_ends(ends, is_sealed=key is not None)


def _pattern(deed: tuple[Action, str, Mapping[str, str | int]], server: Server) -> dict[str, Any]:
    action, outcome, details = deed
    actor = replace(Actor.of_cli(), client_address="192.0.2.1", agent="Firefox on Linux", request_id="0" * 16)
    about = server if action.value.startswith("token.") else None
    return event_of(action, actor, outcome=outcome, server=about, details=details)


def _set_ends(ends: Mapping[int, _End], *, is_sealed: bool) -> None:
    chains = [
        {"chain": chain, "length": end.length, "last_seal": end.seal if is_sealed else None}
        for chain, end in ends.items()
    ]
    db.session.connection().execute(insert(AuditChain), chains)
    if db.engine.dialect.name == "postgresql":
        # Ids were chosen here, because each is sealed: the sequence goes on behind them.
        db.session.execute(
            text("SELECT setval(pg_get_serial_sequence('audit_events', 'id'), max(id)) FROM audit_events")
        )
    db.session.commit()
