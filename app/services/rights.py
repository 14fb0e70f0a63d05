"""Rights: whoever acts by a role has it still, and is signed in, until what they do is committed.

A password is verified, or a form read, between a request's coming in and its writing; meanwhile another admin
may disable, demote or sign out whoever sent it. Every event of such an act asks here (`app.services.audit`),
so none can be forgotten. Services ask first of all, for the order of locks (docs/decisions/0013).
"""

from __future__ import annotations

from typing import Final

from sqlalchemy import select

from app.errors import NotThereError, SignedOutError
from app.extensions import db
from app.models import LoginSession, User
from app.services.actors import Actor, Right
from app.services.row_locks import queue_writers
from app.services.session_hash import session_hash

#: Where the session keeps for which transaction, and whose right, it was seen.
SEEN: Final = "right_seen"


def keep_right(actor: Actor, *people: int) -> None:
    """See that the actor may still do this, and keep it so until the transaction ends. Once is enough.

    `people`: whom it concerns, by id, who are locked as well, in one order with the actor: two admins who do
    something to each other at once do not wait in a circle. Call it before anything else is locked.

    Raises SignedOutError when the account was disabled or deleted or its session has ended, and NotThereError
    for another role by now, as for everybody who has it; nothing has changed then.
    """
    right = actor.right
    if right is None or actor.user_id is None or _is_seen(right):
        return
    queue_writers(User, actor.user_id)
    rows = (
        select(User)
        .where(User.id.in_({actor.user_id, *people}))
        .order_by(User.id)
        .execution_options(populate_existing=True)
    )
    # Shared where it concerns nobody, so that one admin's acts do not wait for each other.
    locked = rows.with_for_update(key_share=True) if people else rows.with_for_update(read=True)
    user = next((one for one in db.session.scalars(locked).all() if one.id == actor.user_id), None)
    alive = select(LoginSession.id).where(LoginSession.session_hash == session_hash(right.session_id))
    if user is None or not user.is_active or db.session.scalar(alive.with_for_update(read=True)) is None:
        db.session.rollback()
        raise SignedOutError
    if user.role not in right.roles:
        db.session.rollback()
        raise NotThereError
    db.session.info[SEEN] = (db.session().get_transaction(), right)


def _is_seen(right: Right) -> bool:
    transaction, seen = db.session.info.get(SEEN, (None, None))
    return transaction is db.session().get_transaction() and seen == right
