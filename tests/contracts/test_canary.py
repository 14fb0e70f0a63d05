"""The canary's guards: each place that they look at after every test, shown with a canary in it."""

from __future__ import annotations

import logging
import re

import pytest
from flask import Flask, session

from app.extensions import db
from app.web.access import public
from tests import databases
from tests.canary import CANARY, CANARY_HINT, assert_no_canary, readable, spellings
from tests.factories import make_server, make_token, make_user
from tests.pages import PageClient


def test_there_are_twelve_spellings_and_each_is_noticed() -> None:
    assert len(set(spellings().values())) >= 12
    for spelling in spellings().values():
        with pytest.raises(AssertionError, match="canary"):
            assert_no_canary(f"before {spelling} after", where="text")
    assert_no_canary(CANARY_HINT, where="hint")


def test_a_database_is_looked_through_with_its_wal_and_its_ledger(app: Flask, database_url: str) -> None:
    with app.app_context():
        user = make_user()
        make_token(user, make_server())
        assert CANARY_HINT in databases.contents(database_url)
        assert_no_canary(databases.contents(database_url), where="database")

        for table, column in (("users", "display_name"), ("mcp_servers", "description")):
            db.session.execute(db.text(f"UPDATE {table} SET {column} = :value"), {"value": CANARY})  # noqa: S608
            db.session.commit()
            with pytest.raises(AssertionError, match="canary"):
                assert_no_canary(databases.contents(database_url), where="database")
            # SQLite: not only unlinked, in the file and in its WAL.
            db.session.execute(db.text(f"UPDATE {table} SET {column} = 'x'"))  # noqa: S608
            db.session.commit()
            if database_url.startswith("sqlite"):
                db.session.execute(db.text("PRAGMA wal_checkpoint(TRUNCATE)"))
                db.session.commit()


def test_answers_headers_and_cookies_are_looked_through(app: Flask) -> None:
    @public
    def body() -> str:
        return f"<p>{CANARY}"

    @public
    def cookie() -> str:
        session["x"] = CANARY * 3
        return ""

    @public
    def header() -> tuple[str, dict[str, str]]:
        return "", {"X-Debug": CANARY}

    views = (body, cookie, header)
    for view in views:
        app.add_url_rule(f"/{view.__name__}", view.__name__, view)
    for view in views:
        with pytest.raises(AssertionError, match="canary"):
            app.test_client().get(f"/{view.__name__}")


def test_cookies_are_read_as_their_thief_would(client: PageClient) -> None:
    answer = client.get("/login")

    assert re.search(r'"csrf_token"', readable(answer.headers["Set-Cookie"]))


def test_logs_are_looked_through_at_every_level(caplog: pytest.LogCaptureFixture) -> None:
    logging.getLogger("app.anything").debug("nothing to hide")

    assert "nothing to hide" in caplog.text
