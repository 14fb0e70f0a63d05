"""Servers: the catalogue that admins keep."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any, Final

from sqlalchemy import func, select

from app import clock
from app.errors import NotThereError
from app.extensions import db
from app.mcp.catalogue import ProposedServer
from app.mcp.egress import Egress
from app.models import Server, Token
from app.models.server import host_in
from app.services.actors import Actor
from app.services.audit import Action, record
from app.services.availability import FOR_NOBODY
from app.services.rights import keep_right
from app.services.row_locks import lock_row
from app.services.server_fields import FIELDS, read_fields, refuse_token_header
from app.services.slugs import free_slug, retry_when_overtaken

MAX_ID: Final = 2**31 - 1
#: Anything else is no slug and no id, and PostgreSQL takes no NUL even to look for it.
SLUG: Final = re.compile(r"[a-z0-9-]{1,100}")


def add_server(new: ProposedServer, *, egress: Egress, actor: Actor, is_enabled: bool = True) -> Server:
    """Add a server and return it. Commits; one audit row, and one more each if it is disabled or for nobody.

    One that is not for everyone is for nobody until it names a group (`app.services.server_groups`). A name
    may be there already: the slug tells them apart. Raises InvalidInputError for `name`, `url`, `transport`,
    `auth_header_name`, `auth_value_format`, `extra_headers`, `token_help_url` or `probe_tool`
    (`app.mcp.refusals` has the reasons).
    """
    checked = _checked(new, egress)

    def add() -> Server:
        keep_right(actor)
        server = insert_server(checked)
        record(Action.SERVER_CREATED, actor, server=server)
        if not is_enabled:
            switch(server, False, actor)
        if not server.for_everyone:
            record(Action.SERVER_CHANGED, actor, outcome=FOR_NOBODY, server=server)
        db.session.commit()
        return server

    return retry_when_overtaken(add)


def insert_server(new: ProposedServer) -> Server:
    """Add the row of a checked server to the transaction, with an id and a free slug; the caller commits."""
    server = row_of(new, free_slug(new.name, host_in(new.url)))
    db.session.add(server)
    db.session.flush()
    return server


def row_of(new: ProposedServer, slug: str) -> Server:
    """Return the row of a checked server; the caller adds it."""
    now = clock.now()
    server = Server(
        slug=slug,
        is_enabled=new.is_enabled,
        for_everyone=new.for_everyone,
        created_at=now,
        updated_at=now,
        **columns_of(new),
    )
    server.disabled_reason = new.disabled_reason
    return server


def columns_of(new: ProposedServer) -> dict[str, Any]:
    """Return the columns that a proposal decides; whether the server is enabled is not among them."""
    return {
        "name": new.name,
        "url": new.url,
        "registry_name": new.registry_name,
        "description": new.description,
        "transport": new.transport,
        "auth_header_name": new.auth_header_name,
        "auth_value_format": new.auth_value_format,
        "token_required": new.token_required,
        "extra_headers": dict(new.extra_headers),
        "token_help": new.token_help,
        "token_help_url": new.token_help_url,
        "token_placeholder": new.token_placeholder,
        "probe_tool": new.probe_tool,
    }


def list_servers() -> list[Server]:
    """Return every server, disabled ones too, by name."""
    return list(db.session.scalars(select(Server).order_by(Server.name_key, Server.id)))


def find_server(word: str) -> Server:
    """Return the server with this slug or else this id. Raises NotThereError."""
    if not SLUG.fullmatch(word):
        raise NotThereError
    server = db.session.scalar(select(Server).where(Server.slug == word))
    if server is None and word.isdigit() and int(word) <= MAX_ID:
        server = db.session.get(Server, int(word))
    if server is None:
        raise NotThereError
    return server


def count_tokens(server: Server) -> int:
    """Return how many people hold a token for the server."""
    statement = select(func.count()).select_from(Token).where(Token.mcp_server_id == server.id)
    return db.session.scalar(statement) or 0


def count_bound_tokens(server: Server, address: str) -> int:
    """Return how many people hold a token for the server that is bound to this address."""
    statement = (
        select(func.count())
        .select_from(Token)
        .where(Token.mcp_server_id == server.id, Token.bound_url == address)
    )
    return db.session.scalar(statement) or 0


def get_server(server_id: int) -> Server:
    """Return the server with this id, a disabled one too. Raises NotThereError."""
    server = db.session.get(Server, server_id)
    if server is None:
        raise NotThereError
    return server


def set_enabled(server_id: int, enabled: bool, actor: Actor) -> bool:
    """Enable or disable a server; return whether that changed anything. Commits; one audit row if it did.

    Tokens stay. From then on no import undoes it: disabling what an import disabled is a change too.
    Raises NotThereError.
    """
    try:
        changed = switch(lock_server(server_id, actor), enabled, actor)
    except NotThereError:
        db.session.rollback()
        raise
    db.session.commit()
    return changed


def switch(server: Server, enabled: bool, actor: Actor) -> bool:
    """Enable or disable a locked server within the transaction; an audit row if that changes anything."""
    changed = would_switch(server, enabled)
    server.is_enabled = enabled
    if not enabled:
        # The admin's word now, no longer an import's: see the column.
        server.disabled_reason = None
    if changed:
        server.updated_at = clock.now()
        record(Action.SERVER_CHANGED, actor, outcome="enabled" if enabled else "disabled", server=server)
    return changed


def would_switch(server: Server, enabled: bool) -> bool:
    """Whether enabling or disabling the server changes anything: what it is, or whose word that is."""
    return server.is_enabled != enabled or (not enabled and server.disabled_reason is not None)


def lock_server(server_id: int, actor: Actor) -> Server:
    """Return the server as it is now; nobody else changes it until the transaction ends.

    Nor does anybody save a first token for it meanwhile: that needs the row as well, by the foreign key.
    Raises NotThereError, and what `keep_right` raises for the actor.
    """
    keep_right(actor)
    server = lock_row(Server, server_id, for_deletion=True)
    if server is None:
        raise NotThereError
    return server


def _checked(new: ProposedServer, egress: Egress) -> ProposedServer:
    read = read_fields({name: getattr(new, name) for name in FIELDS}, egress)
    refuse_token_header(read["extra_headers"], read["auth_header_name"])
    return replace(new, **read)
