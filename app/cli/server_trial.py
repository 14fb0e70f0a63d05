"""`flask servers show|try`: what the catalogue has of a server, and what the server itself says."""

from __future__ import annotations

import click
from flask import current_app
from flask.cli import with_appcontext
from flask_babel import force_locale

from app.cli.servers import SERVER, known, nothing
from app.errors import BusyError, NotThereError
from app.mcp.trial import UNREACHABLE, Trial
from app.models import Server
from app.services.actors import Actor
from app.services.server_delete import list_owners
from app.services.servers import get_server
from app.services.trials import try_server
from app.words import trials as words


@click.command("show")
@with_appcontext
@SERVER
def show(server: str) -> None:
    """Show what the catalogue has of a server. SERVER is its slug or id."""
    found = known(server)
    owners = list_owners(found.id)
    for name, value in _facts(found).items():
        click.echo(f"{name}: {value}")
    click.echo(f"people with a token: {owners.people}")
    for status, people in owners.states.items():
        click.echo(f"  {status}: {people}")


@click.command("try")
@SERVER
@with_appcontext
@click.pass_context
def try_(context: click.Context, server: str) -> None:
    """Connect without a token and say what the server shows. SERVER is its slug or id."""
    server_id = known(server).id
    try:
        trial = try_server(
            server_id,
            egress=current_app.extensions["egress"],
            slots=current_app.extensions["call_slots"],
            actor=Actor.of_cli(),
        )
        # As it is after the wait: somebody may have deleted it.
        found = get_server(server_id)
    except NotThereError:
        raise nothing() from None
    except BusyError:
        raise click.ClickException("Too many calls are waiting for servers right now.") from None
    with force_locale("en"):
        click.echo(f"{words.OUTCOMES[trial.outcome]}: {words.REASONS[trial.reason]}")
    for line in _told(trial, found):
        click.echo(line)
    context.exit(1 if trial.outcome == UNREACHABLE else 0)


def _facts(server: Server) -> dict[str, object]:
    headers = ", ".join(f"{name}: {value}" for name, value in server.extra_headers.items())
    return {
        "id": server.id,
        "slug": server.slug,
        "name": server.name,
        "state": "enabled" if server.is_enabled else "disabled",
        "why": server.disabled_reason or "",
        "address": server.url,
        "transport": server.transport,
        "header": f"{server.auth_header_name}: {server.auth_value_format}",
        "needs a token": "yes" if server.token_required else "no",
        "further headers": headers,
        "help": server.token_help or "",
        "help link": server.token_help_url or "",
        "placeholder": server.token_placeholder or "",
        "probe tool": server.probe_tool or "",
        "registry entry": server.registry_name or "",
    }


def _told(trial: Trial, server: Server) -> list[str]:
    lines = []
    if trial.transport:
        differs = "" if trial.transport == server.transport else f"; the catalogue says {server.transport}"
        lines.append(f"transport: {trial.transport}{differs}")
        lines.append(f"protocol: {trial.protocol or 'unknown'}, {trial.era}")
        lines.append(f"it calls itself: {trial.name} {trial.version}".rstrip())
    if trial.offers_oauth is not None:
        lines.append(f"OAuth: {'offered' if trial.offers_oauth else 'no sign of it'}")
    if trial.tools is not None:
        lines.append(f"tools: {trial.tools}")
        lines.append(f"read-only: {', '.join(trial.read_only) or 'none is marked so'}")
    return lines
