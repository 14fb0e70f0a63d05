"""Server change: what an admin may change of a server, and what its tokens have to do with it.

A token is bound to the full address it was saved for, so another address puts it on hold. Whoever changes the
address has to name the very number of tokens that it holds: nobody does so unaware.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from app import clock
from app.errors import ChangedMeanwhileError, MarketError, TokensWouldBeHeldError
from app.extensions import db
from app.mcp.egress import Egress
from app.models import Server
from app.services.actors import Actor
from app.services.audit import Action, record
from app.services.server_fields import read_fields, refuse_token_header
from app.services.servers import count_bound_tokens, lock_server, switch, would_switch
from app.services.token_marks import SENT_BY, forget_checks

#: Whether people may use it: changed like a field, told in the ledger by an outcome of its own.
IS_ENABLED: Final = "is_enabled"


@dataclass(frozen=True)
class Changed:
    """What a change did. `fields`: the names of those that differ now; `held_tokens`: put on hold by it."""

    fields: frozenset[str]
    held_tokens: int


def change_server(
    server_id: int,
    changes: Mapping[str, Any],
    *,
    held_tokens: int | None,
    egress: Egress,
    actor: Actor,
    seen: datetime | None = None,
) -> Changed:
    """Change fields of a server, `IS_ENABLED` or those of `server_fields.FIELDS`; return what differs now.

    Commits. Writes an audit row for a new address, one for being enabled or disabled, another for anything
    else, none for no change. `held_tokens`: how many the admin lets be put on hold, None: they were not
    asked. `seen`: the `updated_at` of the server they had in sight, None: whatever is there is to be changed.

    Raises NotThereError, InvalidInputError for a field, ChangedMeanwhileError when somebody was faster, and
    TokensWouldBeHeldError unless exactly so many tokens are bound to the address there was. Whatever it
    raises, nothing has changed.
    """
    try:
        server = lock_server(server_id, actor)
        wanted = _differing(server, changes, egress)
        if IS_ENABLED in changes and would_switch(server, changes[IS_ENABLED]):
            wanted[IS_ENABLED] = changes[IS_ENABLED]
        if wanted and seen not in {None, server.updated_at}:
            raise ChangedMeanwhileError
        held = 0
        if "url" in wanted:
            held = count_bound_tokens(server, server.url)
            if held and held != held_tokens:
                raise TokensWouldBeHeldError(held)
        _apply(server, wanted, held, actor)
        if IS_ENABLED in changes:
            switch(server, changes[IS_ENABLED], actor)
        db.session.commit()
    except MarketError:
        # Nobody else waits for this row while somebody reads what is wrong.
        db.session.rollback()
        raise
    return Changed(frozenset(wanted), held)


def _differing(server: Server, changes: Mapping[str, Any], egress: Egress) -> dict[str, Any]:
    """Return the changes that are any, read by their rules.

    What stays as it is is not read: rules and settings may have become stricter since it was taken.
    """
    given = {
        name: value
        for name, value in changes.items()
        if name != IS_ENABLED and value != getattr(server, name)
    }
    read = read_fields(given, egress)
    wanted = {name: value for name, value in read.items() if value != getattr(server, name)}
    if {"extra_headers", "auth_header_name"} & wanted.keys():
        headers = wanted.get("extra_headers", server.extra_headers)
        refuse_token_header(headers, wanted.get("auth_header_name", server.auth_header_name))
    return wanted


def _apply(server: Server, wanted: Mapping[str, Any], held: int, actor: Actor) -> None:
    if wanted:
        server.updated_at = clock.now()
    for name in wanted.keys() - {IS_ENABLED}:
        setattr(server, name, wanted[name])
    if "url" in wanted:
        record(Action.SERVER_ADDRESS_CHANGED, actor, server=server, details={"held_tokens": held})
    if SENT_BY & wanted.keys():
        forget_checks(server.id)
    if wanted.keys() - {"url", IS_ENABLED}:
        record(Action.SERVER_CHANGED, actor, server=server)
