"""A person in the middle of something, when a fault comes."""

from __future__ import annotations

import pytest
from flask import Flask

from app.extensions import db
from app.models import Server
from tests.factories import PASSWORD, make_server, make_token, make_user
from tests.faults.people import Person
from tests.web.api.conftest import EMAIL, Program


@pytest.fixture
def server_id(app: Flask) -> int:
    """Return a server's id. Its address may not be reached, so nothing is ever contacted."""
    with app.app_context():
        return make_server("GitHub", url="https://127.0.0.1:9/mcp").id


@pytest.fixture
def ann(app: Flask, server_id: int) -> Person:
    """Return Ann, signed in, with a token saved for the server."""
    with app.app_context():
        make_token(make_user(EMAIL), db.session.get_one(Server, server_id))
    program = Program(app)
    assert program.sign_in(EMAIL, PASSWORD).status_code == 200
    return Person(program, server_id)
