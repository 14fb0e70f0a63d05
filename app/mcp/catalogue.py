"""Catalogue: what registry entries propose, before it is in the database."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from app.mcp.token_headers import AUTHORIZATION, TOKEN

STREAMABLE_HTTP: Final = "streamable-http"
SSE: Final = "sse"
#: A dozen well-known servers that take a static token, as a list page of entries.
STARTER_CATALOGUE: Final = Path(__file__).with_name("starter_catalogue.json")


@dataclass(frozen=True)
class ProposedServer:
    """A server as the catalogue could take it. `disabled_reason` None: it can be used as it is."""

    name: str
    url: str
    registry_name: str | None = None
    description: str = ""
    transport: str = STREAMABLE_HTTP
    auth_header_name: str = AUTHORIZATION
    auth_value_format: str = f"Bearer {TOKEN}"
    #: False: it may not need a token.
    token_required: bool = True
    extra_headers: Mapping[str, str] = field(default_factory=dict)
    token_help: str | None = None
    token_help_url: str | None = None
    token_placeholder: str | None = None
    #: A read-only tool that needs the token. Registry entries know none.
    probe_tool: str | None = None
    disabled_reason: str | None = None

    @property
    def is_enabled(self) -> bool:
        """Whether it would be enabled."""
        return self.disabled_reason is None


@dataclass(frozen=True)
class Skip:
    """Something of an entry that was left out, and why, in English for admins."""

    what: str
    why: str


@dataclass(frozen=True)
class Entry:
    """One registry entry with at least one server; their addresses differ."""

    name: str
    servers: tuple[ProposedServer, ...]


@dataclass(frozen=True)
class Catalogue:
    """What was read, in the order of the file; entry names are unique."""

    entries: tuple[Entry, ...]
    skipped: tuple[Skip, ...]


def join_catalogues(catalogues: Iterable[Catalogue]) -> Catalogue:
    """Return all of them as one; of entries with one name the last counts, and that is said."""
    entries: dict[str, Entry] = {}
    skipped: list[Skip] = []
    for catalogue in catalogues:
        skipped += catalogue.skipped
        for entry in catalogue.entries:
            if entry.name in entries:
                skipped.append(Skip(entry.name, "listed more than once; the last one counts"))
            entries[entry.name] = entry
    return Catalogue(tuple(entries.values()), tuple(skipped))
