"""`flask servers`: the catalogue."""

from __future__ import annotations

from typing import Any

import click
from flask import current_app
from flask.cli import AppGroup

from app.cli.acting import acting
from app.errors import InvalidInputError, NotThereError, TokensWouldBeHeldError
from app.mcp.catalogue import ProposedServer
from app.mcp.refusals import explain
from app.mcp.token_headers import AUTHORIZATION, default_format
from app.models import Server
from app.models.server import STREAMABLE_HTTP
from app.services import servers
from app.services.server_change import Changed, change_server
from app.services.server_fields import TRANSPORTS

servers_cli = AppGroup("servers", help="The catalogue of MCP servers.")
SERVER = click.argument("server")
PROBE_TOOL = click.option("--probe-tool", help="A read-only tool that needs a token: checks call it.")


@servers_cli.command("list")
def list_() -> None:
    """List every server: id, slug, state, address."""
    for server in servers.list_servers():
        state = "enabled" if server.is_enabled else "disabled"
        why = f"\t{server.disabled_reason}" if server.disabled_reason and not server.is_enabled else ""
        click.echo(f"{server.id}\t{server.slug}\t{state}\t{server.url}{why}")


@servers_cli.command("add")
@click.option("--name", required=True, help="What people read in their list.")
@click.option("--url", required=True, help="The full address of its MCP endpoint.")
@click.option("--header", default=AUTHORIZATION, show_default=True, help="The header that carries the token.")
@click.option("--format", "value_format", help="The header's value, with {token} in it.")
@click.option("--transport", type=click.Choice(TRANSPORTS), default=STREAMABLE_HTTP, show_default=True)
@click.option("--token-optional", is_flag=True, help="It may not need a token.")
@PROBE_TOOL
def add(*, value_format: str | None, header: str, token_optional: bool, **facts: Any) -> None:
    """Add a server by its address. The format is `Bearer {token}` for Authorization, else `{token}`."""
    new = ProposedServer(
        auth_header_name=header,
        auth_value_format=default_format(header) if value_format is None else value_format,
        token_required=not token_optional,
        **facts,
    )
    try:
        server = servers.add_server(new, egress=current_app.extensions["egress"], actor=acting())
    except InvalidInputError as error:
        raise click.UsageError(f"Not added: {explain(error)}.") from None
    click.echo(f"Added {server.slug} (id {server.id}).")


@servers_cli.command("change")
@SERVER
@click.option("--name", help="What people read in their list.")
@click.option("--description", help="What it is, in a sentence.")
@click.option("--url", help="The full address; another one puts the tokens saved for it on hold.")
@click.option("--header", "auth_header_name", help="The header that carries the token.")
@click.option("--format", "auth_value_format", help="The header's value, with {token} in it.")
@click.option("--transport", type=click.Choice(TRANSPORTS))
@click.option("--token-required/--token-optional", default=None, help="Whether it needs a token.")
@PROBE_TOOL
@click.option("--help-url", "token_help_url", help="The page on which people find their token.")
@click.option("--help-text", "token_help", help="A sentence on where they find it.")
@click.option("--placeholder", "token_placeholder", help="What a token looks like.")
@click.option("--yes", is_flag=True, help="Do not ask.")
def change(server: str, yes: bool, **facts: Any) -> None:
    """Change what is given, and nothing else; an empty text takes one away. SERVER is its slug or id."""
    given = {name: value for name, value in facts.items() if value is not None}
    if not given:
        raise click.UsageError("Say what to change.")
    found = _known(server)
    try:
        changed = _change(found.id, given, yes)
    except InvalidInputError as error:
        raise click.UsageError(f"Not changed: {explain(error)}.") from None
    except NotThereError:
        raise _nothing() from None
    if not changed.fields:
        click.echo("Nothing was changed.")
        return
    click.echo(f"Changed {found.slug}: {', '.join(sorted(changed.fields))}.")
    if changed.held_tokens:
        click.echo(f"On hold until confirmed: the tokens of {_people(changed.held_tokens)}.")


@servers_cli.command("enable")
@SERVER
def enable(server: str) -> None:
    """Show a server to everyone; SERVER is its slug or id."""
    changed = servers.set_enabled(_known(server).id, True, acting())
    click.echo("Enabled." if changed else "It was enabled already.")


@servers_cli.command("disable")
@SERVER
def disable(server: str) -> None:
    """Take a server out of use; tokens saved for it stay. SERVER is its slug or id."""
    changed = servers.set_enabled(_known(server).id, False, acting())
    click.echo("Disabled." if changed else "It was disabled already.")


@servers_cli.command("delete")
@SERVER
@click.option("--yes", is_flag=True, help="Do not ask.")
def delete(server: str, yes: bool) -> None:
    """Delete a server and everyone's token for it. SERVER is its slug or id."""
    found = _known(server)
    if not yes:
        people = servers.count_tokens(found)
        click.confirm(f"Delete {found.slug} ({found.url}) and the tokens of {_people(people)}?", abort=True)
    tokens = servers.delete_server(found.id, acting())
    click.echo(f"Deleted {found.slug}, with the tokens of {_people(tokens)}.")
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
                people = _people(held_tokens)
                click.confirm(f"This puts the tokens of {people} on hold until confirmed. Go on?", abort=True)


def _known(word: str) -> Server:
    try:
        return servers.find_server(word)
    except NotThereError:
        raise _nothing() from None


def _nothing() -> click.ClickException:
    return click.ClickException("There is no server with this slug or id.")


def _people(count: int) -> str:
    return "1 person" if count == 1 else f"{count} people"
