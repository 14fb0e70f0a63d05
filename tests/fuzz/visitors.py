"""Visitors: who sends the hostile requests, and from where they begin anew after one that did something."""

from __future__ import annotations

from typing import Any

from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from tests.factories import PASSWORD, make_server, make_user
from tests.pages import PageClient

EMAILS = {"user": "ann@example.com", "admin": "carol@example.com"}
VISITORS = ("anonymous", *EMAILS)
#: A port that nobody listens on, at an address that may not be reached: nothing is ever contacted.
UNREACHABLE = "https://127.0.0.1:9/mcp"


def furnish(app: Flask) -> None:
    """Add the people who sign in, and one server, whose id is 1."""
    with app.app_context():
        for visitor, email in EMAILS.items():
            make_user(email, admin=visitor == "admin")
        make_server("GitHub", url=UNREACHABLE)


class Visitor:
    """A client with its session and the CSRF token that belongs to it."""

    def __init__(self, app: Flask, name: str) -> None:
        self.name = name
        self._app = app
        self.begin()

    def begin(self) -> None:
        """Start over: a new browser, signed in where this visitor has an account."""
        client = self._app.test_client()
        assert isinstance(client, PageClient)
        self.client = client
        if self.name in EMAILS:
            words = {"email": EMAILS[self.name], "password": PASSWORD}
            self.csrf_token = client.post("/api/session", json=words).json["csrf_token"]
        else:
            self.csrf_token = client.get_page("/login").form("/login").values["csrf_token"]

    def send(self, path: str, **request: Any) -> TestResponse:
        """Send a request; begin anew when it may have ended or replaced the session."""
        # These are answered without a page that could be looked at.
        opened = FlaskClient if request.get("method") in {"HEAD", "OPTIONS"} else PageClient
        answer = opened.open(self.client, path, **request)
        led_away = answer.headers.get("Location", "").startswith("/login")
        changed = answer.status_code < 400 and request.get("method") not in {"GET", "HEAD", "OPTIONS"}
        if changed and not (led_away and self.name == "anonymous"):
            self.begin()
        return answer
