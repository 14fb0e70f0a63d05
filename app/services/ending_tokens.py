"""Ending tokens: those that are past their date, or will be soon, of people and servers that are in use."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import select

from app import clock
from app.extensions import db
from app.models import Server, Token, User
from app.services.availability import available_to
from app.services.token_status import EXPIRING_WITHIN, days_until, status_expression

#: Days before its end at which a person is reminded of a token; 0: it has expired.
STAGES: Final = (0, 1, 7, 14)
#: A reminder of stage N speaks of an end at most N days away. With more than this beyond, it spoke of another
#: end. As long as a clock may be slow, so that two machines never take turns in reminding.
MOVED_BY: Final = timedelta(hours=1)


@dataclass(frozen=True)
class EndingToken:
    """A token that expires within 14 days, or has. Nothing of the token itself, and no hint."""

    token_id: int
    #: `Token.revision` and `Token.reminded_days`, as they were read.
    revision: int
    reminded_days: int | None
    user_id: int
    email: str
    locale: str | None
    #: Whether its owner wants tokens stored; a person who does not any more can only delete it.
    stores_tokens: bool
    server_id: int
    server: str
    expires_at: datetime
    #: Rounded up; 0: it has expired.
    days_left: int
    #: One of `token_status.STATUSES`. On hold or unreadable, it expires all the same.
    status: str
    #: One of `STAGES`.
    stage: int
    #: Whether its owner was reminded neither of this stage nor of a later one, of its present end.
    is_due: bool


def list_ending_tokens(user_id: int | None = None) -> list[EndingToken]:
    """Return the ending tokens of one person or of all, the first to end first. Only reads.

    Those of disabled people, for disabled servers and for servers that are no longer available to their owner
    are left out: nobody could replace them.
    """
    now = clock.now()
    statement = (
        select(
            Token.id.label("token_id"),
            Token.revision,
            Token.reminded_days,
            Token.user_id,
            User.email,
            User.locale,
            User.stores_tokens,
            Token.mcp_server_id.label("server_id"),
            Server.name.label("server"),
            Token.expires_at,
            status_expression(now).label("status"),
        )
        .join(User, User.id == Token.user_id)
        .join(Server, Server.id == Token.mcp_server_id)
        .where(User.is_active, Server.is_enabled, available_to(User.id))
        .where(Token.expires_at <= now + EXPIRING_WITHIN)
        .order_by(Token.expires_at, Token.id)
    )
    if user_id is not None:
        statement = statement.where(Token.user_id == user_id)
    records = db.session.execute(statement).mappings().all()
    db.session.rollback()
    return [_ending(dict(record), now) for record in records]


def _ending(record: Mapping[str, Any], now: datetime) -> EndingToken:
    left, reminded = record["expires_at"] - now, record["reminded_days"]
    stage = stage_of(left)
    return EndingToken(
        **record,
        days_left=days_until(record["expires_at"], now),
        stage=stage,
        is_due=reminded is None or stage < reminded or left > timedelta(days=reminded) + MOVED_BY,
    )


def stage_of(left: timedelta) -> int:
    """Return the smallest stage that is reached when so much time is left, at most 14 days."""
    return next(days for days in STAGES if left <= timedelta(days=days))
