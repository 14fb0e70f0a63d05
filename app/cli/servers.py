"""`flask servers`: the catalogue."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

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
from app.services.server_fields import TRANSPORTS, read_header_lines
from app.services.server_list import list_catalogue
from app.services.server_places import MAX_QUERY_CHARS

Command = TypeVar("Command", bound=Callable[..., Any])
servers_cli = AppGroup("servers", help="The catalogue of MCP servers.")
SERVER = click.argument("server")
PROBE_TOOL = click.option("--probe-tool", help="A read-only tool that needs a token: checks call it.")


def _read_headers(_context: click.Context, _option: click.Parameter, lines: Sequence[str]) -> Any:
    """Return headers by name, None when none was given: that is another thing than an empty one."""
    try:
        return read_header_lines("\n".join(lines)) if lines else None
    except InvalidInputError as error:
        raise click.BadParameter(explain(error)) from None


#: What `add` and `change` take alike.
TEXTS = (
    click.option("--description", help="What it is, in a sentence."),
    PROBE_TOOL,
    click.option("--help-url", "token_help_url", help="The page on which people find their token."),
    click.option("--help-text", "token_help", help="A sentence on where they find it."),
    click.option("--placeholder", "token_placeholder", help="What a token looks like."),
    click.option(
        "--extra-header",
        "extra_headers",
        metavar='"NAME: VALUE"',
        multiple=True,
        callback=_read_headers,
        help="A further header, never secret; may be repeated. They replace all; an empty one, by none.",
    ),
)


def with_texts(command: Command) -> Command:
    """Give a command the options of `TEXTS`, in this order."""
    for option in reversed(TEXTS):
        command = option(command)
    return command


@servers_cli.command("list")
@click.option("--query", default="", help="Part of a name, slug or host: only these.")
def list_(query: str) -> None:
    """List servers by name: id, slug, state, address, people with a token, and why an import disabled it."""
    after: str | None = ""
    while after is not None:
        page = list_catalogue(query.strip()[:MAX_QUERY_CHARS], after)
        for row in page.rows:
            server = row.server
            state = "enabled" if server.is_enabled else "disabled"
            facts = [str(server.id), server.slug, state, server.url, str(row.people)]
            if server.disabled_reason and not server.is_enabled:
                facts.append(server.disabled_reason)
            click.echo("\t".join(facts))
        after = page.next


@servers_cli.command("add")
@click.option("--name", required=True, help="What people read in their list.")
@click.option("--url", required=True, help="The full address of its MCP endpoint.")
@click.option("--header", default=AUTHORIZATION, show_default=True, help="The header that carries the token.")
@click.option("--format", "value_format", help="The header's value, with {token} in it.")
@click.option("--transport", type=click.Choice(TRANSPORTS), default=STREAMABLE_HTTP, show_default=True)
@click.option("--token-optional", is_flag=True, help="It may not need a token.")
@with_texts
@click.option("--for-nobody", is_flag=True, help="Not for everyone: see `flask servers groups` for whom.")
def add(
    *, value_format: str | None, header: str, token_optional: bool, for_nobody: bool, **facts: Any
) -> None:
    """Add a server by its address. The format is `Bearer {token}` for Authorization, else `{token}`."""
    given = {name: value for name, value in facts.items() if value is not None}
    new = ProposedServer(
        auth_header_name=header,
        auth_value_format=default_format(header) if value_format is None else value_format,
        token_required=not token_optional,
        for_everyone=not for_nobody,
        **given,
    )
    try:
        server = servers.add_server(new, egress=current_app.extensions["egress"], actor=acting())
    except InvalidInputError as error:
        raise click.UsageError(f"Not added: {explain(error)}.") from None
    click.echo(f"Added {server.slug} (id {server.id}){', for nobody yet' if for_nobody else ''}.")


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
