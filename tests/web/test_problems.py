"""Errors: a page for people, problem+json for programs, and nothing of ours in either."""

from __future__ import annotations

from typing import Any

import pytest
from flask import Flask
from sqlalchemy import event
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm.exc import StaleDataError

from app import create_app, errors
from app.extensions import db
from app.web import messages, problems
from tests import databases
from tests.canary import CANARY
from tests.pages import PageClient
from tests.web.api.conftest import Program, assert_problem

#: What a library could have put into the text of its exception.
SECRET = "a-secret-in-an-exception"


@pytest.fixture
def ann(app: Flask) -> Program:
    from tests.factories import make_user

    with app.app_context():
        make_user()
    program = Program(app)
    program.sign_in()
    return program


@pytest.mark.parametrize("path", ["/api", "/api/", "/api/nothing", "/api/mcp-servers/", "/api/session/x"])
@pytest.mark.parametrize("accept", [None, "text/html", "application/json", "image/png", CANARY])
def test_under_api_every_error_is_a_problem_whatever_is_accepted(
    client: PageClient, path: str, accept: str | None
) -> None:
    answer = client.get(path, headers={"Accept": accept} if accept else {})

    assert_problem(answer, 404, "not_found")


@pytest.mark.parametrize("path", ["/nothing", "/apis", "/API", "/settings/tokens/x", "/static/nothing.css"])
def test_elsewhere_it_is_a_page(client: PageClient, path: str) -> None:
    answer = client.get(path, headers={"Accept": "application/json"})

    assert (answer.status_code, answer.mimetype) == (404, "text/html")


@pytest.mark.parametrize("path", ["/login", "/settings/tokens", "/nothing", "/api/session", "/api/nothing"])
def test_a_host_name_that_is_not_ours_is_refused(database_url: str, path: str) -> None:
    app = create_app(
        {"TESTING": True, "SQLALCHEMY_DATABASE_URI": database_url, "TRUSTED_HOSTS": ["market.example.com"]}
    )

    ours = app.test_client().get(path, base_url="http://market.example.com")
    foreign = app.test_client().get(path, base_url="http://evil.example")

    databases.dispose(app)
    assert ours.status_code != 400
    assert foreign.status_code == 400
    assert "evil.example" not in foreign.text


def test_a_problem_is_as_rfc_9457_has_it(client: PageClient) -> None:
    document = client.get("/api/session").json

    assert document.keys() == {"type", "title", "status", "detail", "code", "request_id"}
    # Of `about:blank`, the title is the status's own phrase.
    assert (document["type"], document["title"]) == ("about:blank", "Unauthorized")


def test_a_page_of_the_wrong_method_says_which_are_right(client: PageClient) -> None:
    answer = client.delete("/login")

    assert (answer.status_code, answer.mimetype) == (405, "text/html")
    assert {"GET", "POST"} <= set(answer.headers["Allow"].split(", "))


@pytest.mark.parametrize("origin", [None, "https://evil.example"])
def test_nothing_is_allowed_to_other_sites(ann: Program, origin: str | None) -> None:
    headers = {"Origin": origin, "Access-Control-Request-Method": "POST"} if origin else {}

    for path in ("/api/session", "/api/mcp-servers", "/api/openapi.json", "/api/docs"):
        for method in ("OPTIONS", "GET", "HEAD"):
            # Flask's own client: an answer to OPTIONS is no page.
            answer = super(PageClient, ann.client).open(path, method=method, headers=headers)
            assert answer.status_code == 200
            assert not [name for name, _ in answer.headers if name.startswith("Access-Control-")]
            assert method == "GET" or answer.data == b""


def test_a_stranger_learns_nothing_from_options(client: PageClient) -> None:
    assert_problem(client.options("/api/mcp-servers/1/auth-token"), 401, "not_signed_in")


@pytest.mark.parametrize(
    ("failure", "status", "code"),
    [
        (OperationalError(SECRET, {"x": SECRET}, Exception(SECRET)), 503, "unavailable"),
        # Somebody deleted what the request was about, at that moment.
        (StaleDataError(SECRET), 404, "not_found"),
        (RuntimeError(SECRET), 500, "internal"),
        (KeyError(SECRET), 500, "internal"),
        (RecursionError(SECRET), 500, "internal"),
    ],
)
def test_what_nobody_expected_tells_nothing(
    ann: Program, app: Flask, failure: Exception, status: int, code: str
) -> None:
    def fail(_connection: Any, _cursor: Any, statement: str, *_more: Any) -> None:
        if "mcp_servers" in statement:
            raise failure

    with app.app_context():
        event.listen(db.engine, "before_cursor_execute", fail)

    for path in ("/api/mcp-servers", "/api/mcp-servers/1/auth-token"):
        answer = ann.get(path)
        assert_problem(answer, status, code)
        assert SECRET not in answer.text
    page = ann.get("/settings/tokens")
    assert page.status_code == status
    assert SECRET not in page.text


def test_every_code_has_a_sentence_of_its_own(app: Flask) -> None:
    with app.test_request_context():
        for error in set(problems.STATUSES) - {errors.InvalidInputError}:
            assert messages.of_code(error.code) != messages.of_code("malformed"), error
        for code in problems.CODES.values():
            assert code == "malformed" or messages.of_code(code) != messages.of_code("malformed"), code
