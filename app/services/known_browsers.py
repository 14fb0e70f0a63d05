"""Known browsers: where a person has signed in before, and so is not held up by a stranger's failures.

The device cookies of OWASP's "Slow Down Online Guessing Attacks". One opens nothing by itself.
"""

from __future__ import annotations

import hashlib
import secrets
from datetime import timedelta
from typing import Final

from sqlalchemy import delete, select, update

from app import clock
from app.extensions import db
from app.models import KnownBrowser
from app.services.rows_changed import rows_changed

LASTS: Final = timedelta(days=180)
MAX_PER_PERSON: Final = 20


def is_known(user_id: int, browser_id: str | None) -> bool:
    """Whether this person has signed in here before."""
    if not browser_id:
        return False
    statement = select(KnownBrowser.id).where(
        KnownBrowser.user_id == user_id,
        KnownBrowser.browser_hash == browser_hash(browser_id),
        KnownBrowser.last_seen_at > clock.now() - LASTS,
    )
    return db.session.scalar(statement) is not None


def remember(user_id: int, browser_id: str | None) -> str:
    """Note that this person signed in here; return the id for the browser's cookie. The caller commits.

    A new id unless the one given is known to be ours: nobody can plant theirs.
    """
    now = clock.now()
    if browser_id and _is_ours(browser_id):
        seen = (
            update(KnownBrowser)
            .where(KnownBrowser.user_id == user_id, KnownBrowser.browser_hash == browser_hash(browser_id))
            .values(last_seen_at=now)
        )
        if rows_changed(seen):
            return browser_id
    else:
        browser_id = secrets.token_urlsafe(32)
    _make_room(user_id)
    row = KnownBrowser(user_id=user_id, browser_hash=browser_hash(browser_id), last_seen_at=now)
    db.session.add(row)
    return browser_id


def forget_browsers(user_id: int) -> None:
    """Forget where this person has signed in. The caller commits."""
    db.session.execute(delete(KnownBrowser).where(KnownBrowser.user_id == user_id))


def browser_hash(browser_id: str) -> str:
    """Return what is kept of a browser's id."""
    return hashlib.sha256(browser_id.encode(errors="surrogatepass")).hexdigest()


def _is_ours(browser_id: str) -> bool:
    statement = select(KnownBrowser.id).where(KnownBrowser.browser_hash == browser_hash(browser_id)).limit(1)
    return db.session.scalar(statement) is not None


def _make_room(user_id: int) -> None:
    """Delete what is over the limit, the longest unseen first."""
    newest = (
        select(KnownBrowser.id)
        .where(KnownBrowser.user_id == user_id)
        .order_by(KnownBrowser.last_seen_at.desc(), KnownBrowser.id.desc())
        .limit(MAX_PER_PERSON - 1)
    )
    kept = list(db.session.scalars(newest))
    others = delete(KnownBrowser).where(KnownBrowser.user_id == user_id, KnownBrowser.id.not_in(kept))
    db.session.execute(others)
