"""How heavy the page is that people open every day, and that nothing of it comes from elsewhere.

Weighed is what this app itself sends to a browser of today (docs/decisions/0014-compression.md).
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskCliRunner
from sqlalchemy import select

from app.extensions import db
from app.models import Server
from tests.factories import PASSWORD, make_token, make_user
from tests.pages import PageClient

REGISTRY = Path(__file__).resolve().parents[1] / "data" / "registry"
ROWS = 50
MAX_BYTES = 60_000
#: As browsers ask for what a page of ours leads to.
BROWSER = {"Accept-Encoding": "gzip, deflate, br, zstd", "Sec-Fetch-Site": "same-origin"}
LOADED = re.compile(r'<(?:link|script|img|source)\b[^>]*\s(?:href|src)="([^"]+)"')


@pytest.fixture
def full_page(app: Flask, client: PageClient, runner: FlaskCliRunner) -> bytes:
    """Return the page of a person with a token in every second of fifty rows, of real servers."""
    files = [str(path) for path in sorted(REGISTRY.glob("*.json"))]
    assert runner.invoke(args=["servers", "import", *files]).exit_code == 0
    with app.app_context():
        ann = make_user()
        for server in db.session.scalars(select(Server).where(Server.is_enabled).limit(2 * ROWS)).all()[::2]:
            make_token(ann, server)
    client.sign_in("ann@example.com", PASSWORD)
    return client.get("/settings/tokens").data


def sent(client: PageClient, path: str) -> bytes:
    """Return what travels, past the client's own checks, which read text."""
    answer = super(PageClient, client).open(path, headers=BROWSER, buffered=True)
    assert answer.status_code == 200, path
    return answer.data


def test_the_page_of_tokens_is_light(client: PageClient, full_page: bytes) -> None:
    assert full_page.count(b'<tr class="row') == ROWS
    paths = [path.replace("&amp;", "&") for path in LOADED.findall(full_page.decode())]
    assert len(paths) >= 3
    # Whatever a style sheet asks for would have to be weighed too.
    styles = b"".join(client.get(path, buffered=True).data for path in paths if ".css" in path)
    assert styles
    assert b"url(" not in styles and b"@import" not in styles

    weight = sum(len(sent(client, path)) for path in ("/settings/tokens", *paths))

    assert weight < MAX_BYTES


def test_nothing_of_the_page_comes_from_elsewhere(full_page: bytes) -> None:
    loaded = LOADED.findall(full_page.decode())

    assert [path for path in loaded if not path.startswith("/static/")] == []
