"""Visitors: who sends the hostile requests, and from where they begin anew after one that did something."""

from __future__ import annotations

from typing import Any

import pyotp
from flask import Flask
from werkzeug.test import TestResponse

from app.services import sessions, totp
from app.services.sign_in import Visitor as Knocking
from tests.factories import ACTOR, PASSWORD, make_group, make_password_link, make_server, make_user
from tests.fuzz.client import FuzzClient
from tests.fuzz.rules import Rule

EMAILS = {"user": "ann@example.com", "admin": "carol@example.com"}
#: Whose password is known, but not the code that is asked for next.
HALF_WAY = "dora@example.com"
#: For whom a one-time link to a new password was made.
FORGETFUL = "eve@example.com"
VISITORS = ("anonymous", *EMAILS)
#: A port that nobody listens on, at an address that may not be reached: nothing is ever contacted.
UNREACHABLE = "https://127.0.0.1:9/mcp"


def furnish(app: Flask) -> None:
    """Add the people, and a server and a group of Ann's, whose ids are 1, as hers is.

    Ann has begun to set up a second factor; Dora has one.
    """
    with app.app_context():
        keys = app.extensions["keys"]
        ann, _carol = (make_user(email, admin=visitor == "admin") for visitor, email in EMAILS.items())
        dora = make_user(HALF_WAY)
        for person in (ann, dora):
            sessions.start_session(person, ACTOR)
            totp.start_enrolment(person, PASSWORD, keys=keys, visitor=Knocking(ACTOR, is_counted=False))
        code = pyotp.TOTP(totp.app_secret_of(dora, keys).text).now()
        totp.confirm_enrolment(dora, code, keys=keys, actor=ACTOR)
        make_user(FORGETFUL)
        make_server("GitHub", url=UNREACHABLE)
        make_group("Team", [ann])


class Visitor:
    """A client with its session and the CSRF token that belongs to it."""

    def __init__(self, app: Flask, name: str) -> None:
        self.name = name
        self._app = app
        self.begin()

    def begin(self) -> None:
        """Start over: a new browser, signed in where this visitor has an account, else half-way."""
        client = self._app.test_client()
        assert isinstance(client, FuzzClient)
        self.client, self.code = client, "made-up"
        if self.name in EMAILS:
            words = {"email": EMAILS[self.name], "password": PASSWORD}
            self.csrf_token = client.post("/api/session", json=words).json["csrf_token"]
            return
        words = {"email": HALF_WAY, "password": PASSWORD, "csrf_token": client.csrf_token_of("/login")}
        assert client.post("/login", data=words).headers["Location"] == "/login/code"
        self.csrf_token = client.csrf_token_of("/login/code")
        with self._app.app_context():
            self.code = make_password_link(FORGETFUL)

    def path_of(self, rule: Rule) -> str:
        """Return a path of the rule that leads this visitor somewhere."""
        return rule.path_with().replace("{code}", self.code)

    def send(self, path: str, **request: Any) -> TestResponse:
        """Send a request; begin anew when it may have ended or replaced the session."""
        answer = self.client.open(path.replace("{code}", self.code), **request)
        led_away = answer.headers.get("Location", "").startswith("/login?")
        changed = answer.status_code < 400 and request.get("method") not in {"GET", "HEAD", "OPTIONS"}
        if changed and not (led_away and self.name == "anonymous"):
            self.begin()
        return answer
