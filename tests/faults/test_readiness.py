"""Readiness: not ready in each outage, without telling strangers why, and ready again afterwards."""

from __future__ import annotations

from pathlib import Path

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from app import create_app
from tests import databases
from tests.faults.outages import OUTAGES, outage
from tests.faults.people import Person, assert_says_when_and_not_why
from tests.pages import PageClient


def assert_not_ready(answer: TestResponse) -> None:
    """Hold an answer to the one thing that strangers are told."""
    assert (answer.status_code, answer.json) == (503, {"status": "not ready"})
    assert_says_when_and_not_why(answer)


@pytest.mark.parametrize("kind", [kind for kind in OUTAGES if kind != "full"])
def test_whatever_happens_to_the_database_strangers_are_told_the_same(
    app: Flask, client: PageClient, ann: Person, kind: str
) -> None:
    assert client.get("/readyz").status_code == 200

    with outage(kind, app):
        # Somebody who is signed in and no admin is a stranger to this.
        answers = [client.get("/readyz"), ann.client.get("/readyz")]

    for answer in answers:
        assert_not_ready(answer)
    assert client.get("/readyz").json == {"status": "ok"}


def test_a_secret_that_does_not_open_the_data_is_told_to_strangers_in_the_same_words(
    app: Flask, ann: Person, database_url: str
) -> None:
    other = create_app({"TESTING": True, "SQLALCHEMY_DATABASE_URI": database_url})
    other.test_client_class = PageClient

    answer = other.test_client().get("/readyz")

    databases.dispose(other)
    assert_not_ready(answer)
    assert ann.client.get("/readyz").status_code == 200


def test_a_database_that_nobody_has_upgraded_is_too(tmp_path: Path) -> None:
    empty = tmp_path / "empty.db"
    app = create_app({"TESTING": True, "SQLALCHEMY_DATABASE_URI": f"sqlite:///{empty}"})
    app.test_client_class = PageClient
    client = app.test_client()

    before = client.get("/readyz")
    databases.migrate(f"sqlite:///{empty}")

    assert_not_ready(before)
    assert client.get("/readyz").status_code == 200
    databases.dispose(app)


def test_each_refusal_is_the_same_to_the_letter(app: Flask, client: PageClient) -> None:
    told = set()
    for kind in ("locked", "read_only", "gone"):
        with outage(kind, app):
            answer = client.get("/readyz")
            headers = ("Content-Type", "Retry-After", "Cache-Control")
            told.add((answer.status_code, answer.data, *(answer.headers[name] for name in headers)))

    assert len(told) == 1, told
