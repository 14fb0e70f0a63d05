"""`flask users`: people and their accounts."""

from __future__ import annotations

import sys
from collections.abc import Sequence

import click
from flask.cli import AppGroup

from app.cli.acting import acting
from app.cli.one_time_links import invite, reset_password
from app.cli.refusals import refusals
from app.errors import NotThereError
from app.mcp.texts import clean_text
from app.models.user import ROLES
from app.services import accounts, offboarding, people, sessions, totp
from app.services.offboarding import HeldToken, Leaving
from app.services.people import PeopleFilter
from app.services.person_change import PersonChange, change_person

users_cli = AppGroup("users", help="People and their accounts.")
users_cli.add_command(invite)
users_cli.add_command(reset_password)
EMAIL = click.argument("email")
NAME_CHARS = 60


@users_cli.command("create")
@EMAIL
@click.option("--admin", is_flag=True, help="May keep the catalogue and see states; never a token.")
@click.option("--password-stdin", is_flag=True, help="Read the password from standard input.")
def create(email: str, admin: bool, password_stdin: bool) -> None:
    """Create an account with a password, which is asked for, or read from standard input.

    For the first admin, and for programs. People choose their own: see `flask users invite`.
    """
    password = _password(password_stdin)
    with refusals():
        user = accounts.create_account(email, password, acting(), admin=admin)
    click.echo(f"Created {user.email} ({user.role}).")


@users_cli.command("list")
def list_() -> None:
    """List everyone: email, role, state, last sign-in (UTC), second factor, number of tokens."""
    page = people.list_people(PeopleFilter())
    while True:
        for row in page.rows:
            seen = row.last_login_at.isoformat(timespec="minutes") if row.last_login_at else "never"
            factor = "totp" if row.has_totp else "-"
            click.echo("\t".join((row.email, row.role, row.state, seen, factor, str(row.tokens))))
        if page.next is None:
            return
        page = people.list_people(PeopleFilter(after=page.next))


@users_cli.command("disable")
@EMAIL
def disable(email: str) -> None:
    """Refuse this person and end their sessions at once. Their tokens stay, and nobody can use them."""
    with refusals():
        accounts.set_active(email, False, acting())
        held = offboarding.held_tokens(accounts.get_user(email).id)
    click.echo("Disabled and signed out everywhere.")
    _list_providers(held)


@users_cli.command("enable")
@EMAIL
def enable(email: str) -> None:
    """Let a disabled person in again."""
    with refusals():
        accounts.set_active(email, True, acting())
    click.echo("Enabled.")


@users_cli.command("sign-out")
@EMAIL
def sign_out(email: str) -> None:
    """End every session of this person."""
    with refusals():
        ended = sessions.end_all_sessions(accounts.get_user(email).id, acting())
    click.echo(f"Ended sessions: {ended}.")


@users_cli.command("reset-totp")
@EMAIL
def reset_totp(email: str) -> None:
    """Turn off the second factor of a person who has lost both their app and their recovery codes."""
    with refusals():
        user = accounts.get_user(email)
    try:
        totp.reset(user.id, acting())
    except NotThereError:
        raise click.ClickException("This person has no second factor.") from None
    click.echo("The second factor is off. They can set it up anew under Settings, Account.")


@users_cli.command("require-totp")
@EMAIL
@click.option("--off", is_flag=True, help="No longer.")
def require_totp(email: str, off: bool) -> None:
    """Require a second factor: without one, this person can only set one up."""
    with refusals():
        change_person(accounts.get_user(email).id, PersonChange(totp_required=not off), acting())
    click.echo("No second factor is required any more." if off else "A second factor is required.")


@users_cli.command("set-role")
@EMAIL
@click.argument("role", type=click.Choice(ROLES))
def set_role(email: str, role: str) -> None:
    """Make a person a user, an auditor (reads the audit log and nothing else) or an admin."""
    with refusals():
        accounts.set_role(email, role, acting())
    click.echo(f"Role: {role}.")


@users_cli.command("delete")
@EMAIL
@click.option("--yes", is_flag=True, help="Do not ask.")
def delete(email: str, yes: bool) -> None:
    """Delete a person with their sessions and tokens; list, before and after, where else the tokens live on.

    Contacts no server. The audit log stays.
    """
    with refusals():
        user = accounts.get_user(email)
    if not yes:
        would_go = offboarding.what_leaves(user.id)
        click.echo(f"With {user.email} go {_in_numbers(would_go)}.")
        _list_providers(would_go.tokens)
        click.confirm("Delete this person and every token they saved?", abort=True)
    with refusals():
        leaving = accounts.delete_account(email, acting())
    click.echo(f"Deleted, with {_in_numbers(leaving)}.")
    _list_providers(leaving.tokens)


def _in_numbers(leaving: Leaving) -> str:
    return f"tokens: {len(leaving.tokens)}, sessions: {leaving.sessions}, groups: {leaving.groups}"


def _list_providers(held: Sequence[HeldToken]) -> None:
    """Print where each provider keeps its tokens: nothing that was done here ends one there."""
    if held:
        click.echo("These stay valid at their providers until they are revoked there:")
    for one in held:
        page = clean_text(one.token_help_url or "", 2048) or f"no page known; provider of {one.host}"
        click.echo(f"{clean_text(one.server, NAME_CHARS)}\t{page}")


def _password(from_stdin: bool) -> str:
    if from_stdin:
        return sys.stdin.readline().rstrip("\r\n")
    answer: str = click.prompt("Password", hide_input=True, confirmation_prompt=True)
    return answer
