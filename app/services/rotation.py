"""Rotation: re-seal every token under the current key while people go on saving and using them.

Killed anywhere, it is run again: each row is under one key or the other, never in between.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from sqlalchemy import bindparam, func, select, update

from app import clock
from app.crypto.vault import Place, Sealed, Vault
from app.errors import KeyNotLoadedError, TokenUnreadableError
from app.extensions import db
from app.models import Server, Token
from app.services.actors import Actor
from app.services.audit import Action, record
from app.services.keys import Keys
from app.services.rotation_lock import only_one
from app.services.rows_changed import rows_changed
from app.services.subkeys import reseal_subkeys

BATCH_SIZE: Final = 1000

_ROWS: Final = select(
    Token.id, Token.user_id, Token.mcp_server_id, Token.bound_url, Token.token_encrypted, Token.key_id
).order_by(Token.id)
#: Compare-and-swap: whoever saved meanwhile has written another text, and wins.
_SWAP: Final = (
    update(Token)
    .where(Token.id == bindparam("row_id"), Token.token_encrypted == bindparam("old_text"))
    .values(token_encrypted=bindparam("new_text"), key_id=bindparam("new_key"))
)


@dataclass
class RotationReport:
    """Counts of rows. `left`: for each key that is not the current one, the rows still under it."""

    rotated: int = 0
    already_current: int = 0
    unreadable: int = 0
    changed_meanwhile: int = 0
    left: dict[str, int] = field(default_factory=dict)

    @property
    def rows_left(self) -> int:
        """Return how many rows still need an old key."""
        return sum(self.left.values())


def rotate_tokens(
    keys: Keys,
    actor: Actor,
    *,
    batch_size: int = BATCH_SIZE,
    dry_run: bool = False,
    advanced: Callable[[int], None] = lambda _rows: None,
) -> RotationReport:
    """Re-seal every token under the current key; calls `advanced` with the rows of each batch.

    One short transaction a batch; an audit row at the start and at the end. A dry run writes nothing and
    counts what would be rotated. Raises KeyNotLoadedError, and RotationRunningError when another is at work.
    """
    if dry_run:
        return _walk(keys.vault_for_reading(), batch_size, advanced, actor=None)
    vault = keys.vault_for_sealing()
    db.session.rollback()
    with only_one(db.engine):
        record(Action.ROTATION_STARTED, actor)
        reseal_subkeys(vault)
        db.session.commit()
        report = _walk(vault, batch_size, advanced, actor=actor)
        outcome = "rows_left" if report.rows_left else "ok"
        details = {"rotated": report.rotated, "unreadable": report.unreadable, "left": report.rows_left}
        record(Action.ROTATION_ENDED, actor, outcome=outcome, details=details)
        db.session.commit()
    return report


def rows_by_key() -> dict[str, int]:
    """Return key id → rows sealed under it, for every key that has any."""
    found = db.session.execute(select(Token.key_id, func.count()).group_by(Token.key_id)).all()
    return {str(key_id): int(count) for key_id, count in found}


def rows_up_to(most: int, key_ids: Iterable[str]) -> dict[str, int]:
    """Return key id → rows sealed under it, counted no further than `most`: for pages, which may not grow."""
    counts = {}
    for key_id in key_ids:
        found = select(Token.id).where(Token.key_id == key_id).limit(most).subquery()
        counts[key_id] = db.session.scalar(select(func.count()).select_from(found)) or 0
    return counts


def batches(size: int, *, but_key: str = "") -> Iterator[Sequence[Any]]:
    """Yield all rows by id, those under `but_key` left out; no transaction is open between two batches."""
    after = 0
    while True:
        rows = db.session.execute(_ROWS.where(Token.id > after, Token.key_id != but_key).limit(size)).all()
        db.session.rollback()
        if not rows:
            return
        after = rows[-1].id
        yield rows


def place_of(row: Any) -> Place:
    """Return where a row of `batches` belongs."""
    return Place(row.user_id, row.mcp_server_id, row.bound_url)


def _walk(
    vault: Vault, batch_size: int, advanced: Callable[[int], None], *, actor: Actor | None
) -> RotationReport:
    """Go once through the rows under other keys, then count what is left by looking. No actor: a dry run."""
    report = RotationReport(already_current=rows_by_key().get(vault.current_id, 0))
    for rows in batches(batch_size, but_key=vault.current_id):
        # The slow part comes before the transaction, so that no writer waits for it.
        swaps, unreadable = _resealed(vault, rows)
        swapped = len(swaps)
        if actor is not None:
            swapped = _swap(swaps)
            _mark(unreadable, actor)
            db.session.commit()
        report.rotated += swapped
        report.changed_meanwhile += len(swaps) - swapped
        report.unreadable += len(unreadable)
        advanced(len(rows))
    report.left = {key_id: count for key_id, count in rows_by_key().items() if key_id != vault.current_id}
    db.session.rollback()
    return report


def _resealed(vault: Vault, rows: Sequence[Any]) -> tuple[list[dict[str, Any]], list[Any]]:
    """Return the parameters of the swaps, and the rows that are unreadable.

    Rows whose key is merely not loaded are in neither: they stay, counted as left.
    """
    swaps: list[dict[str, Any]] = []
    unreadable: list[Any] = []
    for row in rows:
        try:
            sealed = vault.reseal(Sealed(row.token_encrypted, row.key_id), place_of(row))
        except TokenUnreadableError:
            unreadable.append(row)
        except KeyNotLoadedError:
            continue
        else:
            swaps.append(
                {
                    "row_id": row.id,
                    "old_text": row.token_encrypted,
                    "new_text": sealed.text,
                    "new_key": sealed.key_id,
                }
            )
    return swaps, unreadable


def _swap(swaps: list[dict[str, Any]]) -> int:
    """Write the swaps and return how many rows were still as they were read; the caller commits."""
    if not swaps:
        return 0
    result = db.session.connection().execute(_SWAP, swaps)
    return int(result.rowcount)


def _mark(rows: list[Any], actor: Actor) -> None:
    """Mark rows as unreadable, each once, with an event for its owner; the caller commits."""
    for row in rows:
        marked = rows_changed(
            update(Token)
            .where(
                Token.id == row.id,
                Token.token_encrypted == row.token_encrypted,
                Token.unreadable_at.is_(None),
            )
            .values(unreadable_at=clock.now())
        )
        if marked:
            server = db.session.get(Server, row.mcp_server_id)
            record(Action.TOKEN_UNREADABLE, actor, subject_user_id=row.user_id, server=server)
