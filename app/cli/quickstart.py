"""`flask quickstart`: from a fresh clone to a page that works, in one command that may be repeated."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final

import click
import flask_migrate
from flask import current_app
from flask.cli import with_appcontext

from app.cli.demo import HOST, Demo, demo_address, read_demo, set_up_demo
from app.cli.dotenv_file import read_dotenv, set_dotenv
from app.cli.local_servers import exit_with_parent, refuse_taken_ports, serve_until_stopped
from config import ROOT

SECRETS: Final = ("SECRET_KEY", "TOKEN_ENCRYPTION_SECRET")
DOTENV: Final = ROOT / ".env"
PORT = click.IntRange(1, 65535)


@click.command("quickstart")
@click.option("--serve", is_flag=True, help="Then serve the app and the demo MCP server, until Ctrl-C.")
@click.option("--port", type=PORT, default=8000, envvar=["PORT", "FLASK_RUN_PORT"], help="The app's.")
@click.option("--demo-port", type=PORT, default=8001, envvar="DEMO_MCP_PORT", help="The demo MCP server's.")
@with_appcontext
def quickstart(serve: bool, port: int, demo_port: int) -> None:
    """Set up a trial on this machine: settings, database, catalogue, a demo person and server.

    May be repeated: it adds what is missing and keeps the rest. Prints three lines to follow.
    """
    _refuse_production()
    if serve:
        refuse_taken_ports(port, demo_port)
    instance = Path(current_app.instance_path)
    gone, ours = demo_address(_port_of(read_demo(instance))), demo_address(demo_port)
    instance.chmod(0o700)
    _write_settings(DOTENV, port=port, gone=gone, ours=ours)
    demo = _fill_database(instance, port, demo_port)
    if not serve:
        _print_steps(demo)
        click.echo("Now run `flask run`, and `flask demo-server` in another terminal.", err=True)
        return
    from app import create_app

    # The app of this command was made before the demo server was allowed.
    app = create_app({"EGRESS_ALLOW": _in_place_of(current_app.config["EGRESS_ALLOW"], gone, ours)})
    serve_until_stopped(app, port, demo_port, started=lambda: _print_steps(demo))


@click.command("demo-server")
@click.option("--with-parent", is_flag=True, hidden=True)
@with_appcontext
def demo_server(with_parent: bool) -> None:
    """Serve the demo MCP server that `flask quickstart` has set up."""
    known = read_demo(Path(current_app.instance_path))
    port, token = _port_of(known), known.get("demo_token")
    if not port or not token:
        raise click.ClickException("There is no demo yet. Run `flask quickstart` first.")
    if with_parent:
        exit_with_parent()
    from app.mcp.demo_server import serve

    try:
        serve(token, port)
    except KeyboardInterrupt:
        click.echo("Stopped.", err=True)


def _refuse_production() -> None:
    """Raise click.UsageError in production, and in a folder whose `.env` says so, whatever `make` says."""
    if "production" in {current_app.config["APP_ENV"], read_dotenv(DOTENV).get("APP_ENV")}:
        raise click.UsageError("quickstart is for a trial on your own machine. Set APP_ENV=development.")


def _fill_database(instance: Path, port: int, demo_port: int) -> Demo:
    """Bring the schema up to date and make what is missing of the demo; return it."""
    # A context of its own: it closes its database session, which would stay open while we serve.
    with current_app.app_context():
        flask_migrate.upgrade()
        egress = current_app.extensions["egress"]
        demo, held = set_up_demo(instance, url=f"http://{HOST}:{port}", demo_port=demo_port, egress=egress)
    if held:
        click.echo("The demo server's address changed: save its token again.", err=True)
    return demo


def _print_steps(demo: Demo) -> None:
    """Print the three lines, and nothing else, to standard output."""
    click.echo(f"1. Open {demo.url}")
    click.echo(f"2. Sign in as {demo.email} with the password {demo.password}")
    click.echo(f"3. Save this token for Demo server, then call whoami in the playground: {demo.demo_token}")


def _in_place_of(addresses: Iterable[str], gone: str, ours: str) -> tuple[str, ...]:
    """Return the addresses with ours at the end, and without the one that the demo server had before."""
    return (*(address for address in addresses if address not in {gone, ours}), ours)


def _port_of(known: Mapping[str, Any]) -> int:
    """Return the demo server's port as it was remembered; 0 for none."""
    port = str(known.get("demo_url", "")).removesuffix("/mcp").rpartition(":")[2]
    return int(port) if port.isascii() and port.isdigit() else 0


def _write_settings(path: Path, *, port: int, gone: str, ours: str) -> None:
    """Bring `.env` up to date with what a later `flask run` needs. What a person set stays as they set it.

    The secrets are those that the instance folder gave to this process, so that both agree.
    """
    known = read_dotenv(path)
    wanted = {} if "APP_ENV" in known else {"APP_ENV": "development"}
    wanted["FLASK_RUN_PORT"] = str(port)
    wanted["EGRESS_ALLOW"] = " ".join(_in_place_of(known.get("EGRESS_ALLOW", "").split(), gone, ours))
    for name in SECRETS:
        if name not in known and not os.environ.get(name):
            wanted[name] = current_app.config[name]
    # NAME and NAME_FILE together are refused.
    set_dotenv(path, {name: value for name, value in wanted.items() if not os.environ.get(f"{name}_FILE")})
