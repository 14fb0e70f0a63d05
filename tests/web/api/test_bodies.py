"""What every route that takes a body refuses, and that it repeats nothing of it."""

from __future__ import annotations

import json
import re
from io import BytesIO
from typing import Any

import pytest
from flask import Flask
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.services import accounts
from tests.canary import CANARY, assert_no_canary
from tests.factories import ACTOR
from tests.pages import PageClient
from tests.web.api.conftest import EMAIL, Program, assert_problem

# What a body may be is decided before any database is asked; `tests/fuzz` sends hostile ones to both.
pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)

#: Every route that takes a body, with a field for a secret or another text ("": it has none), and a body that
#: is right.
ROUTES: dict[str, tuple[str, dict[str, Any]]] = {
    "/api/session": ("password", {"email": "ann@example.com", "password": CANARY}),
    "/api/mcp-servers/1/auth-token": ("token", {"token": CANARY}),
    "/api/mcp-servers/1/auth-token/check": ("token", {"token": CANARY}),
    "/api/playground/1/tools": ("mcp_auth_token", {"mcp_auth_token": CANARY}),
    "/api/playground/1/call": ("mcp_auth_token", {"tool": "whoami", "mcp_auth_token": CANARY}),
    "/api/admin/servers": ("name", {"name": CANARY, "url": "https://mcp.example.com/mcp"}),
    "/api/admin/servers/import": ("", {"catalogue": {"servers": []}}),
    "/api/admin/servers/1": ("probe_tool", {"probe_tool": CANARY}),
    "/api/admin/servers/1/groups": ("", {"for_everyone": True}),
    "/api/admin/groups": ("name", {"name": CANARY}),
    "/api/admin/groups/1": ("name", {"name": CANARY}),
    "/api/admin/users": ("password", {"email": "new@example.com", "password": CANARY}),
    "/api/admin/users/1": ("password", {"is_active": True, "password": CANARY}),
    "/api/admin/users/1/invitation": ("password", {"password": CANARY}),
    "/api/admin/users/1/totp": ("password", {"password": CANARY}),
    "/api/admin/tokens/1/1/ask": ("version", {"version": CANARY}),
}
FIELDS = [
    *("token", "check", "expires_at", "mcp_auth_token", "tool", "arguments", "email", "name", "url"),
    *("extra_headers", "held_tokens", "updated_at", "token_required", "for_everyone", "groups"),
]
#: Routes that do not POST.
METHODS = {
    "/api/admin/servers/1": "PATCH",
    "/api/admin/servers/1/groups": "PUT",
    "/api/admin/groups/1": "PATCH",
    "/api/admin/users/1": "PATCH",
    "/api/admin/users/1/totp": "DELETE",
}
#: A catalogue is larger than anything else that is sent; it has a limit and tests of its own.
LARGE = "/api/admin/servers/import"
PROTECTED = [path for path in ROUTES if path != "/api/session"]
every_route = pytest.mark.parametrize("path", ROUTES)


@pytest.fixture
def ann(ann: Program, app: Flask) -> Program:
    """Return Ann's program, with every route there for her."""
    with app.app_context():
        accounts.set_role(EMAIL, "admin", ACTOR)
    return ann


def method_of(path: str) -> str:
    return METHODS.get(path, "POST")


def send(program: Program, path: str, body: bytes, content_type: str | None = "application/json") -> Any:
    return program.send(path, body, content_type, method_of(path))


def test_no_route_that_takes_a_body_is_missing_here(app: Flask, stranger: PageClient) -> None:
    document = stranger.get("/api/openapi.json").json

    taking = {
        re.sub(r"\{\w+\}", "1", path)
        for path, item in document["paths"].items()
        for operation in item.values()
        if "requestBody" in operation
    }

    assert taking == set(ROUTES)


#: None of them is JSON that says one thing, in an object.
MALFORMED = [
    f'{{"token": "{CANARY}',
    f'{{"token": "{CANARY}"',
    f'{{"{CANARY}": 1, "{CANARY}": 2}}',
    f'{{"token": "{CANARY}", "token": "{CANARY}"}}',
    f'{{"token": "{CANARY}\\ud800"}}',
    f'{{"token": "{CANARY}", "x": NaN}}',
    f'{{"token": {CANARY}}}',
    f"'{CANARY}'",
    f'"{CANARY}"',
    f'["{CANARY}"]',
    "null",
    "[]",
    "1",
    "true",
    " ",
    "{" * 2000,
    '{"a":' * 2000 + "1" + "}" * 2000,
]


@every_route
def test_malformed_bodies_are_refused_without_an_echo(ann: Program, path: str) -> None:
    for body in MALFORMED:
        document = assert_problem(send(ann, path, body.encode()), 400, "malformed")
        assert document.keys() == {"type", "title", "status", "detail", "code", "request_id"}


@every_route
def test_bytes_that_are_not_utf_8_are_malformed(ann: Program, path: str) -> None:
    field, right = ROUTES[path]

    for body in (json.dumps(right).encode("utf-16"), b'{"' + field.encode() + b'": "abcdefgh\xff"}'):
        assert_problem(send(ann, path, body), 400, "malformed")


NOT_JSON = [
    None,
    "text/plain",
    "text/json",
    "application/x-www-form-urlencoded",
    "multipart/form-data; boundary=x",
    "application/problem+json",
    "application/json; charset=latin-1",
    f"{CANARY}/json",
]


