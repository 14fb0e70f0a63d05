"""Outages: what happens to databases. Each begins when its block is entered and has passed when it ends."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask
from sqlalchemy import event
from sqlalchemy.engine import Engine

from app.extensions import db
from tests import databases

Outage = Callable[[Flask], AbstractContextManager[None]]

#: How long a statement waits for a lock here; the app's own five seconds are for real life.
LOCK_WAIT_MILLISECONDS = 20
UNLIMITED_PAGES = 4_294_967_294


def engine_of(app: Flask) -> Engine:
    """Return the app's own engine, with whatever connections it holds."""
    with app.app_context():
        return db.engine


@contextmanager
def told(app: Flask, during: str, afterwards: str) -> Iterator[None]:
    """Say a statement to each connection that is taken from the pool, also to one that was there before."""
    now = during

    def tell(connection: Any, _record: Any, _proxy: Any) -> None:
        connection.execute(now).close()
        connection.commit()

    # For good: what waits in the pool must hear that it is over, too.
    event.listen(engine_of(app), "checkout", tell)
    try:
        yield
    finally:
        now = afterwards


@contextmanager
def sqlite_locked(app: Flask) -> Iterator[None]:
    """Another program writes, for longer than anybody waits."""
    with (
        told(app, f"PRAGMA busy_timeout = {LOCK_WAIT_MILLISECONDS}", "PRAGMA busy_timeout = 5000"),
        other_sqlite_connection(app) as other,
    ):
        other.execute("BEGIN EXCLUSIVE")
        yield


@contextmanager
def other_sqlite_connection(app: Flask) -> Iterator[sqlite3.Connection]:
    other = sqlite3.connect(sqlite_file(app), isolation_level=None)
    try:
        yield other
    finally:
        other.close()


@contextmanager
def sqlite_read_only(app: Flask) -> Iterator[None]:
    """Refuse writes. Not by the file's mode, which does not bind root."""
    with told(app, "PRAGMA query_only = ON", "PRAGMA query_only = OFF"):
        yield


@contextmanager
def sqlite_full(_app: Flask) -> Iterator[None]:
    """Let this process write to no file at all: the kernel's own refusal, that of a full disk."""
    resource = pytest.importorskip("resource", reason="Windows limits no file sizes")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@contextmanager
def sqlite_without_a_page_more(app: Flask) -> Iterator[None]:
    """Let the file not grow: what finds room in it is still written."""
    with other_sqlite_connection(app) as other:
        # What earlier deletes and migrations left free would be room.
        other.execute("VACUUM")
        (pages,) = other.execute("PRAGMA page_count").fetchone()
    with told(app, f"PRAGMA max_page_count = {pages}", f"PRAGMA max_page_count = {UNLIMITED_PAGES}"):
        yield


@contextmanager
def sqlite_gone(app: Flask) -> Iterator[None]:
    """Take the folder away, as a volume that is not mounted."""
    folder = sqlite_file(app).parent
    aside = folder.with_name(f"{folder.name}-aside")
    # What is open would outlive a renaming; a volume takes it along.
    engine_of(app).dispose()
    folder.rename(aside)
    try:
        yield
    finally:
        aside.rename(folder)


def sqlite_file(app: Flask) -> Path:
    return Path(str(engine_of(app).url.database))


@contextmanager
def postgresql_locked(app: Flask) -> Iterator[None]:
    """Somebody holds every table against writes, for longer than anybody waits."""
    other = sa.create_engine(engine_of(app).url)
    with (
        told(app, f"SET lock_timeout = {LOCK_WAIT_MILLISECONDS}", "RESET lock_timeout"),
        other.connect() as connection,
    ):
        for table in tables_of(connection):
            connection.execute(sa.text(f'LOCK TABLE "{table}" IN EXCLUSIVE MODE'))
        yield
    other.dispose()


@contextmanager
def postgresql_read_only(app: Flask) -> Iterator[None]:
    """What a standby says, and a host whose storage ran out."""
    name = "default_transaction_read_only"
    with altered(app, f"SET {name} = on", f"RESET {name}"):
        yield


@contextmanager
def postgresql_full(app: Flask) -> Iterator[None]:
    """Answer each write as a server without room does, in the middle of the transaction."""
    other = sa.create_engine(engine_of(app).url)
    with other.begin() as connection:
        # A request that left a transaction open would hold this up.
        connection.execute(sa.text("SET LOCAL lock_timeout = '5s'"))
        connection.execute(sa.text(NO_ROOM))
        for table in tables_of(connection):
            when = "BEFORE INSERT OR UPDATE OR DELETE"
            connection.execute(
                sa.text(f'CREATE TRIGGER full_ {when} ON "{table}" EXECUTE FUNCTION no_room()')
            )
    try:
        yield
    finally:
        with other.begin() as connection:
            connection.execute(sa.text("DROP FUNCTION no_room CASCADE"))
        other.dispose()


NO_ROOM = """
CREATE FUNCTION no_room() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'could not extend file "base/1/2": No space left on device' USING ERRCODE = 'disk_full';
END $$
"""


def tables_of(connection: sa.Connection) -> list[str]:
    return sa.inspect(connection).get_table_names()


@contextmanager
def postgresql_gone(app: Flask) -> Iterator[None]:
    """End every connection and take no new one."""
    with altered(app, "ALLOW_CONNECTIONS false", "ALLOW_CONNECTIONS true"):
        yield


@contextmanager
def altered(app: Flask, during: str, afterwards: str) -> Iterator[None]:
    """Alter the database for whoever connects from now on, and end every connection, both times."""
    alter(app, during)
    end_connections(app)
    try:
        yield
    finally:
        alter(app, afterwards)
        end_connections(app)


def alter(app: Flask, how: str) -> None:
    """Alter the app's database, by way of the one beside it."""
    with beside() as server:
        server.execute(sa.text(f'ALTER DATABASE "{engine_of(app).url.database}" {how}'))


def end_connections(app: Flask) -> None:
    """End every connection to the app's database, as a restart of the server does."""
    with beside() as server:
        # Waits, in milliseconds, until each of them is really gone.
        ended = sa.text("SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = :name")
        server.execute(ended, {"name": engine_of(app).url.database})


@contextmanager
def beside() -> Iterator[sa.Connection]:
    """Connect to the PostgreSQL server, to a database of which nothing is wanted."""
    assert databases.POSTGRESQL_URL is not None
    server = sa.create_engine(databases.POSTGRESQL_URL, isolation_level="AUTOCOMMIT")
    with server.connect() as connection:
        yield connection
    server.dispose()


#: What happens → engine → how.
OUTAGES: dict[str, dict[str, Outage]] = {
    "locked": {"sqlite": sqlite_locked, "postgresql": postgresql_locked},
    "read_only": {"sqlite": sqlite_read_only, "postgresql": postgresql_read_only},
    "full": {"sqlite": sqlite_full, "postgresql": postgresql_full},
    "gone": {"sqlite": sqlite_gone, "postgresql": postgresql_gone},
}


@contextmanager
def outage(kind: str, app: Flask) -> Iterator[None]:
    """Let this happen to the app's database until the block ends."""
    with OUTAGES[kind][engine_of(app).dialect.name](app):
        yield
