"""Key status: what each key is still needed for, and whether every row can be read."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select, update

from app import clock
from app.crypto.vault import Sealed
from app.errors import KeyNotLoadedError, TokenUnreadableError
from app.extensions import db
from app.models import AuditEvent, EncryptionKey, Token
from app.services.actors import Actor
from app.services.audit import Action, record
from app.services.audit_list import last_event
from app.services.keys import Keys
from app.services.rotation import BATCH_SIZE, batches, place_of, rows_by_key, rows_up_to


@dataclass(frozen=True)
class KeyStatus:
    """A key: what its row says, the rows under it, and whether its secret is loaded here."""

    id: str
    kdf: str
    iterations: int
    created_at: datetime
    retired_at: datetime | None
    rows: int
    #: Whether there are more rows than were counted.
    has_more: bool
    is_loaded: bool
    is_current: bool


@dataclass(frozen=True)
class Verification:
    """Rows by id. `not_loaded`: under a key whose secret is not loaded, so nobody can say."""

    readable: int
    unreadable: list[int]
    not_loaded: list[int]


def key_statuses(keys: Keys, *, count_to: int | None = None) -> list[KeyStatus]:
    """Return every key, the newest first. `count_to`: rows of a key are counted no further than that."""
    vault = keys.vault_for_reading()
    found = list(db.session.scalars(select(EncryptionKey).order_by(EncryptionKey.created_at.desc())))
    rows = rows_by_key() if count_to is None else rows_up_to(count_to + 1, [key.id for key in found])
    try:
        current = vault.current_id
    except KeyNotLoadedError:
        current = ""
    return [
        KeyStatus(
            id=key.id,
            kdf=key.kdf,
            iterations=key.iterations,
            created_at=key.created_at,
            retired_at=key.retired_at,
            rows=_up_to(count_to, rows.get(key.id, 0)),
            has_more=count_to is not None and rows.get(key.id, 0) > count_to,
            is_loaded=vault.is_loaded(key.id),
            is_current=key.id == current,
        )
        for key in found
    ]


def _up_to(most: int | None, count: int) -> int:
    return count if most is None else min(count, most)


def what_to_do(keys: list[KeyStatus], *, can_seal: bool) -> str:
    """Return the next step as one word: `load`, `rotate`, `remove`, `nothing`, or `none` without any key.

    `can_seal`: whether the present secret may seal, its key's row written or not.
    """
    needed = [key for key in keys if key.retired_at is None and not key.is_current]
    if not keys:
        return "none"
    if not can_seal or any(not key.is_loaded and key.rows for key in needed):
        return "load"
    if any(key.rows for key in needed):
        return "rotate"
    return "remove" if any(key.is_loaded for key in needed) else "nothing"


def last_rotation() -> AuditEvent | None:
    """Return the event with which the last rotation ended, or with which one started that did not end."""
    # One look into the index for each: for both at once, all events could be read where there is neither.
    found = [last_event(action) for action in (Action.ROTATION_STARTED, Action.ROTATION_ENDED)]
    return max((event for event in found if event), key=lambda event: event.id, default=None)


def verify_tokens(keys: Keys) -> Verification:
    """Unseal every token, in memory only, and return which cannot be read. Writes nothing."""
    vault = keys.vault_for_reading()
    readable, unreadable, not_loaded = 0, [], []
    for rows in batches(BATCH_SIZE):
        for row in rows:
            try:
                vault.verify(Sealed(row.token_encrypted, row.key_id), place_of(row))
                readable += 1
            except TokenUnreadableError:
                unreadable.append(row.id)
            except KeyNotLoadedError:
                not_loaded.append(row.id)
    return Verification(readable, unreadable, not_loaded)


def lost_keys(keys: Keys) -> dict[str, int]:
    """Return key id → rows, for each key that is needed and whose secret is not loaded."""
    return {key.id: key.rows for key in key_statuses(keys) if key.retired_at is None and not key.is_loaded}


def accept_loss(keys: Keys, actor: Actor) -> dict[str, int]:
    """Give up the keys whose secrets are not loaded; return key id → rows that stay unreadable.

    Afterwards the current secret may seal. Nothing is deleted: the rows stay, marked, until their owners
    replace or delete them. Commits; writes one audit row, none when nothing is lost.
    """
    lost = lost_keys(keys)
    if not lost:
        return {}
    now = clock.now()
    db.session.execute(update(EncryptionKey).where(EncryptionKey.id.in_(lost)).values(retired_at=now))
    db.session.execute(
        update(Token).where(Token.key_id.in_(lost), Token.unreadable_at.is_(None)).values(unreadable_at=now)
    )
    details = {"keys": len(lost), "tokens": sum(lost.values())}
    record(Action.TOKENS_LOSS_ACCEPTED, actor, details=details)
    db.session.commit()
    return lost
