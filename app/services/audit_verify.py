"""Audit verification: recomputes every seal, and compares with what was kept elsewhere."""

from __future__ import annotations

import json
from collections.abc import Generator, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from typing import Any, Final

from sqlalchemy import select, text

from app import clock
from app.errors import InvalidInputError
from app.extensions import db
from app.models import AuditChain, AuditEvent, User
from app.services.actors import Actor
from app.services.audit import Action, record
from app.services.ledger import BEGINNING, SEALED, AuditKey, fingerprint, seal_of, seal_pending

BATCH_SIZE: Final = 5000
HEAD_VERSION: Final = 1


@dataclass
class Verdict:
    """What was found. `fault` None: no event was changed, deleted, swapped or slipped in."""

    events: int = 0
    chains: int = 0
    #: Written while no key was loaded, and not sealed yet.
    unsealed: int = 0
    #: Sealed under a subkey that is lost with its encryption secret: nobody can say.
    unknown_key: int = 0
    #: The first bad event, in one sentence.
    fault: str | None = None


@dataclass(frozen=True)
class Head:
    """The ends of all chains: what to keep elsewhere, to notice a cut tail or an old backup."""

    taken_at: str
    #: Chain → its length and last seal.
    chains: dict[str, tuple[int, str]] = field(default_factory=dict)

    def as_json(self) -> str:
        """Return the head as one line of JSON."""
        return json.dumps({"v": HEAD_VERSION, "taken_at": self.taken_at, "chains": self.chains})


def seal_all_pending(key: AuditKey) -> int:
    """Seal what was written unsealed; return how many events that were. Commits once for each chain."""
    raw = key.raw()
    if raw is None:
        return 0
    waiting = select(AuditEvent.chain).where(AuditEvent.seal.is_(None)).distinct()
    sealed = 0
    for chain in db.session.scalars(waiting).all():
        # The row is the lock that writers queue at.
        db.session.execute(select(AuditChain.id).where(AuditChain.chain == chain).with_for_update())
        counted = select(AuditEvent.id).where(AuditEvent.chain == chain, AuditEvent.seal.is_(None))
        sealed += len(db.session.scalars(counted).all())
        seal_pending(chain, raw)
        db.session.commit()
    return sealed


def verify_ledger(key: AuditKey, head: Head | None = None) -> Verdict:
    """Recompute every seal in order. Writes nothing; reads in constant memory, while others go on writing."""
    raw = key.raw()
    with _one_moment(), closing(_events()) as events:
        return _verify(events, raw, head)


def _verify(events: Iterator[dict[str, Any]], raw: bytes | None, head: Head | None) -> Verdict:
    verdict = Verdict()
    ends: dict[int, tuple[int, str | None]] = {}
    kept = {int(chain): end for chain, end in head.chains.items()} if head else {}
    met: dict[int, str | None] = {}
    chain, place, before, is_sealed = -1, 0, BEGINNING, True
    for event in events:
        if event["chain"] != chain:
            chain, place, before, is_sealed = event["chain"], 0, BEGINNING, True
            verdict.chains += 1
        place += 1
        verdict.events += 1
        fault = _fault_of(event, place, before, is_sealed, raw, verdict)
        if fault:
            verdict.fault = f"event {event['id']} (chain {chain}, place {event['place']}): {fault}"
            return verdict
        is_sealed = event["seal"] is not None
        before = event["seal"] or BEGINNING
        ends[chain] = (place, event["seal"])
        if chain in kept and kept[chain][0] == place:
            met[chain] = event["seal"]
    verdict.fault = _fault_of_ends(ends) or _fault_of_people() or _fault_of_head(kept, met, ends)
    return verdict


def note_verified(verdict: Verdict, actor: Actor) -> None:
    """Record what a verification found. Commits; writes one audit row."""
    outcome = "ok" if verdict.fault is None else "fault"
    details = {"events": verdict.events, "chains": verdict.chains}
    record(Action.AUDIT_VERIFIED, actor, outcome=outcome, details=details)
    db.session.commit()


