"""Figures: what the database says of tokens, keys, rotation and ledger, in numbers, and of nobody."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import func, select

from app import clock
from app.crypto.vault import Vault
from app.errors import KeyNotLoadedError
from app.extensions import db
from app.models import EncryptionKey, Server, Token
from app.services.audit import Action
from app.services.audit_list import last_event
from app.services.keys import Keys
from app.services.rotation import rows_by_key
from app.services.token_status import NONE, STATUSES, held_status_expression

CURRENT: Final = "current"
#: What `flask tokens rotate` has still to do.
OLD: Final = "old"
#: Under a key whose secret this process was not given: it answers 503 for these.
NOT_LOADED: Final = "not_loaded"
#: Under a key that was given up for lost (`flask tokens accept-loss`).
GIVEN_UP: Final = "given_up"


@dataclass(frozen=True)
class Figures:
    """One reading. `tokens`: by status, each of them there. `rows`: by what is to become of their key."""

    tokens: Mapping[str, int]
    rows: Mapping[str, int]
    #: Whether tokens can be saved with the secret that is set.
    key_is_loaded: bool
    #: One was started and did not end: it is at work, or was killed.
    rotation_is_unfinished: bool
    #: None: none ended yet.
    rotation_ended_at: datetime | None
    #: When `flask audit verify` last found nothing wrong; None: never.
    audit_verified_at: datetime | None


def read_figures(keys: Keys) -> Figures:
    """Return the figures of now. Writes nothing, and leaves no transaction open.

    Looks at an index entry of each token: half a second of work for a million. Raises SQLAlchemy's errors.
    """
    started, ended = last_event(Action.ROTATION_STARTED), last_event(Action.ROTATION_ENDED)
    verified = last_event(Action.AUDIT_VERIFIED, outcome="ok")
    try:
        return Figures(
            tokens=_tokens_by_status(),
            rows=_rows_by_fate(keys.vault_for_looking()),
            key_is_loaded=keys.problem() is None,
            rotation_is_unfinished=started is not None and (ended is None or ended.id < started.id),
            rotation_ended_at=ended.occurred_at if ended else None,
            audit_verified_at=verified.occurred_at if verified else None,
        )
    finally:
        db.session.rollback()


def _tokens_by_status() -> dict[str, int]:
    status = held_status_expression(clock.now())
    counted = select(status, func.count()).select_from(Token).join(Server, Server.id == Token.mcp_server_id)
    found = {row[0]: row[1] for row in db.session.execute(counted.group_by(status))}
    return {word: found.get(word, 0) for word in STATUSES if word != NONE}


def _rows_by_fate(vault: Vault | None) -> dict[str, int]:
    retired = set(db.session.scalars(select(EncryptionKey.id).where(EncryptionKey.retired_at.is_not(None))))
    rows = dict.fromkeys((CURRENT, OLD, NOT_LOADED, GIVEN_UP), 0)
    for key_id, count in rows_by_key().items():
        rows[GIVEN_UP if key_id in retired else _fate_of(key_id, vault)] += count
    return rows


def _fate_of(key_id: str, vault: Vault | None) -> str:
    if vault is None or not vault.is_loaded(key_id):
        return NOT_LOADED
    try:
        return CURRENT if key_id == vault.current_id else OLD
    except KeyNotLoadedError:
        return OLD
