"""Invitations: an account without a password yet, and the one-time link by which its person sets one."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from sqlalchemy import select

from app import clock
from app.errors import InvalidInputError, WrongStateError
from app.extensions import db
from app.models import PasswordReset
from app.models.user import ACTIVE, DISABLED, INVITED, NO_PASSWORD, ROLES
from app.services.accounts import find_user, insert_account
from app.services.actors import Actor
from app.services.audit import Action, record
from app.services.emails import normalise_email
from app.services.one_time_links import OneTimeLink, make_link
from app.services.person_lock import lock_person_in
from app.services.rights import keep_right

#: Why somebody who has an account cannot be invited.
_REASONS: Final = {ACTIVE: "has_account", DISABLED: "is_disabled"}


def invite(email: str, role: str | None, actor: Actor) -> tuple[OneTimeLink, bool]:
    """Invite a person; return the link for them, and whether they are new. Commits; one audit row or two.

    Who was invited before and has not accepted is given a new link in place of the old. `role` None: a user,
    or the role they were invited with. Raises InvalidInputError for `email` (`email_invalid`, `has_account`,
    `is_disabled`) or `role` (`unknown`); NotThereError for who is deleted at this moment.
    """
    address = normalise_email(email)
    if role is not None and role not in ROLES:
        raise InvalidInputError("role", "unknown")
    keep_right(actor)
    try:
        user = insert_account(address, NO_PASSWORD, role or "user")
    except InvalidInputError:
        return _invite_again(address, role, actor), False
    link = make_link(user)
    record(Action.ACCOUNT_INVITED, actor, subject_user_id=user.id, details={"role": user.role})
    db.session.commit()
    return link, True


def renew_invitation(user_id: int, actor: Actor) -> OneTimeLink:
    """Return a new link for who was invited, in place of the old. Commits; writes one audit row.

    Raises NotThereError, and WrongStateError for who has accepted or is disabled.
    """
    return _renew(user_id, None, actor)


def open_until(user_id: int) -> datetime | None:
    """Return when this person's one-time link ends; None: there is none that opens anything."""
    statement = select(PasswordReset.expires_at).where(
        PasswordReset.user_id == user_id, PasswordReset.expires_at > clock.now()
    )
    return db.session.scalar(statement)


def _invite_again(address: str, role: str | None, actor: Actor) -> OneTimeLink:
    user = find_user(address)
    try:
        return _renew(user.id if user else 0, role, actor)
    except WrongStateError as error:
        raise InvalidInputError("email", _REASONS[error.reason]) from None


def _renew(user_id: int, role: str | None, actor: Actor) -> OneTimeLink:
    """Make a new link, unless the person has a password: with one, it would be the way into their account.

    Who accepts at this moment waits for the lock, and then finds the old link gone; or was first.
    """
    user = lock_person_in(INVITED, user_id, actor)
    if role and role != user.role:
        user.role = role
        record(Action.ROLE_CHANGED, actor, outcome=role, subject_user_id=user.id)
    link = make_link(user)
    details = {"role": user.role}
    record(Action.ACCOUNT_INVITED, actor, outcome="renewed", subject_user_id=user.id, details=details)
    db.session.commit()
    return link
