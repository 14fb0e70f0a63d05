"""Second step: a sign-in whose password was right waits a few minutes for the code."""

from __future__ import annotations

import hashlib
import secrets
from datetime import timedelta
from typing import Final

from sqlalchemy import delete, select

from app import clock, metrics
from app.errors import InvalidInputError, NotThereError
from app.extensions import db
from app.models import PendingSignIn, User
from app.services import failure_counts, totp
from app.services.audit import Action, record
from app.services.keys import Keys
from app.services.rows_changed import rows_changed
from app.services.sign_in import Visitor, hold_up_codes

LASTS: Final = timedelta(minutes=10)


def open_second_step(user: User) -> str:
    """Return the random id under which this sign-in waits for its code. Commits."""
    pending_id = secrets.token_urlsafe(32)
    now = clock.now()
    db.session.execute(delete(PendingSignIn).where(PendingSignIn.expires_at < now))
    db.session.add(PendingSignIn(id_hash=_hash(pending_id), user_id=user.id, expires_at=now + LASTS))
    db.session.commit()
    return pending_id


def find_second_step(pending_id: str) -> User:
    """Return the active person whose sign-in waits. Raises NotThereError."""
    statement = (
        select(User)
        .join(PendingSignIn, PendingSignIn.user_id == User.id)
        .where(
            PendingSignIn.id_hash == _hash(pending_id),
            PendingSignIn.expires_at > clock.now(),
            User.is_active,
        )
    )
    user: User | None = db.session.scalar(statement)
    if user is None:
        raise NotThereError
    return user


def finish_second_step(pending_id: str, code: str, *, keys: Keys, visitor: Visitor) -> User:
    """Return the person, who may now be signed in. Commits; the step cannot be finished again.

    Raises NotThereError, InvalidInputError("code", `code_wrong`), TooManyAttemptsError, KeyNotLoadedError.
    """
    user = find_second_step(pending_id)
    check_code(user, code, keys=keys, visitor=visitor)
    gone = rows_changed(delete(PendingSignIn).where(PendingSignIn.id_hash == _hash(pending_id)))
    if not gone:
        db.session.rollback()
        raise NotThereError
    db.session.commit()
    return user


def check_code(user: User, code: str, *, keys: Keys, visitor: Visitor) -> None:
    """Return when the code is right. Commits.

    Raises InvalidInputError("code", `code_wrong`), TooManyAttemptsError, KeyNotLoadedError.
    """
    key = hold_up_codes(user, visitor)
    if not totp.take_code(user, code, keys):
        record(Action.SIGN_IN_FAILED, visitor.actor, outcome="code_refused", subject_user_id=user.id)
        db.session.commit()
        metrics.count_failed_sign_in("code")
        raise InvalidInputError("code", "code_wrong")
    failure_counts.forget(key)
    db.session.commit()


def _hash(pending_id: str) -> str:
    return hashlib.sha256(pending_id.encode(errors="surrogatepass")).hexdigest()
