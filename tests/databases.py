"""Databases for tests: migrated once a process, then fresh for each test."""

from __future__ import annotations

import os
import shutil
import sqlite3
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

import flask_migrate
import pytest
import sqlalchemy as sa
from flask import Flask

from app import create_app

ENGINES = ("sqlite", "postgresql")
POSTGRESQL_URL = os.environ.get("TEST_DATABASE_URL")
#: Set where nothing may be missing, as in CI: what would skip then fails.
REQUIRE_ALL = os.environ.get("TEST_REQUIRE_ALL") == "1"


def skip_or_fail(reason: str) -> None:
    """Skip the test, saying why; fail it where nothing may be missing."""
    if REQUIRE_ALL:
        pytest.fail(f"{reason}, and TEST_REQUIRE_ALL=1 allows no skip")
    pytest.skip(reason)


def migrate(url: str) -> None:
    """Bring an empty database to the newest revision, as `flask db upgrade` does."""
    app = create_app({"TESTING": True, "SQLALCHEMY_DATABASE_URI": url})
    with app.app_context():
        flask_migrate.upgrade()
    dispose(app)


def dispose(app: Flask) -> None:
    """Close every connection of an app."""
    with app.app_context():
        app.extensions["sqlalchemy"].session.remove()
        app.extensions["sqlalchemy"].engine.dispose()


def sqlite_template(folder: Path) -> Path:
    """Return a migrated SQLite file without a WAL beside it, ready to be copied."""
    path = folder / "template.db"
    migrate(f"sqlite:///{path}")
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()
    return path


def copy_of(template: Path, folder: Path) -> str:
    """Return the URL of a fresh copy: under a millisecond, where a migration takes fifty."""
    path = folder / "test.db"
    shutil.copyfile(template, path)
    return f"sqlite:///{path}"


@contextmanager
def postgresql_database() -> Iterator[str]:
    """Create an empty database beside the one of TEST_DATABASE_URL, and drop it afterwards."""
    assert POSTGRESQL_URL is not None
    server = sa.create_engine(POSTGRESQL_URL, isolation_level="AUTOCOMMIT")
    name = f"mcp_market_test_{uuid.uuid4().hex[:12]}"
    made = sa.make_url(POSTGRESQL_URL).set(database=name).render_as_string(hide_password=False)
    with server.connect() as connection:
        connection.execute(sa.text(f"CREATE DATABASE {name}"))
    try:
        yield made
    finally:
        beside(made).dispose()
        with server.connect() as connection:
            connection.execute(sa.text(f"DROP DATABASE {name} WITH (FORCE)"))
        server.dispose()


@cache
def beside(url: str) -> sa.Engine:
    """Return an engine of the tests' own, with one connection that stays open for the next test."""
    return sa.create_engine(url, pool_size=1, pool_pre_ping=True)


def contents(url: str) -> str:
    """Return everything that a database holds: of SQLite the bytes of its files, of PostgreSQL every row."""
    if url.startswith("sqlite:///"):
        files = sorted(Path(url.removeprefix("sqlite:///")).parent.glob("*.db*"))
        return "".join(file.read_bytes().decode("latin-1") for file in files)
    with beside(url).connect() as connection:
        # One statement: each of two dozen would be a way there and back.
        selects = [f'SELECT string_agg(t::text, chr(10)) FROM "{name}" t' for name in _tables(connection)]  # noqa: S608
        return "\n".join(filter(None, connection.scalars(sa.text(" UNION ALL ".join(selects)))))


def _tables(connection: sa.Connection) -> list[str]:
    found = "SELECT tablename FROM pg_tables WHERE schemaname = current_schema() ORDER BY tablename"
    return list(connection.scalars(sa.text(found)))


def empty(url: str) -> None:
    """Delete every row and restart every sequence: TRUNCATE makes new files and waits for each."""
    with beside(url).begin() as connection:
        # Neither foreign keys nor the guards of the ledger, whose rows nobody else deletes.
        connection.exec_driver_sql("SET LOCAL session_replication_role = replica")
        tables = [name for name in _tables(connection) if name != "alembic_version"]
        sequences = connection.scalars(sa.text("SELECT sequencename FROM pg_sequences")).all()
        deletes = [f'DELETE FROM "{table}"' for table in tables]  # noqa: S608
        restarts = [f"SELECT setval('\"{name}\"', 1, false)" for name in sequences]
        connection.exec_driver_sql("; ".join(deletes + restarts))
