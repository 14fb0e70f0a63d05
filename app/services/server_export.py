"""Export: the whole catalogue as a list page of the registry, which imports again unchanged.

It holds no secret, and nothing of people or their groups: of a server that is not for everyone it says so.
"""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy import select

from app.extensions import db
from app.mcp.catalogue import ProposedServer
from app.mcp.egress import Egress
from app.mcp.export_facts import hand_name
from app.mcp.registry import read_document
from app.mcp.registry_writer import write_list, write_record
from app.models import Server
from app.services.exported_facts import NAMES, write_facts

#: Reads whatever may be in a catalogue; nothing is sent anywhere.
READS_ALL: Final = Egress(allow=frozenset(), plain_http=True)


def export_catalogue() -> dict[str, Any]:
    """Return the catalogue as a document, entries by name. Writes nothing."""
    entries: dict[str, list[ProposedServer]] = {}
    for server in db.session.scalars(select(Server).order_by(Server.id)):
        name = server.registry_name or hand_name(server.slug)
        entries.setdefault(name, []).append(_proposed(server))
    return write_list([_record(name, entries[name]) for name in sorted(entries)])


def _record(name: str, servers: list[ProposedServer]) -> dict[str, Any]:
    """Return the entry, with what has to be said besides: what reading it without that does not give."""
    least = [{NAMES["slug"]: server.slug} for server in servers]
    plain = {
        server.own[NAMES["slug"]]: server
        for entry in read_document(write_record(name, servers, least), READS_ALL).entries
        for server in entry.servers
        if server.own is not None
    }
    return write_record(name, servers, [write_facts(plain.get(server.slug), server) for server in servers])


def _proposed(server: Server) -> ProposedServer:
    return ProposedServer(
        name=server.name,
        url=server.url,
        registry_name=server.registry_name,
        description=server.description,
        transport=server.transport,
        auth_header_name=server.auth_header_name,
        auth_value_format=server.auth_value_format,
        token_required=server.token_required,
        extra_headers=dict(server.extra_headers),
        token_help=server.token_help,
        token_help_url=server.token_help_url,
        token_placeholder=server.token_placeholder,
        probe_tool=server.probe_tool,
        disabled_reason=server.disabled_reason,
        slug=server.slug,
        # None where the reason says as much.
        enabled=None if server.is_enabled == (server.disabled_reason is None) else server.is_enabled,
        for_everyone=server.for_everyone,
    )
