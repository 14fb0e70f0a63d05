"""One-time links: how a person sets a password without the one before, or the first of an invitation.

A link is a random code, of which the database keeps a digest. Whoever has the code can sign in as the person,
and use their tokens: so an admin is never shown one of somebody who has signed in before.
"""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import delete, select, update

from app import clock
from app.crypto.passwords import hash_password
from app.errors import NotThereError
from app.extensions import db
from app.models import LoginSession, PasswordReset, PendingSignIn, User
from app.models.user import ACTIVE, INVITED
from app.services.actors import Actor
from app.services.audit import Action, record
from app.services.known_browsers import forget_browsers
from app.services.password_rules import check_password
from app.services.person_lock import lock_person_in
from app.services.rows_changed import rows_changed

LASTS: Final = timedelta(hours=72)


@dataclass(frozen=True)
class OneTimeLink:
    """A link that was just made: whose it is, and its code, which nobody can be told again."""

    user_id: int
    email: str
    #: As `users.locale` has it.
    locale: str | None
    expires_at: datetime
    code: str = field(repr=False)


def make_link(user: User) -> OneTimeLink:
    """Return a new link of this person, which replaces an older one. The caller commits."""
    link = OneTimeLink(user.id, user.email, user.locale, clock.now() + LASTS, secrets.token_urlsafe(32))
    db.session.merge(
        PasswordReset(user_id=user.id, code_hash=_code_hash(link.code), expires_at=link.expires_at)
    )
    return link


def drop_link(user_id: int) -> None:
    """Let this person's link open nothing any more. The caller commits."""
    db.session.execute(delete(PasswordReset).where(PasswordReset.user_id == user_id))


def open_password_reset(user_id: int, actor: Actor) -> OneTimeLink:
    """Return a link with which a person sets a new password. Commits; writes one audit row.

    Raises NotThereError, and WrongStateError for who is invited or disabled.
    """
    user = lock_person_in(ACTIVE, user_id, actor)
    link = make_link(user)
    record(Action.PASSWORD_RESET, actor, outcome="link_made", subject_user_id=user.id)
    db.session.commit()
    return link


def find_by_link(code: str) -> User:
    """Return whose link this is. Raises NotThereError for a used, old or made-up one, or who is disabled."""
    statement = (
        select(User)
        .join(PasswordReset, PasswordReset.user_id == User.id)
        .where(
            PasswordReset.code_hash == _code_hash(code),
            PasswordReset.expires_at > clock.now(),
            User.is_active,
        )
    )
    user: User | None = db.session.scalar(statement)
    if user is None:
        raise NotThereError
    return user


def set_password(code: str, password: str, actor: Actor) -> User:
    """Set a password by a link, end every session, and return the person. Commits; writes one audit row.

    Of who was invited, this makes the account. Raises NotThereError, or InvalidInputError("password", …),
    which leaves the link open.
    """
    user = find_by_link(code)
    check_password(password, user.email)
    accepted = user.state == INVITED
    # The person first, then their link, as everywhere: who renews, disables or deletes waits for one another.
    # The hash that was read, so that the link of an invitation sets no second password.
    changed = (
        update(User)
        .where(User.id == user.id, User.is_active, User.password_hash == user.password_hash)
        .values(password_hash=hash_password(password))
    )
    used = delete(PasswordReset).where(PasswordReset.code_hash == _code_hash(code))
    # Deleting the link is what decides: of two uses at once, one finds it gone.
    for statement in (changed, used):
        if not rows_changed(statement):
            db.session.rollback()
            raise NotThereError
    for table in (LoginSession, PendingSignIn):
        db.session.execute(delete(table).where(table.user_id == user.id))
    forget_browsers(user.id)
    action = Action.ACCOUNT_CREATED if accepted else Action.PASSWORD_RESET
    record(action, actor.signed_in_as(user), subject_user_id=user.id)
    db.session.commit()
    return user


def _code_hash(code: str) -> str:
    return hashlib.sha256(code.encode(errors="surrogatepass")).hexdigest()
