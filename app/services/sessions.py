"""Sessions: rows that a cookie names, so that ending one kills every copy of its cookie."""

from __future__ import annotations

import logging
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cache
from typing import Any, Final

from sqlalchemy import ColumnElement, Select, and_, bindparam, delete, select, update
from sqlalchemy.exc import DBAPIError

from app import clock
from app.errors import NotThereError, SignedOutError, SignInFailedError
from app.extensions import db
from app.models import LoginSession, PendingSignIn, User
from app.services.actors import Actor
from app.services.audit import Action, record
from app.services.known_browsers import remember
from app.services.person_lock import lock_person
from app.services.row_locks import lock_row
from app.services.rows_changed import rows_changed
from app.services.session_hash import session_hash

logger = logging.getLogger(__name__)

#: `last_seen_at` moves no more often, so that reading pages does not write on each request.
SEEN_EVERY: Final = timedelta(minutes=1)


@dataclass(frozen=True)
class Limits:
    """When sessions end by themselves (OWASP ASVS 5.0, 7.3)."""

    idle: timedelta = timedelta(hours=2)
    absolute: timedelta = timedelta(hours=12)


DEFAULT_LIMITS: Final = Limits()
_ALIVE: Final = (
    select(LoginSession.id)
    .where(LoginSession.session_hash == bindparam("session_hash"))
    .with_for_update(read=True)
)


@dataclass(frozen=True)
class SignedIn:
    """The random ids for the cookies of a browser that has just signed in. Never printed."""

    session_id: str = field(repr=False)
    browser_id: str = field(repr=False)


def start_session(
    user: User, actor: Actor, browser_id: str | None = None, limits: Limits = DEFAULT_LIMITS
) -> SignedIn:
    """Sign a person in. `browser_id`: what the browser's cookie says. Commits; writes one audit row.

    Raises SignInFailedError for who was disabled or deleted since their password was verified.
    """
    # The person first, as everywhere: what is added below refers to them, and whoever deletes them waits.
    present = lock_row(User, user.id)
    if present is None or not present.is_active:
        db.session.rollback()
        raise SignInFailedError
    db.session.execute(delete(LoginSession).where(LoginSession.expires_at < clock.now()))
    session_id = add_session(user, actor, limits)
    known_as = remember(user.id, browser_id)
    user.last_login_at = clock.now()
    record(Action.SIGN_IN_OK, actor.signed_in_as(user), subject_user_id=user.id)
    db.session.commit()
    user.session_id = session_id
    return SignedIn(session_id, known_as)


def add_session(user: User, actor: Actor, limits: Limits) -> str:
    """Return the random id of a new session. The caller commits."""
    session_id = secrets.token_urlsafe(32)
    now = clock.now()
    db.session.add(
        LoginSession(
            session_hash=session_hash(session_id),
            user_id=user.id,
            created_at=now,
            last_seen_at=now,
            expires_at=now + limits.absolute,
            client_address=actor.client_address,
            agent=actor.agent,
        )
    )
    return session_id


def find_signed_in(session_id: str, limits: Limits = DEFAULT_LIMITS) -> User | None:
    """Return the active person whose live session this is, or None. One query; marks it seen."""
    now = clock.now()
    known_by = {"session_hash": session_hash(session_id)}
    found = db.session.execute(_signed_in(), known_by | _moments(now, limits)).one_or_none()
    if found is None:
        return None
    user, row_id, last_seen_at = found
    user.session_id = session_id
    if now - last_seen_at > SEEN_EVERY:
        _mark_seen(row_id)
    return user


@cache
def _signed_in() -> Select[User, int, datetime]:
    """Return the statement that each request begins with, built once."""
    live = _is_live({name: bindparam(name) for name in ("now", "seen_after", "made_after")})
    return (
        select(User, LoginSession.id, LoginSession.last_seen_at)
        .join(LoginSession, LoginSession.user_id == User.id)
        .where(LoginSession.session_hash == bindparam("session_hash"), live, User.is_active)
    )


