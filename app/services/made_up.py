"""Made-up data: many people, servers and tokens in every state, for measuring with; never in production."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice
from typing import Any, Final, TypeVar

from sqlalchemy import insert, select

from app import clock
from app.crypto.passwords import hash_password
from app.crypto.vault import Place, Vault
from app.extensions import db
from app.models import Server, Token, User
from app.models.server import search_key
from app.services.keys import Keys
from app.services.subkeys import FINGERPRINT, subkey
from app.services.token_input import hint_of

#: Rows a transaction: little enough for no memory to speak of.
BATCH_SIZE: Final = 5000
EMAIL: Final = "person-{:05}@example.com"
Advanced = Callable[[int], None]
Row = TypeVar("Row")


@dataclass(frozen=True)
class Amounts:
    """How many of each. Every person holds as many tokens as the others, at most one per server."""

    people: int
    servers: int
    tokens: int


def has_people() -> bool:
    """Whether anybody is there: what is made up could never be told from theirs again."""
    return db.session.scalar(select(User.id).limit(1)) is not None


def add_people(amounts: Amounts, password: str, advanced: Advanced) -> None:
    """Add people with this password, the first of them an admin. Commits each batch."""
    now, hashed = clock.now(), hash_password(password)
    _add(User, (_person(number, hashed, now) for number in range(1, amounts.people + 1)), advanced)


def add_servers(amounts: Amounts, advanced: Advanced) -> None:
    """Add servers under names of their own. Commits each batch."""
    now = clock.now()
    _add(Server, (_server(number, now) for number in range(1, amounts.servers + 1)), advanced)


def add_tokens(amounts: Amounts, keys: Keys, advanced: Advanced) -> None:
    """Add tokens, each sealed for its place as a save seals it. Commits each batch."""
    vault = keys.vault_for_sealing()
    people = list(db.session.scalars(select(User.id).order_by(User.id)))
    servers = db.session.execute(select(Server.id, Server.url).order_by(Server.id)).all()
    each = min(amounts.tokens // len(people), len(servers))
    _add(Token, _tokens(people, servers, each, vault), advanced)


def batches(rows: Iterator[Row]) -> Iterator[list[Row]]:
    """Return the rows, `BATCH_SIZE` at a time."""
    while batch := list(islice(rows, BATCH_SIZE)):
        yield batch


def _add(model: Any, rows: Iterator[dict[str, Any]], advanced: Advanced) -> None:
    for batch in batches(rows):
        db.session.connection().execute(insert(model), batch)
        db.session.commit()
        advanced(len(batch))


def _person(number: int, password_hash: str, now: datetime) -> dict[str, Any]:
    return {
        "email": EMAIL.format(number),
        "display_name": f"Person {number}",
        "password_hash": password_hash,
        "role": "admin" if number == 1 else "user",
        "created_at": now,
    }


def _server(number: int, now: datetime) -> dict[str, Any]:
    name, slug, host = f"Service {number:04}", f"service-{number:04}", f"mcp-{number:04}.example.com"
    return {
        "slug": slug,
        "name": name,
        # As `set_search_columns` derives them from a server that is written by itself.
        "name_key": search_key(name),
        "search_text": search_key(f"{name} {slug} {host}"),
        "url": f"https://{host}/mcp",
        "extra_headers": {},
        "created_at": now,
        "updated_at": now,
    }


def _tokens(
    people: Sequence[int], servers: Sequence[Any], each: int, vault: Vault
) -> Iterator[dict[str, Any]]:
    now, key = clock.now(), subkey(FINGERPRINT, vault)
    states = [columns for share, columns in _states(now) for _ in range(share)]
    for turn, user_id in enumerate(people):
        for number in range(each):
            # Neighbours hold tokens for other servers, so that each server has its share.
            server = servers[(turn * 7 + number) % len(servers)]
            state = states[(turn + number) % len(states)]
            bound_url = state.get("bound_url", server.url)
            text = f"tok_{user_id:06}_{server.id:06}_Zk3v9Qm7Lw2Xr8Ty5"
            sealed = vault.seal(text, Place(user_id, server.id, bound_url))
            yield {
                "user_id": user_id,
                "mcp_server_id": server.id,
                "token_encrypted": sealed.text,
                "key_id": sealed.key_id,
                "token_hint": hint_of(text),
                "fingerprint": hmac.new(key, f"{user_id}:{text}".encode(), hashlib.sha256).hexdigest(),
                "bound_url": bound_url,
                "created_at": now,
                "updated_at": now,
                "expires_at": None,
                "unreadable_at": None,
                "last_used_at": None,
                "last_check_at": None,
                "last_check_result": None,
                "last_check_reason": None,
            } | state


def _states(now: datetime) -> list[tuple[int, dict[str, Any]]]:
    """Return the columns that put a token into each state, with how many of a hundred are in it."""
    day = timedelta(days=1)
    used = {"last_check_at": now - 3 * day, "last_used_at": now - day}
    accepted = used | {"last_check_result": "accepted", "last_check_reason": "probe"}
    return [
        (2, {"unreadable_at": now - day}),
        (3, {"bound_url": "https://before.example.com/mcp"}),
        (3, {"expires_at": now - day}),
        (3, used | {"last_check_result": "rejected", "last_check_reason": "refused"}),
        (5, accepted | {"expires_at": now + 5 * day}),
        (14, {}),
        (70, accepted),
    ]
