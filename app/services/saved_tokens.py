"""Saved tokens: the row of one, read for use, and opened where nothing keeps it from being sent.

This is the path that every use takes, so its statement is built once for the process (docs/performance.md).
"""

from __future__ import annotations

from typing import Any, Final, TypeAlias

from sqlalchemy import Row, Select, bindparam, select

from app import clock
from app.crypto.vault import Place, Sealed
from app.errors import ServerChangedError, TokenExpiredError, TokenRejectedError, TokenUnreadableError
from app.extensions import db
from app.mcp.checks import REJECTED
from app.models import Token
from app.services.keys import Keys

#: One person's token for one server, as it is stored.
SavedRow: TypeAlias = Row[*tuple[Any, ...]]
_ROW: Final[Select[*tuple[Any, ...]]] = select(
    Token.id,
    Token.revision,
    Token.user_id,
    Token.mcp_server_id,
    Token.token_encrypted,
    Token.key_id,
    Token.bound_url,
    Token.expires_at,
    Token.last_check_result,
    Token.last_used_at,
    Token.unreadable_at,
).where(Token.user_id == bindparam("user_id"), Token.mcp_server_id == bindparam("server_id"))


def saved_row(user_id: int, server_id: int) -> SavedRow | None:
    """Return the person's token for the server as it is now, sealed."""
    # By the connection: the session would look for objects to make of it.
    return db.session.connection().execute(_ROW, {"user_id": user_id, "server_id": server_id}).one_or_none()


def open_row(row: SavedRow, address: str, keys: Keys, *, takes_rejected: bool = False) -> str:
    """Return the plaintext of a row of `saved_row`, to be sent to this address now. Writes nothing.

    `takes_rejected`: also one that the server has rejected. Raises, the first that applies,
    TokenUnreadableError, ServerChangedError, TokenExpiredError, TokenRejectedError("saved"),
    KeyNotLoadedError.
    """
    if row.unreadable_at is not None:
        raise TokenUnreadableError
    if row.bound_url != address:
        # Before unsealing: a token never gets near an address that it was not saved for.
        raise ServerChangedError
    if row.expires_at is not None and row.expires_at <= clock.now():
        raise TokenExpiredError
    if row.last_check_result == REJECTED and not takes_rejected:
        raise TokenRejectedError("saved")
    vault = keys.vault_for_unsealing(row.key_id)
    return vault.unseal(
        Sealed(row.token_encrypted, row.key_id), Place(row.user_id, row.mcp_server_id, address)
    )
