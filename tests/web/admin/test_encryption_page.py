"""Admin → Encryption: for admins alone, and it says what to do next."""

from __future__ import annotations

import secrets

import pytest
from flask import Flask

from app.services.keys import Keys, Secrets
from app.services.rotation import rotate_tokens
from tests.factories import ACTOR, PASSWORD, make_server, make_token, make_user
from tests.pages import PageClient

NEW = secrets.token_urlsafe(32)
PATH = "/admin/encryption"


@pytest.fixture
def admin(app: Flask, client: PageClient) -> PageClient:
    with app.app_context():
        make_user("admin@example.com", admin=True)
    client.sign_in("admin@example.com", PASSWORD)
    return client


def put_in_front(app: Flask, new: str, *previous: str) -> None:
    app.extensions["keys"] = Keys(Secrets(new, previous))


def test_to_everyone_else_there_is_no_such_page(app: Flask, client: PageClient) -> None:
    with app.app_context():
        make_user()
    assert client.get(PATH).status_code == 303
    client.sign_in("ann@example.com", PASSWORD)

    page = client.get_page(PATH, status=404)

    assert "Admin" not in page.text


def test_a_fresh_installation_has_no_key(admin: PageClient) -> None:
    assert "The first save makes one" in admin.get_page(PATH).text


def test_the_page_leads_through_a_rotation(app: Flask, admin: PageClient) -> None:
    old = app.config["TOKEN_ENCRYPTION_SECRET"]
    with app.app_context():
        make_token(make_user(), make_server())
    assert "nothing to do" in admin.get_page(PATH).text

    put_in_front(app, NEW, old)
    assert "flask tokens rotate" in admin.get_page(PATH).text
    with app.app_context():
        rotate_tokens(app.extensions["keys"], ACTOR)

    page = admin.get_page(PATH)
    assert "safe to remove" in page.text
    assert "Re-sealed: 1" in " ".join(page.text.split())
    assert not any(secret in page.text for secret in (old, NEW))


def test_a_key_that_is_not_loaded_is_said_and_other_pages_go_on(app: Flask, admin: PageClient) -> None:
    with app.app_context():
        make_token(make_user(), make_server())

    put_in_front(app, NEW)

    assert "accept-loss" in admin.get_page(PATH).text
    assert admin.get("/settings/tokens").status_code == 200
    assert "TOKEN_ENCRYPTION_SECRET" in admin.get("/readyz").get_json()["reason"]
