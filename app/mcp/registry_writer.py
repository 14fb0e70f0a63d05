"""Registry writer: a catalogue in the form of the registry's list pages, schema 2025-12-11.

What that form cannot say is not written here, nor what a reader of it would take for something else
(`app.services.exported_facts`). Pure.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from app.mcp.catalogue import ProposedServer
from app.mcp.export_facts import EXPORTED
from app.mcp.placeholders import PLACEHOLDER
from app.mcp.token_headers import TOKEN

SCHEMA: Final = "https://static.modelcontextprotocol.io/schemas/2025-12-11/server.schema.json"
#: What the schema allows, and demands.
MAX_TEXT_CHARS: Final = 100
#: Nobody here knows which version of an entry a server came from; the schema demands one.
NO_VERSION: Final = "0.0.0"


def write_list(records: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return a list page of these records."""
    return {"servers": list(records), "metadata": {"count": len(records)}}


def write_record(
    name: str, servers: Sequence[ProposedServer], facts: Sequence[Mapping[str, Any]] | None = None
) -> dict[str, Any]:
    """Return the entry of these servers in the list's wrapper, `facts`, an object for each, beside it."""
    first = servers[0]
    entry = {
        "$schema": SCHEMA,
        "name": name,
        "title": _cut(first.name),
        "description": _cut(first.description) or _cut(first.name),
        "version": NO_VERSION,
        "remotes": [_remote(server) for server in servers],
    }
    meta = {} if facts is None else {EXPORTED: {"remotes": [dict(one) for one in facts]}}
    return {"server": entry, "_meta": meta}


def _remote(server: ProposedServer) -> dict[str, Any]:
    return {"type": server.transport, "url": server.url, "headers": _headers(server)}


def _headers(server: ProposedServer) -> list[dict[str, Any]]:
    token: dict[str, Any] = {
        "name": server.auth_header_name,
        "isRequired": server.token_required,
        "isSecret": True,
    }
    if [match[0] for match in PLACEHOLDER.finditer(server.auth_value_format)] == [TOKEN]:
        token["value"] = server.auth_value_format
    for key, text in (("description", server.token_help), ("placeholder", server.token_placeholder)):
        if text:
            token[key] = text
    fixed = [
        {"name": name, "value": value}
        for name, value in server.extra_headers.items()
        # Another reader would wait for somebody to fill it in.
        if not PLACEHOLDER.search(value)
    ]
    return [token, *fixed]


def _cut(text: str) -> str:
    return text[:MAX_TEXT_CHARS].strip()
