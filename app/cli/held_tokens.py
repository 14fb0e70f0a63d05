"""`flask tokens list|ask|delete`: who holds a token for what, asking them to renew it, deleting it."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable
from datetime import datetime
from typing import Any, Final

import click
from flask import current_app
from flask.cli import with_appcontext

from app import mail
from app.cli.acting import acting
from app.cli.reminders import NAME_CHARS, WHY
from app.cli.tokens import AS_JSON
from app.errors import (
    ChangedMeanwhileError,
    InvalidInputError,
    NotThereError,
    RenewalNotPossibleError,
)
from app.mail import MailSettings, Message
from app.mcp.texts import clean_text
from app.models import Server, User
from app.services.renewals import RenewalRequest, ask_to_renew
from app.services.servers import find_server
from app.services.token_choice import Choice
from app.services.token_matrix import Cell, all_cells, get_cell
from app.services.token_removal import delete_token_of
from app.services.token_search import person_named
from app.services.token_status import NEEDS_ATTENTION, STATUSES
from app.words.renewals import letter

PERSON = click.argument("person", metavar="EMAIL")
SERVER = click.argument("server")
NOT_POSSIBLE: Final = {
    "person_disabled": "This account is disabled, so nobody was asked.",
    "server_disabled": "This server is disabled: no new token can be saved for it, so nobody was asked.",
    "server_unavailable": "This server is not there for them, so nobody was asked.",
    "storage_off": "No new token of theirs would be stored, so they were not asked.",
}
CHANGED: Final = "Another token was saved meanwhile, so nothing was done. Look at it again."


@click.command("list")
@click.option("--person", help="Email or id: this person, with the servers they have no token for.")
@click.option("--server", help="Slug or id: this server, with the people who have no token for it.")
@click.option("--status", type=click.Choice((*STATUSES, NEEDS_ATTENTION)), help="Only these.")
@AS_JSON
@with_appcontext
def list_(person: str | None, server: str | None, status: str | None, as_json: bool) -> None:
    """List who holds a token for which server, and in which state it is. No token is shown, and no hint."""
    wanted = Choice(
        _person(person).id if person else None, _server(server).id if server else None, status or ""
    )
    try:
        cells = all_cells(wanted) if wanted.statuses is not None else ()
    except InvalidInputError:
        raise click.UsageError(
            "Give --person or --server with --status none: it is true of very many."
        ) from None
    if as_json:
        _print_json(cells)
    else:
        _print(cells)


@click.command("ask")
@PERSON
@SERVER
@with_appcontext
def ask(person: str, server: str) -> None:
    """Ask a person to renew their token: a notice on their page, and a mail where SMTP_HOST is set.

    SERVER is its slug or id. Exits with 1 when the mail was not sent.
    """
    settings = MailSettings.of(current_app.config)

    def send(request: RenewalRequest) -> None:
        if settings:
            mail.send(Message(*letter(request, current_app.config["SITE_URL"])), settings)

    try:
        asked = ask_to_renew(
            _person(person).id,
            _server(server).id,
            None,
            keys=current_app.extensions["keys"],
            actor=acting(),
            send=send if settings else None,
        )
    except NotThereError:
        raise _no_token() from None
    except RenewalNotPossibleError as error:
        raise click.ClickException(NOT_POSSIBLE[error.reason]) from None
    except ChangedMeanwhileError:
        raise click.ClickException(CHANGED) from None
    if asked.problem:
        raise click.ClickException(
            f"They will see it on their page, but no mail was sent. {WHY[asked.problem]}"
        )
    if not asked.is_new:
        click.echo(f"They were asked already, at {_time(asked.asked_at)} UTC. Nothing was sent.")
    else:
        click.echo(
            "Asked, by mail too." if asked.mail == "sent" else "Asked, on their page. No mail is sent here."
        )


@click.command("delete")
@PERSON
@SERVER
@click.option("--yes", is_flag=True, help="Do not ask.")
@with_appcontext
def delete(person: str, server: str, yes: bool) -> None:
    """Delete a person's token, which stays valid at its provider. SERVER is its slug or id."""
    user, found = _person(person), _server(server)
    try:
        _delete(user.id, found.id, yes)
    except NotThereError:
        raise click.ClickException("The person or the server is not there any more.") from None
    except ChangedMeanwhileError:
        raise click.ClickException(CHANGED) from None


def _delete(user_id: int, server_id: int, yes: bool) -> None:
    """Delete the token that was asked about. Raises NotThereError, ChangedMeanwhileError."""
    cell = get_cell(user_id, server_id)
    if cell.version is None:
        click.echo("There was no token.")
        return
    if not yes:
        name = clean_text(cell.server, NAME_CHARS)
        click.confirm(f"Delete the token of {cell.email} for {name} ({cell.status})?", abort=True)
    if delete_token_of(user_id, server_id, cell.version, acting()):
        click.echo("Deleted. It stays valid at its provider, where only its owner can revoke it.")
    else:
        click.echo("There was no token any more.")


def _person(word: str) -> User:
    try:
        return person_named(word)
    except InvalidInputError:
        raise click.ClickException("There is no account with this email address.") from None


def _server(word: str) -> Server:
    try:
        return find_server(word)
    except NotThereError:
        raise click.ClickException("There is no server of this name.") from None


def _no_token() -> click.ClickException:
    return click.ClickException("They have no token for this server.")


def _print_json(cells: Iterable[Cell]) -> None:
    """Print one object, a piece at a time: there may be a million."""
    between = '{"tokens": ['
    for cell in cells:
        click.echo(between + json.dumps(_row(cell)), nl=False)
        between = ", "
    click.echo("]}" if between == ", " else between + "]}")


def _row(cell: Cell) -> dict[str, Any]:
    times = ("created_at", "updated_at", "last_used_at", "last_check_at", "expires_at", "renew_asked_at")
    found = {name: getattr(cell, name) for name in times}
    return {
        "user_id": cell.user_id,
        "email": cell.email,
        "server_id": cell.server_id,
        "server": cell.server,
        "available": cell.is_available,
        "status": cell.status,
        **{name: value.isoformat() if value else None for name, value in found.items()},
    }


def _print(cells: Iterable[Cell]) -> None:
    """Print columns, then totals. Email and server come last: their width is known when all is read."""
    totals: Counter[str] = Counter()
    for cell in cells:
        if not totals:
            click.echo(
                f"{'STATUS':<10}  {'EXPIRES (UTC)':<16}  {'LAST USED':<16}  {'ASKED':<16}  E-MAIL  SERVER"
            )
        totals[cell.status] += 1
        times = (f"{_time(when):<16}" for when in (cell.expires_at, cell.last_used_at, cell.renew_asked_at))
        off = " (disabled)" if not cell.is_active else ""
        name = clean_text(cell.server, NAME_CHARS) + (" (disabled)" if not cell.is_enabled else "")
        name += "" if cell.is_available else " (not there for them)"
        click.echo(f"{cell.status:<10}  {'  '.join(times)}  {cell.email}{off}  {name}")
    if not totals:
        click.echo("Nothing found.")
        return
    parts = [f"{word} {totals[word]}" for word in STATUSES if totals[word]]
    click.echo(f"Total: {totals.total()} ({', '.join(parts)})")


def _time(when: datetime | None) -> str:
    return f"{when:%Y-%m-%d %H:%M}" if when else "-"
