"""`flask servers import` and `export`: the catalogue as files."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import click
from flask import current_app
from flask.cli import with_appcontext

from app.cli.acting import acting
from app.cli.counts import people_in_words
from app.errors import ChangedMeanwhileError, InvalidInputError, TokensWouldBeHeldError
from app.mcp.catalogue import SSE
from app.mcp.refusals import explain
from app.mcp.registry import MAX_CATALOGUE_BYTES, parse
from app.services.import_plan import Plan, PlannedServer
from app.services.server_export import export_catalogue
from app.services.server_import import Consent, Files, import_catalogue, read_files, review_catalogue

#: An import that other admins' changes overtake so often gives up.
ATTEMPTS = 5


@click.command("import")
@with_appcontext
@click.argument(
    "files", metavar="FILE...", nargs=-1, required=True, type=click.Path(path_type=Path, allow_dash=True)
)
@click.option(
    "--set",
    "values",
    metavar="NAME=VALUE",
    multiple=True,
    help="What a {placeholder} or empty header stands for: NAME, or ENTRY:NAME. Never a secret.",
)
@click.option(
    "--only", "entries", metavar="ENTRY", multiple=True, help="Take this entry alone; more than once."
)
@click.option("--dry-run", is_flag=True, help="Say what it would do, and do nothing.")
@click.option("--yes", is_flag=True, help="Put tokens on hold without asking.")
@click.pass_context
def import_(
    context: click.Context,
    files: tuple[Path, ...],
    values: tuple[str, ...],
    entries: tuple[str, ...],
    dry_run: bool,
    yes: bool,
) -> None:
    """Import server.json entries, list pages and exports; `-` is standard input. Twice changes nothing.

    A new address puts the tokens saved for the old one on hold. Where nobody can be asked, and without
    --yes, entries that would do so are skipped, and listed; the others are imported.
    """
    documents, unread = _read(files)
    wanted = Files(documents, _answers(values))
    try:
        plan = _run(wanted, frozenset(entries) or None, dry_run=dry_run, yes=yes)
    except InvalidInputError as error:
        raise click.ClickException(f"Nothing was imported: {explain(error)}.") from None
    except ChangedMeanwhileError:
        raise click.ClickException("Nothing was imported: others go on changing these servers.") from None
    _tell(plan, dry_run=dry_run)
    context.exit(1 if unread else 0)


@click.command("export")
@with_appcontext
@click.option("--output", "-o", type=click.Path(path_type=Path, dir_okay=False), help="Write into this file.")
def export(output: Path | None) -> None:
    """Write the catalogue as a list page of the registry. It holds no secret, and imports again unchanged."""
    text = json.dumps(export_catalogue(), ensure_ascii=False, indent=2)
    if output is None:
        click.echo(text)
        return
    try:
        output.write_text(f"{text}\n", encoding="utf-8")
    except OSError:
        raise click.ClickException(f"{click.format_filename(output)} cannot be written.") from None


def _read(files: Iterable[Path]) -> tuple[list[Any], int]:
    """Return the documents, and how many files could not be read; each of those is told."""
    documents: list[Any] = []
    unread = 0
    for file in files:
        try:
            documents.append(parse(_content(file)))
        except InvalidInputError as error:
            unread += 1
            click.echo(f"Not read: {click.format_filename(file)}: {explain(error)}", err=True)
    return documents, unread


def _content(file: Path) -> bytes:
    try:
        if file == Path("-"):
            return sys.stdin.buffer.read(MAX_CATALOGUE_BYTES + 1)
        with file.open("rb") as opened:
            return opened.read(MAX_CATALOGUE_BYTES + 1)
    except OSError:
        raise InvalidInputError("file", "closed") from None


def _answers(values: Iterable[str]) -> dict[str, str]:
    pairs = [value.partition("=") for value in values]
    if not all(name and equals for name, equals, _ in pairs):
        raise click.UsageError("Write --set NAME=VALUE.")
    return {name: answer for name, _, answer in pairs}


def _run(files: Files, entries: frozenset[str] | None, *, dry_run: bool, yes: bool) -> Plan:
    """Do what the plan says, once everything that it puts on hold was agreed to, or left out."""
    for _ in range(ATTEMPTS):
        catalogue = read_files(files, current_app.extensions["egress"])
        plan = review_catalogue(catalogue)
        if dry_run:
            return plan.only(entries)
        consent = _consent(plan, entries, yes)
        try:
            return _told(import_catalogue(catalogue, consent, acting()), plan, consent, entries)
        except (ChangedMeanwhileError, TokensWouldBeHeldError):
            # Somebody was faster: there is another plan now, or another number to ask about.
            continue
    raise ChangedMeanwhileError


def _consent(plan: Plan, entries: frozenset[str] | None, yes: bool) -> Consent:
    chosen = plan.only(entries)
    if chosen.held and not yes and not _agreed(chosen):
        wanted = entries or frozenset(entry.name for entry in plan.entries)
        held = {entry.name for entry in chosen.entries if entry.held_tokens}
        return Consent(wanted - held, None, plan.digest)
    return Consent(entries, chosen.held, plan.digest)


def _agreed(plan: Plan) -> bool:
    """Return whether somebody is there, and says yes."""
    if not _is_somebody_there():
        return False
    for server in plan.servers:
        if server.held_tokens:
            click.echo(f"{server.name}: {_move(server)}")
    return click.confirm(
        f"Put the tokens of {people_in_words(plan.held)} on hold? No imports everything else."
    )


def _is_somebody_there() -> bool:
    return sys.stdin.isatty()


def _told(done: Plan, whole: Plan, consent: Consent, entries: frozenset[str] | None) -> Plan:
    """Return what was done, after telling what was left out for want of consent."""
    taken = {entry.name for entry in done.entries}
    for entry in whole.only(entries).entries:
        if entry.name not in taken and consent.entries is not None:
            people = people_in_words(entry.held_tokens)
            click.echo(f"Skipped: {entry.name}: it would put the tokens of {people} on hold; --yes does so")
    return done


def _tell(plan: Plan, *, dry_run: bool) -> None:
    for server in plan.servers:
        if server.action == "add":
            click.echo(f"Added: {server.name}{_settings(server) if dry_run else ''}")
            if server.proposed is not None and server.proposed.transport == SSE:
                click.echo(f"Old: {server.name}: it speaks SSE alone, which is of old servers")
    for server in plan.servers:
        if server.action in {"change", "disable"}:
            click.echo(f"Changed: {server.name}{_fields(server) if dry_run else ''}")
    for server in plan.servers:
        if "url" in server.changes:
            click.echo(f"Moved: {server.name}: {_move(server)}")
    for name, why in plan.disabled:
        click.echo(f"Disabled: {name}: {why}")
    for skip in plan.skipped:
        click.echo(f"Skipped: {skip.what}: {skip.why}")
    for question in plan.questions:
        if question.is_open or question.refused:
            why = question.refused or question.description or "its entry leaves it open"
            click.echo(f"Asked for: --set {question.key}=…: {why}")
    click.echo(
        f"{len(plan.added)} added, {len(plan.changed)} changed, {plan.unchanged} unchanged,"
        f" {len(plan.skipped)} skipped; {plan.held} tokens put on hold."
    )
    if dry_run:
        click.echo("Nothing was done: this was a dry run.")


def _fields(server: PlannedServer) -> str:
    return f" ({', '.join(sorted(server.changes))})"


def _settings(server: PlannedServer) -> str:
    """Return all that would be there of a new server, a line each."""
    facts = {"url": server.url} | {name: new for name, (_, new) in server.settings.items()}
    return "".join(f"\n  {name}: {_value(new)}" for name, new in facts.items())


def _value(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, dict):
        return "; ".join(f"{name}: {text}" for name, text in value.items())
    return str(value)


def _move(server: PlannedServer) -> str:
    old, new = server.changes["url"]
    return f"{old} → {new}, with the tokens of {people_in_words(server.held_tokens)}"
