"""`flask servers`: the catalogue."""

from __future__ import annotations

from typing import Any

import click
from flask import current_app
from flask.cli import AppGroup

from app.cli.acting import acting
from app.errors import InvalidInputError, NotThereError
from app.mcp.catalogue import ProposedServer
from app.mcp.refusals import explain
from app.mcp.token_headers import AUTHORIZATION, default_format
from app.models import Server
from app.models.server import STREAMABLE_HTTP
from app.services import servers
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


@servers_cli.command("enable")
@SERVER
def enable(server: str) -> None:
    """Show a server to everyone; SERVER is its slug or id."""
    changed = _switch(server, True)
    click.echo("Enabled." if changed else "It was enabled already.")


@servers_cli.command("disable")
@SERVER
def disable(server: str) -> None:
    """Take a server out of use; tokens saved for it stay. SERVER is its slug or id."""
    changed = _switch(server, False)
    click.echo("Disabled." if changed else "It was disabled already.")


def _switch(server: str, enabled: bool) -> bool:
    try:
        return servers.set_enabled(known(server).id, enabled, acting())
    except NotThereError:
        # Deleted by somebody else a moment ago.
        raise nothing() from None


def known(word: str) -> Server:
    """Return the server with this slug or id. Raises ClickException."""
    try:
        return servers.find_server(word)
    except NotThereError:
        raise nothing() from None


def nothing() -> click.ClickException:
    """Return what a command says of a server that is not there."""
    return click.ClickException("There is no server with this slug or id.")


def people_in_words(count: int) -> str:
    """Return "1 person" or "7 people"."""
    return "1 person" if count == 1 else f"{count} people"
