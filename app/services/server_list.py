"""Server list: the whole catalogue as admins see it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from sqlalchemy import func, select, tuple_

from app.extensions import db
from app.models import Server, ServerGroup, Token
from app.services.server_places import like_pattern, read_cursor, write_cursor

PAGE_SIZE: Final = 50


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


def list_catalogue(query: str = "", after: str = "", limit: int = PAGE_SIZE) -> Servers:
    """Return a page of the servers, disabled ones too, whose name, slug or host has the query in it.

    Raises InvalidInputError("after", "unknown").
    """
    people = select(func.count()).where(Token.mcp_server_id == Server.id).scalar_subquery()
    groups = select(func.count()).where(ServerGroup.mcp_server_id == Server.id).scalar_subquery()
    statement = select(Server, people, groups).order_by(Server.name_key, Server.id).limit(limit + 1)
    if query:
        statement = statement.where(Server.search_text.like(like_pattern(query), escape="\\"))
    if after:
        statement = statement.where(tuple_(Server.name_key, Server.id) > read_cursor(after))
    rows = [ServerRow(*row) for row in db.session.execute(statement)]
    last = rows[limit - 1].server if len(rows) > limit else None
    return Servers(rows[:limit], write_cursor(last.name_key, last.id) if last else None)
