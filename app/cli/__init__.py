"""The command line: `flask users|groups|servers|tokens …`. A command is options → service → words."""

from __future__ import annotations

from flask import Flask

from app.cli import server_change, server_trial
from app.cli.audit import audit_cli
from app.cli.bench import bench_cli
from app.cli.catalogue_files import export, import_
from app.cli.groups import groups_cli
from app.cli.held_tokens import ask, delete, list_
from app.cli.quickstart import demo_server, quickstart
from app.cli.reminders import expiring, remind
from app.cli.server_groups import server_groups
from app.cli.servers import servers_cli
from app.cli.tokens import tokens_cli
from app.cli.users import users_cli


def init_app(app: Flask) -> None:
    """Add the commands."""
    for command in (server_change.change, server_change.delete, server_trial.show, server_trial.try_):
        servers_cli.add_command(command)
    for command in (list_, ask, delete, expiring, remind):
        tokens_cli.add_command(command)
    for command in (import_, export, server_groups):
        servers_cli.add_command(command)
    for command in (users_cli, groups_cli, servers_cli, tokens_cli, audit_cli, bench_cli):
        app.cli.add_command(command)
    for command in (quickstart, demo_server):
        app.cli.add_command(command)
