"""Token status: the one definition of what state a token is in, for pages, filters and the API."""

from __future__ import annotations

import math
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import ColumnElement, String, and_, case, literal

from app.models import Server, Token

NONE: Final = "none"
UNREADABLE: Final = "unreadable"
ON_HOLD: Final = "on_hold"
EXPIRED: Final = "expired"
REJECTED: Final = "rejected"
EXPIRING: Final = "expiring"
ACCEPTED: Final = "accepted"
SAVED: Final = "saved"

#: In this order: the first that applies is the status.
STATUSES: Final = (NONE, UNREADABLE, ON_HOLD, EXPIRED, REJECTED, EXPIRING, ACCEPTED, SAVED)
#: Those in which someone must act.
ATTENTION: Final = (UNREADABLE, ON_HOLD, EXPIRED, REJECTED, EXPIRING)
#: Filters besides these words: everything in which someone must act, and every token whatever its state.
NEEDS_ATTENTION: Final = "attention"
HELD: Final = "held"
EXPIRING_WITHIN: Final = timedelta(days=14)


def status_expression(now: Any, soon: Any = None) -> ColumnElement[str]:
    """Return SQL for the status of a `Token` outer-joined to its `Server`. See `held_status_expression`."""
    return case((Token.id.is_(None), _word(NONE)), else_=held_status_expression(now, soon))


def held_status_expression(now: Any, soon: Any = None) -> ColumnElement[str]:
    """Return SQL for the same where there is a token in any case: an index can have all that it looks at.

    `now`: the time, or a parameter for it; then `soon` is one for `EXPIRING_WITHIN` later.
    """
    soon = now + EXPIRING_WITHIN if soon is None else soon
    return case(
        (Token.unreadable_at.is_not(None), _word(UNREADABLE)),
        (Token.bound_url != Server.url, _word(ON_HOLD)),
        (Token.expires_at <= now, _word(EXPIRED)),
        (Token.last_check_result == "rejected", _word(REJECTED)),
        (and_(Token.expires_at > now, Token.expires_at <= soon), _word(EXPIRING)),
        (Token.last_check_result == "accepted", _word(ACCEPTED)),
        else_=_word(SAVED),
    )


def days_until(moment: datetime, now: datetime) -> int:
    """Return the days until then, a begun one counted whole; 0 for a moment that has passed."""
    return max(0, math.ceil((moment - now) / timedelta(days=1)))


def _word(status: str) -> ColumnElement[str]:
    """Return the word as a typed literal: PostgreSQL cannot tell the type of a bare parameter."""
    return literal(status, String)
