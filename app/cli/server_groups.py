"""`flask servers groups`: who may use a server."""

from __future__ import annotations

import click
from flask.cli import with_appcontext

from app.cli.acting import acting
from app.cli.counts import people_in_words
from app.cli.groups import known_group
from app.cli.servers import SERVER, known, nothing
from app.errors import InvalidInputError, NotThereError, TokensWouldBeUnavailableError
from app.models import Server
from app.services.server_groups import (
    EVERYONE,
    Audience,
    audience_of,
    count_unavailable_tokens,
    groups_of_server,
    set_audience,
)


@click.command("groups")
@SERVER
@click.option("--everyone", is_flag=True, help="It is there for everyone.")
@click.option("--group", "names", metavar="NAME", multiple=True, help="For this group; may be repeated.")
@click.option("--nobody", is_flag=True, help="It is there for nobody.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@with_appcontext
def server_groups(server: str, everyone: bool, names: tuple[str, ...], nobody: bool, yes: bool) -> None:
    """Say who may use a server, or change that as a whole. SERVER is its slug or id."""
    if sum((everyone, bool(names), nobody)) > 1:
        raise click.UsageError("One of --everyone, --group and --nobody.")
    found = known(server)
    if not (everyone or names or nobody):
        _tell(found)
        return
    wanted = EVERYONE if everyone else Audience(False, frozenset(known_group(name).id for name in names))
    try:
        changed = _change(found, wanted, yes)
    except InvalidInputError:
        raise click.ClickException("One of the groups is not there any more. Nothing was changed.") from None
    except NotThereError:
        raise nothing() from None
    click.echo("Changed." if changed else "Nothing was changed.")


def _change(server: Server, wanted: Audience, yes: bool) -> bool:
    """Change it, asking before it is taken away, and again while another number would lose it."""
    present = audience_of(server)
    is_less = not wanted.for_everyone and (present.for_everyone or present.group_ids - wanted.group_ids)
    unavailable = count_unavailable_tokens(server.id, wanted)
    while True:
        if not yes and (is_less or unavailable):
            who = people_in_words(unavailable)
            lost = f"This takes {server.slug} away, also from {who} with a token for it."
            click.confirm(f"{lost} Go on?", abort=True)
        try:
            return set_audience(server.id, wanted, acting(), unavailable_tokens=unavailable)
        except TokensWouldBeUnavailableError as error:
            unavailable = error.unavailable_tokens


def _tell(server: Server) -> None:
    names = [group.name for group in groups_of_server(server.id)]
    if server.for_everyone:
        click.echo("For everyone.")
    elif not names:
        click.echo("For nobody.")
    for name in names:
        click.echo(f"For the group {name}.")
