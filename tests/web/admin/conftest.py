"""Carol, who administers, and a server for which Ann and Ben hold tokens."""

from __future__ import annotations

import pytest
from flask import Flask

from tests.factories import PASSWORD, make_server, make_token, make_user
from tests.pages import PageClient


@pytest.fixture
def carol(app: Flask, client: PageClient) -> PageClient:
    with app.app_context():
        make_user("carol@example.com", admin=True)
    client.sign_in("carol@example.com", PASSWORD)
    return client


@pytest.fixture
def github(app: Flask) -> int:
    """Return the id of a server with two tokens."""
    with app.app_context():
        server = make_server(
            "GitHub", extra_headers={"X-Version": "1", "X-Tools": "a: b"}, token_help="Under Settings."
        )
        for name in ("ann", "ben"):
            make_token(make_user(f"{name}@example.com"), server)
        return server.id
