"""The catalogue by JSON, for admins: listing, adding, enabling, deleting and trying out."""

from __future__ import annotations

from typing import Any

import pytest
from flask import Flask

from app.extensions import db
from app.models import Server, Token
from tests.canary import CANARY_HINT
from tests.factories import make_server, make_token, make_user
from tests.mcp_servers import good
from tests.mcp_servers.independent import fastmcp, static_tokens
from tests.mcp_servers.running import running
from tests.web.api.conftest import Program, assert_problem
from tests.web.api.test_admin_servers import actions, carol

__all__ = ["carol"]

LIST = "/api/admin/servers"
PATH = f"{LIST}/1"
NEW = {"name": "Octo", "url": "https://new.example.com/mcp"}


def tokens(app: Flask) -> int | None:
    with app.app_context():
        return db.session.scalar(db.select(db.func.count(Token.id)))


def test_to_everyone_else_there_are_no_such_addresses(app: Flask, ann: Program, carol: Program) -> None:
    assert_problem(ann.get(LIST), 404, "not_found")
    assert_problem(ann.post(LIST, NEW), 404, "not_found")
    assert_problem(ann.delete(f"{PATH}?deleted_tokens=2"), 404, "not_found")
    assert_problem(ann.post(f"{PATH}/try"), 404, "not_found")

    assert tokens(app) == 2
    assert [action for action, _ in actions(app)] == []


def test_the_catalogue_is_listed_searched_and_goes_on(app: Flask, carol: Program) -> None:
    with app.app_context():
        for name in ("Asana", "Zapier"):
            make_server(name, is_enabled=False)

    first = carol.get(f"{LIST}?limit=2").json
    second = carol.get(f"{LIST}?limit=2&after={first['next']}").json

    names = [(one["name"], one["enabled"], one["people"]) for one in first["items"] + second["items"]]
    assert names == [("Asana", False, 0), ("GitHub", True, 2), ("Zapier", False, 0)]
    assert second["next"] is None
    assert first["items"][1] == carol.get(PATH).json
    assert [one["name"] for one in carol.get(f"{LIST}?q=ZAP").json["items"]] == ["Zapier"]
    assert CANARY_HINT not in carol.get(LIST).text
    for query in ("limit=0", "after=x", "q=%00"):
        assert_problem(carol.get(f"{LIST}?{query}"), 422, "invalid")


@pytest.mark.parametrize(
    ("more", "kept"),
    [
        ({}, {"auth_header_name": "Authorization", "auth_value_format": "Bearer {token}", "enabled": True}),
        ({"auth_header_name": "X-API-Key"}, {"auth_value_format": "{token}"}),
        ({"auth_value_format": "App {token}"}, {"auth_value_format": "App {token}"}),
        ({"enabled": False}, {"enabled": False, "disabled_reason": None}),
        ({"extra_headers": {"X-One": "1"}, "probe_tool": "whoami"}, {"probe_tool": "whoami"}),
        ({"url": "https://\u0430pple.example/mcp"}, {"url": "https://xn--pple-43d.example/mcp"}),
    ],
)
def test_a_server_is_added_with_the_rules_of_the_page(
    carol: Program, more: dict[str, Any], kept: dict[str, Any]
) -> None:
    answer = carol.post(LIST, NEW | more)

    assert answer.status_code == 201
    assert {name: answer.json[name] for name in kept} == kept
    assert carol.get(f"{LIST}/{answer.json['id']}").json == answer.json


def test_a_server_is_added_for_nobody_yet_or_for_everyone(ann: Program, carol: Program) -> None:
    added = [carol.post(LIST, NEW | more).json for more in ({"for_everyone": False}, {})]

    assert [one["for_everyone"] for one in added] == [False, True]
    assert carol.get(f"{LIST}/{added[0]['id']}/groups").json["for_everyone"] is False
    assert [one["id"] for one in ann.get("/api/mcp-servers").json["items"]] == [1, added[1]["id"]]


def test_what_cannot_be_added_names_the_field_and_adds_nothing(app: Flask, carol: Program) -> None:
    for body, field, reason in (
        ({"url": NEW["url"]}, "name", "required"),
        ({"name": "Octo"}, "url", "required"),
        (NEW | {"url": "https://a:b@x.example/"}, "url", "userinfo"),
        (NEW | {"auth_header_name": "Mcp-Session-Id"}, "auth_header_name", "reserved_mcp"),
        (NEW | {"auth_header_name": "User-Agent"}, "auth_header_name", "reserved_logged"),
        (NEW | {"extra_headers": {"Host": "a"}}, "extra_headers", "reserved_host"),
        (NEW | {"extra_headers": {"Authorization": "x"}}, "extra_headers", "secret"),
        (NEW | {"extra_headers": {"X-Tenant": "glpat-" + "a1B2" * 5}}, "extra_headers", "secret"),
        (NEW | {"extra_headers": {"X-Rewrite-URL": "/admin"}}, "extra_headers", "reserved_request"),
        (NEW | {"enabled": "yes"}, "enabled", "flag"),
        (NEW | {"held_tokens": 1}, "", "unknown_field"),
    ):
        problem = assert_problem(carol.post(LIST, body), 422, "invalid")

        assert list(problem["errors"]) == [field]
        assert problem["reason"] in {reason, "invalid"}
    assert len(carol.get(LIST).json["items"]) == 1
    assert actions(app) == []


