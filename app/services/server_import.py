"""Import: registry entries into the catalogue, as often as wanted.

An entry's name is its identity. With one remote, a new URL changes that server's address, which puts the
tokens saved for it on hold; with many, remotes are matched by URL.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from sqlalchemy import select

from app import clock
from app.extensions import db
from app.mcp.catalogue import Catalogue, Entry, ProposedServer, Skip
from app.models import Server
from app.services.actors import Actor
from app.services.audit import Action, record
from app.services.servers import columns_of, count_bound_tokens, insert_server
from app.services.slugs import retry_when_overtaken
from app.services.token_marks import SENT_BY, forget_checks

#: `disabled_reason` of a server whose remote is gone from its entry.
VANISHED: Final = "It is no longer in its registry entry."
#: An entry that is silent about these does not take away what is known.
KEPT_WHEN_SILENT: Final = frozenset({"token_help", "token_help_url", "token_placeholder", "probe_tool"})


@dataclass
class ImportReport:
    """What an import did: servers by name, in the order of the files.

    `disabled`: (server, why) of those it added disabled or disabled now. `held`: tokens put on hold.
    """

    skipped: tuple[Skip, ...]
    added: list[str] = field(default_factory=list)
    changed: list[str] = field(default_factory=list)
    unchanged: int = 0
    disabled: list[tuple[str, str]] = field(default_factory=list)
    held: int = 0


def import_entries(catalogue: Catalogue, actor: Actor) -> ImportReport:
    """Add, change and disable servers so that the catalogue says what the entries say. Commits once.

    Writes an audit row for every server added or changed. Doing it twice changes nothing, and what an
    admin enabled or disabled stays so.
    """

    def run() -> ImportReport:
        report = ImportReport(catalogue.skipped)
        for entry in catalogue.entries:
            _Import(report, actor).take(entry)
        db.session.commit()
        return report

    return retry_when_overtaken(run)


@dataclass(frozen=True)
class _Import:
    """One import under way: what it has done so far, and for whom."""

    report: ImportReport
    actor: Actor

    def take(self, entry: Entry) -> None:
        """Bring the servers of one entry up to date."""
        statement = select(Server).where(Server.registry_name == entry.name).order_by(Server.id)
        known = list(db.session.scalars(statement))
        matches = _matches(known, entry.servers)
        for proposed in entry.servers:
            server = matches.get(proposed.url)
            if server is None:
                self._add(proposed)
            else:
                self._change(server, proposed)
        matched = {server.id for server in matches.values()}
        for server in known:
            if server.id not in matched:
                self._disable_vanished(server)

    def _add(self, proposed: ProposedServer) -> None:
        server = insert_server(proposed)
        record(Action.SERVER_CREATED, self.actor, server=server)
        self.report.added.append(server.name)
        if proposed.disabled_reason:
            self.report.disabled.append((server.name, proposed.disabled_reason))

    def _change(self, server: Server, proposed: ProposedServer) -> None:
        address = server.url
        is_changed = is_sent_otherwise = False
        for column, value in columns_of(proposed).items():
            if value != getattr(server, column) and not (value is None and column in KEPT_WHEN_SILENT):
                setattr(server, column, value)
                is_changed = is_changed or column != "url"
                is_sent_otherwise = is_sent_otherwise or column in SENT_BY
        if is_sent_otherwise:
            forget_checks(server.id)
        is_changed = self._settle(server, proposed.disabled_reason) or is_changed
        if server.url != address:
            held = count_bound_tokens(server, address)
            self.report.held += held
            record(Action.SERVER_ADDRESS_CHANGED, self.actor, server=server, details={"held_tokens": held})
        if is_changed:
            record(Action.SERVER_CHANGED, self.actor, server=server)
        if is_changed or server.url != address:
            server.updated_at = clock.now()
            self.report.changed.append(server.name)
        else:
            self.report.unchanged += 1

    def _disable_vanished(self, server: Server) -> None:
        if self._settle(server, VANISHED):
            server.updated_at = clock.now()
            record(Action.SERVER_CHANGED, self.actor, outcome="disabled", server=server)
            self.report.changed.append(server.name)

    def _settle(self, server: Server, reason: str | None) -> bool:
        """Enable or disable the server as its entry has it, where no admin decided.

        Return whether that changed anything.
        """
        before = (server.is_enabled, server.disabled_reason)
        if server.is_enabled:
            # With this same reason kept, an admin has enabled it in spite of it.
            if reason is not None and reason != server.disabled_reason:
                server.is_enabled = False
                self.report.disabled.append((server.name, reason))
        elif server.disabled_reason is None:
            return False
        else:
            server.is_enabled = reason is None
        server.disabled_reason = reason
        return before != (server.is_enabled, server.disabled_reason)


def _matches(known: Sequence[Server], proposed: Sequence[ProposedServer]) -> dict[str, Server]:
    """Return the server of the catalogue for each proposed URL that has one."""
    by_url = {server.url: server for server in reversed(known)}
    matches = {new.url: by_url[new.url] for new in proposed if new.url in by_url}
    current = [server for server in known if server.is_enabled or server.disabled_reason != VANISHED]
    if not matches and len(proposed) == 1 and len(current) == 1:
        matches[proposed[0].url] = current[0]
    return matches
