"""`flask tokens`: what the commands say, and with which code they exit."""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator

import pytest
from flask import Flask
from flask.testing import FlaskCliRunner

from app.extensions import db
from app.models import Token
from app.services.keys import Keys, Secrets
from tests.factories import make_server, make_token, make_user

NEW, STRANGE = secrets.token_urlsafe(32), secrets.token_urlsafe(32)


@pytest.fixture
def saved(app: Flask) -> Iterator[Flask]:
    """An app with two saved tokens whose admin has just put a new secret in front of the old one."""
    with app.app_context():
        user = make_user()
        for name in ("one", "two"):
            make_token(user, make_server(name))
    app.extensions["keys"] = Keys(Secrets(NEW, (app.config["TOKEN_ENCRYPTION_SECRET"],)))
    return app


def run(app: Flask, *words: str, **more: str) -> tuple[int, str]:
    result = app.test_cli_runner().invoke(args=["tokens", *words], **more)
    assert not result.exception or isinstance(result.exception, SystemExit), result.exception
    return result.exit_code, result.output


def test_a_rotation_from_status_to_status(saved: Flask) -> None:
    assert run(saved, "rotate", "--dry-run")[0] == 1
    code, said = run(saved, "rotate")
    assert (code, "Rotated: 2" in said) == (0, True)
    assert "Nothing to do: all 2 rows" in run(saved, "rotate")[1]

    code, said = run(saved, "status")
    assert code == 0
    assert "safe to remove" in said
    assert "not safe" not in said
    assert run(saved, "verify") == (0, "Readable: 2\nUnreadable: 0\nKey not loaded: 0\n")


def test_json_holds_the_counts_of_the_contract(saved: Flask) -> None:
    code, said = run(saved, "rotate", "--json")

    assert code == 0
    expected = {"rotated": 2, "already_current": 0, "unreadable": 0, "changed_meanwhile": 0, "left": {}}
    assert json.loads(said) == expected
    keys = json.loads(run(saved, "status", "--json")[1])["keys"]
    assert sorted(key["rows"] for key in keys) == [0, 2]


def test_rows_left_exit_with_1_and_name_their_key(saved: Flask) -> None:
    with saved.app_context():
        row = db.session.scalars(db.select(Token)).first()
        assert row is not None
        key_id = row.key_id
        row.token_encrypted = "damage"
        db.session.commit()

    code, said = run(saved, "rotate")

    assert (code, f"Left under {key_id}: 1" in said) == (1, True)
    assert "not safe: 1 rows" in run(saved, "status")[1]
    code, said = run(saved, "verify")
    assert (code, "mcp_auth_tokens.id = " in said) == (1, True)


def test_a_lost_secret_is_said_and_given_up_only_when_asked(saved: Flask) -> None:
    saved.extensions["keys"] = Keys(Secrets(STRANGE))

    code, said = run(saved, "rotate")
    assert (code, "accept-loss" in said) == (1, True)
    assert "Add its secret" in run(saved, "status")[1]
    assert run(saved, "accept-loss", input="n\n")[0] == 1
    assert run(saved, "verify")[0] == 1
    code, said = run(saved, "accept-loss", "--yes")

    assert (code, "Tokens under them: 2" in said) == (0, True)
    assert "given up for lost: 2 rows" in run(saved, "status")[1]
    assert "nothing is lost" in run(saved, "accept-loss", "--yes")[1]


def test_an_installation_without_tokens_says_so(runner: FlaskCliRunner) -> None:
    assert "no key" in runner.invoke(args=["tokens", "status"]).output
    assert runner.invoke(args=["tokens", "rotate"]).exit_code == 0
