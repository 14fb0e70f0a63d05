"""Reminders: who is told of a token that ends, once for each token and stage.

A stage is claimed and committed before its mail is sent, so that two machines at once send one mail; no
transaction is open while the mail server is waited for. Killed in between, that one stage is lost.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from sqlalchemy import ColumnElement, and_, or_, update

from app import clock
from app.extensions import db
from app.models import Server, Token
from app.services.actors import Actor
from app.services.audit import Action, record
from app.services.ending_tokens import MOVED_BY, EndingToken, list_ending_tokens
from app.services.rows_changed import rows_changed
from app.services.token_status import EXPIRING_WITHIN

#: Outcome of a reminder whose mail was not sent; it follows the event of its claim.
NOT_SENT: Final = "not_sent"


def due_reminders() -> dict[int, list[EndingToken]]:
    """Return person's id → their tokens of which they are to be reminded now. Only reads."""
    due: dict[int, list[EndingToken]] = {}
    for token in list_ending_tokens():
        if token.is_due:
            due.setdefault(token.user_id, []).append(token)
    return due


def forget_moved_reminders() -> int:
    """Forget reminders of tokens that do not end within 14 days any more; return how many. Commits.

    Else a token whose date was moved, whoever moved it, would miss stages when its new end comes near.
    """
    moved = or_(Token.expires_at.is_(None), Token.expires_at > clock.now() + EXPIRING_WITHIN + MOVED_BY)
    forgotten = rows_changed(
        update(Token).where(Token.reminded_days.is_not(None), moved).values(reminded_days=None)
    )
    db.session.commit()
    return forgotten


def claim_reminders(user_id: int, actor: Actor) -> list[EndingToken]:
    """Take the person's due reminders upon oneself, and return their tokens, the first to end first.

    Commits; writes one audit row for each. Empty when nothing is due, or another process was quicker. Raises
    LedgerClosedError: then nothing was claimed.
    """
    due = [token for token in list_ending_tokens(user_id) if token.is_due]
    # All rows before the first event, and in one order: saves lock their row before the chain of events too.
    claimed = {token.token_id for token in sorted(due, key=_row_id) if _set(token, token.stage)}
    mine = [token for token in due if token.token_id in claimed]
    _record(mine, actor, outcome="ok")
    db.session.commit()
    return mine


def release_reminders(tokens: Sequence[EndingToken], actor: Actor) -> None:
    """Give claims back whose mail was not sent, so that the next run sends it.

    Commits; writes one audit row for each, without which the ledger would tell of a mail that nobody got.
    """
    for token in sorted(tokens, key=_row_id):
        db.session.execute(
            update(Token)
            .where(_is(token), Token.reminded_days == token.stage)
            .values(reminded_days=token.reminded_days)
        )
    _record(tokens, actor, outcome=NOT_SENT)
    db.session.commit()


def _record(tokens: Sequence[EndingToken], actor: Actor, *, outcome: str) -> None:
    """Record each; the caller commits. The server may have been deleted meanwhile."""
    for token in tokens:
        record(
            Action.TOKEN_REMINDED,
            actor,
            outcome=outcome,
            subject_user_id=token.user_id,
            server=db.session.get(Server, token.server_id),
            details={"days": token.stage},
        )


def _set(token: EndingToken, days: int) -> bool:
    """Write the stage, and return whether the row was still as it was read; the caller commits."""
    swapped = rows_changed(
        update(Token)
        .where(_is(token), Token.reminded_days.is_not_distinct_from(token.reminded_days))
        .values(reminded_days=days)
    )
    return bool(swapped)


def _is(token: EndingToken) -> ColumnElement[bool]:
    """Whether the row is the same token with the same end."""
    return and_(
        Token.id == token.token_id, Token.revision == token.revision, Token.expires_at == token.expires_at
    )


def _row_id(token: EndingToken) -> int:
    return token.token_id
