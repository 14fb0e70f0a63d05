"""Sessions: rows that a cookie names, so that ending one kills every copy of its cookie."""

from __future__ import annotations

import hashlib
import secrets
from datetime import timedelta
from typing import Final

from sqlalchemy import delete, select, update

from app import clock
from app.extensions import db
from app.models import LoginSession, User
from app.services.actors import Actor
from app.services.audit import Action, record

#: OWASP ASVS 5.0, 7.3: an idle and an absolute end.
IDLE_LIMIT: Final = timedelta(hours=2)
ABSOLUTE_LIMIT: Final = timedelta(hours=12)
#: `last_seen_at` moves no more often, so that reading pages does not write on each request.
SEEN_EVERY: Final = timedelta(minutes=1)


def start_session(user: User, actor: Actor) -> str:
    """Sign a person in and return the random id for the cookie. Commits; writes one audit row."""
    session_id = secrets.token_urlsafe(32)
    now = clock.now()
    db.session.execute(delete(LoginSession).where(LoginSession.expires_at < now))
    db.session.add(
        LoginSession(
            session_hash=_session_hash(session_id),
            user_id=user.id,
            created_at=now,
            last_seen_at=now,
            expires_at=now + ABSOLUTE_LIMIT,
            client_address=actor.client_address,
            agent=actor.agent,
        )
    )
    user.last_login_at = now
    record(Action.SIGN_IN_OK, actor.signed_in_as(user), subject_user_id=user.id)
    db.session.commit()
    user.session_id = session_id
    return session_id


def find_signed_in(session_id: str) -> User | None:
    """Return the active person whose live session this is, or None. One query; marks it seen."""
    now = clock.now()
    statement = (
        select(User, LoginSession.id, LoginSession.last_seen_at)
        .join(LoginSession, LoginSession.user_id == User.id)
        .where(
            LoginSession.session_hash == _session_hash(session_id),
            LoginSession.expires_at > now,
            LoginSession.last_seen_at > now - IDLE_LIMIT,
            User.is_active,
        )
    )
    found = db.session.execute(statement).one_or_none()
    if found is None:
        return None
    user, row_id, last_seen_at = found
    if now - last_seen_at > SEEN_EVERY:
        db.session.execute(update(LoginSession).where(LoginSession.id == row_id).values(last_seen_at=now))
        db.session.commit()
    user.session_id = session_id
    return user


def end_session(user: User, actor: Actor) -> None:
    """Sign this session out. Commits; writes one audit row."""
    hashed = _session_hash(user.get_id())
    db.session.execute(delete(LoginSession).where(LoginSession.session_hash == hashed))
    record(Action.SIGN_OUT, actor, subject_user_id=user.id)
    db.session.commit()


def end_all_sessions(user: User, actor: Actor) -> int:
    """Sign a person out everywhere and return how many sessions that were. Commits; one audit row."""
    ended = db.session.execute(delete(LoginSession).where(LoginSession.user_id == user.id))
    count: int = ended.rowcount  # type: ignore[attr-defined]
    record(Action.SESSION_ENDED, actor, subject_user_id=user.id, details={"sessions": count})
    db.session.commit()
    return count


def _session_hash(session_id: str) -> str:
    return hashlib.sha256(session_id.encode(errors="surrogatepass")).hexdigest()
