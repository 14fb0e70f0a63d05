"""Databases that break in the middle: whatever the driver says, it is 503, and none of it is repeated."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import event

from app import create_app
from tests import databases
from tests.canary import CANARY
from tests.factories import PASSWORD, make_server, make_user
from tests.faults.outages import end_connections, engine_of, sqlite_without_a_page_more
from tests.faults.people import LONG_TOKEN, Person, assert_says_when_and_not_why, assert_unavailable
from tests.pages import PageClient
from tests.web.api.conftest import EMAIL, Program

#: What a driver could have put into the text of its exception.
SECRET = "a-secret-of-the-driver"
NEW_TOKEN = "a-new-token-0123456789-" + CANARY


@contextmanager
def hooked(app: Flask, name: str, hook: Callable[..., Any]) -> Iterator[None]:
    """Call the hook at this event of the app's engine until the block ends."""
    engine = engine_of(app)
    event.listen(engine, name, hook)
    try:
        yield
    finally:
        event.remove(engine, name, hook)


@pytest.mark.parametrize("table", ["login_sessions", "mcp_servers"])
def test_each_class_of_failure_is_answered_alike_wherever_it_happens(
    app: Flask, ann: Person, table: str
) -> None:
    driver = engine_of(app).dialect.dbapi

    def fail(_cursor: Any, statement: str, _parameters: Any, _context: Any) -> None:
        if table in statement:
            raise failure(f"{SECRET} in {statement}")

    for name in ("OperationalError", "InternalError", "InterfaceError", "DatabaseError"):
        failure = getattr(driver, name)
        with hooked(app, "do_execute", fail):
            for path in ("/settings/tokens", "/api/mcp-servers"):
                answer = ann.client.get(path)
                assert_unavailable(answer)
                assert SECRET not in answer.text

    assert ann.client.get("/settings/tokens").status_code == 200


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_connections_that_ended_while_nobody_looked_cost_nobody_anything(app: Flask, ann: Person) -> None:
    end_connections(app)

    assert ann.client.get("/settings/tokens").status_code == 200
    end_connections(app)
    assert ann.save(NEW_TOKEN).status_code == 200


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
@pytest.mark.parametrize("table", ["mcp_auth_tokens", "audit_events"])
def test_a_connection_that_ends_in_the_middle_of_a_save_leaves_what_was_there(
    app: Flask, ann: Person, table: str
) -> None:
    before = ann.saved()

    def end_it(_connection: Any, _cursor: Any, statement: str, *_more: Any) -> None:
        if statement.startswith((f"INSERT INTO {table}", f"UPDATE {table}")):
            end_connections(app)

    with hooked(app, "before_cursor_execute", end_it):
        refused = ann.save(NEW_TOKEN)

    # Of a ledger that takes nothing, the code says so.
    assert (refused.status_code, refused.json["code"] in {"unavailable", "ledger_closed"}) == (503, True)
    assert_says_when_and_not_why(refused)
    assert ann.saved() == before
    assert ann.save(NEW_TOKEN).status_code == 200


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_a_connection_that_ends_before_the_commit_arrives_acknowledges_nothing(
    app: Flask, ann: Person
) -> None:
    before = ann.saved()

    def end_it(_connection: Any) -> None:
        end_connections(app)

    with hooked(app, "commit", end_it):
        assert_unavailable(ann.save(NEW_TOKEN))

    assert ann.saved() == before
    assert ann.save(NEW_TOKEN).status_code == 200


def test_when_all_connections_are_taken_the_answer_does_not_wait_for_ever(database_url: str) -> None:
    pool = {"hide_parameters": True, "pool_size": 1, "max_overflow": 0, "pool_timeout": 0.1}
    settings = {"SQLALCHEMY_DATABASE_URI": database_url, "SQLALCHEMY_ENGINE_OPTIONS": pool}
    app = create_app({"TESTING": True, **settings})
    app.test_client_class = PageClient
    with app.app_context():
        make_user()
        server_id = make_server().id
    ann = Program(app)
    ann.sign_in(EMAIL, PASSWORD)

    with engine_of(app).connect():
        for path in ("/settings/tokens", f"/api/mcp-servers/{server_id}/auth-token"):
            assert_unavailable(ann.get(path))

    assert ann.get("/settings/tokens").status_code == 200
    databases.dispose(app)


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_file_that_may_not_grow_keeps_what_is_in_it_and_can_be_tidied(app: Flask, ann: Person) -> None:
    before = ann.saved()

    with sqlite_without_a_page_more(app):
        assert_unavailable(ann.save(LONG_TOKEN))
        assert ann.saved() == before
        # A deletion makes room.
        assert ann.program.delete(ann.token_path).status_code == 204

    assert ann.save(LONG_TOKEN).status_code == 201
