"""Uses: what a token is about to be sent for. The one place outside the vault that holds a plaintext.

A use is recorded and committed before the token leaves, and its end afterwards, so that the ledger never
misses one; between the two, no transaction is open.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import Final, Literal

from sqlalchemy import select, update

from app import clock
from app.crypto.vault import Place, Sealed
from app.errors import (
    InvalidInputError,
    MarketError,
    NotThereError,
    ServerChangedError,
    TokenExpiredError,
    TokenRequiredError,
    TokenUnreadableError,
)
from app.extensions import db
from app.mcp.client import Remote
from app.mcp.egress import Egress
from app.models import Server, Token, User
from app.services.actors import Actor
from app.services.audit import Action, record
from app.services.call_slots import CallSlots
from app.services.keys import Keys
from app.services.token_input import read_token

logger = logging.getLogger(__name__)

TokenSource = Literal["request", "saved", "none"]
#: What a token is used for.
Purpose = Literal["list_tools", "call_tool"]

REQUEST: Final = "request"
SAVED: Final = "saved"
NO_TOKEN: Final = "none"


@dataclass(frozen=True)
class Door:
    """What a use needs besides its token: the keys, the ways out, who acts, and a slot to wait in."""

    keys: Keys
    egress: Egress
    actor: Actor
    slots: CallSlots


@dataclass(frozen=True)
class Use:
    """A use that was recorded and may now leave. `remote` holds the token and does not print it."""

    remote: Remote
    server: Server
    user_id: int
    token_source: TokenSource
    purpose: Purpose


def begin_use(user: User, server_id: int, typed: str | None, purpose: Purpose, door: Door) -> Use:
    """Return the use of the typed token, else of the saved one, else of none where none is required.

    Commits, with one audit row when a token is about to be sent or was refused. No transaction is open
    afterwards. Raises NotThereError, InvalidInputError("mcp_auth_token", …), TokenRequiredError,
    TokenUnreadableError, ServerChangedError, TokenExpiredError, KeyNotLoadedError.
    """
    server = db.session.scalar(select(Server).where(Server.id == server_id, Server.is_enabled))
    if server is None:
        raise NotThereError
    token: str | None = None
    source: TokenSource = NO_TOKEN
    if typed:
        token, source = _read_typed(typed, server), REQUEST
    else:
        row = _saved_row(user.id, server_id)
        if row is None and server.token_required:
            raise TokenRequiredError(server_id)
        if row is not None:
            token, source = _unseal(row, server, purpose, door), SAVED
    use = Use(_remote(server, token), server, user.id, source, purpose)
    if source != NO_TOKEN:
        details = {"token_source": source, "purpose": purpose}
        record(
            Action.TOKEN_USED,
            door.actor,
            outcome="sent",
            subject_user_id=user.id,
            server=server,
            details=details,
        )
    db.session.commit()
    if source == SAVED:
        logger.info("Using saved auth token", extra={"user_id": user.id, "server_id": server_id})
    return use


def end_use(use: Use, outcome: str, milliseconds: int, door: Door) -> None:
    """Record how a use ended. Commits; writes one audit row when a token was sent."""
    if use.token_source != NO_TOKEN:
        details: dict[str, str | int] = {
            "token_source": use.token_source,
            "purpose": use.purpose,
            "milliseconds": milliseconds,
        }
        record(
            Action.TOKEN_USE_ENDED,
            door.actor,
            outcome=outcome,
            subject_user_id=use.user_id,
            server=use.server,
            details=details,
        )
    db.session.commit()


def _read_typed(text: str, server: Server) -> str:
    try:
        read = read_token(text, header_name=server.auth_header_name, value_format=server.auth_value_format)
    except InvalidInputError as error:
        raise InvalidInputError("mcp_auth_token", error.reason) from None
    return read.value


def _saved_row(user_id: int, server_id: int) -> Token | None:
    return db.session.scalar(
        select(Token)
        .where(Token.user_id == user_id, Token.mcp_server_id == server_id)
        .execution_options(populate_existing=True)
    )


def _unseal(row: Token, server: Server, purpose: Purpose, door: Door) -> str:
    """Return the saved token, and note that it is used now. A refusal is recorded and raised."""
    try:
        return _open(row, server, door)
    except (TokenUnreadableError, ServerChangedError, TokenExpiredError) as error:
        _record_refusal(row, server, purpose, error, door.actor)
        raise


def _open(row: Token, server: Server, door: Door) -> str:
    if row.unreadable_at is not None:
        raise TokenUnreadableError
    if row.bound_url != server.url:
        # Before unsealing: a token never gets near an address that it was not saved for.
        raise ServerChangedError
    if row.expires_at is not None and row.expires_at <= clock.now():
        raise TokenExpiredError
    vault = door.keys.vault_for_unsealing(row.key_id)
    token = vault.unseal(
        Sealed(row.token_encrypted, row.key_id), Place(row.user_id, row.mcp_server_id, server.url)
    )
    db.session.execute(
        update(Token)
        .where(Token.id == row.id, Token.revision == row.revision)
        .values(last_used_at=clock.now())
    )
    return token


def _record_refusal(row: Token, server: Server, purpose: Purpose, error: MarketError, actor: Actor) -> None:
    """Record that the token was not sent; mark a row that was found unreadable. Commits."""
    if isinstance(error, TokenUnreadableError) and row.unreadable_at is None:
        # Only the text that was tried: a token saved meanwhile is another one.
        marked = db.session.execute(
            update(Token)
            .where(Token.id == row.id, Token.token_encrypted == row.token_encrypted)
            .values(unreadable_at=clock.now())
        )
        if marked.rowcount:  # type: ignore[attr-defined]
            record(Action.TOKEN_UNREADABLE, actor, subject_user_id=row.user_id, server=server)
    record(
        Action.TOKEN_USE_REFUSED,
        actor,
        outcome=error.code,
        subject_user_id=row.user_id,
        server=server,
        details={"purpose": purpose},
    )
    db.session.commit()


def _remote(server: Server, token: str | None) -> Remote:
    headers = dict(server.extra_headers)
    if token is not None:
        headers[server.auth_header_name] = server.auth_value_format.replace("{token}", token)
    return Remote(address=server.url, transport=server.transport, headers=headers, secret=token)
