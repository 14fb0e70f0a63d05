"""`flask users`: people and their accounts."""

from __future__ import annotations

import os
import sys
from typing import Final

import click
from flask import current_app
from flask.cli import AppGroup

from app.cli.acting import acting
from app.errors import InvalidInputError, LastAdminError, NotThereError
from app.models.user import ROLES
from app.services import accounts, sessions, totp
from app.services.password_rules import MAX_PASSWORD_CHARS, MIN_PASSWORD_CHARS

users_cli = AppGroup("users", help="People and their accounts.")
EMAIL = click.argument("email")
REFUSALS: Final = {
    "email_invalid": "This is not an e-mail address.",
    "email_taken": "There is an account with this e-mail address already.",
    "password_short": f"Use at least {MIN_PASSWORD_CHARS} characters.",
    "password_long": f"Use at most {MAX_PASSWORD_CHARS} characters.",
    "password_common": "This password is among the first that anybody would try.",
}


@users_cli.command("create")
@EMAIL
@click.option("--admin", is_flag=True, help="May keep the catalogue and see states; never a token.")
@click.option("--password-stdin", is_flag=True, help="Read the password from standard input.")
def create(email: str, admin: bool, password_stdin: bool) -> None:
    """Create an account. The password is asked for, or read from standard input."""
    password = _password(password_stdin)
    try:
        user = accounts.create_account(email, password, acting(), admin=admin)
    except InvalidInputError as error:
        raise click.ClickException(REFUSALS[error.reason]) from None
    click.echo(f"Created {user.email} ({user.role}).")


@users_cli.command("list")
def list_() -> None:
    """List everyone: e-mail, role, state, last sign-in (UTC), second factor."""
    with_totp = totp.who_has_it()
    for user in accounts.list_users():
        state = "active" if user.is_active else "disabled"
        seen = user.last_login_at.isoformat(timespec="minutes") if user.last_login_at else "never"
        click.echo(f"{user.email}\t{user.role}\t{state}\t{seen}\t{'totp' if user.id in with_totp else '-'}")


@users_cli.command("disable")
@EMAIL
def disable(email: str) -> None:
    """Refuse this person and end their sessions at once."""
    _set_active(email, False)
    click.echo("Disabled and signed out everywhere.")


@users_cli.command("enable")
@EMAIL
def enable(email: str) -> None:
    """Let a disabled person in again."""
    _set_active(email, True)
    click.echo("Enabled.")


@users_cli.command("sign-out")
@EMAIL
def sign_out(email: str) -> None:
    """End every session of this person."""
    user = accounts.find_user(email)
    if user is None:
        raise _unknown()
    click.echo(f"Ended sessions: {sessions.end_all_sessions(user, acting())}.")


@users_cli.command("reset-totp")
@EMAIL
def reset_totp(email: str) -> None:
    """Turn off the second factor of a person who has lost both their app and their recovery codes."""
    user = accounts.find_user(email)
    if user is None:
        raise _unknown()
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
    user = accounts.find_user(email)
    if user is None:
        raise _unknown()
    totp.set_required(user.id, not off, acting())
    click.echo("No second factor is required any more." if off else "A second factor is required.")


@users_cli.command("set-role")
@EMAIL
@click.argument("role", type=click.Choice(ROLES))
def set_role(email: str, role: str) -> None:
    """Make a person a user, an auditor (reads the ledger and nothing else) or an admin."""
    try:
        accounts.set_role(email, role, acting())
    except NotThereError:
        raise _unknown() from None
    except LastAdminError:
        raise click.ClickException("Nobody else is an admin. Make somebody else one first.") from None
    click.echo(f"Role: {role}.")


@users_cli.command("delete")
@EMAIL
@click.option("--yes", is_flag=True, help="Do not ask.")
def delete(email: str, yes: bool) -> None:
    """Delete a person with their sessions and tokens. The ledger stays."""
    if not yes:
        click.confirm("Delete this person and every token they saved?", abort=True)
    try:
        tokens = accounts.delete_account(email, acting())
    except NotThereError:
        raise _unknown() from None
    click.echo(f"Deleted, with tokens: {tokens}. They stay valid at their providers; revoke them there.")


@users_cli.command("reset-password")
@EMAIL
def reset_password(email: str) -> None:
    """Print a one-time link, valid 72 hours, with which the person sets a new password."""
    try:
        code = accounts.open_password_reset(email, acting())
    except NotThereError:
        raise _unknown() from None
    path = current_app.url_map.bind("").build("auth.reset_password", {"code": code})
    click.echo(_site() + path)
    click.echo("It works once, for 72 hours.", err=True)


def _site() -> str:
    """Return where this site is reached, as far as its settings say."""
    if current_app.config["SITE_URL"]:
        return str(current_app.config["SITE_URL"])
    hosts = current_app.config["TRUSTED_HOSTS"]
    return f"https://{hosts[0]}" if hosts else f"http://127.0.0.1:{os.environ.get('PORT', '8000')}"


def _password(from_stdin: bool) -> str:
    if from_stdin:
        return sys.stdin.readline().rstrip("\r\n")
    answer: str = click.prompt("Password", hide_input=True, confirmation_prompt=True)
    return answer


def _set_active(email: str, active: bool) -> None:
    try:
        accounts.set_active(email, active, acting())
    except NotThereError:
        raise _unknown() from None


def _unknown() -> click.ClickException:
    return click.ClickException("There is no account with this e-mail address.")
