"""Person lock: a person as they are now, whom nobody else changes until the transaction ends."""

from __future__ import annotations

from sqlalchemy import select, update

from app.errors import NotThereError, WrongStateError
from app.extensions import db
from app.models import User


def lock_person(user_id: int, *, for_deletion: bool = False) -> User:
    """Return the person, locked. Call it before anything is written; the caller ends the transaction.

    `for_deletion`: nothing that refers to them is added meanwhile either, such as a token or a session.
    Raises NotThereError.
    """
    begin_writing(user_id)
    user: User | None = db.session.scalar(
        select(User)
        .where(User.id == user_id)
        # Else who signs in, whose session refers to the row, would wait for nothing.
        .with_for_update(key_share=not for_deletion)
        .execution_options(populate_existing=True)
    )
    if user is None:
        db.session.rollback()
        raise NotThereError
    return user


def lock_person_in(state: str, user_id: int) -> User:
    """Return the person, locked, who is in this state. Raises NotThereError, WrongStateError."""
    user = lock_person(user_id)
    found = user.state
    if found != state:
        db.session.rollback()
        raise WrongStateError(found)
    return user


def begin_writing(user_id: int) -> None:
    """Let nobody else write to SQLite until the transaction ends; it knows no row locks.

    After the first write, of nothing new too, nobody else does.
    """
    if db.engine.dialect.name == "sqlite":
        same = update(User).where(User.id == user_id).values(id=user_id)
        db.session.execute(same.execution_options(synchronize_session=False))
