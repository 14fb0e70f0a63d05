"""Route by actor: what each route answers to whom. A route that is not in the matrix fails the suite.

The data behind it: Ann is the owner of a token, a session and an account; Ben has an account as well; Carol
administers the installation; Dan's account was disabled while he was signed in. Ids in paths are Ann's.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from app.extensions import db
from app.models import LoginSession
from app.services import accounts, groups
from tests.contracts.test_routes import routes_of
from tests.factories import ACTOR, PASSWORD, make_server, make_token, make_user
from tests.pages import PageClient

#: Sent to the sign-in page.
SIGN_IN = "sign-in"
ACTORS = ("anonymous", "disabled", "other", "admin", "owner")


@dataclass(frozen=True)
class Row:
    """What a route answers: a status, or `SIGN_IN`. `sent`: the form, or the JSON, that goes with it."""

    anonymous: int | str
    disabled: int | str
    other: int | str
    admin: int | str
    owner: int | str
    sent: dict[str, Any] = field(default_factory=dict)


def everyone(status: int, **sent: Any) -> Row:
    return Row(status, status, status, status, status, sent)


def people(status: int, **sent: Any) -> Row:
    """A page for whoever is signed in, about what is theirs."""
    return Row(SIGN_IN, SIGN_IN, status, status, status, sent)


def owners(status: int, **sent: Any) -> Row:
    """What is Ann's is there for Ann alone; to others, admins among them, it does not exist."""
    return Row(SIGN_IN, SIGN_IN, 404, 404, status, sent)


def admins(status: int, **sent: Any) -> Row:
    return Row(SIGN_IN, SIGN_IN, 404, status, 404, sent)


def ends_her_session(status: int, **sent: Any) -> Row:
    """An admin's act after which Ann, who is asked last, is signed out."""
    return Row(SIGN_IN, SIGN_IN, 404, status, SIGN_IN, sent)


def programs(other: int, owner: int, **sent: Any) -> Row:
    return Row(401, 401, other, other, owner, sent)


def programs_of_admins(status: int, **sent: Any) -> Row:
    return Row(401, 401, 404, status, 404, sent)