@every_route
def test_only_json_is_taken(ann: Program, path: str) -> None:
    body = json.dumps(ROUTES[path][1]).encode()

    for content_type in NOT_JSON:
        assert_problem(send(ann, path, body, content_type), 415, "unsupported_media_type")


@every_route
def test_packed_bodies_are_refused(ann: Program, path: str) -> None:
    headers = {**ann.headers, "Content-Encoding": "gzip"}

    answer = ann.client.open(
        path, method=method_of(path), headers=headers, data=b"\x1f\x8b", content_type="application/json"
    )

    assert_problem(answer, 415, "unsupported_media_type")


@pytest.mark.parametrize("path", [path for path in ROUTES if path != LARGE])
def test_large_bodies_are_refused_with_and_without_a_length(ann: Program, path: str) -> None:
    body = json.dumps({"x": CANARY * 4000}).encode()
    chunked = {"wsgi.input_terminated": True, "HTTP_TRANSFER_ENCODING": "chunked"}

    declared = send(ann, path, body)
    undeclared = ann.client.open(
        path,
        method=method_of(path),
        headers=ann.headers,
        input_stream=BytesIO(body),
        content_type="application/json",
        environ_overrides=chunked,
    )

    assert_problem(declared, 413, "too_large")
    assert_problem(undeclared, 413, "too_large")


@every_route
def test_a_field_that_is_not_ours_is_refused_and_not_named(ann: Program, path: str) -> None:
    for body in ({CANARY: 1}, {CANARY: CANARY}, ROUTES[path][1] | {"authorization": CANARY}):
        document = assert_problem(send(ann, path, json.dumps(body).encode()), 422, "invalid")
        assert document["errors"][""] == ["There is a field that is not known here."]
        assert "authorization" not in json.dumps(document)


@pytest.mark.parametrize("path", [path for path, (field, _) in ROUTES.items() if field])
def test_a_secret_of_another_type_is_refused_by_its_field(ann: Program, path: str) -> None:
    field, right = ROUTES[path]

    for value in (1, True, 1.5, [CANARY], {"a": CANARY}):
        body = json.dumps(right | {field: value}).encode()
        document = assert_problem(send(ann, path, body), 422, "invalid")
        assert document["errors"] == {field: ["This must be text."]}
        assert document["reason"] == "text"


@pytest.mark.parametrize("path", PROTECTED)
def test_without_a_sign_in_nothing_of_the_body_is_looked_at(stranger: PageClient, path: str) -> None:
    for body in (json.dumps(ROUTES[path][1]), f'{{"token": "{CANARY}', CANARY * 4000):
        answer = stranger.open(path, method=method_of(path), data=body, content_type="application/json")
        assert_problem(answer, 401, "not_signed_in")


@pytest.mark.parametrize("path", PROTECTED)
def test_without_the_csrf_token_nothing_of_the_body_is_looked_at(ann: Program, path: str) -> None:
    ann.headers = {}

    for body in (json.dumps(ROUTES[path][1]), f'{{"token": "{CANARY}', CANARY * 4000):
        assert_problem(send(ann, path, body.encode()), 400, "csrf_failed")
    form = ann.client.open(path, method=method_of(path), data={"token": CANARY})
    assert_problem(form, 400, "csrf_failed")


@pytest.mark.parametrize("content_type", [None, "application/json", "text/plain"])
def test_a_body_may_be_left_out_where_every_field_may(ann: Program, content_type: str | None) -> None:
    # No token is saved, so the route was reached when it asks for one.
    assert_problem(ann.send("/api/playground/1/tools", b"", content_type), 409, "token_required")


@pytest.mark.parametrize(
    ("path", "field"), [("/api/mcp-servers/1/auth-token", "token"), ("/api/playground/1/call", "tool")]
)
def test_elsewhere_a_missing_body_misses_its_fields(ann: Program, path: str, field: str) -> None:
    for answer in (ann.post(path), ann.post(path, {})):
        document = assert_problem(answer, 422, "invalid")
        assert document["errors"] == {field: ["This is needed."]}


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    path=st.sampled_from(sorted(ROUTES)),
    body=st.binary(max_size=200)
    | st.dictionaries(
        st.sampled_from(FIELDS) | st.text(max_size=5),
        st.none()
        | st.booleans()
        | st.integers()
        | st.floats()
        | st.text(max_size=20)
        | st.lists(st.integers()),
        max_size=4,
    ).map(lambda fields: json.dumps(fields).encode()),
)
def test_no_body_makes_an_error_of_ours(ann: Program, path: str, body: bytes) -> None:
    answer = send(ann, path, body)

    # 502: it was a call that is right, to a server that is not there.
    assert answer.status_code < 500 or answer.status_code == 502, answer.json
    assert answer.mimetype in {"application/json", "application/problem+json"}


def test_the_strict_types_echo_nothing_when_many_fields_are_wrong(ann: Program) -> None:
    body = {"token": [CANARY], "expires_at": CANARY, "check": CANARY, CANARY: CANARY}

    answer = ann.post("/api/mcp-servers/1/auth-token", body)

    document = assert_problem(answer, 422, "invalid")
    assert document["errors"].keys() == {"token", "expires_at", "check", ""}
    assert_no_canary(json.dumps(document), where="problem")