def _mark_seen(row_id: int) -> None:
    """Move `last_seen_at`. A database that takes no writes now can still show pages."""
    seen = update(LoginSession).where(LoginSession.id == row_id).values(last_seen_at=clock.now())
    try:
        db.session.execute(seen)
        db.session.commit()
    except DBAPIError as error:
        db.session.rollback()
        logger.warning("A session could not be marked as seen.", extra={"reason": type(error).__name__})


def stay_signed_in(user: User, *, shared: bool = True) -> User:
    """See that the person may still act, and keep it so until the transaction ends; return them as they are.

    `shared`: other acts of theirs go on meanwhile; False for what changes the account itself.
    Raises SignedOutError when the account was disabled or the session has ended since they were loaded: a
    check may have taken half a minute since.
    """
    row = lock_row(User, user.id, shared=shared)
    if row is None or not row.is_active:
        raise SignedOutError
    if user.session_id is None:
        # Not in a browser or program: on the command line.
        return row
    known_by = {"session_hash": session_hash(user.session_id)}
    if db.session.connection().scalar(_ALIVE, known_by) is None:
        raise SignedOutError
    return row


def end_session(user: User, actor: Actor) -> None:
    """Sign this session out. Commits; writes one audit row."""
    hashed = session_hash(user.get_id())
    db.session.execute(delete(LoginSession).where(LoginSession.session_hash == hashed))
    record(Action.SIGN_OUT, actor, subject_user_id=user.id)
    db.session.commit()


def is_live(now: datetime, limits: Limits) -> ColumnElement[bool]:
    """Return SQL for whether a session has not ended by itself."""
    return _is_live(_moments(now, limits))


def _is_live(moments: Mapping[str, Any]) -> ColumnElement[bool]:
    """Return the same, of what `_moments` returns, or of parameters with these names."""
    return and_(
        LoginSession.expires_at > moments["now"],
        LoginSession.last_seen_at > moments["seen_after"],
        # A limit that an admin has shortened ends older sessions too.
        LoginSession.created_at > moments["made_after"],
    )


def _moments(now: datetime, limits: Limits) -> dict[str, Any]:
    return {"now": now, "seen_after": now - limits.idle, "made_after": now - limits.absolute}


def list_sessions(user: User, limits: Limits = DEFAULT_LIMITS) -> list[LoginSession]:
    """Return where this person is signed in, the last seen first."""
    now = clock.now()
    statement = (
        select(LoginSession)
        .where(LoginSession.user_id == user.id, is_live(now, limits))
        .order_by(LoginSession.last_seen_at.desc(), LoginSession.id.desc())
    )
    return list(db.session.scalars(statement))


def end_one_session(user: User, row_id: int, actor: Actor) -> None:
    """End one of this person's sessions. Commits; writes one audit row. Raises NotThereError."""
    if not _end(user.id, actor, LoginSession.id == row_id):
        raise NotThereError
    db.session.commit()


def end_other_sessions(user: User, actor: Actor) -> int:
    """Sign this person out everywhere else; return how many sessions that were. Commits; one audit row."""
    ended = _end(user.id, actor, LoginSession.session_hash != session_hash(user.get_id()))
    db.session.commit()
    return ended


def end_all_sessions(user_id: int, actor: Actor) -> int:
    """Sign a person out everywhere and return how many sessions that were. Commits; one audit row.

    A sign-in that waits for its code ends too. Raises NotThereError.
    """
    lock_person(user_id, actor)
    db.session.execute(delete(PendingSignIn).where(PendingSignIn.user_id == user_id))
    ended = _end(user_id, actor)
    db.session.commit()
    return ended


def _end(user_id: int, actor: Actor, *which: ColumnElement[bool]) -> int:
    """Delete this person's sessions, or those of them that are meant. The caller commits."""
    count = rows_changed(delete(LoginSession).where(LoginSession.user_id == user_id, *which))
    record(Action.SESSION_ENDED, actor, subject_user_id=user_id, details={"sessions": count})
    return count
