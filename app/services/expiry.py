"""Expiry: when a saved token stops being sent, changed without pasting the token again."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import select, update

from app import clock
from app.errors import ChangedMeanwhileError, InvalidInputError, NotThereError
from app.extensions import db
from app.models import Server, Token, User
from app.models.token import version_of
from app.services.actors import Actor
from app.services.audit import Action, record
from app.services.availability import available_to
from app.services.rows_changed import rows_changed
from app.services.saved_tokens import saved_row


def set_expiry(
    user: User, server_id: int, expires_at: datetime | None, actor: Actor, *, seen: str | None = None
) -> None:
    """Let the person's token expire then; None: never. Commits; writes one audit row.

    `seen`: the `version` of the token they had in sight, None: whichever there is. Reminders begin anew.
    Raises NotThereError, InvalidInputError("expires_at", "past"), ChangedMeanwhileError for another token.
    """
    if expires_at is not None and expires_at <= clock.now():
        raise InvalidInputError("expires_at", "past")
    server = db.session.scalar(select(Server).where(Server.id == server_id, available_to(user.id)))
    row = saved_row(user.id, server_id)
    if server is None or row is None:
        raise NotThereError
    if seen not in {None, version_of(row.id, row.revision)}:
        raise ChangedMeanwhileError
    changed = rows_changed(
        update(Token)
        .where(Token.id == row.id, Token.revision == row.revision)
        .values(expires_at=expires_at, reminded_days=None)
    )
    if not changed:
        db.session.rollback()
        raise ChangedMeanwhileError
    record(Action.TOKEN_EXPIRY_CHANGED, actor, subject_user_id=user.id, server=server)
    db.session.commit()
