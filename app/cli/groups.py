"""`flask groups`: who belongs together."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import click
from flask.cli import AppGroup

from app.cli.acting import acting
from app.cli.counts import people_in_words
from app.errors import InvalidInputError, NotThereError, TokensWouldBeUnavailableError
from app.models import Group, User
from app.services import accounts, group_list, groups
from app.services.group_delete import delete_group
from app.services.server_groups import losses_of_group

groups_cli = AppGroup("groups", help="Groups of people; servers may be there for them alone.")
GROUP = click.argument("group")
EMAILS = click.argument("emails", metavar="EMAIL...", nargs=-1, required=True)
YES = click.option("--yes", is_flag=True, help="Do not ask.")
REFUSALS = {
    "control": "a name is one line of printable characters",
    "group_name_empty": "give it a name",
    "group_name_long": "a name has at most 100 characters",
    "group_name_taken": "there is a group of this name already",
}


@groups_cli.command("list")
def list_() -> None:
    """List every group: id, name, people, servers."""
    after: str | None = ""
    while after is not None:
        page = group_list.list_groups(after=after)
        for row in page.rows:
            click.echo(f"{row.id}\t{row.name}\t{row.people}\t{row.servers}")
        after = page.next


@groups_cli.command("show")
@GROUP
def show(group: str) -> None:
    """Show who is in a group, and which servers are there for it. GROUP is its name or id."""
    found = known_group(group)
    click.echo(f"{found.id}\t{found.name}")
    after: str | None = ""
    while after is not None:
        members = group_list.list_members(found.id, after=after)
        for one in members.rows:
            click.echo(f"person\t{one.email}{'' if one.is_active else ' (disabled)'}")
        after = members.next
    after = ""
    while after is not None:
        page = group_list.list_group_servers(found.id, after)
        for server in page.rows:
            click.echo(f"server\t{server.slug}{'' if server.is_enabled else ' (disabled)'}")
        after = page.next


@groups_cli.command("create")
@click.argument("name")
def create(name: str) -> None:
    """Create a group of nobody."""
    try:
        group = groups.create_group(name, acting())
    except InvalidInputError as error:
        raise click.UsageError(f"Not created: {REFUSALS[error.reason]}.") from None
    click.echo(f"Created {group.name} (id {group.id}).")


@groups_cli.command("rename")
@GROUP
@click.argument("name")
def rename(group: str, name: str) -> None:
    """Give a group another name. GROUP is its name or id."""
    found = known_group(group)
    try:
        renamed = groups.rename_group(found.id, name, acting())
    except InvalidInputError as error:
        raise click.UsageError(f"Not renamed: {REFUSALS[error.reason]}.") from None
    except NotThereError:
        raise _no_group() from None
    click.echo("Renamed." if renamed else "Nothing was changed.")


@groups_cli.command("delete")
@GROUP
@YES
def delete(group: str, yes: bool) -> None:
    """Delete a group, and no person and no server. GROUP is its name or id."""
    found = known_group(group)
    try:
        count = _delete(found, yes)
    except NotThereError:
        raise _no_group() from None
    click.echo(f"Deleted {found.name}; it had {people_in_words(count)}. Tokens stay.")


@groups_cli.command("add")
@GROUP
@EMAILS
def add(group: str, emails: tuple[str, ...]) -> None:
    """Put people into a group, by email. GROUP is its name or id."""
    found, persons = known_group(group), _persons(emails)
    for person in persons:
        with _still_there(person):
            added = groups.add_member(found.id, person.id, acting())
        click.echo(f"{person.email}: {'added' if added else 'was in it already'}.")


@groups_cli.command("remove")
@GROUP
@EMAILS
@YES
def remove(group: str, emails: tuple[str, ...], yes: bool) -> None:
    """Take people out of a group, by email. Their tokens stay. GROUP is its name or id."""
    found, persons = known_group(group), _persons(emails)
    if not yes:
        size = people_in_words(len(persons))
        click.confirm(
            f"Take {size} out of {found.name}, and away the servers that it gives them?", abort=True
        )
    for person in persons:
        with _still_there(person):
            removed = groups.remove_member(found.id, person.id, acting())
        click.echo(f"{person.email}: {'removed' if removed else 'was not in it'}.")


def known_group(word: str) -> Group:
    """Return the group with this name or id. Raises ClickException."""
    try:
        return group_list.find_group(word)
    except NotThereError:
        raise _no_group() from None


def _delete(group: Group, yes: bool) -> int:
    """Delete it, asking before that, and again while another number of tokens would be of no use."""
    while True:
        losses = losses_of_group(group.id)
        if not yes:
            for loss in losses:
                click.echo(
                    f"No longer for {people_in_words(loss.people)}, {loss.tokens} with a token: {loss.name}"
                )
            size = people_in_words(group_list.get_group(group.id).people)
            click.confirm(f"Delete the group {group.name} of {size}?", abort=True)
        try:
            return delete_group(group.id, acting(), unavailable_tokens=sum(loss.tokens for loss in losses))
        except TokensWouldBeUnavailableError:
            continue


def _persons(emails: tuple[str, ...]) -> list[User]:
    """Return these people, all of them or none. Raises ClickException."""
    found = [accounts.find_user(email) for email in emails]
    persons = [person for person in found if person is not None]
    if len(persons) < len(found):
        raise click.ClickException("There is no account with one of these email addresses.")
    return persons


@contextmanager
def _still_there(person: User) -> Iterator[None]:
    """Say that group or person is gone by now, with exit code 1. Whoever was named before them is done."""
    email = person.email
    try:
        yield
    except NotThereError:
        raise click.ClickException(f"The group or the account {email} is not there any more.") from None


def _no_group() -> click.ClickException:
    return click.ClickException("There is no group with this name or id.")
