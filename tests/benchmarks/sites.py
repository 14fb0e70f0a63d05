"""Sites: an app on a database of its own, filled for measuring, and the raw driver beside it."""

from __future__ import annotations

import sqlite3
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import psycopg
import sqlalchemy as sa
from cryptography.fernet import Fernet
from flask import Flask
from flask.testing import FlaskClient

from app import clock, create_app
from app.extensions import SQLITE_PRAGMAS, db
from app.models import Server, User
from app.services.keys import Keys
from app.services.uses import Door
from tests import databases
from tests.benchmarks.harness import Clock, timed
from tests.endurance.many_tokens import add_tokens
from tests.factories import ACTOR, PASSWORD

PEOPLE = 10
SERVERS = 50
#: Ids of four digits: they stand in a page where nothing else is like them.
FIRST_SERVER = 1001
PERSON = "person-1@example.com"


@dataclass
class Site:
    """An app with `PEOPLE`, each with a token for each of `SERVERS`. `mark`: of a parameter of the driver."""

    name: str
    url: str
    app: Flask
    is_durable: bool

    @property
    def mark(self) -> str:
        return "?" if self.name == "sqlite" else "%s"

    @property
    def clock(self) -> Clock:
        """Return the clock to measure by: its own where this process does all and waits for no disk."""
        return time.process_time if self.name == "sqlite" and not self.is_durable else time.perf_counter

    def timed(self, act: Callable[[], object], times: int, scale: float = 1e6) -> Callable[[], float]:
        """Return a round, timed by that clock."""
        return timed(act, times, scale, clock=self.clock)

    def connect(self) -> Any:
        """Return a connection of the raw driver, as durable as the app's; nothing is committed by itself."""
        if self.name == "sqlite":
            connection = sqlite3.connect(self.url.removeprefix("sqlite:///"), isolation_level=None)
            for pragma in SQLITE_PRAGMAS:
                connection.execute(pragma)
            return connection
        return psycopg.connect(self.url.replace("+psycopg", ""), autocommit=True)

    @cached_property
    def keys(self) -> Keys:
        keys: Keys = self.app.extensions["keys"]
        return keys

    @cached_property
    def door(self) -> Door:
        return Door(self.keys, self.app.extensions["egress"], ACTOR, self.app.extensions["call_slots"])

    @cached_property
    def fernet(self) -> Fernet:
        """Return the key itself, for floors, which have nothing around it; needs an app context."""
        current = self.keys.vault_for_sealing()._keyring.current
        assert current is not None
        return current.fernet

    def person(self) -> User:
        """Return the person whose tokens are used; needs an app context."""
        return db.session.scalars(sa.select(User).where(User.email == PERSON)).one()

    @cached_property
    def client(self) -> FlaskClient:
        """Return a client that is signed in as that person, its CSRF token sent along."""
        client = self.app.test_client()
        answer = client.post("/api/session", json={"email": PERSON, "password": PASSWORD})
        client.environ_base["HTTP_X_CSRFTOKEN"] = answer.get_json()["csrf_token"]
        return client


@contextmanager
def site_on(name: str, *, is_durable: bool = True) -> Iterator[Site]:
    """Make a site on `sqlite` or `postgresql`, and take it away afterwards.

    Not `is_durable`: commits do not wait for the disk, neither ours nor the floor's. A busy disk would drown
    what there is to be seen.
    """
    if name == "sqlite":
        memory = Path("/dev/shm")  # noqa: S108
        where = None if is_durable or not memory.is_dir() else memory
        with tempfile.TemporaryDirectory(dir=where) as folder:
            yield from _made(name, f"sqlite:///{Path(folder) / 'bench.db'}", is_durable)
    else:
        with databases.postgresql_database() as url:
            if not is_durable:
                with databases.beside(url).begin() as connection:
                    database = sa.make_url(url).database
                    connection.exec_driver_sql(f'ALTER DATABASE "{database}" SET synchronous_commit = off')
            yield from _made(name, url, is_durable)


def make_app(url: str, **settings: Any) -> Flask:
    """Return an app that limits nobody and logs nothing."""
    quiet = {"SQLALCHEMY_DATABASE_URI": url, "LOG_LEVEL": "ERROR", "RATELIMIT_ENABLED": False}
    return create_app({"TESTING": True, **quiet, **settings})


def add_servers(count: int, name: str) -> list[tuple[int, str]]:
    """Add so many servers, the last by name; return id and address of each. Needs an app context."""
    now = clock.now()
    rows = [
        {
            "slug": f"{name}-{number}",
            "name": f"{name} {number}",
            "name_key": f"{name} {number}",
            "search_text": f"{name} {number}",
            "url": f"https://{name}-{number}.example.com/mcp",
            "extra_headers": {},
            "created_at": now,
            "updated_at": now,
        }
        for number in range(count)
    ]
    db.session.execute(sa.insert(Server), rows)
    db.session.commit()
    added = sa.select(Server.id, Server.url).where(Server.slug.startswith(f"{name}-"))
    return [(row.id, row.url) for row in db.session.execute(added)]


def _made(name: str, url: str, is_durable: bool) -> Iterator[Site]:
    databases.migrate(url)
    app = make_app(url)
    with app.app_context():
        if name == "sqlite":
            first = f"INSERT INTO sqlite_sequence (name, seq) VALUES ('mcp_servers', {FIRST_SERVER - 1})"
        else:
            first = f"SELECT setval('mcp_servers_id_seq', {FIRST_SERVER}, false)"
        db.session.execute(sa.text(first))
        app.extensions["audit_key"].prepare()
        add_tokens(app.extensions["keys"].vault_for_sealing(), PEOPLE * SERVERS, people=PEOPLE)
        if name == "postgresql":
            with db.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
                connection.execute(sa.text("VACUUM ANALYZE"))
        db.session.remove()
    yield Site(name, url, app, is_durable)
    databases.dispose(app)
