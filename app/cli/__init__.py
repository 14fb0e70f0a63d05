"""The command line: `flask users|servers|tokens|quickstart …`. A command is options → service → words."""

from __future__ import annotations

from flask import Flask

from app.cli.audit import audit_cli
from app.cli.catalogue_files import export, import_
from app.cli.quickstart import demo_server, quickstart
from app.cli.reminders import expiring, remind
from app.cli.servers import servers_cli
from app.cli.tokens import tokens_cli
from app.cli.users import users_cli


def init_app(app: Flask) -> None:
    """Add the commands."""
    for command in (expiring, remind):
        tokens_cli.add_command(command)
    for command in (import_, export):
        servers_cli.add_command(command)
    for command in (users_cli, servers_cli, tokens_cli, audit_cli, quickstart, demo_server):
        app.cli.add_command(command)
