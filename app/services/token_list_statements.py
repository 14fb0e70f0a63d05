"""Token list statements: how the list of `app.services.token_list` is asked for, each built once a process.

Building one takes longer than the database takes to answer it, so they hold names for what is looked for, and
the values go along (docs/performance.md).
"""

from __future__ import annotations

from datetime import datetime
from functools import cache
from typing import Any, Final

from sqlalchemy import (
    BindParameter,
    ColumnElement,
    Integer,
    Select,
    String,
    and_,
    bindparam,
    false,
    func,
    not_,
    or_,
    select,
    true,
    tuple_,
)

from app.errors import InvalidInputError
from app.models import Server, Token
from app.models.types import UtcDateTime
from app.services.availability import available_to
from app.services.token_status import (
    ATTENTION,
    EXPIRING_WITHIN,
    HELD,
    NEEDS_ATTENTION,
    STATUSES,
    status_expression,
)

#: Parameters of the statements below (`_of_person`).
_USER: Final[BindParameter[int]] = bindparam("user_id", type_=Integer)
_NOW, _SOON = (bindparam(name, type_=UtcDateTime()) for name in ("now", "soon"))


def of_person(user_id: int, now: datetime) -> dict[str, Any]:
    """Return what every statement here wants to know."""
    return {"user_id": user_id, "now": now, "soon": now + EXPIRING_WITHIN}


@cache
def page_and_counts(
    status: str, *, searches: bool, goes_on: bool, only_usable: bool
) -> tuple[Select[*tuple[Any, ...]], Select[*tuple[Any, ...]]]:
    """Return the statements for a page of this kind, and for its counts.

    Besides `of_person` they take `at_most`, `pattern` where one `searches`, and `after_name` and `after_id`
    where the page `goes_on` from another. Raises InvalidInputError("status", "unknown").
    """
    rows = _rows()
    if only_usable:
        rows = rows.where(Server.is_enabled, available_to(_USER))
    searched = _search() if searches else true()
    matches = and_(searched, _status_filter(status))
    place = tuple_(bindparam("after_name", type_=Server.name_key.type), bindparam("after_id", type_=Integer))
    passed = tuple_(Server.name_key, Server.id) <= place if goes_on else false()
    listed = rows.where(matches, not_(passed)).order_by(Server.name_key, Server.id)
    conditions = {"searched": searched, "matches": matches, "passed": and_(matches, passed)}
    states = rows.add_columns(*(one.label(name) for name, one in conditions.items())).subquery()
    figures = (func.count(), *(func.count().filter(states.c[name]) for name in conditions))
    counted = select(states.c.status, *figures).group_by(states.c.status)
    return listed.limit(bindparam("at_most", type_=Integer)), counted


@cache
def held_rows() -> Select[*tuple[Any, ...]]:
    """Return the statement for every server where the person holds a token."""
    return _rows().where(Token.id.is_not(None)).order_by(Server.name_key, Server.id)


@cache
def one_row() -> Select[*tuple[Any, ...]]:
    """Return the statement for one row, that of `server_id`."""
    return _rows().where(Server.id == bindparam("server_id"))


def _rows() -> Select[*tuple[Any, ...]]:
    mine = and_(Token.mcp_server_id == Server.id, Token.user_id == _USER)
    return (
        select(
            Server.id.label("server_id"),
            Server.slug,
            Server.name,
            Server.name_key,
            Server.url,
            Server.is_enabled,
            available_to(_USER).label("is_available"),
            Server.token_required,
            Server.token_help,
            Server.token_help_url,
            Server.token_placeholder,
            Server.probe_tool,
            Token.id.label("token_id"),
            Token.revision,
            Token.token_hint,
            Token.bound_url,
            Token.created_at,
            Token.updated_at,
            Token.last_used_at,
            Token.expires_at,
            Token.stated_expires_at,
            Token.last_check_at,
            Token.last_check_result,
            Token.last_check_reason,
            Token.renew_asked_at,
            status_expression(_NOW, _SOON).label("status"),
        )
        .outerjoin(Token, mine)
        .where(or_(and_(Server.is_enabled, available_to(_USER)), Token.id.is_not(None)))
    )


def _search() -> ColumnElement[bool]:
    """Return what a search asks for."""
    pattern = bindparam("pattern", type_=String)
    # By trying, nobody finds out the host of a server that they may not use.
    by_all = and_(Server.search_text.like(pattern, escape="\\"), available_to(_USER))
    return or_(Server.name_key.like(pattern, escape="\\"), by_all)


def _status_filter(status: str) -> ColumnElement[bool]:
    """Return what a status filter asks for. Raises InvalidInputError("status", "unknown")."""
    if not status:
        return true()
    if status == HELD:
        return Token.id.is_not(None)
    if status == NEEDS_ATTENTION:
        return status_expression(_NOW, _SOON).in_(ATTENTION)
    if status not in STATUSES:
        raise InvalidInputError("status", "unknown")
    return status_expression(_NOW, _SOON) == status
