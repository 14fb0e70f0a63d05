"""Tokens: saving, replacing and deleting the token one person holds for one server."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import delete, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import IntegrityError

from app import clock
from app.crypto.vault import Place
from app.errors import InvalidInputError, NotThereError
from app.extensions import db
from app.models import Server, Token, User
from app.services.actors import Actor
from app.services.audit import Action, record
from app.services.keys import Keys
from app.services.subkeys import fingerprint_of
from app.services.token_input import hint_of, read_token


@dataclass(frozen=True)
class Saved:
    """What a save did. `created` False: it replaced one. `changed` names what was taken off the paste."""

    created: bool
    hint: str | None
    changed: tuple[str, ...]


@dataclass(frozen=True)
class NewToken:
    """What a person wants saved: the paste as it came, and when it expires (None: never)."""

    text: str
    expires_at: datetime | None = None

    def __repr__(self) -> str:
        """Show nothing of the paste."""
        return "NewToken(...)"


def save_token(user: User, server_id: int, new: NewToken, *, keys: Keys, actor: Actor) -> Saved:
    """Seal and save a token, replacing the one there was. Commits once; writes one audit row.

    Raises NotThereError for a server that is not there or disabled, InvalidInputError for `token` or
    `expires_at` (`past`), KeyNotLoadedError. Whatever it raises, the token there was stays.
    """
    server = _enabled_server(server_id)
    read = read_token(new.text, header_name=server.auth_header_name, value_format=server.auth_value_format)
    if new.expires_at is not None and new.expires_at <= clock.now():
        raise InvalidInputError("expires_at", "past")
    vault = keys.vault_for_sealing()
    sealed = vault.seal(read.value, Place(user.id, server.id, server.url))
    columns = {
        "token_encrypted": sealed.text,
        "token_hint": hint_of(read.value),
        "key_id": sealed.key_id,
        "bound_url": server.url,
        "expires_at": new.expires_at,
        "fingerprint": fingerprint_of(read.value, user.id, vault),
    }
    try:
        created = _upsert(user.id, server.id, columns)
    except IntegrityError:
        # The person or the server went away meanwhile.
        db.session.rollback()
        raise NotThereError from None
    action = Action.TOKEN_SAVED if created else Action.TOKEN_REPLACED
    record(action, actor, subject_user_id=user.id, server=server)
    db.session.commit()
    return Saved(created, hint_of(read.value), read.changed)


def delete_token(user: User, server_id: int, actor: Actor) -> bool:
    """Delete the token and return whether there was one. Commits; an audit row if there was one.

    Works whatever the state of the token, the server or the key. Raises NotThereError.
    """
    server = db.session.get(Server, server_id)
    if server is None:
        raise NotThereError
    gone = db.session.execute(
        delete(Token).where(Token.user_id == user.id, Token.mcp_server_id == server_id).returning(Token.id)
    ).one_or_none()
    if gone is not None:
        record(Action.TOKEN_DELETED, actor, subject_user_id=user.id, server=server)
    elif not server.is_enabled:
        raise NotThereError
    db.session.commit()
    return gone is not None


def _enabled_server(server_id: int) -> Server:
    server = db.session.scalar(select(Server).where(Server.id == server_id, Server.is_enabled))
    if server is None:
        raise NotThereError
    return server


def _upsert(user_id: int, server_id: int, columns: dict[str, Any]) -> bool:
    """Write the row in one statement, so that saves at once never collide; return whether it is new."""
    now = clock.now()
    dialect = postgresql if db.engine.dialect.name == "postgresql" else sqlite
    fresh = columns | {
        "updated_at": now,
        # Nothing that was known of the old token is true of the new one.
        "last_used_at": None,
        "last_check_at": None,
        "last_check_result": None,
        "unreadable_at": None,
    }
    statement = dialect.insert(Token).values(
        user_id=user_id, mcp_server_id=server_id, created_at=now, revision=1, **fresh
    )
    statement = statement.on_conflict_do_update(
        index_elements=["user_id", "mcp_server_id"], set_={**fresh, "revision": Token.revision + 1}
    ).returning(Token.revision)
    revision: int = db.session.execute(statement).scalar_one()
    return revision == 1
