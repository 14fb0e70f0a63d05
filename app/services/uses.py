"""Uses: what a token is about to be sent for. With `saved_tokens`, the one place that holds a plaintext.

A use is recorded and committed before the token leaves, and its end afterwards, so that the ledger never
misses one; between the two, no transaction is open.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from typing import Final, Literal

from sqlalchemy import bindparam, update

from app import clock
from app.errors import (
    ForeignTokenError,
    InvalidInputError,
    MarketError,
    ServerChangedError,
    TokenExpiredError,
    TokenRejectedError,
    TokenRequiredError,
    TokenUnreadableError,
)
from app.extensions import db
from app.mcp.checks import REJECTED
from app.mcp.client import Remote
from app.mcp.egress import Egress
from app.mcp.foreign_tokens import foreign_service
from app.models import Server, Token, User
from app.services.actors import Actor
from app.services.audit import Action, record
from app.services.availability import hold_server_for, server_for
from app.services.call_slots import CallSlots
from app.services.keys import Keys
from app.services.oddity_rules import USED_AFTER_REST, has_rested, note
from app.services.saved_tokens import SavedRow, open_row, saved_row
from app.services.token_input import TokenInput, read_token
from app.services.token_marks import mark_held, mark_rejected, mark_unreadable

logger = logging.getLogger(__name__)

TokenSource = Literal["request", "saved", "none"]
#: What a token is used for.
Purpose = Literal["list_tools", "call_tool", "check"]

REQUEST: Final = "request"
SAVED: Final = "saved"
NO_TOKEN: Final = "none"
#: To find out whether the server takes it: what its owner may do with a rejected one, and no use of it.
CHECK: Final = "check"
_USED: Final = (
    update(Token)
    .where(Token.id == bindparam("row_id"), Token.revision == bindparam("row_revision"))
    .values(last_used_at=bindparam("now"))
)
#: What keeps a saved token from being sent.
Refusal = TokenUnreadableError | ServerChangedError | TokenExpiredError | TokenRejectedError


@dataclass(frozen=True)
class Door:
    """What a use needs besides its token: the keys, the ways out, who acts, and a slot to wait in."""

    keys: Keys
    egress: Egress
    actor: Actor
    slots: CallSlots


@dataclass(frozen=True)
class Use:
    """A use that was recorded and may now leave. `remote` holds the token and does not print it.

    `saved`: id and revision of the row that it came from, so that what the server says of it is noted of this
    token and never of one that took its place meanwhile; None for a typed one.
    """

    remote: Remote
    server: Server
    user_id: int
    token_source: TokenSource
    purpose: Purpose
    saved: tuple[int, int] | None
    #: The same server as somebody meets it who has no token.
    without: Remote
    #: Name of the token's header, and the format of its value.
    header: tuple[str, str]
    probe_tool: str | None


@dataclass(frozen=True)
class Typed:
    """A token typed for one use. `field`: what the form or body calls it, for errors.

    `belongs_here`: its owner says that this server may have it, whatever it looks like and wherever it was
    kept for. `address`: the
    server's address as they saw it when they typed it; None: they did not say.
    """

    text: str = field(repr=False)
    belongs_here: bool = False
    field: str = "mcp_auth_token"
    address: str | None = None


def begin_use(user: User, server_id: int, typed: Typed | None, purpose: Purpose, door: Door) -> Use:
    """Return the use of the typed token, else of the saved one, else of none where none is required.

    Commits, with one audit row when a token is about to be sent or was refused. No transaction is open
    afterwards. Raises NotThereError, InvalidInputError or ForeignTokenError for the typed one,
    TokenRequiredError, TokenUnreadableError, ServerChangedError, TokenExpiredError, TokenRejectedError,
    KeyNotLoadedError.
    """
    try:
        use = _recorded(user, server_id, typed, purpose, door)
        db.session.commit()
    except MarketError:
        # Nobody else waits for these rows while somebody reads what is wrong.
        db.session.rollback()
        raise
    if use.token_source == SAVED:
        logger.info("Using saved auth token", extra={"user_id": use.user_id, "server_id": server_id})
    return use


def _recorded(user: User, server_id: int, typed: Typed | None, purpose: Purpose, door: Door) -> Use:
    """Return the use, recorded in the transaction that holds its server; the caller commits."""
    server = server_for(user.id, server_id)
    row = None if typed else saved_row(user.id, server_id)
    token: str | None = None
    source: TokenSource = NO_TOKEN
    saved: tuple[int, int] | None = None
    if typed or row:
        # A token is about to leave: not after the commit of whoever takes the server away.
        server = hold_server_for(user.id, server_id)
    elif server.token_required or purpose == CHECK:
        raise TokenRequiredError(server_id)
    # Asked before this use is noted in the row.
    is_after_rest = bool(row and purpose != CHECK and has_rested(row.last_used_at))
    if typed:
        token, source = read_typed(typed, server).value, REQUEST
    elif row:
        token, source, saved = _unseal(row, server, purpose, door), SAVED, (row.id, row.revision)
    # Everything of the server that is needed while waiting: reading it then would open a transaction.
    use = Use(
        remote=_remote(server, token),
        server=server,
        user_id=user.id,
        token_source=source,
        purpose=purpose,
        saved=saved,
        without=_remote(server, None),
        header=(server.auth_header_name, server.auth_value_format),
        probe_tool=server.probe_tool,
    )
    if source != NO_TOKEN:
        details = {"token_source": source, "purpose": purpose}
        event_id = record(
            Action.TOKEN_USED,
            door.actor,
            outcome="sent",
            subject_user_id=user.id,
            server=server,
            details=details,
        )
        if is_after_rest:
            note(event_id, USED_AFTER_REST)
    return use


def end_use(use: Use, outcome: str, milliseconds: int, door: Door, tool: str | None = None) -> None:
    """Record how a use ended. Commits; writes one audit row when a token was sent.

    `tool`: the name of the tool that was called, as `tool_names.recorded_name` lets it into the ledger.

    A saved token that was `rejected` is marked in the same transaction, and not sent again.
    """
    if outcome == REJECTED and use.saved:
        mark_rejected(use.saved, use.user_id, use.server, door.actor)
    if use.token_source != NO_TOKEN:
        details: dict[str, str | int] = {
            "token_source": use.token_source,
            "purpose": use.purpose,
            "milliseconds": milliseconds,
        } | ({"tool": tool} if tool else {})
        record(
            Action.TOKEN_USE_ENDED,
            door.actor,
            outcome=outcome,
            subject_user_id=use.user_id,
            server=use.server,
            details=details,
        )
    db.session.commit()


def read_typed(typed: Typed, server: Server) -> TokenInput:
    """Return the token in what was typed for this server.

    Raises InvalidInputError for its field, or `address` where the server is at another one than its owner
    saw, and ForeignTokenError for what looks like another service's, or comes in a paste that names another
    server, while nobody said that this server may have it.
    """
    # Compared with the very address that it would be sent to: one looked at before may be another by now.
    if typed.address not in {None, server.url}:
        raise InvalidInputError("address", "address_changed")
    try:
        read = read_token(
            typed.text,
            header_name=server.auth_header_name,
            value_format=server.auth_value_format,
            address=server.url,
        )
    except InvalidInputError as error:
        raise InvalidInputError(typed.field, error.reason) from None
    if typed.belongs_here:
        return read
    if service := foreign_service(read.value, server.url):
        raise ForeignTokenError(typed.field, service)
    if read.elsewhere:
        raise ForeignTokenError(typed.field, read.elsewhere, "elsewhere")
    return read


def _unseal(row: SavedRow, server: Server, purpose: Purpose, door: Door) -> str:
    """Return the saved token, and note that it is used now. A refusal is recorded and raised."""
    try:
        token = open_row(row, server.url, door.keys, takes_rejected=purpose == CHECK)
    except (TokenUnreadableError, ServerChangedError, TokenExpiredError, TokenRejectedError) as error:
        _record_refusal(row, server, purpose, error, door.actor)
        raise
    if purpose != CHECK:
        used = {"row_id": row.id, "row_revision": row.revision, "now": clock.now()}
        db.session.connection().execute(_USED, used)
    return token


def _record_refusal(row: SavedRow, server: Server, purpose: Purpose, error: Refusal, actor: Actor) -> None:
    """Record that the token was not sent; mark a row first found unreadable or on hold. Commits."""
    if isinstance(error, TokenUnreadableError):
        mark_unreadable(row, server, actor)
    elif isinstance(error, ServerChangedError):
        mark_held(row, server, actor)
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