def test_enabling_and_disabling_go_with_other_changes_or_alone(app: Flask, carol: Program) -> None:
    off = carol.patch(PATH, {"enabled": False, "name": "Octo"}).json
    again = carol.patch(PATH, {"enabled": False}).json
    on = carol.patch(PATH, {"enabled": True}).json

    assert (off["changed"], off["enabled"], off["name"]) == (["enabled", "name"], False, "Octo")
    assert (again["changed"], on["changed"], on["enabled"]) == ([], ["enabled"], True)
    assert actions(app) == [("server.changed", {})] * 3
    assert tokens(app) == 2
    refused = carol.patch(PATH, {"enabled": False, "url": "https://other.example.com/mcp"})
    assert_problem(refused, 409, "tokens_would_be_held")
    assert carol.get(PATH).json["enabled"] is True


def test_an_admins_word_takes_the_place_of_an_imports(app: Flask, carol: Program) -> None:
    with app.app_context():
        server = db.session.get_one(Server, 1)
        server.is_enabled, server.disabled_reason = False, "It wants 2 secrets."
        db.session.commit()

    answer = carol.patch(PATH, {"enabled": False}).json

    assert (answer["changed"], answer["disabled_reason"]) == (["enabled"], None)
    assert [action for action, _ in actions(app)] == ["server.changed"]


def test_deleting_wants_the_number_of_tokens_that_go(app: Flask, carol: Program) -> None:
    for query in ("", "?deleted_tokens=1", "?deleted_tokens=3"):
        problem = assert_problem(carol.delete(f"{PATH}{query}"), 409, "tokens_would_be_deleted")

        assert problem["deleted_tokens"] == 2
    for query in ("x", "-2", "2.0", "%EF%BC%92", "9" * 40):
        assert_problem(carol.delete(f"{PATH}?deleted_tokens={query}"), 422, "invalid")
    assert tokens(app) == 2

    answer = carol.delete(f"{PATH}?deleted_tokens=2")

    assert (answer.status_code, answer.data) == (204, b"")
    assert tokens(app) == 0
    assert actions(app) == [("server.deleted", {"deleted_tokens": 2})]
    assert_problem(carol.delete(f"{PATH}?deleted_tokens=2"), 404, "not_found")
    assert_problem(carol.get(PATH), 404, "not_found")


def test_a_server_without_tokens_is_deleted_at_once(app: Flask, carol: Program) -> None:
    with app.app_context():
        server_id = make_server("Empty").id

    assert carol.delete(f"{LIST}/{server_id}").status_code == 204


def test_trying_tells_what_the_server_shows(app: Flask, carol: Program) -> None:
    told = {}
    for name, asgi in {
        "open": fastmcp(),
        "closed": fastmcp(static_tokens(right_token=["read"])),
        "by hand": good.legacy(),
    }.items():
        with running(asgi) as server:
            app.extensions["egress"] = server.egress
            with app.app_context():
                made = make_server(name, url=server.url, transport="sse")
                make_token(make_user(f"{made.id}@example.com"), made)
                path = f"{LIST}/{made.id}/try"
            told[name] = carol.post(path).json
            assert not [headers for _, _, headers in server.requests if "authorization" in headers]

    assert told["open"] == {
        "outcome": "open",
        "detail": told["open"]["detail"],
        "reason": "open",
        "transport": "streamable-http",
        "era": "stateless",
        "protocol": "2026-07-28",
        "name": "independent",
        "version": told["open"]["version"],
        "wants_token": None,
        "offers_oauth": False,
        "tools": 1,
        "read_only_tools": ["ping"],
    }
    for name in ("closed", "by hand"):
        assert (told[name]["outcome"], told[name]["wants_token"]) == ("refused", "connect")
        assert (told[name]["transport"], told[name]["tools"], told[name]["read_only_tools"]) == (
            None,
            None,
            [],
        )
    assert [action for action, _ in actions(app)] == []


def test_trying_what_cannot_be_reached_is_an_answer(carol: Program) -> None:
    answer = carol.post(f"{PATH}/try")

    assert answer.status_code == 200
    assert (answer.json["outcome"], answer.json["offers_oauth"]) == ("unreachable", None)
    assert_problem(carol.post(f"{LIST}/99/try"), 404, "not_found")
