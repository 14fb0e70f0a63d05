"""Person lock: a person as they are now, whom nobody else changes until the transaction ends."""

from __future__ import annotations

from app.errors import NotThereError, WrongStateError
from app.extensions import db
from app.models import User
from app.services.actors import Actor
from app.services.rights import keep_right
from app.services.row_locks import lock_row


def lock_person(user_id: int, actor: Actor, *, for_deletion: bool = False) -> User:
    """Return the person, locked. Call it before anything is written; the caller ends the transaction.

    `for_deletion`: nothing that refers to them is added meanwhile either, such as a token or a session.
    Raises NotThereError, and what `keep_right` raises for the actor.
    """
    keep_right(actor, user_id)
    user = lock_row(User, user_id, for_deletion=for_deletion)
    if user is None:
        db.session.rollback()
        raise NotThereError
    return user


def lock_person_in(state: str, user_id: int, actor: Actor) -> User:
    """Return the person, locked, who is in this state. Raises WrongStateError, and as `lock_person` does."""
    user = lock_person(user_id, actor)
    found = user.state
    if found != state:
        db.session.rollback()
        raise WrongStateError(found)
    return user
