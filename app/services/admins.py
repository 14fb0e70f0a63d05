"""Admins: who administers the installation, and that somebody always does."""

from __future__ import annotations

from sqlalchemy import and_, or_, select

from app.errors import LastAdminError
from app.extensions import db
from app.models import User
from app.models.user import ACTIVE
from app.services.actors import Actor
from app.services.rights import keep_right
from app.services.row_locks import queue_writers


def keep_an_admin(user_id: int, actor: Actor) -> None:
    """Raise LastAdminError when nobody else administers. Call it before anything is written.

    Until the transaction ends, nobody else takes or gives an admin's rights: of two who remove each other at
    once, the second waits here, and then finds that nobody else is left. Whoever is invited or disabled does
    not count. Raises what `keep_right` raises for the actor, too.
    """
    queue_writers(User, user_id)
    # The person too, who may be made one meanwhile, and the actor, who may be one no longer. In one order, so
    # that nobody waits in a circle; and so that who signs in, whose session refers to the row, does not wait.
    both = {user_id} if actor.user_id is None else {user_id, actor.user_id}
    concerned = (
        select(User)
        .where(or_(and_(User.role == "admin", User.is_active), User.id.in_(both)))
        .order_by(User.id)
        .with_for_update(key_share=True)
        .execution_options(populate_existing=True)
    )
    admins = [user.id for user in db.session.scalars(concerned) if user.is_admin and user.state == ACTIVE]
    if admins == [user_id]:
        db.session.rollback()
        raise LastAdminError
    keep_right(actor, user_id)