def take_head() -> Head:
    """Return the ends of all chains as they are now."""
    rows = db.session.execute(
        select(AuditChain.chain, AuditChain.length, AuditChain.last_seal).order_by(AuditChain.chain)
    )
    chains = {str(chain): (length, seal or "") for chain, length, seal in rows if length}
    return Head(clock.now().isoformat(timespec="seconds"), chains)


def read_head(kept: str) -> Head:
    """Return a head that was kept. Raises InvalidInputError("head", `json`)."""
    try:
        found = json.loads(kept)
        chains = {str(int(chain)): (int(end[0]), str(end[1])) for chain, end in found["chains"].items()}
        return Head(str(found["taken_at"]), chains)
    except (ValueError, TypeError, KeyError, IndexError, AttributeError):
        raise InvalidInputError("head", "json") from None


@contextmanager
def _one_moment() -> Iterator[None]:
    """Read everything as it is at one moment: what is appended meanwhile belongs to the next verification."""
    db.session.rollback()
    if db.engine.dialect.name == "postgresql":
        db.session.connection(execution_options={"isolation_level": "REPEATABLE READ"})
    else:
        db.session.execute(text("BEGIN"))
    try:
        yield
    finally:
        db.session.rollback()


def _events() -> Generator[dict[str, Any], None, None]:
    columns = [getattr(AuditEvent, name) for name in (*SEALED, "seal", "seal_key")]
    statement = select(*columns).order_by(AuditEvent.chain, AuditEvent.place, AuditEvent.id)
    rows = db.session.execute(statement.execution_options(yield_per=BATCH_SIZE))
    try:
        for row in rows:
            yield dict(row._mapping)
    finally:
        rows.close()


def _fault_of(
    event: dict[str, Any], place: int, before: str, is_sealed: bool, raw: bytes | None, verdict: Verdict
) -> str | None:
    """Return what is wrong with an event, the `place`-th that is there of its chain."""
    fault: str | None = None
    if event["place"] != place:
        fault = "an event before it is missing" if event["place"] > place else "there are two in its place"
    elif event["chain"] != (event["subject_user_id"] or 0):
        fault = "it stands in a chain that is not its own"
    elif event["seal"] is None:
        verdict.unsealed += 1
    elif not is_sealed:
        fault = "it is sealed, and one before it is not"
    elif raw is None or event["seal_key"] != fingerprint(raw):
        verdict.unknown_key += 1
    elif seal_of(raw, before, event) != event["seal"]:
        fault = "it was changed, or what stood before it"
    return fault


def _fault_of_people() -> str | None:
    """Everyone with an account has a chain: creating the account is its first event."""
    without = select(User.id).where(User.id.not_in(select(AuditChain.chain))).order_by(User.id).limit(1)
    user_id = db.session.scalar(without)
    return None if user_id is None else f"chain {user_id}: it is missing as a whole"


def _fault_of_ends(ends: dict[int, tuple[int, str | None]]) -> str | None:
    """Compare with what each chain's own row says of its end."""
    rows = db.session.execute(select(AuditChain.chain, AuditChain.length, AuditChain.last_seal))
    said = {chain: (length, seal or None) for chain, length, seal in rows if length}
    for chain in sorted(said.keys() | ends.keys()):
        if said.get(chain) != ends.get(chain):
            return f"chain {chain}: its end is missing or was added to"
    return None


def _fault_of_head(
    kept: dict[int, tuple[int, str]], met: dict[int, str | None], ends: dict[int, tuple[int, str | None]]
) -> str | None:
    """Compare with what was kept elsewhere: nothing of it may be gone or different."""
    for chain, (length, seal) in sorted(kept.items()):
        if ends.get(chain, (0, None))[0] < length:
            return f"chain {chain}: it had {length} events when the head was taken, and has fewer now"
        if seal and met.get(chain) != seal:
            return f"chain {chain}: event {length} is not the one that stood there when the head was taken"
    return None
