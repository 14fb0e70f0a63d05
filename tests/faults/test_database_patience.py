"""How long a page may keep PostgreSQL busy, or a transaction open. Commands may take their time."""

from __future__ import annotations

import pytest
import sqlalchemy as sa
from flask import Flask

from app import extensions
from app.extensions import db
from tests.pages import PageClient

pytestmark = pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)

ASKED = ("statement_timeout", "idle_in_transaction_session_timeout", "lock_timeout")


def settings_of_connection() -> list[str]:
    return [db.session.scalars(sa.text(f"SHOW {name}")).one() for name in ASKED]


def test_a_page_has_an_end_and_a_command_has_none(app: Flask) -> None:
    found: list[list[str]] = []
    app.view_functions["health.alive"] = lambda: found.append(settings_of_connection()) or {}  # type: ignore[func-returns-value]
    app.view_functions["health.alive"].is_public = True  # type: ignore[attr-defined]

    assert app.test_client().get("/healthz").status_code == 200
    with app.app_context():
        db.engine.dispose()
        found.append(settings_of_connection())

    assert found == [["30s", "1min", "5s"], ["0", "0", "5s"]]


def test_a_statement_that_takes_too_long_is_given_up_with_503(
    app: Flask, client: PageClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(extensions, "STATEMENT_SECONDS", 0.05)
    app.view_functions["health.alive"] = lambda: str(db.session.scalar(sa.text("SELECT pg_sleep(20)")))
    app.view_functions["health.alive"].is_public = True  # type: ignore[attr-defined]

    answer = client.get("/healthz")

    assert (answer.status_code, "Retry-After" in answer.headers) == (503, True)
    # The connection is as good as before.
    assert client.get("/login").status_code == 200