CONFIRMED = {"password": PASSWORD}
#: (method, rule) → row. `{disabled}`: a disabled server for which Ann alone holds a token; `{server}`: an
#: enabled one; `{unreachable}`: one whose address may not be reached; `{session}`, `{user}`: Ann's;
#: `{group}`: a group in which she is.
MATRIX: dict[tuple[str, str], Row] = {
    ("GET", "/"): everyone(302),
    ("GET", "/static/favicon.svg"): everyone(200),
    ("GET", "/healthz"): everyone(200),
    ("GET", "/readyz"): everyone(200),
    # Off, as long as METRICS_TOKEN is not set.
    ("GET", "/metrics"): everyone(404),
    ("GET", "/login"): Row(200, 200, 302, 302, 302),
    ("POST", "/login"): everyone(401, email="nobody@example.com", password="wrong horse battery"),
    ("GET", "/login/code"): everyone(303),
    ("POST", "/login/code"): everyone(303, code="123456"),
    ("GET", "/sign-up"): everyone(200),
    ("POST", "/sign-up"): everyone(422, email="nobody", password="short"),
    ("GET", "/reset-password/made-up"): everyone(404),
    ("POST", "/reset-password/made-up"): everyone(404, password=PASSWORD),
    ("POST", "/language"): everyone(303, language="ko"),
    # Leads to the sign-in page in any case.
    ("POST", "/logout"): everyone(303),
    ("GET", "/settings/tokens"): people(200),
    ("GET", "/settings/tokens/{disabled}"): owners(200),
    ("POST", "/settings/tokens/{disabled}"): Row(
        SIGN_IN, SIGN_IN, 404, 404, 404, {"token": "a-token-of-mine"}
    ),
    ("GET", "/settings/tokens/{disabled}/delete"): owners(200),
    ("POST", "/settings/tokens/{disabled}/delete"): owners(303),
    ("POST", "/settings/tokens/{disabled}/check"): people(404),
    ("GET", "/settings/tokens/{disabled}/confirm-address"): people(404),
    ("POST", "/settings/tokens/{disabled}/confirm-address"): people(404, password=PASSWORD),
    ("POST", "/settings/tokens/{disabled}/expiry"): owners(303, expires_in="7"),
    ("GET", "/settings/tokens/delete-all"): people(200),
    ("POST", "/settings/tokens/delete-all"): people(422, password="wrong horse battery"),
    ("GET", "/settings/sessions"): people(200),
    ("POST", "/settings/sessions/{session}/end"): owners(303),
    ("POST", "/settings/sessions/end-others"): people(303),
    ("GET", "/settings/activity"): people(200),
    ("POST", "/settings/activity/new_agent/1/dismiss"): people(404),
    ("GET", "/settings/account"): people(200),
    ("GET", "/settings/account/email"): people(200),
    ("POST", "/settings/account/email"): people(422, email="new@example.com", password="wrong horse battery"),
    ("GET", "/settings/account/password"): people(200),
    ("POST", "/settings/account/password"): people(422, current_password="wrong", password=PASSWORD),
    ("GET", "/settings/account/delete"): people(200),
    ("POST", "/settings/account/delete"): people(422, password="wrong horse battery"),
    ("POST", "/settings/account/storing"): people(303, stores="off"),
    ("GET", "/settings/account/totp"): people(200),
    ("POST", "/settings/account/totp"): people(303, password=PASSWORD),
    ("GET", "/settings/account/totp/recovery-codes"): people(200),
    ("POST", "/settings/account/totp/recovery-codes"): people(422, password="wrong horse battery"),
    ("GET", "/settings/account/totp/disable"): people(200),
    ("POST", "/settings/account/totp/disable"): people(303, password=PASSWORD),
    ("GET", "/playground"): people(200),
    # A disabled server may not be called, by its owner either.
    ("GET", "/playground/{disabled}"): people(404),
    ("POST", "/playground/{disabled}"): people(404),
    ("GET", "/admin/encryption"): admins(200),
    ("GET", "/admin/audit"): admins(200),
    ("POST", "/admin/audit/export/csv"): admins(200),
    ("GET", "/admin/servers"): admins(200),
    ("GET", "/admin/servers/{server}"): admins(200),
    ("POST", "/admin/servers/{server}"): admins(303, name="Another"),
    ("GET", "/admin/servers/{server}/groups"): admins(200),
    ("POST", "/admin/servers/{server}/groups"): admins(303, for_whom="everyone"),
    ("GET", "/admin/groups"): admins(200),
    ("POST", "/admin/groups"): admins(303, name="Another"),
    ("GET", "/admin/groups/{group}"): admins(200),
    ("POST", "/admin/groups/{group}"): admins(303, name="Another"),
    ("POST", "/admin/groups/{group}/members"): admins(303, email="ben@example.com"),
    ("POST", "/admin/groups/{group}/members/{user}/remove"): admins(303),
    ("GET", "/admin/groups/{group}/delete"): admins(200),
    ("POST", "/admin/groups/{group}/delete"): admins(303),
    ("GET", "/admin/servers/new"): admins(200),
    ("POST", "/admin/servers/new"): admins(422, name="", url=""),
    ("POST", "/admin/servers/{server}/enable"): admins(303),
    ("POST", "/admin/servers/{server}/disable"): admins(303),
    ("GET", "/admin/servers/{server}/delete"): admins(200),
    ("POST", "/admin/servers/{server}/delete"): admins(303, name="Open"),
    # Nobody holds a token for it, and no name of it is ever looked up.
    ("POST", "/admin/servers/{unreachable}/try"): admins(200),
    ("GET", "/admin/servers/import"): admins(200),
    ("POST", "/admin/servers/import"): admins(200, text="[]"),
    ("POST", "/admin/servers/import/reviewed"): admins(422, carried="x"),
    ("GET", "/admin/servers/export"): admins(200),
    ("GET", "/admin/users"): admins(200),
    ("GET", "/admin/users/{user}/totp"): admins(200),
    ("POST", "/admin/users/{user}/totp"): admins(303, password=PASSWORD),
    ("GET", "/admin/users/{user}/reset-totp"): admins(200),
    ("POST", "/admin/users/{user}/reset-totp"): admins(404, password=PASSWORD),
    ("GET", "/admin/users/invite"): admins(200),
    ("POST", "/admin/users/invite"): admins(200, email="new@example.com", password=PASSWORD),
    ("GET", "/admin/users/{user}"): admins(200),
    ("GET", "/admin/users/{user}/invitation"): admins(200),
    # She has accepted long ago.
    ("POST", "/admin/users/{user}/invitation"): admins(409, password=PASSWORD),
    ("GET", "/admin/users/{user}/password-link"): admins(200),
    # Without a mail server it is not made at all: an admin would be the one who gets it.
    ("POST", "/admin/users/{user}/password-link"): admins(200, password=PASSWORD),
    ("GET", "/admin/users/{user}/disable"): admins(200),
    ("POST", "/admin/users/{user}/disable"): ends_her_session(303, password=PASSWORD),
    ("GET", "/admin/users/{user}/enable"): admins(200),
    ("POST", "/admin/users/{user}/enable"): admins(303, password=PASSWORD),
    ("GET", "/admin/users/{user}/role"): admins(200),
    ("POST", "/admin/users/{user}/role"): admins(303, role="auditor", password=PASSWORD),
    ("GET", "/admin/users/{user}/sign-out"): admins(200),
    ("POST", "/admin/users/{user}/sign-out"): ends_her_session(303),
    ("GET", "/admin/users/{user}/delete"): admins(200),
    ("POST", "/admin/users/{user}/delete"): ends_her_session(200, password=PASSWORD),
    ("GET", "/admin/tokens"): admins(200),
    ("POST", "/admin/tokens/{user}/{server}/ask"): admins(404),
    ("POST", "/admin/tokens/{user}/{disabled}/ask"): admins(303, version="1.1"),
    ("GET", "/admin/tokens/{user}/{disabled}/delete"): admins(200),
    ("POST", "/admin/tokens/{user}/{disabled}/delete"): admins(303, version="1.1"),
    ("GET", "/api/openapi.json"): everyone(200),
    ("GET", "/api/docs"): everyone(200),
    ("POST", "/api/session"): everyone(401, email="nobody@example.com", password="wrong horse battery"),
    ("GET", "/api/session"): programs(200, 200),
    ("DELETE", "/api/session"): programs(204, 204),
    ("GET", "/api/mcp-servers"): programs(200, 200),
    ("GET", "/api/mcp-servers/{disabled}/auth-token"): programs(404, 200),
    ("POST", "/api/mcp-servers/{disabled}/auth-token"): programs(404, 404, token="a-token-of-mine"),
    ("POST", "/api/mcp-servers/{disabled}/auth-token/check"): programs(404, 404),
    ("DELETE", "/api/mcp-servers/{disabled}/auth-token"): programs(404, 204),
    ("GET", "/api/admin/servers/{server}"): Row(401, 401, 404, 200, 404),
    ("GET", "/api/admin/servers"): Row(401, 401, 404, 200, 404),
    ("POST", "/api/admin/servers"): Row(
        401, 401, 404, 201, 404, {"name": "New", "url": "https://new.example.com/mcp"}
    ),
    ("DELETE", "/api/admin/servers/{server}"): Row(401, 401, 404, 204, 404),
    ("POST", "/api/admin/servers/{unreachable}/try"): Row(401, 401, 404, 200, 404),
    ("PATCH", "/api/admin/servers/{server}"): Row(401, 401, 404, 200, 404, {"name": "Another"}),
    ("GET", "/api/admin/users"): Row(401, 401, 404, 200, 404),
    ("POST", "/api/admin/users"): Row(
        401, 401, 404, 201, 404, {"email": "new@example.com", "password": PASSWORD}
    ),
    ("GET", "/api/admin/users/{user}"): Row(401, 401, 404, 200, 404),
    ("PATCH", "/api/admin/users/{user}"): Row(401, 401, 404, 200, 401, {"is_active": False, **CONFIRMED}),
    ("DELETE", "/api/admin/users/{user}"): Row(401, 401, 404, 200, 401, CONFIRMED),
    ("GET", "/api/admin/users/{user}/offboarding"): Row(401, 401, 404, 200, 404),
    # Has no second factor.
    ("DELETE", "/api/admin/users/{user}/totp"): Row(401, 401, 404, 404, 404, CONFIRMED),
    ("DELETE", "/api/admin/users/{user}/sessions"): Row(401, 401, 404, 200, 401),
    ("POST", "/api/admin/users/{user}/invitation"): Row(401, 401, 404, 409, 404, CONFIRMED),
    ("GET", "/api/admin/servers/{server}/groups"): programs_of_admins(200),
    ("PUT", "/api/admin/servers/{server}/groups"): programs_of_admins(200, for_everyone=True),
    ("GET", "/api/admin/groups"): programs_of_admins(200),
    ("POST", "/api/admin/groups"): programs_of_admins(201, name="Another"),
    ("GET", "/api/admin/groups/{group}"): programs_of_admins(200),
    ("PATCH", "/api/admin/groups/{group}"): programs_of_admins(200, name="Another"),
    ("DELETE", "/api/admin/groups/{group}"): programs_of_admins(204),
    ("GET", "/api/admin/groups/{group}/members"): programs_of_admins(200),
    ("PUT", "/api/admin/groups/{group}/members/{user}"): programs_of_admins(204),
    ("DELETE", "/api/admin/groups/{group}/members/{user}"): programs_of_admins(204),
    ("GET", "/api/admin/tokens"): Row(401, 401, 404, 200, 404),
    ("POST", "/api/admin/tokens/{user}/{disabled}/ask"): Row(401, 401, 404, 409, 404),
    ("DELETE", "/api/admin/tokens/{user}/{disabled}"): Row(401, 401, 404, 204, 404),
    ("POST", "/api/admin/servers/import"): Row(401, 401, 404, 200, 404, {"catalogue": []}),
    ("GET", "/api/admin/servers/export"): Row(401, 401, 404, 200, 404),
    ("POST", "/api/playground/{disabled}/tools"): programs(404, 404),
    ("POST", "/api/playground/{disabled}/call"): programs(404, 404, tool="whoami"),
}


