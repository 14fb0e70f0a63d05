"""One derivation a key and process, whatever is done with it. It costs as much as ten thousand unsealings."""

from __future__ import annotations

import secrets

import pytest
from flask import Flask

from app import create_app
from app.crypto import keyring
from app.services.keys import Keys, Secrets
from app.services.rotation import rotate_tokens
from app.services.uses import Door, begin_use
from tests import databases
from tests.factories import ACTOR, make_server, make_token, make_user


def test_saves_uses_pages_and_a_second_app_derive_a_key_once_and_a_rotation_its_own_once(
    app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    derived: list[object] = []
    real = keyring.PBKDF2HMAC
    monkeypatch.setattr(keyring, "PBKDF2HMAC", lambda **given: derived.append(given) or real(**given))
    keyring._derive.cache_clear()
    current = app.config["TOKEN_ENCRYPTION_SECRET"]
    again = create_app(
        {
            "TESTING": True,
            "SQLALCHEMY_DATABASE_URI": app.config["SQLALCHEMY_DATABASE_URI"],
            "TOKEN_ENCRYPTION_SECRET": current,
        }
    )

    for one in (app, again):
        with one.app_context():
            user = make_user(f"person-{len(derived)}@example.com")
            parts = one.extensions
            door = Door(parts["keys"], parts["egress"], ACTOR, parts["call_slots"])
            for _ in range(3):
                server = make_server()
                make_token(user, server)
                begin_use(user, server.id, None, "call_tool", door)
    assert len(derived) == 1

    with app.app_context():
        report = rotate_tokens(Keys(Secrets(secrets.token_urlsafe(32), (current,))), ACTOR)
    assert report.rotated == 6
    assert len(derived) == 2
    databases.dispose(again)
