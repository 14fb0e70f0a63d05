"""Ann, signed in, and a server to save a token for."""

from __future__ import annotations

import pytest
from flask import Flask

from app.models import Server, User
from tests.factories import PASSWORD, make_server, make_user
from tests.pages import PageClient


@pytest.fixture
def ann(app: Flask, client: PageClient) -> User:
    with app.app_context():
        user = make_user()
    client.sign_in(user.email, PASSWORD)
    return user


@pytest.fixture
def github(app: Flask) -> Server:
    with app.app_context():
        return make_server("GitHub", token_help_url="https://github.com/settings/tokens")
