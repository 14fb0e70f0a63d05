"""A server of the catalogue by JSON, for admins: what it is, and changing it."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from flask import Flask

from app.extensions import db
from app.models import AuditEvent, Server, Token
from app.services import accounts
from tests.canary import CANARY, CANARY_HINT
from tests.factories import ACTOR, make_server, make_token, make_user
from tests.mcp_servers import good
from tests.mcp_servers.running import Running, running
from tests.web.api.conftest import Program, assert_problem, lead_to, save

PATH = "/api/admin/servers/1"
NEW = "https://new.example.com/mcp"


@pytest.fixture
def carol(app: Flask, server_id: int) -> Program:
    """Return an admin's program, signed in; two others hold tokens for the server."""
    with app.app_context():
        make_user("carol@example.com", admin=True)
        for name in ("dan", "eve"):
            make_token(make_user(f"{name}@example.com"), db.session.get_one(Server, server_id))
    program = Program(app)
    assert program.sign_in("carol@example.com").status_code == 200
    return program


def actions(app: Flask) -> list[tuple[str, dict[str, Any]]]:
    with app.app_context():
        statement = db.select(AuditEvent).where(AuditEvent.action.startswith("server."))
        return [(one.action, one.details) for one in db.session.scalars(statement.order_by(AuditEvent.id))]


def test_to_everyone_else_there_is_no_such_address(app: Flask, ann: Program, carol: Program) -> None:
    with app.app_context():
        make_user("dora@example.com")
        accounts.set_role("dora@example.com", "auditor", ACTOR)
    dora = Program(app)
    dora.sign_in("dora@example.com")

    for program in (ann, dora):
        assert_problem(program.get(PATH), 404, "not_found")
        for body in ({"name": "Mine"}, {"x": 1}, None):
            assert_problem(program.patch(PATH, body), 404, "not_found")
    assert carol.get(PATH).json["name"] == "GitHub"
    assert actions(app) == []


def test_an_admin_sees_everything_but_the_tokens(carol: Program) -> None:
    answer = carol.get(PATH)

    document = answer.json
    updated_at = document.pop("updated_at")
    assert document == {
        "id": 1,
        "slug": "server-1",
        "name": "GitHub",
        "description": "",
        "url": "https://127.0.0.1:9/mcp",
        "transport": "streamable-http",
        "auth_header_name": "Authorization",
        "auth_value_format": "Bearer {token}",
        "token_required": True,
        "extra_headers": {},
        "token_help": None,
        "token_help_url": None,
        "token_placeholder": None,
        "probe_tool": None,
        "enabled": True,
        "disabled_reason": None,
        "registry_name": None,
        "for_everyone": True,
        "people": 2,
    }
    assert updated_at
    assert CANARY_HINT not in answer.text


def test_only_what_is_named_changes(app: Flask, carol: Program) -> None:
    before = carol.get(PATH).json

    answer = carol.patch(PATH, {"extra_headers": {"X-A": "1"}, "probe_tool": "get_me", "token_help": None})

    after = answer.json
    assert answer.status_code == 200
    assert (after.pop("changed"), after.pop("held_tokens")) == (["extra_headers", "probe_tool"], 0)
    assert after == carol.get(PATH).json
    changed = {"extra_headers": {"X-A": "1"}, "probe_tool": "get_me", "updated_at": after["updated_at"]}
    assert after == before | changed
    assert actions(app) == [("server.changed", {})]


@pytest.mark.parametrize("body", [None, {}, {"name": "GitHub"}, {"held_tokens": 7}, {"token_help": " "}])
def test_nothing_to_change_is_no_error_and_no_event(app: Flask, carol: Program, body: Any) -> None:
    answer = carol.patch(PATH, body)

    assert (answer.status_code, answer.json["changed"]) == (200, [])
    assert actions(app) == []


def test_another_address_is_refused_with_the_number_until_it_is_named(app: Flask, carol: Program) -> None:
    for given in ({}, {"held_tokens": 1}, {"held_tokens": 3}):
        document = assert_problem(
            carol.patch(PATH, {"url": NEW, "name": "x"} | given), 409, "tokens_would_be_held"
        )
        assert document["held_tokens"] == 2
    assert carol.get(PATH).json["name"] == "GitHub"

    done = carol.patch(PATH, {"url": NEW, "held_tokens": 2})

    assert (done.status_code, done.json["held_tokens"], done.json["changed"]) == (200, 2, ["url"])
    assert actions(app) == [("server.address_changed", {"held_tokens": 2})]
    # They are on hold now, and nobody's is bound to the new one.
    assert carol.patch(PATH, {"url": f"{NEW}/2"}).json["held_tokens"] == 0


def test_who_says_what_they_saw_changes_nothing_over_it(carol: Program) -> None:
    seen = carol.get(PATH).json["updated_at"]
    carol.patch(PATH, {"name": "Theirs"})

    assert_problem(carol.patch(PATH, {"name": "Mine", "updated_at": seen}), 409, "changed_meanwhile")

    now = carol.get(PATH).json
    assert now["name"] == "Theirs"
    assert carol.patch(PATH, {"name": "Mine", "updated_at": now["updated_at"]}).status_code == 200


