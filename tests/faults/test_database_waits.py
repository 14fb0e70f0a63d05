"""PostgreSQL that makes us wait: for no longer than SQLite does, and then it is 503."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from threading import Event

import pytest
import sqlalchemy as sa
from flask import Flask

from app import create_app
from tests import databases
from tests.faults.outages import engine_of
from tests.faults.people import Person, assert_unavailable
from tests.pages import PageClient

#: SQLite waits five seconds for a lock; with the rest of a request.
MAX_SECONDS = 8.0


@contextmanager
def tokens_held_for(app: Flask, seconds: float) -> Iterator[None]:
    """Hold the tokens against writes until the block ends, and no longer than that."""
    over = Event()
    held = Event()

    def hold() -> None:
        other = sa.create_engine(engine_of(app).url)
        with other.connect() as connection:
            connection.execute(sa.text("LOCK TABLE mcp_auth_tokens IN EXCLUSIVE MODE"))
            held.set()
            over.wait(seconds)
        other.dispose()

    with ThreadPoolExecutor(1) as threads:
        holding = threads.submit(hold)
        assert held.wait(5)
        yield
        over.set()
        holding.result()


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_a_lock_that_somebody_holds_is_not_waited_for_for_ever(app: Flask, ann: Person) -> None:
    before = ann.saved()
    with tokens_held_for(app, MAX_SECONDS + 1):
        started = time.perf_counter()
        assert_unavailable(ann.save("a-new-token-0123456789-0123456789"))
        assert time.perf_counter() - started < MAX_SECONDS

    assert ann.saved() == before
    assert ann.save().status_code == 200


@pytest.mark.skipif(databases.POSTGRESQL_URL is None, reason="without PostgreSQL its driver may be missing")
def test_a_server_that_takes_the_connection_and_says_nothing_is_not_waited_for_for_ever() -> None:
    with socket.create_server(("127.0.0.1", 0), backlog=8) as silent, ThreadPoolExecutor(1) as threads:
        url = f"postgresql+psycopg://postgres@127.0.0.1:{silent.getsockname()[1]}/market"
        app = create_app({"TESTING": True, "SQLALCHEMY_DATABASE_URI": url})
        app.test_client_class = PageClient
        asked = threads.submit(app.test_client().get, "/readyz")
        try:
            answer = asked.result(MAX_SECONDS)
        finally:
            # Ends the wait, where there still is one.
            silent.close()
        databases.dispose(app)

    assert answer.status_code == 503
