"""A row that cannot be read: one status, one message whatever the damage; the page lists, replacing mends."""

from __future__ import annotations

import secrets

import pytest
from flask import Flask
from sqlalchemy.exc import IntegrityError

from app.extensions import db
from app.models import Server, Token
from app.services.keys import Keys, Secrets
from tests.canary import CANARY
from tests.factories import PASSWORD, make_server, make_token, make_user
from tests.pages import PageClient


def flipped(text: str) -> str:
    return text[:60] + ("A" if text[60] != "A" else "B") + text[61:]


DAMAGE = {
    "another row's text": lambda mine, other: other,
    "cut": lambda mine, other: mine[:-20],
    "one letter": lambda mine, other: flipped(mine),
    "empty": lambda mine, other: "",
    "not ascii": lambda mine, other: "가나다라마바사",
    "a megabyte": lambda mine, other: mine[:10] + "A" * 1_000_000,
    "plaintext": lambda mine, other: "plain-text-in-the-column",
}


@pytest.fixture
def server(app: Flask, client: PageClient) -> Server:
    """Ann is signed in and holds a token for this server, and one for another."""
    with app.app_context():
        user = make_user()
        found = make_server("Mine")
        make_token(user, found)
        make_token(user, make_server("Other"))
    client.sign_in("ann@example.com", PASSWORD)
    return found


def damage(app: Flask, kind: str) -> None:
    with app.app_context():
        mine, other = db.session.scalars(db.select(Token).order_by(Token.id))
        mine.token_encrypted = DAMAGE[kind](mine.token_encrypted, other.token_encrypted)
        db.session.commit()


@pytest.mark.parametrize("kind", DAMAGE)
def test_it_is_refused_shown_and_mended_by_replacing(
    app: Flask, client: PageClient, server: Server, kind: str
) -> None:
    damage(app, kind)
    headers = {"X-CSRFToken": client.csrf_token()}
    call = f"/api/playground/{server.id}/call"
    state = f"/api/mcp-servers/{server.id}/auth-token"

    answers = [client.post(call, json={"tool": "x"}, headers=headers) for _ in range(2)]
    page = client.get_page("/settings/tokens")
    told = client.get(state).get_json()
    bench = client.get_page(f"/playground/{server.id}")
    replaced = client.post(state, json={"token": CANARY}, headers=headers)

    assert {(answer.status_code, answer.get_json()["code"]) for answer in answers} == {
        (409, "token_unreadable")
    }
    assert len({answer.get_json()["detail"] for answer in answers}) == 1
    assert page.text.count("Cannot be read") == 1
    assert (told["has_token"], told["status"]) == (True, "unreadable")
    assert "read" in bench.text
    assert (replaced.status_code, replaced.get_json()["hint"]) == (200, "...a1b2")
    assert client.get(state).get_json()["status"] == "saved"


def test_the_database_refuses_null(app: Flask, server: Server) -> None:
    with app.app_context(), pytest.raises(IntegrityError):
        db.session.execute(db.text("UPDATE mcp_auth_tokens SET token_encrypted = NULL"))


def test_a_key_that_is_not_loaded_is_another_answer_and_leaves_no_mark(
    app: Flask, client: PageClient, server: Server
) -> None:
    app.extensions["keys"] = Keys(Secrets(secrets.token_urlsafe(32)))
    headers = {"X-CSRFToken": client.csrf_token()}
    state = f"/api/mcp-servers/{server.id}/auth-token"

    called = client.post(f"/api/playground/{server.id}/call", json={"tool": "x"}, headers=headers)
    saved = client.post(state, json={"token": CANARY}, headers=headers)
    page = client.get_page("/settings/tokens")

    assert (called.status_code, called.get_json()["code"]) == (503, "key_not_loaded")
    assert (saved.status_code, saved.get_json()["code"]) == (503, "key_not_loaded")
    assert "Cannot be read" not in page.text
    assert client.get(state).get_json()["status"] == "saved"
    assert client.delete(state, headers=headers).status_code == 204