@pytest.mark.parametrize(
    ("body", "field", "reason"),
    [
        ({"name": " "}, "name", "empty"),
        ({"name": None}, "name", "text"),
        ({"name": "a\x00"}, "name", "control"),
        ({"url": "http://new.example.com:5/ü"}, "url", "characters"),
        ({"url": "https://a:b@new.example.com"}, "url", "userinfo"),
        ({"url": ""}, "url", "empty"),
        ({"url": None}, "url", "text"),
        ({"transport": "stdio"}, "transport", "unknown"),
        ({"auth_header_name": "Cookie"}, "auth_header_name", "reserved_cookie"),
        ({"auth_value_format": "{token}{token}"}, "auth_value_format", "format"),
        ({"auth_value_format": "{token}\nX: y"}, "auth_value_format", "characters"),
        ({"token_required": 1}, "token_required", "flag"),
        ({"token_required": None}, "token_required", "flag"),
        ({"extra_headers": []}, "extra_headers", "object"),
        ({"extra_headers": None}, "extra_headers", "object"),
        ({"extra_headers": {"X-A": 1}}, "extra_headers", "text"),
        ({"extra_headers": {"X-A": {"b": "c"}}}, "extra_headers", "text"),
        ({"extra_headers": {"Authorization": "Bearer x"}}, "extra_headers", "secret"),
        ({"extra_headers": {"X-A": "1", "x-a": "2"}}, "extra_headers", "twice"),
        ({"token_help_url": "javascript:alert(1)"}, "token_help_url", "link"),
        ({"probe_tool": "a\tb"}, "probe_tool", "tool_name"),
        ({"probe_tool": "a\u2028b"}, "probe_tool", "tool_name"),
        ({"held_tokens": "2"}, "held_tokens", "count"),
        ({"held_tokens": True}, "held_tokens", "count"),
        ({"held_tokens": -1}, "held_tokens", "count"),
        ({"held_tokens": 2.0}, "held_tokens", "count"),
        ({"held_tokens": None}, "held_tokens", "count"),
        ({"updated_at": "yesterday"}, "updated_at", "date_time"),
        ({"slug": "other"}, "", "unknown_field"),
        ({"is_enabled": False}, "", "unknown_field"),
        ({"id": 2}, "", "unknown_field"),
    ],
)
def test_what_cannot_be_taken_is_said_by_its_field(
    app: Flask, carol: Program, body: dict[str, Any], field: str, reason: str
) -> None:
    document = assert_problem(carol.patch(PATH, body | {"description": "never"}), 422, "invalid")

    assert (list(document["errors"]), document["reason"]) == ([field], reason)
    assert carol.get(PATH).json["description"] == ""
    assert actions(app) == []


def test_a_number_beyond_all_people_is_a_number(carol: Program) -> None:
    assert_problem(carol.patch(PATH, {"url": NEW, "held_tokens": 10**30}), 409, "tokens_would_be_held")


@pytest.mark.parametrize("word", ["0", "99", "2147483648", "9" * 400, "-1", "x", "١"])
def test_what_is_no_server_is_404(carol: Program, word: str) -> None:
    for answer in (
        carol.get(f"/api/admin/servers/{word}"),
        carol.patch(f"/api/admin/servers/{word}", {"name": "x"}),
    ):
        assert_problem(answer, 404, "not_found")


def test_a_change_without_the_csrf_token_is_refused(carol: Program) -> None:
    carol.headers = {}

    assert_problem(carol.patch(PATH, {"name": "Mine"}), 400, "csrf_failed")
    assert carol.get(PATH).json["name"] == "GitHub"


def test_two_admins_at_once_lose_nothing(app: Flask, carol: Program) -> None:
    with app.app_context():
        make_user("cleo@example.com", admin=True)
    cleo = Program(app)
    cleo.sign_in("cleo@example.com")

    for number in range(8):
        bodies = ({"name": f"Name {number}"}, {"description": f"Text {number}"})
        with ThreadPoolExecutor(2) as pool:
            answers = list(pool.map(lambda one, body: one.patch(PATH, body), (carol, cleo), bodies))
        assert [answer.status_code for answer in answers] == [200, 200]
        shown = carol.get(PATH).json
        assert (shown["name"], shown["description"]) == (f"Name {number}", f"Text {number}")


@pytest.fixture(scope="module")
def houses() -> Iterator[tuple[Running, Running]]:
    with running(good.demo()) as old, running(good.demo()) as new:
        yield old, new


def test_a_moved_servers_tokens_are_not_sent_to_its_new_address(
    app: Flask, ann: Program, carol: Program, houses: tuple[Running, Running]
) -> None:
    old, new = houses
    path = lead_to(app, old)
    save(ann, path, CANARY)
    number = int(path.rpartition("/")[2])
    with app.app_context():
        elsewhere = make_server("Elsewhere", url=old.url)
        make_token(make_user("gil@example.com"), elsewhere)
        elsewhere_id = elsewhere.id
        # Only what is in the catalogue may be reached, and both may.
        app.extensions["egress"] = type(old.egress)(old.egress.allow | new.egress.allow, plain_http=True)
    for house in houses:
        house.requests.clear()

    moved = carol.patch(f"/api/admin/servers/{number}", {"url": new.url, "held_tokens": 1})

    assert (moved.status_code, moved.json["held_tokens"]) == (200, 1)
    for answer in (ann.post(f"{path}/tools"), ann.post(f"{path}/call", {"tool": "whoami"})):
        assert_problem(answer, 409, "server_changed")
    assert new.requests == old.requests == []
    assert ann.get(f"/api/mcp-servers/{number}/auth-token").json["status"] == "on_hold"
    # Of another server at the old address nobody's is on hold.
    with app.app_context():
        bound = db.select(Token.bound_url).where(Token.mcp_server_id == elsewhere_id)
        assert db.session.scalars(bound).all() == [old.url]
        assert db.session.get_one(Server, elsewhere_id).url == old.url
