"""`flask users invite|reset-password`: links that are printed once, for whoever runs the machine."""

from __future__ import annotations

import os

import click
from flask import current_app
from flask.cli import with_appcontext

from app.cli.acting import acting
from app.cli.refusals import refusals
from app.models.user import ROLES
from app.services import accounts, invitations, one_time_links


@click.command("invite")
@click.argument("email")
@click.option("--role", type=click.Choice(ROLES), help="Default: user, or what they were invited as.")
@with_appcontext
def invite(email: str, role: str | None) -> None:
    """Make an account, and print a one-time link, valid 72 hours, with which its person sets a password.

    Again for who has not accepted yet: the new link replaces the old. No mail is sent.
    """
    with refusals():
        link, is_new = invitations.invite(email, role, acting())
    click.echo(_address(link.code))
    said = "Invited" if is_new else "Invited again; the link before opens nothing any more:"
    click.echo(f"{said} {link.email}. The link works once, for 72 hours.", err=True)


@click.command("reset-password")
@click.argument("email")
@with_appcontext
def reset_password(email: str) -> None:
    """Print a one-time link, valid 72 hours, with which the person sets a new password.

    Whoever has it can sign in as them: hand it to nobody else.
    """
    with refusals():
        link = one_time_links.open_password_reset(accounts.get_user(email).id, acting())
    click.echo(_address(link.code))
    click.echo("It works once, for 72 hours.", err=True)


def _address(code: str) -> str:
    """Return the link, as far as the settings say where this site is reached."""
    site, hosts = current_app.config["SITE_URL"], current_app.config["TRUSTED_HOSTS"]
    if not site:
        site = f"https://{hosts[0]}" if hosts else f"http://127.0.0.1:{os.environ.get('PORT', '8000')}"
    return str(site) + current_app.url_map.bind("").build("auth.reset_password", {"code": code})
