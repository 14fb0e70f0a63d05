"""Catalogue: what registry entries propose, before it is in the database."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from app.mcp.placeholders import KeptServer, Question
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
    #: Where a new server is to be found; None, or taken: one made of its name.
    slug: str | None = None
    #: Whether a new server is enabled, whatever the reason says; None: as the reason says.
    enabled: bool | None = None
    #: Whether a new server is for everyone.
    for_everyone: bool = True
    #: False: an entry that says nothing of a text does not take away what is known.
    is_complete: bool = False
    #: What an export of a catalogue says of it besides, unread (`app.mcp.export_facts`).
    own: Mapping[str, Any] | None = None

    @property
    def is_enabled(self) -> bool:
        """Whether it would be enabled."""
        return self.disabled_reason is None if self.enabled is None else self.enabled


@dataclass(frozen=True)
class Skip:
    """Something of an entry that was left out, and why, in English for admins."""

    what: str
    why: str


@dataclass(frozen=True)
class Entry:
    """One registry entry with at least one server; their addresses differ, but in an export."""

    name: str
    servers: tuple[ProposedServer, ...]
    #: Addresses it lists, but that cannot be taken: servers there are not gone from it.
    refused: frozenset[str] = frozenset()
    #: The servers of the catalogue whose answers it was filled in with; None: nothing had to be.
    kept: tuple[KeptServer, ...] | None = None


@dataclass(frozen=True)
class Catalogue:
    """What was read, in the order of the file; entry names are unique."""

    entries: tuple[Entry, ...]
    skipped: tuple[Skip, ...]
    questions: tuple[Question, ...] = ()


def join_catalogues(catalogues: Iterable[Catalogue]) -> Catalogue:
    """Return all of them as one; of entries with one name the last counts, and that is said."""
    entries: dict[str, Entry] = {}
    skipped: list[Skip] = []
    questions: dict[str, dict[str, Question]] = {}
    for catalogue in catalogues:
        skipped += catalogue.skipped
        for entry in catalogue.entries:
            if entry.name in entries:
                skipped.append(Skip(entry.name, "listed more than once; the last one counts"))
            entries[entry.name] = entry
        for name in {entry.name for entry in catalogue.entries} | {one.entry for one in catalogue.questions}:
            questions.pop(name, None)
        for question in catalogue.questions:
            questions.setdefault(question.entry, {})[question.key] = question
    asked = (question for found in questions.values() for question in found.values())
    return Catalogue(tuple(entries.values()), tuple(skipped), tuple(asked))
