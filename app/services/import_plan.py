"""Import plan: what an import would do to each server, as a value to look at, and then to carry out.

An entry's name is its identity. With one remote, a new URL changes that server's address, which puts the
tokens saved for it on hold; with many, remotes are matched by URL. An export knows its servers by their short
names, and those that were added by hand by nothing else.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

from sqlalchemy import func, select

from app.extensions import db
from app.mcp.catalogue import Catalogue, Entry, ProposedServer, Skip
from app.mcp.export_facts import is_hand_name
from app.mcp.placeholders import KeptServer, Question
from app.mcp.texts import NAME_CHARS, clean_text
from app.models import Server, Token
from app.services.servers import columns_of

#: `disabled_reason` of a server whose remote is gone from its entry.
VANISHED: Final = "It is no longer in its registry entry."
#: `disabled_reason` of a server that was added to an entry of which no server was enabled.
CLOSED: Final = "All servers of its entry were disabled when it was added."
#: An entry that is silent about these does not take away what is known.
KEPT_WHEN_SILENT: Final = frozenset({"token_help", "token_help_url", "token_placeholder", "probe_tool"})
#: What a new server has that says nothing yet of how it is used: its name, its address, where it is from.
WHICH: Final = frozenset({"name", "url", "registry_name"})
#: Names of so many others of one address are said; thousands would say thousands of thousands.
MAX_TWINS: Final = 3
#: So many ids go into one statement: SQLite takes no more than 32,766 values.
IDS_AT_ONCE: Final = 1000


@dataclass(frozen=True)
class PlannedServer:
    """What would become of one server. `changes`: column → (what it is, what it would be), if that differs.

    `id` None: it would be added. `held_tokens`: how many people's tokens its new address puts on hold.
    """

    id: int | None
    name: str
    url: str
    proposed: ProposedServer | None
    changes: Mapping[str, tuple[Any, Any]] = field(default_factory=dict)
    held_tokens: int = 0
    #: Why it would be added disabled, or disabled now; None: it would not.
    disabled_reason: str | None = None
    #: Names of other servers, of the catalogue or the files, that have this very address.
    twins: tuple[str, ...] = ()

    @property
    def action(self) -> str:
        """Return `add`, `change`, `disable` (its remote is gone) or `same`."""
        if self.id is None:
            return "add"
        if not self.changes:
            return "same"
        return "disable" if self.proposed is None else "change"

    @property
    def settings(self) -> Mapping[str, tuple[Any, Any]]:
        """Return what an admin has to look at: the changes; of a new server, all but what every server has.

        Column → (what it is, None for a new server; what it would be).
        """
        if self.id is not None or self.proposed is None:
            return self.changes
        plain = _row_facts(ProposedServer(self.name, self.url))
        facts = _row_facts(self.proposed)
        shown = {name for name, value in facts.items() if value != plain[name]} - WHICH
        if "disabled_reason" in shown:
            # It may be enabled all the same, by an admin where it was exported.
            shown.add("is_enabled")
        return {name: (None, value) for name, value in facts.items() if name in shown}


@dataclass(frozen=True)
class PlannedEntry:
    """What would become of the servers of one entry. `lookalike`: a known name that differs in case alone."""

    name: str
    servers: tuple[PlannedServer, ...]
    lookalike: str | None = None

    @property
    def action(self) -> str:
        """Return `add` when all of it is new, `same` when nothing would happen, else `change`."""
        actions = {server.action for server in self.servers}
        return actions.pop() if actions in ({"add"}, {"same"}) else "change"

    @property
    def held_tokens(self) -> int:
        """Return how many tokens it would put on hold."""
        return sum(server.held_tokens for server in self.servers)


@dataclass(frozen=True)
class Plan:
    """What an import would do, or has done, in the order of the files."""

    entries: tuple[PlannedEntry, ...]
    skipped: tuple[Skip, ...]
    questions: tuple[Question, ...]

    @property
    def servers(self) -> list[PlannedServer]:
        """Return all servers that it speaks of."""
        return [server for entry in self.entries for server in entry.servers]

    @property
    def added(self) -> list[str]:
        """Return the names of the servers it adds."""
        return [server.name for server in self.servers if server.action == "add"]

    @property
    def changed(self) -> list[str]:
        """Return the names of the servers it changes or disables."""
        return [server.name for server in self.servers if server.action in {"change", "disable"}]

    @property
    def unchanged(self) -> int:
        """Return how many servers it leaves as they are."""
        return sum(server.action == "same" for server in self.servers)

    @property
    def disabled(self) -> list[tuple[str, str]]:
        """Return (server, why) of those it adds disabled or disables."""
        return [(one.name, one.disabled_reason) for one in self.servers if one.disabled_reason is not None]

    @property
    def held(self) -> int:
        """Return how many people's tokens it puts on hold."""
        return sum(entry.held_tokens for entry in self.entries)

    @property
    def digest(self) -> str:
        """Return what stands for everything it would do: another plan has another one."""
        said = [
            (entry.name, server.action, server.id, _facts(server), server.changes, server.held_tokens)
            for entry in self.entries
            for server in entry.servers
            if server.action != "same"
        ]
        return hashlib.sha256(json.dumps(said, sort_keys=True, default=dict).encode()).hexdigest()

    def only(self, names: Collection[str] | None) -> Plan:
        """Return the plan for the entries of these names, and of each name that is none's; None: for all."""
        if names is None:
            return self
        unknown = sorted(set(names) - {entry.name for entry in self.entries})
        skipped = (Skip(clean_text(name, NAME_CHARS), "there is no such entry to import") for name in unknown)
        entries = tuple(entry for entry in self.entries if entry.name in names)
        return replace(self, entries=entries, skipped=(*self.skipped, *skipped))


