"""Storing: whether tokens are stored at all, by the installation and by each person's own choice."""

from __future__ import annotations

from typing import Final

from sqlalchemy import update

from app.errors import StorageOffError
from app.extensions import db
from app.models import User
from app.services.actors import Actor
from app.services.audit import Action, record
from app.services.keys import Keys
from app.services.rows_changed import rows_changed

BY_INSTALLATION: Final = "installation"
BY_PERSON: Final = "person"


def why_not_stored(user: User, keys: Keys) -> str | None:
    """Return who turned storing off for this person, `installation` or `person`; None when it is on.

    As the person was loaded: whoever is about to store asks with what `stay_signed_in` returns.
    """
    if not keys.stores_tokens:
        return BY_INSTALLATION
    return None if user.stores_tokens else BY_PERSON


def refuse_unless_stored(user: User, keys: Keys) -> None:
    """Raise StorageOffError where this person's tokens are not stored."""
    reason = why_not_stored(user, keys)
    if reason:
        raise StorageOffError(reason)


def set_storing(user: User, stores: bool, actor: Actor) -> bool:
    """Set a person's choice; return whether that changed anything. Commits; one audit row if it did.

    What is stored already stays until its owner deletes it.
    """
    changed = rows_changed(
        update(User).where(User.id == user.id, User.stores_tokens != stores).values(stores_tokens=stores)
    )
    if changed:
        record(Action.STORING_CHANGED, actor, outcome="on" if stores else "off", subject_user_id=user.id)
    db.session.commit()
    return bool(changed)
