"""`flask bench`: a database as large as one likes, to measure pages and commands on. Never in production."""

from __future__ import annotations

import secrets
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import click
from flask import current_app
from flask.cli import AppGroup

from app.cli.acting import acting
from app.services import made_up, made_up_events

bench_cli = AppGroup("bench", help="Data to measure with, outside production.")


@bench_cli.command("seed")
@click.option("--people", type=click.IntRange(1, 1_000_000), default=10_000, show_default=True)
@click.option("--servers", type=click.IntRange(1, 100_000), default=2_000, show_default=True)
@click.option("--tokens", type=click.IntRange(0), default=1_000_000, show_default=True)
@click.option("--events", type=click.IntRange(0), default=10_000_000, show_default=True)
@click.option("--password-stdin", is_flag=True, help="Read everyone's password; else nobody can sign in.")
def seed(people: int, servers: int, tokens: int, events: int, password_stdin: bool) -> None:
    """Fill an empty database with people, servers, tokens in every state, and events that verify.

    The people are person-00001@example.com, who is an admin, and so on. With the default numbers it takes
    some twenty minutes and ten gigabytes.
    """
    if current_app.config["APP_ENV"] == "production":
        raise click.UsageError("Made-up data is nothing for production. Set APP_ENV=development.")
    if tokens > people * servers:
        raise click.UsageError(
            f"With {people} people and {servers} servers, at most {people * servers} tokens."
        )
    if made_up.has_people():
        raise click.ClickException("This database has people. Name an empty one in DATABASE_URL.")
    acting()
    amounts = made_up.Amounts(people, servers, tokens)
    password = sys.stdin.readline().rstrip("\r\n") if password_stdin else secrets.token_urlsafe(32)
    with _progress("people", people) as advanced:
        made_up.add_people(amounts, password, advanced)
    with _progress("servers", servers) as advanced:
        made_up.add_servers(amounts, advanced)
    with _progress("tokens", tokens) as advanced:
        made_up.add_tokens(amounts, current_app.extensions["keys"], advanced)
    with _progress("events", events) as advanced:
        made_up_events.add_events(events, advanced)


@contextmanager
def _progress(what: str, total: int) -> Iterator[Callable[[int], None]]:
    """Yield what is called after each batch: a bar on a terminal, one line at the end otherwise."""
    with click.progressbar(length=total, label=f"Adding {what}", file=sys.stderr) as bar:
        yield bar.update
