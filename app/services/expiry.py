"""Expiry: when a saved token stops being sent, changed without pasting the token again."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import select, update

from app import clock
from app.errors import InvalidInputError, NotThereError
from app.extensions import db
from app.models import Server, Token, User
from app.services.actors import Actor
from app.services.audit import Action, record
from app.services.availability import available_to


def set_expiry(user: User, server_id: int, expires_at: datetime | None, actor: Actor) -> None:
    """Let the person's token expire then; None: never. Commits; writes one audit row.

    Reminders begin anew. Raises NotThereError, and InvalidInputError("expires_at", "past").
    """
    if expires_at is not None and expires_at <= clock.now():
        raise InvalidInputError("expires_at", "past")
    server = db.session.scalar(select(Server).where(Server.id == server_id, available_to(user.id)))
    if server is None:
        raise NotThereError
    changed = db.session.execute(
        update(Token)
        .where(Token.user_id == user.id, Token.mcp_server_id == server_id)
        .values(expires_at=expires_at, reminded_days=None)
    )
    if not changed.rowcount:  # type: ignore[attr-defined]
        raise NotThereError
    record(Action.TOKEN_EXPIRY_CHANGED, actor, subject_user_id=user.id, server=server)
    db.session.commit()
