"""Own account: what people change of their account themselves, each with their password typed again."""

from __future__ import annotations

from sqlalchemy import delete, update
from sqlalchemy.exc import IntegrityError

from app.crypto.passwords import hash_password
from app.errors import InvalidInputError
from app.extensions import db
from app.models import LoginSession, PasswordReset, PendingSignIn, User
from app.services.audit import Action, record
from app.services.emails import normalise_email
from app.services.known_browsers import forget_browsers, remember
from app.services.offboarding import remove_person
from app.services.own_acts import confirm_own_act
from app.services.password_rules import check_password
from app.services.sessions import DEFAULT_LIMITS, Limits, SignedIn, add_session
from app.services.sign_in import Visitor, confirm_password


def change_password(
    user: User, current: str, new: str, visitor: Visitor, limits: Limits = DEFAULT_LIMITS
) -> SignedIn:
    """Set a new password, end every session, and return a new one for this browser. Commits.

    Raises what `confirm_own_act` raises for `current_password`, and InvalidInputError for `password`.
    """
    confirm_own_act(user, current, visitor, field="current_password")
    if new == current:
        raise InvalidInputError("password", "password_same")
    check_password(new, user.email)
    password_hash = hash_password(new)
    db.session.execute(update(User).where(User.id == user.id).values(password_hash=password_hash))
    # A sign-in with the old password that waits for its code ends too.
    for table in (LoginSession, PendingSignIn, PasswordReset):
        db.session.execute(delete(table).where(table.user_id == user.id))
    forget_browsers(user.id)
    signed_in = SignedIn(add_session(user, visitor.actor, limits), remember(user.id, None))
    record(Action.PASSWORD_CHANGED, visitor.actor, subject_user_id=user.id)
    db.session.commit()
    user.session_id = signed_in.session_id
    return signed_in


def change_email(user: User, email: str, password: str, visitor: Visitor) -> None:
    """Give the account another e-mail address, by which one then signs in. Commits; writes one audit row.

    Raises what `confirm_own_act` raises, and InvalidInputError for `email` (`email_invalid`, `email_taken`).
    """
    confirm_own_act(user, password, visitor)
    address = normalise_email(email)
    try:
        db.session.execute(update(User).where(User.id == user.id).values(email=address))
    except IntegrityError:
        db.session.rollback()
        raise InvalidInputError("email", "email_taken") from None
    record(Action.EMAIL_CHANGED, visitor.actor, subject_user_id=user.id)
    # A link that was sent to the address before opens nothing any more.
    db.session.execute(delete(PasswordReset).where(PasswordReset.user_id == user.id))
    db.session.commit()


def delete_own_account(user: User, password: str, visitor: Visitor) -> int:
    """Delete the account with everything that is its own; return how many tokens. Commits; one audit row.

    Raises what `confirm_password` raises, NotThereError, and LastAdminError.
    """
    # Without a lock yet: `remove_person` takes all it needs, in the order of ids.
    confirm_password(user, password, visitor)
    leaving = remove_person(user.id, visitor.actor)
    db.session.commit()
    return len(leaving.tokens)
