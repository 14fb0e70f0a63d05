"""A program that has signed in by JSON, and a server to hold tokens for."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from app.mcp.demo_server import build_demo_server
from tests.canary import CANARY
from tests.factories import PASSWORD, make_server, make_user
from tests.mcp_servers.running import Running, running
from tests.pages import PageClient

EMAIL = "ann@example.com"


class Program:
    """A client that keeps its cookie and sends its CSRF token with every change."""

    def __init__(self, app: Flask) -> None:
        self.client = app.test_client()
        self.headers: dict[str, str] = {}

    def sign_in(self, email: str = EMAIL, password: str = PASSWORD) -> TestResponse:
        answer = self.client.post("/api/session", json={"email": email, "password": password})
        if answer.status_code == 200:
            self.headers = {"X-CSRFToken": answer.json["csrf_token"]}
        return answer

    def get(self, path: str) -> TestResponse:
        return self.client.get(path)

    def post(self, path: str, body: Any = None) -> TestResponse:
        """Send a body as JSON; None sends none at all."""
        return self.client.post(path, headers=self.headers, **({} if body is None else {"json": body}))

    def patch(self, path: str, body: Any = None) -> TestResponse:
        """Send what is to change as JSON; None sends nothing at all."""
        return self.client.patch(path, headers=self.headers, **({} if body is None else {"json": body}))

    def send(
        self, path: str, data: bytes, content_type: str | None = "application/json", method: str = "POST"
    ) -> TestResponse:
        """Send a body as it is."""
        return self.client.open(
            path, method=method, headers=self.headers, data=data, content_type=content_type
        )

    def delete(self, path: str) -> TestResponse:
        return self.client.delete(path, headers=self.headers)


@pytest.fixture
def server_id(app: Flask) -> int:
    """Return an enabled server's id. Its address may not be reached: no name of it is ever looked up."""
    with app.app_context():
        return make_server("GitHub", url="https://127.0.0.1:9/mcp").id


@pytest.fixture
def stranger(app: Flask) -> PageClient:
    """Return a client without a cookie."""
    client = app.test_client()
    assert isinstance(client, PageClient)
    return client


@pytest.fixture
def ann(app: Flask, server_id: int) -> Program:
    """Return Ann's program, signed in."""
    with app.app_context():
        make_user(EMAIL)
    program = Program(app)
    assert program.sign_in().status_code == 200
    return program


def assert_problem(answer: TestResponse, status: int, code: str) -> dict[str, Any]:
    """Hold an answer to RFC 9457 and our additions, and return the document."""
    assert (answer.status_code, answer.mimetype) == (status, "application/problem+json")
    document: dict[str, Any] = answer.json
    assert (document["status"], document["code"]) == (status, code)
    assert document["request_id"] == answer.headers["X-Request-ID"] != ""
    assert document["title"] and document["detail"]
    return document


@pytest.fixture(scope="module")
def demo() -> Iterator[Running]:
    """A server whose one token is the canary."""
    with running(build_demo_server(CANARY).streamable_http_app()) as server:
        yield server


def lead_to(app: Flask, server: Running, path: str | None = None, **columns: Any) -> str:
    """Add a catalogue entry for a running server, let it be reached, and return its API path."""
    app.extensions["egress"] = server.egress
    with app.app_context():
        url = server.url if path is None else f"http://{server.host_port}{path}"
        return f"/api/playground/{make_server('Demo', url=url, **columns).id}"


def save(ann: Program, path: str, token: str) -> None:
    answer = ann.post(path.replace("playground", "mcp-servers") + "/auth-token", {"token": token})
    assert answer.status_code == 201
