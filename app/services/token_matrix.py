"""Token matrix: people by servers, with the state of each token, for admins. No hint is even asked for.

Three views of it: the tokens that are held, by person; all servers for one person; all people for one server.
The last two have the cells without a token too. A million cells are never looked at one by one: see
`app.services.token_totals`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

from sqlalchemy import ColumnElement, CompoundSelect, Select, and_, select, true, tuple_

from app import clock
from app.errors import InvalidInputError, NotThereError
from app.extensions import db
from app.models import Server, Token, User
from app.models.token import version_of
from app.services.availability import available_to
from app.services.server_places import read_cursor, write_cursor
from app.services.token_choice import Choice
from app.services.token_ranges import ids_in, is_one_of
from app.services.token_status import EXPIRING, NONE, days_until, held_status_expression, status_expression
from app.services.token_totals import GATHERED_TO, Totals

#: `GATHERED_TO` of one person or server. Of more than these, a walk soon meets enough for a page.
GATHERED_OF_ONE: Final = 500
#: Rows at a time for who wants them all.
BATCH_SIZE: Final = 2000


@dataclass(frozen=True)
class Cell:
    """What admins may know of one person's token for one server. Times are UTC, None where there is none."""

    user_id: int
    email: str
    is_active: bool
    #: False: the person chose never to store tokens.
    stores_tokens: bool
    server_id: int
    slug: str
    server: str
    is_enabled: bool
    #: False: the person may not use the server, so they can only delete their token.
    is_available: bool
    token_help_url: str | None
    #: Names this very token: another one saved in its place has another. None: there is none.
    version: str | None
    #: One of `token_status.STATUSES`.
    status: str
    created_at: datetime | None
    updated_at: datetime | None
    last_used_at: datetime | None
    last_check_at: datetime | None
    expires_at: datetime | None
    renew_asked_at: datetime | None
    #: Whole days until it expires, rounded up; None unless it is expiring.
    days_left: int | None


@dataclass(frozen=True)
class CellPage:
    """A page of cells. `next`: the cursor of the page after it, None on the last.

    Those of a person come by name of the server, those of a server by e-mail; everyone's by the ids of person
    and server, so that a person's stand together.
    """

    cells: list[Cell]
    next: str | None


def list_cells(wanted: Choice, totals: Totals | None = None) -> CellPage:
    """Return a page of cells. Raises InvalidInputError for `status` or `after`.

    With totals that say how few there are in the wanted states, those are fetched by their states and sorted;
    otherwise the cells are walked in their order until the page is full.
    """
    now = clock.now()
    order, statement, statuses = _order(wanted), _cells(wanted, now), wanted.statuses
    if statuses == (NONE,):
        # As the status says it, but a look into the index is enough.
        statement = statement.where(Token.id.is_(None))
    elif statuses and _are_few(wanted, totals):
        statement = statement.where(Token.id.in_(_gathered(wanted, now)))
    elif statuses:
        statement = statement.where(is_one_of(statuses, status_expression(now)))
    if wanted.after:
        statement = statement.where(tuple_(*order) > _read_place(wanted))
    records = db.session.execute(statement.order_by(*order).limit(wanted.limit + 1)).all()
    cells = [_cell(record, now) for record in records[: wanted.limit]]
    more = len(records) > wanted.limit
    return CellPage(cells, _write_place(wanted, cells[-1], records[len(cells) - 1]) if more else None)


def all_cells(wanted: Choice) -> Iterator[Cell]:
    """Yield every cell of the choice; no transaction is open in between. Raises InvalidInputError."""
    page = list_cells(replace(wanted, limit=BATCH_SIZE))
    db.session.rollback()
    yield from page.cells
    while page.next:
        page = list_cells(replace(wanted, limit=BATCH_SIZE, after=page.next))
        db.session.rollback()
        yield from page.cells


def get_cell(user_id: int, server_id: int) -> Cell:
    """Return one cell, with or without a token. Raises NotThereError."""
    now = clock.now()
    record = db.session.execute(_cells(Choice(user_id, server_id), now)).one_or_none()
    if record is None:
        raise NotThereError
    return _cell(record, now)


