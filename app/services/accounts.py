"""Accounts: signing up, disabling, deleting, and setting a new password by a one-time link."""

from __future__ import annotations

import hashlib
import secrets
from datetime import timedelta
from typing import Final

from sqlalchemy import delete, func, select, update
from sqlalchemy.exc import IntegrityError

from app import clock
from app.crypto.passwords import hash_password
from app.errors import InvalidInputError, LastAdminError, NotThereError
from app.extensions import db
from app.models import LoginSession, PasswordReset, Token, User
from app.services.actors import Actor
from app.services.audit import Action, record
from app.services.emails import normalise_email
from app.services.known_browsers import forget_browsers
from app.services.password_rules import check_password

RESET_LINK_LASTS: Final = timedelta(hours=72)


def create_account(email: str, password: str, actor: Actor, *, admin: bool = False) -> User:
    """Create a person and return them. Commits; writes one audit row.

    Raises InvalidInputError for `email` (`email_invalid`, `email_taken`) or `password`
    (`password_short`, `password_long`, `password_common`).
    """
    address = normalise_email(email)
    check_password(password, address)
    user = User(
        email=address,
        display_name=address.partition("@")[0][:100],
        password_hash=hash_password(password),
        role="admin" if admin else "user",
        is_active=True,
        created_at=clock.now(),
    )
    db.session.add(user)
    try:
        db.session.flush()
    except IntegrityError:
        # The unique index decides, so two sign-ups at once cannot both win.
        db.session.rollback()
        raise InvalidInputError("email", "email_taken") from None
    who = actor if actor.user_id or actor.name else actor.signed_in_as(user)
    record(Action.ACCOUNT_CREATED, who, subject_user_id=user.id)
    db.session.commit()
    return user


def find_user(email: str) -> User | None:
    """Return the person with this address, in whatever spelling, or None."""
    try:
        address = normalise_email(email)
    except InvalidInputError:
        return None
    return db.session.scalar(select(User).where(User.email == address))


def list_users() -> list[User]:
    """Return everyone, by e-mail."""
    return list(db.session.scalars(select(User).order_by(User.email)))


def set_active(email: str, active: bool, actor: Actor) -> None:
    """Disable a person, which ends their sessions, or enable them again. Commits; one audit row.

    Raises NotThereError.
    """
    user = _known(email)
    user.is_active = active
    if not active:
        db.session.execute(delete(LoginSession).where(LoginSession.user_id == user.id))
    action = Action.ACCOUNT_ENABLED if active else Action.ACCOUNT_DISABLED
    record(action, actor, subject_user_id=user.id)
    db.session.commit()


def set_role(email: str, role: str, actor: Actor) -> None:
    """Give a person another role (`app.models.user.ROLES`). Commits; one audit row if that changed anything.

    Raises NotThereError, LastAdminError.
    """
    user = _known(email)
    if user.role != role:
        if role != "admin":
            refuse_last_admin(user)
        user.role = role
        record(Action.ROLE_CHANGED, actor, outcome=role, subject_user_id=user.id)
    db.session.commit()


def delete_account(email: str, actor: Actor) -> int:
    """Delete a person with everything that is theirs; return how many tokens. Commits; one audit row.

    Raises NotThereError.
    """
    tokens = remove_person(_known(email), actor)
    db.session.commit()
    return tokens


def remove_person(user: User, actor: Actor) -> int:
    """Delete the row, with what hangs on it, and return how many tokens went. The caller commits."""
    tokens = db.session.scalar(select(func.count()).where(Token.user_id == user.id)) or 0
    db.session.execute(delete(User).where(User.id == user.id))
    record(Action.ACCOUNT_DELETED, actor, subject_user_id=user.id, details={"deleted_tokens": tokens})
    return tokens


def refuse_last_admin(user: User) -> None:
    """Raise LastAdminError when nobody else administers this installation."""
    others = select(func.count()).where(User.role == "admin", User.is_active, User.id != user.id)
    if user.is_admin and not db.session.scalar(others):
        raise LastAdminError


def open_password_reset(email: str, actor: Actor) -> str:
    """Return the code of a one-time link, valid 72 hours, which replaces an older one. Commits.

    Raises NotThereError.
    """
    user = _known(email)
    code = secrets.token_urlsafe(32)
    db.session.merge(
        PasswordReset(user_id=user.id, code_hash=_code_hash(code), expires_at=clock.now() + RESET_LINK_LASTS)
    )
    record(Action.PASSWORD_RESET, actor, outcome="link_made", subject_user_id=user.id)
    db.session.commit()
    return code


def find_password_reset(code: str) -> User:
    """Return whose one-time link this is. Raises NotThereError for a used, old or made-up one."""
    statement = (
        select(User)
        .join(PasswordReset, PasswordReset.user_id == User.id)
        .where(PasswordReset.code_hash == _code_hash(code), PasswordReset.expires_at > clock.now())
    )
    user: User | None = db.session.scalar(statement)
    if user is None:
        raise NotThereError
    return user


def reset_password(code: str, password: str, actor: Actor) -> None:
    """Set a new password by a one-time link and end every session. Commits; writes one audit row.

    Raises NotThereError, or InvalidInputError("password", …), which leaves the link open.
    """
    user = find_password_reset(code)
    check_password(password, user.email)
    password_hash = hash_password(password)
    # Deleting the link is what decides: of two uses at once, one finds it gone.
    used = db.session.execute(delete(PasswordReset).where(PasswordReset.code_hash == _code_hash(code)))
    if not used.rowcount:  # type: ignore[attr-defined]
        db.session.rollback()
        raise NotThereError
    db.session.execute(update(User).where(User.id == user.id).values(password_hash=password_hash))
    db.session.execute(delete(LoginSession).where(LoginSession.user_id == user.id))
    forget_browsers(user.id)
    record(Action.PASSWORD_RESET, actor.signed_in_as(user), subject_user_id=user.id)
    db.session.commit()


def _known(email: str) -> User:
    user = find_user(email)
    if user is None:
        raise NotThereError
    return user


def _code_hash(code: str) -> str:
    return hashlib.sha256(code.encode(errors="surrogatepass")).hexdigest()
