"""`flask audit`: whether somebody rewrote the ledger, and what to keep to notice more."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from typing import TextIO

import click
from flask import current_app
from flask.cli import AppGroup
from sqlalchemy.exc import SQLAlchemyError

from app.cli.acting import acting
from app.errors import InvalidInputError, LedgerClosedError
from app.extensions import db
from app.services.audit_export import FORMATS, export_events
from app.services.audit_verify import (
    Head,
    Verdict,
    note_verified,
    read_head,
    seal_all_pending,
    take_head,
    verify_ledger,
)
from app.services.ledger import AuditKey

audit_cli = AppGroup("audit", help="The audit log, and proof that nobody rewrote it.")
AS_JSON = click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")


@audit_cli.command("verify")
@click.option("--head", "head_file", type=click.File("r", encoding="utf-8"), help="From `audit head`.")
@AS_JSON
def verify(head_file: TextIO | None, as_json: bool) -> None:
    """Recompute every seal and name the first bad event. Exits with 0 only when nothing is wrong."""
    key = _key()
    sealed = seal_all_pending(key)
    verdict = verify_ledger(key, _read(head_file) if head_file else None)
    _note(verdict)
    if as_json:
        click.echo(json.dumps({"ok": verdict.fault is None, "sealed_now": sealed, **asdict(verdict)}))
    else:
        click.echo(f"Events: {verdict.events}, in chains: {verdict.chains}.")
        if sealed:
            click.echo(f"Sealed now, because no key was loaded when they were written: {sealed}.")
        if verdict.unsealed:
            click.echo(f"Not sealed, because the key is not loaded: {verdict.unsealed}.")
        if verdict.unknown_key:
            click.echo(f"Sealed under a key that is not here, so nobody can say: {verdict.unknown_key}.")
        if verdict.fault is None:
            click.echo("Nothing was rewritten, as far as the seals tell.")
    if verdict.fault is not None:
        click.echo(f"The audit log was rewritten. First: {verdict.fault}.", err=True)
        sys.exit(1)


@audit_cli.command("head")
def head() -> None:
    """Print the ends of all chains, to be kept elsewhere: a file in another place, a mail to oneself."""
    seal_all_pending(_key())
    click.echo(take_head().as_json())


@audit_cli.command("export")
@click.option("--format", "form", type=click.Choice(FORMATS), default="jsonl", show_default=True)
def export(form: str) -> None:
    """Print every event, the oldest first. The export is an event itself."""
    for line in export_events(form, acting()):
        click.echo(line, nl=False)


def _note(verdict: Verdict) -> None:
    """Record that the ledger was verified, as far as it takes events: a copy may be for reading only."""
    try:
        note_verified(verdict, acting())
    except (LedgerClosedError, SQLAlchemyError):
        db.session.rollback()
        click.echo("That the ledger was verified could not be recorded.", err=True)


def _key() -> AuditKey:
    key: AuditKey = current_app.extensions["audit_key"]
    key.prepare()
    return key


def _read(file: TextIO) -> Head:
    try:
        return read_head(file.read())
    except InvalidInputError:
        raise click.ClickException("This is not what `flask audit head` printed.") from None
