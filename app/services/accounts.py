"""Accounts: signing up, and what commands do to a person whom they name by e-mail."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from app import clock
from app.crypto.passwords import hash_password
from app.errors import InvalidInputError, NotThereError
from app.extensions import db
from app.models import User
from app.services import offboarding
from app.services.actors import Actor
from app.services.audit import Action, record
from app.services.emails import normalise_email
from app.services.offboarding import Leaving
from app.services.password_rules import check_password
from app.services.person_change import PersonChange, change_person


def create_account(email: str, password: str, actor: Actor, *, admin: bool = False) -> User:
    """Create a person and return them. Commits; writes one audit row.

    Raises InvalidInputError for `email` (`email_invalid`, `email_taken`) or `password`
    (`password_short`, `password_long`, `password_common`).
    """
    address = normalise_email(email)
    check_password(password, address)
    user = insert_account(address, hash_password(password), "admin" if admin else "user")
    who = actor if actor.user_id or actor.name else actor.signed_in_as(user)
    record(Action.ACCOUNT_CREATED, who, subject_user_id=user.id)
    db.session.commit()
    return user


def insert_account(address: str, password_hash: str, role: str) -> User:
    """Add the row of a person, with its id; the caller commits. Raises InvalidInputError, `email_taken`."""
    user = User(
        email=address,
        display_name=address.partition("@")[0][:100],
        password_hash=password_hash,
        role=role,
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
    return user


def find_user(email: str) -> User | None:
    """Return the person with this address, in whatever spelling, or None."""
    try:
        address = normalise_email(email)
    except InvalidInputError:
        return None
    return db.session.scalar(select(User).where(User.email == address))


def get_user(email: str) -> User:
    """Return the person with this address. Raises NotThereError."""
    user = find_user(email)
    if user is None:
        raise NotThereError
    return user


def set_active(email: str, active: bool, actor: Actor) -> None:
    """Disable a person, which ends their sessions, or enable them again. Commits; one audit row.

    Raises what `change_person` raises.
    """
    change_person(get_user(email).id, PersonChange(is_active=active), actor)


def set_role(email: str, role: str, actor: Actor) -> None:
    """Give a person another role. Commits; one audit row if that changed anything.

    Raises what `change_person` raises.
    """
    change_person(get_user(email).id, PersonChange(role=role), actor)


def delete_account(email: str, actor: Actor) -> Leaving:
    """Delete a person with everything that is theirs, and return what that was. Commits; one audit row.

    Raises NotThereError, LastAdminError.
    """
    return offboarding.delete_person(get_user(email).id, actor)
