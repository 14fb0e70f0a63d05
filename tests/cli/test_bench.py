"""`flask bench seed`: made-up data that the app takes for its own, and never in production."""

from __future__ import annotations

from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskCliRunner

from app import create_app
from app.extensions import db
from app.models import AuditChain, AuditEvent, Server, Token, User
from app.models.server import set_search_columns
from app.services.accounts import get_user
from app.services.audit_verify import verify_ledger
from app.services.key_status import verify_tokens
from app.services.token_list import Filter, list_tokens
from app.services.token_status import STATUSES
from tests import databases
from tests.factories import make_user
from tests.pages import PageClient

PASSWORD = "a-password-for-made-up-people"
SEED = ("bench", "seed", "--people", "4", "--servers", "100", "--tokens", "400", "--events", "203")


def count(model: Any) -> int | None:
    return db.session.scalar(db.select(db.func.count()).select_from(model))


def test_what_is_made_up_reads_verifies_and_can_be_signed_in_to(
    app: Flask, runner: FlaskCliRunner, client: PageClient
) -> None:
    done = runner.invoke(args=[*SEED, "--password-stdin"], input=PASSWORD + "\n")

    assert done.exit_code == 0, done.output
    assert PASSWORD not in done.output
    with app.app_context():
        assert [count(model) for model in (User, Server, Token)] == [4, 100, 400]
        assert count(AuditEvent) >= 203
        found = verify_tokens(app.extensions["keys"])
        assert (found.readable, found.unreadable, found.not_loaded) == (400, [], [])
        verdict = verify_ledger(app.extensions["audit_key"])
        assert (verdict.fault, verdict.unsealed) == (None, 0)
        counts = list_tokens(get_user("person-00001@example.com"), Filter()).counts
        assert {state for state in STATUSES if counts[state]} == {*STATUSES} - {"none"}
    client.sign_in("person-00001@example.com", PASSWORD)
    assert client.get("/admin/audit").status_code == 200


def test_the_ledger_goes_on_behind_what_was_made_up(app: Flask, runner: FlaskCliRunner) -> None:
    runner.invoke(args=list(SEED))

    with app.app_context():
        make_user("ann@example.com")
        chain = db.session.scalars(db.select(AuditChain).where(AuditChain.chain == 1)).one()
        assert chain.length >= 50
        verdict = verify_ledger(app.extensions["audit_key"])
        assert (verdict.fault, verdict.unsealed) == (None, 0)


def test_a_server_is_found_as_if_an_admin_had_added_it(app: Flask, runner: FlaskCliRunner) -> None:
    runner.invoke(args=list(SEED))

    with app.app_context():
        server = db.session.scalars(db.select(Server).order_by(Server.id)).first()
        assert server is not None
        made_up = (server.name_key, server.search_text)
        set_search_columns(None, None, server)
        assert (server.name_key, server.search_text) == made_up


def test_where_people_are_nothing_is_made_up(app: Flask, runner: FlaskCliRunner) -> None:
    with app.app_context():
        make_user("ann@example.com")

    done = runner.invoke(args=list(SEED))

    assert done.exit_code == 1
    assert "has people" in done.output
    with app.app_context():
        assert (count(User), count(Server)) == (1, 0)


def test_in_production_nothing_is_made_up(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    app = create_app({"TESTING": True, "SQLALCHEMY_DATABASE_URI": database_url})
    app.config["APP_ENV"] = "production"

    done = app.test_cli_runner().invoke(args=list(SEED))

    with app.app_context():
        assert (done.exit_code, count(User)) == (2, 0)
    databases.dispose(app)


def test_more_tokens_than_places_are_refused(runner: FlaskCliRunner) -> None:
    done = runner.invoke(args=["bench", "seed", "--people", "1", "--servers", "2", "--tokens", "3"])

    assert done.exit_code == 2
    assert "at most 2 tokens" in done.output
