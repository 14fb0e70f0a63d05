"""Server list: the whole catalogue as admins see it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from sqlalchemy import ColumnElement, func, not_, select, true, tuple_

from app.errors import InvalidInputError
from app.extensions import db
from app.models import Server, ServerGroup, Token
from app.services.server_places import like_pattern, read_cursor, write_cursor

PAGE_SIZE: Final = 50
#: Filters, by whether people can use a server at all.
ENABLED: Final = "enabled"
DISABLED: Final = "disabled"


@dataclass(frozen=True)
class ServerRow:
    """One server. `people`: how many hold a token for it. `groups`: how many it names."""

    server: Server
    people: int
    groups: int


@dataclass(frozen=True)
class Servers:
    """One page of servers, by name. `next`: the cursor of the page after it, None on the last."""

    rows: list[ServerRow]
    next: str | None


def list_catalogue(query: str = "", after: str = "", limit: int = PAGE_SIZE, *, state: str = "") -> Servers:
    """Return a page of the servers, disabled ones too, whose name, slug or host has the query in it.

    Raises InvalidInputError for `after` or `state` (`unknown`).
    """
    people = select(func.count()).where(Token.mcp_server_id == Server.id).scalar_subquery()
    groups = select(func.count()).where(ServerGroup.mcp_server_id == Server.id).scalar_subquery()
    statement = select(Server, people, groups).where(_search(query), _in_state(state))
    if after:
        statement = statement.where(tuple_(Server.name_key, Server.id) > read_cursor(after))
    statement = statement.order_by(Server.name_key, Server.id).limit(limit + 1)
    rows = [ServerRow(*row) for row in db.session.execute(statement)]
    last = rows[limit - 1].server if len(rows) > limit else None
    return Servers(rows[:limit], write_cursor(last.name_key, last.id) if last else None)


def count_catalogue(query: str = "") -> dict[str, int]:
    """Return how many servers a search finds: `all`, `enabled` and `disabled`."""
    figures = (func.count(), func.count().filter(Server.is_enabled))
    found, enabled = db.session.execute(select(*figures).select_from(Server).where(_search(query))).one()
    return {"all": found, ENABLED: enabled, DISABLED: found - enabled}


def _search(query: str) -> ColumnElement[bool]:
    return Server.search_text.like(like_pattern(query), escape="\\") if query else true()


def _in_state(state: str) -> ColumnElement[bool]:
    states: dict[str, ColumnElement[bool]] = {
        "": true(),
        ENABLED: Server.is_enabled.is_(True),
        DISABLED: not_(Server.is_enabled),
    }
    if state not in states:
        raise InvalidInputError("state", "unknown")
    return states[state]