@dataclass
class House:
    """The people and what is Ann's."""

    clients: dict[str, PageClient]
    ids: dict[str, int]


@pytest.fixture
def house(app: Flask) -> House:
    with app.app_context():
        ann = make_user("ann@example.com")
        for name in ("ben", "dan"):
            make_user(f"{name}@example.com")
        make_user("carol@example.com", admin=True)
        server, disabled = make_server("Open"), make_server("Closed")
        make_token(ann, disabled)
        disabled.is_enabled = False
        db.session.commit()
        unreachable = make_server("Nowhere", url="https://127.0.0.1:9/mcp")
        group = groups.create_group("Ann's", ACTOR)
        groups.add_member(group.id, ann.id, ACTOR)
        ids = {
            "server": server.id,
            "disabled": disabled.id,
            "unreachable": unreachable.id,
            "user": ann.id,
            "group": group.id,
        }
    emails = {"other": "ben", "admin": "carol", "disabled": "dan", "owner": "ann"}
    clients: dict[str, PageClient] = {"anonymous": app.test_client()}  # type: ignore[dict-item]
    for actor, name in emails.items():
        clients[actor] = app.test_client()  # type: ignore[assignment]
        clients[actor].sign_in(f"{name}@example.com", PASSWORD)
    with app.app_context():
        accounts.set_active("dan@example.com", False, ACTOR)
        statement = db.select(LoginSession.id).where(LoginSession.user_id == ids["user"])
        ids["session"] = db.session.scalars(statement).one()
    return House(clients, ids)