def make_plan(catalogue: Catalogue, known: Sequence[Server]) -> Plan:
    """Return what importing the catalogue would do to the known servers: all there are, by id."""
    by_entry: dict[str | None, list[Server]] = {}
    for server in known:
        by_entry.setdefault(server.registry_name, []).append(server)
    by_hand = _ByHand(by_entry.get(None, []), catalogue.entries)
    planned = [
        PlannedEntry(
            entry.name,
            _plan_by_hand(entry, by_hand)
            if is_hand_name(entry.name)
            else _plan_entry(entry, by_entry.get(entry.name, [])),
        )
        for entry in catalogue.entries
    ]
    planned = _with_held_tokens(planned)
    planned = _with_twins(planned, known)
    return Plan(_with_lookalikes(planned, by_entry), catalogue.skipped, catalogue.questions)


def kept_of(known: Iterable[Server]) -> dict[str, list[KeptServer]]:
    """Return entry name → what its servers keep of earlier answers, in the order of the servers."""
    kept: dict[str, list[KeptServer]] = {}
    for server in known:
        if server.registry_name is not None:
            is_current = server.is_enabled or server.disabled_reason != VANISHED
            one = KeptServer(server.url, dict(server.extra_headers), is_current)
            kept.setdefault(server.registry_name, []).append(one)
    return kept


def _plan_entry(entry: Entry, known: Sequence[Server]) -> tuple[PlannedServer, ...]:
    matches = _matches(known, entry.servers)
    changed = {place: _change(server, entry.servers[place]) for place, server in matches.items()}
    planned = [
        changed[place] if place in changed else _add(_like_others(new, known, changed.values()))
        for place, new in enumerate(entry.servers)
    ]
    matched = {server.id for server in matches.values()}
    gone = [server for server in known if server.id not in matched and server.url not in entry.refused]
    return (*planned, *(_vanish(server) for server in gone if _settled(server, VANISHED) != _state(server)))


def _matches(known: Sequence[Server], proposed: Sequence[ProposedServer]) -> dict[int, Server]:
    """Return place → the server of the catalogue for each proposed one that has one."""
    matches: dict[int, Server] = {}
    by_slug = {server.slug: server for server in known}
    for place, new in enumerate(proposed):
        if new.slug in by_slug:
            matches[place] = by_slug.pop(new.slug)
    by_url = {server.url: server for server in reversed(known) if server.slug in by_slug}
    for place, new in enumerate(proposed):
        if place not in matches and new.url in by_url:
            matches[place] = by_url.pop(new.url)
    current = [server for server in known if server.is_enabled or server.disabled_reason != VANISHED]
    if not matches and len(proposed) == 1 and len(current) == 1:
        matches[0] = current[0]
    return matches


class _ByHand:
    """The servers that were added by hand, each for one entry of an export at most."""

    def __init__(self, known: Sequence[Server], entries: Sequence[Entry]) -> None:
        slugs = {new.slug for entry in entries if is_hand_name(entry.name) for new in entry.servers}
        self._by_slug = {server.slug: server for server in known if server.slug in slugs}
        self._by_url: dict[str, list[Server]] = {}
        for server in known:
            if server.slug not in slugs:
                self._by_url.setdefault(server.url, []).append(server)

    def take(self, new: ProposedServer) -> Server | None:
        """Return the server of this short name, or else of this address, the first time that it is asked."""
        server = self._by_slug.pop(new.slug or "", None)
        if server is None and self._by_url.get(new.url):
            # It was imported where its short name was taken.
            server = self._by_url[new.url].pop(0)
        return server


def _plan_by_hand(entry: Entry, by_hand: _ByHand) -> tuple[PlannedServer, ...]:
    found = [(new, by_hand.take(new)) for new in entry.servers]
    return tuple(_add(new) if server is None else _change(server, new) for new, server in found)


def _add(new: ProposedServer) -> PlannedServer:
    reason = None if new.is_enabled else new.disabled_reason
    return PlannedServer(None, new.name, new.url, new, disabled_reason=reason)