def _cells(wanted: Choice, now: datetime) -> Select[*tuple[Any, ...]]:
    columns = select(
        User.id.label("user_id"),
        User.email,
        User.is_active,
        User.stores_tokens,
        Server.id.label("server_id"),
        Server.slug,
        Server.name.label("server"),
        Server.name_key,
        Server.is_enabled,
        available_to(User.id).label("is_available"),
        Server.token_help_url,
        Token.id.label("token_id"),
        Token.revision,
        Token.created_at,
        Token.updated_at,
        Token.last_used_at,
        Token.last_check_at,
        Token.expires_at,
        Token.renew_asked_at,
        status_expression(now).label("status"),
    )
    if wanted.is_of_all:
        return (
            columns.select_from(Token)
            .join(User, User.id == Token.user_id)
            .join(Server, Server.id == Token.mcp_server_id)
        )
    mine = and_(Token.user_id == User.id, Token.mcp_server_id == Server.id)
    return columns.select_from(User).join(Server, true()).outerjoin(Token, mine).where(*_chosen(wanted))


def _chosen(wanted: Choice) -> list[ColumnElement[bool]]:
    person = [User.id == wanted.person_id] if wanted.person_id is not None else []
    server = [Server.id == wanted.server_id] if wanted.server_id is not None else []
    return [*person, *server]


def _are_few(wanted: Choice, totals: Totals | None) -> bool:
    if totals is None or totals.more.intersection(wanted.statuses):
        return False
    return sum(totals.counts[word] for word in wanted.statuses) <= (
        GATHERED_TO if wanted.is_of_all else GATHERED_OF_ONE
    )


def _gathered(wanted: Choice, now: datetime) -> Select[int] | CompoundSelect[int]:
    """Return a statement for the ids of all tokens that are wanted, found by their states."""
    if wanted.is_of_all:
        return ids_in(wanted.statuses, now)
    found = select(Token.id).join(Server, Server.id == Token.mcp_server_id)
    if wanted.person_id is not None:
        found = found.where(Token.user_id == wanted.person_id)
    if wanted.server_id is not None:
        found = found.where(Token.mcp_server_id == wanted.server_id)
    return found.where(is_one_of(wanted.statuses, held_status_expression(now)))


def _order(wanted: Choice) -> tuple[Any, Any]:
    """Return the columns that order the list, those of one index, which decides where a cursor stands."""
    if wanted.is_of_all:
        return Token.user_id, Token.mcp_server_id
    return (User.email, User.id) if wanted.person_id is None else (Server.name_key, Server.id)


def _write_place(wanted: Choice, cell: Cell, record: Any) -> str:
    if wanted.is_of_all:
        return write_cursor(str(cell.user_id), cell.server_id)
    if wanted.person_id is None:
        return write_cursor(cell.email, cell.user_id)
    return write_cursor(record.name_key, cell.server_id)


def _read_place(wanted: Choice) -> tuple[str | int, int]:
    """Return where the page before ended. Raises InvalidInputError("after", "unknown")."""
    text, number = read_cursor(wanted.after)
    if not wanted.is_of_all:
        return text, number
    if not (text.isascii() and text.isdigit() and len(text) <= 10 and int(text) < 2**31):
        raise InvalidInputError("after", "unknown")
    return int(text), number


def _cell(record: Any, now: datetime) -> Cell:
    held = record.token_id is not None
    return Cell(
        user_id=record.user_id,
        email=record.email,
        is_active=record.is_active,
        stores_tokens=record.stores_tokens,
        server_id=record.server_id,
        slug=record.slug,
        server=record.server,
        is_enabled=record.is_enabled,
        is_available=record.is_available,
        token_help_url=record.token_help_url,
        version=version_of(record.token_id, record.revision) if held else None,
        status=record.status,
        created_at=record.created_at,
        updated_at=record.updated_at,
        last_used_at=record.last_used_at,
        last_check_at=record.last_check_at,
        expires_at=record.expires_at,
        renew_asked_at=record.renew_asked_at,
        days_left=days_until(record.expires_at, now) if record.status == EXPIRING else None,
    )