def send(client: PageClient, method: str, path: str, sent: dict[str, Any]) -> TestResponse:
    """Send what the route takes, with a CSRF token that is right for whoever this is."""
    if method == "GET":
        return client.get(path)
    token = csrf_token_for(client)
    if path.startswith("/api/"):
        body = {"json": sent} if sent or method == "POST" else {}
        return client.open(path, method=method, headers={"X-CSRFToken": token}, **body)
    return client.open(path, method=method, data={"csrf_token": token, **sent})


def csrf_token_for(client: PageClient) -> str:
    answer = client.get("/api/session")
    if answer.status_code == 200:
        return str(answer.get_json()["csrf_token"])
    # To strangers any page with a form gives one out.
    token = re.search(r'name="csrf_token"[^>]* value="([^"]+)"', client.get("/login").text)
    assert token
    return token[1]


def outcome(answer: TestResponse) -> int | str:
    to_sign_in = answer.status_code == 303 and answer.location.startswith("/login?next=")
    return SIGN_IN if to_sign_in else answer.status_code


def what_each_gets(house: House, method: str, path: str) -> dict[str, int | str]:
    got = {}
    for actor in ACTORS:
        answer = send(house.clients[actor], method, path.format(**house.ids), MATRIX[method, path].sent)
        got[actor] = outcome(answer)
        # A static file is an open file.
        answer.close()
    return got


def as_the_matrix_says(method: str, path: str) -> dict[str, int | str]:
    return {actor: getattr(MATRIX[method, path], actor) for actor in ACTORS}


def test_each_page_and_reading_answers_each_actor_as_the_matrix_says(house: House) -> None:
    # In one house, because GET changes nothing.
    paths = [path for method, path in MATRIX if method == "GET"]

    got = {path: what_each_gets(house, "GET", path) for path in paths}

    assert got == {path: as_the_matrix_says("GET", path) for path in paths}


@pytest.mark.parametrize(
    ("method", "path"), [key for key in MATRIX if key[0] != "GET"], ids=lambda part: part
)
def test_each_change_answers_each_actor_as_the_matrix_says(house: House, method: str, path: str) -> None:
    assert what_each_gets(house, method, path) == as_the_matrix_says(method, path)


def test_every_route_is_in_the_matrix_and_every_row_of_it_is_a_route(app: Flask) -> None:
    routes = {(method, str(rule.endpoint)) for rule, method in routes_of(app)}
    adapter = app.url_map.bind("localhost")
    ids = {"server": 1, "disabled": 1, "unreachable": 1, "session": 1, "user": 1, "group": 1}

    listed = {(method, adapter.match(path.format(**ids), method=method)[0]) for method, path in MATRIX}

    assert routes - listed == set(), "add these routes to the matrix"
    assert listed - routes == set()