def _like_others(
    new: ProposedServer, known: Sequence[Server], changed: Iterable[PlannedServer]
) -> ProposedServer:
    """Return a server of a known entry, open to nobody to whom an admin has closed all the others."""
    opened = any(one.changes.get("is_enabled") == (False, True) for one in changed)
    if known and not opened and not any(server.is_enabled for server in known):
        new = replace(new, enabled=None, disabled_reason=CLOSED)
    return replace(new, for_everyone=new.for_everyone and all(server.for_everyone for server in known))


def _change(server: Server, new: ProposedServer) -> PlannedServer:
    wanted = {
        name: value
        for name, value in columns_of(new).items()
        if value is not None or new.is_complete or name not in KEPT_WHEN_SILENT
    }
    return _planned(server, new, wanted, new.disabled_reason)


def _vanish(server: Server) -> PlannedServer:
    return _planned(server, None, {}, VANISHED)


def _planned(
    server: Server, new: ProposedServer | None, wanted: dict[str, Any], reason: str | None
) -> PlannedServer:
    is_enabled, kept_reason = _settled(server, reason)
    wanted |= {"is_enabled": is_enabled, "disabled_reason": kept_reason}
    changes = {
        name: (getattr(server, name), value)
        for name, value in wanted.items()
        if getattr(server, name) != value
    }
    disabled = reason if changes.get("is_enabled") == (True, False) else None
    return PlannedServer(
        server.id,
        wanted.get("name", server.name),
        wanted.get("url", server.url),
        new,
        changes,
        disabled_reason=disabled,
    )


def _state(server: Server) -> tuple[bool, str | None]:
    return server.is_enabled, server.disabled_reason


def _settled(server: Server, reason: str | None) -> tuple[bool, str | None]:
    """Return whether the server is enabled, and which reason it keeps, as its entry has it.

    What an admin decided stays.
    """
    if server.is_enabled:
        # With this same reason kept, an admin has enabled it in spite of it.
        return reason is None or reason == server.disabled_reason, reason
    if server.disabled_reason in {None, CLOSED}:
        return _state(server)
    return reason is None, reason


def _with_held_tokens(planned: Iterable[PlannedEntry]) -> list[PlannedEntry]:
    planned = list(planned)
    moved = [
        one.id for entry in planned for one in entry.servers if one.id is not None and "url" in one.changes
    ]
    held: dict[int, int] = {}
    for start in range(0, len(moved), IDS_AT_ONCE):
        statement = (
            select(Server.id, func.count())
            .join(Token, Token.mcp_server_id == Server.id)
            .where(Server.id.in_(moved[start : start + IDS_AT_ONCE]), Token.bound_url == Server.url)
            .group_by(Server.id)
        )
        held |= {row[0]: row[1] for row in db.session.execute(statement)}
    return [
        replace(
            entry,
            servers=tuple(
                replace(one, held_tokens=held[one.id]) if one.id in held else one for one in entry.servers
            ),
        )
        for entry in planned
    ]


def _with_twins(planned: Sequence[PlannedEntry], known: Sequence[Server]) -> list[PlannedEntry]:
    """Say of each new address who else has it, or would: two rows for one server confuse people."""
    ours = {server.id for entry in planned for server in entry.servers}
    names: dict[str, list[str]] = {}
    for url, name in (
        *((server.url, server.name) for server in known if server.id not in ours),
        *((server.url, server.name) for entry in planned for server in entry.servers),
    ):
        if len(names.setdefault(url, [])) <= MAX_TWINS:
            names[url].append(name)

    def told(server: PlannedServer) -> PlannedServer:
        is_new = server.id is None or "url" in server.changes
        others = list(names[server.url]) if is_new else []
        if server.name in others:
            others.remove(server.name)
        return replace(server, twins=tuple(others[:MAX_TWINS]))

    return [replace(entry, servers=tuple(map(told, entry.servers))) for entry in planned]


def _with_lookalikes(
    planned: Sequence[PlannedEntry], by_entry: Mapping[str | None, Any]
) -> tuple[PlannedEntry, ...]:
    """Say of each new entry whose name differs from another's in nothing but case."""
    first: dict[str, str] = {}
    for name in (*filter(None, by_entry), *(entry.name for entry in planned)):
        first.setdefault(name.casefold(), name)
    return tuple(
        replace(entry, lookalike=first[entry.name.casefold()])
        if first[entry.name.casefold()] != entry.name and entry.action == "add"
        else entry
        for entry in planned
    )


def _facts(server: PlannedServer) -> Any:
    """Return what a server would be added with, None for one that is there."""
    if server.id is not None or server.proposed is None:
        return None
    return _row_facts(server.proposed)


def _row_facts(new: ProposedServer) -> dict[str, Any]:
    """Return column → value of a new server, all but its slug and the times."""
    return columns_of(new) | {
        "is_enabled": new.is_enabled,
        "disabled_reason": new.disabled_reason,
        "for_everyone": new.for_everyone,
    }
