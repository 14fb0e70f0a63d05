"""People in front of a fault: what they do, and what an answer must be while nothing can be done."""

from __future__ import annotations

from dataclasses import dataclass

from werkzeug.test import TestResponse

from tests.canary import CANARY
from tests.pages import Page, PageClient
from tests.web.api.conftest import Program, assert_problem

#: Words of drivers, of SQL and of our tables. No page of ours has any of them.
WORDS_OF_DRIVERS = (
    "sqlite",
    "postgres",
    "psycopg",
    "redis",
    "sqlalchemy",
    "traceback",
    "operationalerror",
    "readonly",
    "read-only",
    "disk",
    "lock",
    "recovery mode",
    "pragma",
    "insert into",
    "mcp_auth_tokens",
    "login_sessions",
    "127.0.0.1",
)
#: Needs room of its own: more than fits between other rows of a page.
LONG_TOKEN = "z" * 3_500 + CANARY


@dataclass(frozen=True)
class Person:
    """Somebody who is signed in, and the server that they hold a token for."""

    program: Program
    server_id: int

    @property
    def client(self) -> PageClient:
        """Return the same browser, for pages."""
        assert isinstance(self.program.client, PageClient)
        return self.program.client

    @property
    def token_path(self) -> str:
        """Return where a program finds the token."""
        return f"/api/mcp-servers/{self.server_id}/auth-token"

    @property
    def token_page(self) -> str:
        """Return where a person finds it."""
        return f"/settings/tokens/{self.server_id}"

    def save(self, token: str = CANARY) -> TestResponse:
        """Save a token, or replace the one that is there."""
        return self.program.post(self.token_path, {"token": token})

    def saved(self) -> dict[str, object]:
        """Return what is known of the saved token, but not when it was last used."""
        known = self.program.get(self.token_path)
        assert known.status_code == 200
        return {name: known.json[name] for name in ("has_token", "hint", "updated_at")}


def assert_unavailable(answer: TestResponse) -> None:
    """Hold an answer to what is said while the database is out, to programs and to people."""
    if answer.request.path.startswith("/api"):
        assert_problem(answer, 503, "unavailable")
    else:
        assert (answer.status_code, answer.mimetype) == (503, "text/html")
    assert_says_when_and_not_why(answer)


def assert_says_when_and_not_why(answer: TestResponse) -> None:
    """Hold an answer to a time to come back, and to nothing of the libraries' words."""
    assert int(answer.headers.get("Retry-After", 0)) >= 1, f"{answer.request.path} does not say when"
    shown = Page(answer.text).text if answer.mimetype == "text/html" else answer.text
    told = [word for word in WORDS_OF_DRIVERS if word in shown.lower()]
    assert not told, f"{answer.request.path} tells {told}"
