"""Token search: the people and servers whose tokens an admin may be looking for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from sqlalchemy import select

from app.errors import InvalidInputError
from app.extensions import db
from app.models import Server, User
from app.services.accounts import find_user
from app.services.emails import MAX_EMAIL_CHARS
from app.services.server_places import like_pattern
from app.services.servers import MAX_ID

#: Of each kind. More than that nobody reads: they type another letter.
SHOWN: Final = 20


@dataclass(frozen=True)
class Found:
    """People by e-mail, servers by name; `has_more`: of either there are more than are shown."""

    people: list[User]
    servers: list[Server]
    has_more: bool


def search(query: str) -> Found:
    """Return the people whose e-mail, and the servers whose name, slug or host, has the query in it."""
    # No e-mail address holds a NUL, and PostgreSQL takes none even to look for it.
    text = query.casefold().replace("\0", " ")[:MAX_EMAIL_CHARS]
    people = select(User).where(User.email.contains(text, autoescape=True)).order_by(User.email)
    servers = (
        select(Server)
        .where(Server.search_text.like(like_pattern(query), escape="\\"))
        .order_by(Server.name_key, Server.id)
    )
    found_people = list(db.session.scalars(people.limit(SHOWN + 1)))
    found_servers = list(db.session.scalars(servers.limit(SHOWN + 1)))
    has_more = max(len(found_people), len(found_servers)) > SHOWN
    return Found(found_people[:SHOWN], found_servers[:SHOWN], has_more)


def person_named(word: str) -> User:
    """Return the person with this id or e-mail. Raises InvalidInputError("person", "unknown")."""
    is_id = word.isascii() and word.isdigit() and len(word) <= len(str(MAX_ID)) and int(word) <= MAX_ID
    person = db.session.get(User, int(word)) if is_id else find_user(word)
    if person is None:
        raise InvalidInputError("person", "unknown")
    return person
