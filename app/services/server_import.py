"""Import: registry entries into the catalogue, as often as wanted, looked at before anything is written.

A review and an import make the same plan (`app.services.import_plan`); an import carries it out. Whoever
imports names the number of tokens that it puts on hold, as for any other change of an address.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

from sqlalchemy import select

from app import clock
from app.errors import ChangedMeanwhileError, InvalidInputError, MarketError, TokensWouldBeHeldError
from app.extensions import db
from app.mcp.catalogue import Catalogue, Entry, Skip, join_catalogues
from app.mcp.egress import Egress
from app.mcp.foreign_tokens import foreign_service
from app.mcp.placeholders import Answers
from app.mcp.refusals import explain
from app.mcp.registry import read_document
from app.mcp.texts import NAME_CHARS, clean_text
from app.models import Server
from app.models.server import host_in
from app.services.actors import Actor
from app.services.audit import Action, event_of, record_all
from app.services.exported_facts import read_facts
from app.services.import_plan import IDS_AT_ONCE, Plan, PlannedServer, kept_of, make_plan
from app.services.rights import keep_right
from app.services.row_locks import queue_imports, queue_writers
from app.services.servers import row_of
from app.services.slugs import Slugs, retry_when_overtaken
from app.services.token_marks import SENT_BY, forget_checks

#: No row has it.
NO_ID: Final = 0


@dataclass(frozen=True)
class Consent:
    """What an admin lets an import do.

    `entries`: names of those to take, None: all. `held_tokens`: how many tokens may be put on hold, None: it
    was not asked. `plan`: the digest of the whole plan that they had in sight, None: whatever is there.
    """

    entries: Collection[str] | None = None
    held_tokens: int | None = None
    plan: str | None = None


@dataclass(frozen=True)
class Files:
    """What is to be imported: parsed documents, and answers to what they leave open."""

    documents: Sequence[Any]
    values: Mapping[str, str] = field(default_factory=dict)


def read_files(files: Files, egress: Egress) -> Catalogue:
    """Return what the files propose, filled in with the answers given and with those the catalogue keeps.

    Raises InvalidInputError("values", "secret") for an answer that looks like somebody's token.
    """
    if any(foreign_service(value.strip(), "") for value in files.values.values()):
        # It would stand where everybody sees it.
        raise InvalidInputError("values", "secret")
    answers = Answers(files.values, kept_of(_known()))
    read = join_catalogues(read_document(document, egress, answers) for document in files.documents)
    asked = {question.key for question in read.questions} | {question.name for question in read.questions}
    unasked = (
        Skip(clean_text(name, NAME_CHARS), "nothing asks for it")
        for name in files.values
        if name not in asked
    )
    return _with_exported_facts(replace(read, skipped=(*read.skipped, *unasked)), egress)


def review_catalogue(catalogue: Catalogue) -> Plan:
    """Return what importing it would do. Writes nothing."""
    return make_plan(catalogue, _known())


def import_catalogue(catalogue: Catalogue, consent: Consent, actor: Actor) -> Plan:
    """Do what the plan of these entries says, and return it. Commits once.

    Writes an audit row for every server added or changed, and a second one where it has another address.
    Doing it twice changes nothing, and what an admin enabled or disabled stays so.

    Raises ChangedMeanwhileError when there is another plan than was agreed to, and TokensWouldBeHeldError
    unless exactly so many tokens are put on hold. Whatever it raises, nothing has changed.
    """

    def run() -> Plan:
        keep_right(actor)
        known = _locked()
        _refuse_stale_answers(catalogue, known)
        whole = make_plan(catalogue, known)
        if any("url" in server.changes for server in whole.servers):
            # Nobody saves another token for them before this is done: the number stays what it is.
            _keep_tokens_out(whole)
            whole = make_plan(catalogue, known)
        if consent.plan not in {None, whole.digest}:
            raise ChangedMeanwhileError
        plan = whole.only(consent.entries)
        if plan.held and plan.held != consent.held_tokens:
            raise TokensWouldBeHeldError(plan.held)
        _carry_out(plan, known, actor)
        db.session.commit()
        return plan

    try:
        return retry_when_overtaken(run)
    except MarketError:
        # Nobody else waits for these rows while somebody reads what is wrong.
        db.session.rollback()
        raise


def import_entries(catalogue: Catalogue, actor: Actor) -> Plan:
    """Import a catalogue, whatever tokens it puts on hold. Commits once; raises ChangedMeanwhileError."""
    held_tokens = None
    while True:
        try:
            return import_catalogue(catalogue, Consent(held_tokens=held_tokens), actor)
        except TokensWouldBeHeldError as error:
            held_tokens = error.held_tokens


def _known() -> list[Server]:
    return list(
        db.session.scalars(select(Server).order_by(Server.id).execution_options(populate_existing=True))
    )


def _locked() -> list[Server]:
    """Return all servers as they are now; nobody else changes one until the transaction ends.

    People go on saving tokens meanwhile, for all but those of which `_keep_tokens_out` says otherwise.
    """
    queue_imports()
    queue_writers(Server, NO_ID)
    statement = select(Server).order_by(Server.id).with_for_update(key_share=True)
    return list(db.session.scalars(statement.execution_options(populate_existing=True)))


def _keep_tokens_out(plan: Plan) -> None:
    moved = sorted(one.id for one in plan.servers if one.id is not None and "url" in one.changes)
    for start in range(0, len(moved), IDS_AT_ONCE):
        chunk = Server.id.in_(moved[start : start + IDS_AT_ONCE])
        db.session.execute(select(Server.id).where(chunk).order_by(Server.id).with_for_update())


def _refuse_stale_answers(catalogue: Catalogue, known: Sequence[Server]) -> None:
    """Raise ChangedMeanwhileError when an entry was filled in with what the catalogue no longer says."""
    kept = kept_of(known)
    for entry in catalogue.entries:
        if entry.kept is not None and entry.kept != tuple(kept.get(entry.name, ())):
            raise ChangedMeanwhileError


def _with_exported_facts(catalogue: Catalogue, egress: Egress) -> Catalogue:
    """Return the catalogue with what its files say besides, where they are exports."""
    entries: list[Entry] = []
    skipped = list(catalogue.skipped)
    for entry in catalogue.entries:
        servers, refused = [], set(entry.refused)
        for server in entry.servers:
            try:
                servers.append(read_facts(server, egress))
            except InvalidInputError as error:
                refused.add(server.url)
                skipped.append(Skip(f"{entry.name} {server.url}", explain(error)))
        if servers:
            entries.append(replace(entry, servers=tuple(servers), refused=frozenset(refused)))
    return replace(catalogue, entries=tuple(entries), skipped=tuple(skipped))


def _carry_out(plan: Plan, known: Sequence[Server], actor: Actor) -> None:
    """Add and change the servers, then record it all, in the order of the plan."""
    by_id = {server.id: server for server in known}
    slugs = Slugs(server.slug for server in known)
    done: list[tuple[PlannedServer, Server]] = []
    for planned in plan.servers:
        if planned.id is None and planned.proposed is not None:
            new = planned.proposed
            done.append((planned, row_of(new, slugs.take(new.slug, new.name, host_in(new.url)))))
        elif planned.changes:
            done.append((planned, by_id[planned.id or 0]))
            _change(by_id[planned.id or 0], planned)
    db.session.add_all(server for _, server in done)
    db.session.flush()
    record_all([event for planned, server in done for event in _events(planned, server, actor)])


def _change(server: Server, planned: PlannedServer) -> None:
    for column, (_, value) in planned.changes.items():
        setattr(server, column, value)
    server.updated_at = clock.now()
    if SENT_BY & planned.changes.keys():
        forget_checks(server.id)


def _events(planned: PlannedServer, server: Server, actor: Actor) -> Iterator[dict[str, Any]]:
    if planned.id is None:
        yield event_of(Action.SERVER_CREATED, actor, server=server)
    if "url" in planned.changes:
        details = {"held_tokens": planned.held_tokens}
        yield event_of(Action.SERVER_ADDRESS_CHANGED, actor, server=server, details=details)
    if planned.changes.keys() - {"url"}:
        outcome = "disabled" if planned.action == "disable" else "ok"
        yield event_of(Action.SERVER_CHANGED, actor, outcome=outcome, server=server)
