"""`flask servers change|delete`: what other people's tokens have to do with, so both ask first."""

from __future__ import annotations

import unicodedata
from typing import Any

import click
from flask import current_app
from flask.cli import with_appcontext

from app.cli.acting import acting
from app.cli.counts import people_in_words
from app.cli.servers import SERVER, known, nothing, with_texts
from app.errors import (
    InvalidInputError,
    NotThereError,
    TokensWouldBeDeletedError,
    TokensWouldBeHeldError,
)
from app.mcp.refusals import explain
from app.models import Server
from app.services.server_change import Changed, change_server
from app.services.server_delete import delete_server, list_owners
from app.services.server_fields import TRANSPORTS


@click.command("change")
@with_appcontext
@SERVER
@click.option("--name", help="What people read in their list.")
@click.option("--url", help="The full address; another one puts the tokens saved for it on hold.")
@click.option("--header", "auth_header_name", help="The header that carries the token.")
@click.option("--format", "auth_value_format", help="The header's value, with {token} in it.")
@click.option("--transport", type=click.Choice(TRANSPORTS))
@click.option("--token-required/--token-optional", default=None, help="Whether it needs a token.")
@with_texts
@click.option("--yes", is_flag=True, help="Do not ask.")
def change(server: str, yes: bool, **facts: Any) -> None:
    """Change what is given, and nothing else; an empty text takes one away. SERVER is its slug or id."""
    given = {name: value for name, value in facts.items() if value is not None}
    if not given:
        raise click.UsageError("Say what to change.")
    found = known(server)
    try:
        changed = _change(found.id, given, yes)
    except InvalidInputError as error:
        raise click.UsageError(f"Not changed: {explain(error)}.") from None
    except NotThereError:
        raise nothing() from None
    if not changed.fields:
        click.echo("Nothing was changed.")
        return
    click.echo(f"Changed {found.slug}: {', '.join(sorted(changed.fields))}.")
    if changed.held_tokens:
        click.echo(f"On hold until confirmed: the tokens of {people_in_words(changed.held_tokens)}.")


@click.command("delete")
@with_appcontext
@SERVER
@click.option("--yes", is_flag=True, help="Do not ask.")
def delete(server: str, yes: bool) -> None:
    """Delete a server and everyone's token for it. SERVER is its slug or id."""
    found = known(server)
    slug = found.slug
    try:
        tokens = _delete(found, yes)
    except NotThereError:
        raise nothing() from None
    click.echo(f"Deleted {slug}, with the tokens of {people_in_words(tokens)}.")
    if tokens:
        click.echo("They stay valid at their provider; their owners can revoke them there.")


def _change(server_id: int, given: dict[str, Any], yes: bool) -> Changed:
    """Change the server, asking for as long as another number of tokens would be put on hold."""
    held_tokens = None
    while True:
        try:
            return change_server(
                server_id,
                given,
                held_tokens=held_tokens,
                egress=current_app.extensions["egress"],
                actor=acting(),
            )
        except TokensWouldBeHeldError as error:
            held_tokens = error.held_tokens
            if not yes:
                people = people_in_words(held_tokens)
                click.confirm(f"This puts the tokens of {people} on hold until confirmed. Go on?", abort=True)


def _delete(server: Server, yes: bool) -> int:
    """Delete the server, asking for as long as another number of tokens would go."""
    server_id, slug, address = server.id, server.slug, server.url
    people = None if yes else list_owners(server_id).people
    while True:
        if not yes:
            tokens = people_in_words(people or 0)
            click.echo(f"This deletes {slug} ({address}) and the tokens of {tokens}.")
            typed = click.prompt(f"Type {slug} to go on", default="", show_default=False)
            if unicodedata.normalize("NFKC", typed).strip() != slug:
                raise click.Abort
        try:
            return delete_server(server_id, deleted_tokens=people, actor=acting())
        except TokensWouldBeDeletedError as error:
            people = error.deleted_tokens
