"""Failure counts: attempts in a row, and how long the next one has to wait. Nothing here ever sleeps.

An attempt is counted before its password is compared, in one compare-and-swap, so that a hundred at once
are not a hundred guesses. One that is held up makes the wait grow, yet never moves its beginning: whoever
hammers keeps nobody out for longer than `MAX_WAIT_SECONDS`.
"""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from sqlalchemy import delete, select, update
from sqlalchemy.dialects import postgresql, sqlite

from app import clock
from app.extensions import db
from app.models import FailureCount
from app.services.rows_changed import rows_changed

#: Failures in a row that cost nothing; the sixth attempt waits.
FREE_FAILURES: Final = 5
FIRST_WAIT_SECONDS: Final = 5
MAX_WAIT_SECONDS: Final = 30
#: After so long without an attempt, one starts anew.
FORGOTTEN_AFTER: Final = timedelta(minutes=15)
#: Rows of strangers' attempts are deleted after so long.
KEPT_FOR: Final = timedelta(days=1)


@dataclass(frozen=True)
class Hold:
    """An attempt that has to wait. `is_first`: the attempt before it had not."""

    seconds: int
    is_first: bool


def key_of(kind: str, *parts: str | int) -> str:
    """Return what a count is kept under: a digest, so that nothing that was typed is kept."""
    text = "\0".join((kind, *(str(part) for part in parts)))
    return hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()


def admit(key: str, free: int = FREE_FAILURES) -> Hold | None:
    """Count an attempt; return None when it may be made, else how long to wait. The caller commits."""
    while True:
        now = clock.now()
        row = db.session.execute(
            select(FailureCount.failures, FailureCount.checked_at).where(FailureCount.key_hash == key)
        ).one_or_none()
        if row is None:
            if _insert(key):
                return None
            continue
        failures, checked_at = row
        passed = now - checked_at
        if passed > FORGOTTEN_AFTER:
            failures_now, hold = 1, None
        else:
            failures_now = failures + 1
            held = _wait(failures - free) > passed.total_seconds()
            seconds = math.ceil(_wait(failures_now - free) - passed.total_seconds())
            hold = Hold(min(max(seconds, 1), MAX_WAIT_SECONDS), failures == free) if held else None
        counted = (
            update(FailureCount)
            .where(FailureCount.key_hash == key)
            .where(FailureCount.failures == failures, FailureCount.checked_at == checked_at)
            .values(failures=min(failures_now, 1000), checked_at=checked_at if hold else now)
        )
        if rows_changed(counted):
            return hold


def forget(key: str) -> None:
    """Start anew after a success. The caller commits."""
    db.session.execute(delete(FailureCount).where(FailureCount.key_hash == key))


def take_back(key: str) -> None:
    """Uncount the last attempt: it was none of a guesser. The caller commits."""
    fewer = update(FailureCount).where(FailureCount.key_hash == key, FailureCount.failures > 0)
    db.session.execute(fewer.values(failures=FailureCount.failures - 1))


def touch(key: str) -> None:
    """Write the count as it is: takes as long as recording a failure does. The caller commits."""
    same = update(FailureCount).where(FailureCount.key_hash == key)
    db.session.execute(same.values(failures=FailureCount.failures))


def _wait(beyond: int) -> int:
    """Return the wait in seconds after so many failures beyond the free ones: 5, 10, 20, 30, 30, …"""
    if beyond < 0:
        return 0
    # Of a huge power only the bound counts.
    return min(FIRST_WAIT_SECONDS << min(beyond, 10), MAX_WAIT_SECONDS)


def _insert(key: str) -> bool:
    """Write the first attempt's row, unless somebody else did meanwhile. Old rows go on this occasion."""
    now = clock.now()
    db.session.execute(delete(FailureCount).where(FailureCount.checked_at < now - KEPT_FOR))
    dialect = postgresql if db.engine.dialect.name == "postgresql" else sqlite
    values = {"key_hash": key, "failures": 1, "checked_at": now}
    insert = dialect.insert(FailureCount).values(**values).on_conflict_do_nothing()
    # Not `rowcount`, which is -1 here whether there was a conflict or not.
    return db.session.execute(insert.returning(FailureCount.key_hash)).one_or_none() is not None
