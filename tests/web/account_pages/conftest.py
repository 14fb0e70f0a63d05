"""Ann, signed in in a browser."""

from __future__ import annotations

import pytest
from flask import Flask

from tests.factories import PASSWORD, make_user
from tests.pages import PageClient

EMAIL = "ann@example.com"


@pytest.fixture
def ann(app: Flask, client: PageClient) -> PageClient:
    with app.app_context():
        make_user(EMAIL)
    client.sign_in(EMAIL, PASSWORD)
    return client


def another_browser(app: Flask) -> PageClient:
    client = app.test_client()
    assert isinstance(client, PageClient)
    return client
