"""Token ranges: where in the indexes the tokens of each status stand, for lists of very many of them."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime
from itertools import chain

from sqlalchemy import (
    ColumnElement,
    CompoundSelect,
    Select,
    and_,
    func,
    literal_column,
    or_,
    select,
    union_all,
)

from app.extensions import db
from app.mcp.checks import ACCEPTED, REJECTED, RESULTS
from app.models import Server, Token
from app.services import token_status as status
from app.services.token_status import EXPIRING_WITHIN, held_status_expression


def count_up_to(limits: Mapping[str, int], now: datetime) -> dict[str, int]:
    """Return status → how many held tokens are in it, at most the limit: no further is counted.

    At most two statements, whatever the statuses.
    """
    one: ColumnElement[int] = literal_column("1").label("one")
    most = limits.get(status.ON_HOLD, 0)
    servers = _servers_with_tokens_on_hold(most) if most else []
    # Each of them has one at least: of so many, no token has to be counted.
    known = {status.ON_HOLD: most} if most and len(servers) == most else {}
    unknown = [word for word in limits if word not in known]
    figures = []
    for word, parts in _parts(select(one), unknown, now, servers).items():
        found = union_all(*parts).limit(limits[word]).subquery()
        figures.append(select(func.count()).select_from(found).scalar_subquery().label(word))
    return known | (dict(db.session.execute(select(*figures)).mappings().one()) if figures else {})


def ids_in(words: Collection[str], now: datetime) -> CompoundSelect[int]:
    """Return a statement for the ids of all held tokens in one of these statuses, each once."""
    servers = _servers_with_tokens_on_hold() if status.ON_HOLD in words else []
    return union_all(*chain.from_iterable(_parts(select(Token.id), words, now, servers).values()))


def is_one_of(words: Collection[str], expression: ColumnElement[str]) -> ColumnElement[bool]:
    """Return SQL for "the status is one of these", said as "it is none of the others".

    PostgreSQL takes it for rare that an expression equals anything, and would look for a few of very many
    with several processes at once. Of what is unequal to something it expects a lot.
    """
    return expression.not_in([word for word in status.STATUSES if word not in words])


def _parts(
    columns: Select[int], words: Collection[str], now: datetime, servers: Collection[int]
) -> dict[str, list[Select[int]]]:
    """Return status → statements for the columns of the held tokens in it, one for each range.

    `servers`: all that have a token on hold, where these are wanted.
    """
    held = columns.select_from(Token).join(Server, Server.id == Token.mcp_server_id)
    expression = held_status_expression(now)
    parts = {}
    for word, ranges in _ranges(words, now, servers).items():
        in_it = held.where(is_one_of((word,), expression))
        parts[word] = [in_it.where(range_) for range_ in ranges]
    return parts


def _ranges(
    words: Collection[str], now: datetime, servers: Collection[int]
) -> dict[str, list[ColumnElement[bool]]]:
    """Return status → conditions that exclude each other, one of which is true of each token in it.

    They let others through: the status has to be asked for besides.
    """
    soon = now + EXPIRING_WITHIN
    past, ending = Token.expires_at <= now, and_(Token.expires_at > now, Token.expires_at <= soon)
    never, later = Token.expires_at.is_(None), Token.expires_at > soon
    unchecked = Token.last_check_result.is_(None)
    found, rejected, accepted = _found(*RESULTS), _found(REJECTED), _found(ACCEPTED)
    taken = _found(*(result for result in RESULTS if result != REJECTED))
    unclear = _found(*(result for result in RESULTS if result not in (ACCEPTED, REJECTED)))
    checked = {
        status.EXPIRED: ((unchecked, found), (past,)),
        status.REJECTED: ((rejected,), (never, Token.expires_at > now)),
        status.EXPIRING: ((unchecked, taken), (ending,)),
        status.ACCEPTED: ((accepted,), (never, later)),
        status.SAVED: ((unchecked, unclear), (never, later)),
    }
    ranges: dict[str, list[ColumnElement[bool]]] = {
        word: [and_(result, end) for result in results for end in ends]
        for word, (results, ends) in checked.items()
    }
    ranges[status.UNREADABLE] = [Token.unreadable_at.is_not(None)]
    ranges[status.ON_HOLD] = [Token.mcp_server_id.in_(servers)]
    return {word: ranges[word] for word in words}


def _found(*results: str) -> ColumnElement[bool]:
    return Token.last_check_result.in_(results)


def _servers_with_tokens_on_hold(most: int | None = None) -> list[int]:
    """Return the ids of servers that have a token on hold, at most so many: bound to another address.

    Two places of an index for each server, where "is another one" would be a look at every token.
    """
    mine: Select[int] = select(literal_column("1")).where(
        Token.mcp_server_id == Server.id, Token.unreadable_at.is_(None)
    )
    lower, higher = mine.where(Token.bound_url < Server.url), mine.where(Token.bound_url > Server.url)
    found = select(Server.id).where(or_(lower.exists(), higher.exists()))
    return list(db.session.scalars(found.limit(most)))
