"""Tokens in every state that there is, made in bulk and never sealed, for tests of lists of them."""

from __future__ import annotations

from datetime import timedelta
from itertools import product

from app import clock
from app.extensions import db
from app.mcp.checks import RESULTS
from app.models import Server, Token, User

#: What a list for admins may never show, of every token that `make_every_state` makes.
HINT = "...HINT"


def make_every_state() -> int:
    """Give thirteen of fourteen people tokens for thirteen of fourteen servers, in every mixture of states.

    Return how many tokens there are. The last person and the last server have none.
    """
    now = clock.now()
    people = [_add(_person(number)) for number in range(14)]
    servers = [_add(_server(number)) for number in range(14)]
    cells = product(people[:-1], servers[:-1])
    mixtures = product(
        (None, now),
        ("same", "before", "https://zz.example.com/mcp", ""),
        (None, now - timedelta(days=1), now + timedelta(days=3), now + timedelta(days=90)),
        (None, *RESULTS),
    )
    tokens = []
    for (person, server), (unreadable_at, bound, expires_at, result) in zip(cells, mixtures, strict=False):
        tokens.append(
            {
                "user_id": person.id,
                "mcp_server_id": server.id,
                "token_encrypted": "sealed",
                "token_hint": HINT,
                "key_id": "0" * 16,
                "bound_url": server.url if bound == "same" else bound,
                "created_at": now,
                "updated_at": now,
                "expires_at": expires_at,
                "last_check_result": result,
                "unreadable_at": unreadable_at,
            }
        )
    db.session.execute(db.insert(Token), tokens)
    db.session.commit()
    return len(tokens)


def _add(row: User | Server) -> User | Server:
    db.session.add(row)
    db.session.flush()
    return row


def _person(number: int) -> User:
    # Neither ids nor e-mails nor names come in the order of the others.
    name = f"p{(number * 5) % 14:02}"
    return User(email=f"{name}@example.com", display_name=name, password_hash="-", created_at=clock.now())


def _server(number: int) -> Server:
    now, name = clock.now(), f"Server {(number * 5) % 14:02}"
    url = f"https://s{number}.example.com/mcp"
    return Server(slug=f"s{number}", name=name, url=url, extra_headers={}, created_at=now, updated_at=now)
