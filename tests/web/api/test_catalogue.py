"""The catalogue by JSON: what is in it, in which order, and how it is narrowed."""

from __future__ import annotations

import pytest
from flask import Flask

from app import clock
from app.extensions import db
from app.models import Server
from app.models.server import search_key
from tests.canary import CANARY
from tests.factories import make_server
from tests.pages import PageClient
from tests.web.api.conftest import Program, assert_problem

PATH = "/api/mcp-servers/1/auth-token"


def test_a_disabled_server_is_there_only_to_delete_what_one_holds(ann: Program, app: Flask) -> None:
    ann.post(PATH, {"token": CANARY})
    with app.app_context():
        hidden = make_server("Hidden", is_enabled=False).id
        db.session.get_one(Server, 1).is_enabled = False
        db.session.commit()

    assert_problem(ann.post(PATH, {"token": CANARY}), 404, "not_found")
    assert ann.get(PATH).json["has_token"] is True
    assert [(item["id"], item["enabled"]) for item in ann.get("/api/mcp-servers").json["items"]] == [
        (1, False)
    ]
    assert_problem(ann.get(f"/api/mcp-servers/{hidden}/auth-token"), 404, "not_found")
    assert ann.delete(PATH).status_code == 204
    assert ann.get("/api/mcp-servers").json["items"] == []


def test_the_catalogue_comes_by_name_with_what_is_allowed_to_be_known(ann: Program, app: Flask) -> None:
    with app.app_context():
        make_server("Asana")
    ann.post(PATH, {"token": CANARY})

    answer = ann.get("/api/mcp-servers").json

    assert answer.keys() == {"items", "next"}
    assert [item["name"] for item in answer["items"]] == ["Asana", "GitHub"]
    assert answer["items"][1].keys() == {"id", "slug", "name", "url", "enabled", "available", "token"}
    assert answer["items"][1]["token"] == ann.get(PATH).json


def test_pages_follow_each_other_without_gap_or_overlap(ann: Program, app: Flask) -> None:
    with app.app_context():
        for number in range(6):
            make_server(f"Server {number // 2}")

    seen: list[int] = []
    path = "/api/mcp-servers?limit=3"
    while path:
        page = ann.get(path).json
        assert len(page["items"]) <= 3
        seen += [item["id"] for item in page["items"]]
        path = f"/api/mcp-servers?limit=3&after={page['next']}" if page["next"] else ""

    assert len(seen) == len(set(seen)) == 7


def test_fifty_come_when_no_limit_is_given(ann: Program, app: Flask) -> None:
    with app.app_context():
        _add_servers(60)

    assert len(ann.get("/api/mcp-servers").json["items"]) == 50
    assert len(ann.get("/api/mcp-servers?limit=100").json["items"]) == 61
    assert len(ann.get("/api/mcp-servers?limit=1").json["items"]) == 1


def _add_servers(count: int) -> None:
    now = clock.now()
    db.session.add_all(
        Server(
            slug=f"many-{number}",
            name=f"Many {number}",
            url=f"https://many-{number}.example.com/mcp",
            created_at=now,
            updated_at=now,
            extra_headers={},
        )
        for number in range(count)
    )
    db.session.commit()


def test_search_and_status_narrow_the_list(ann: Program, app: Flask) -> None:
    with app.app_context():
        make_server("Straße 100%")
    ann.post(PATH, {"token": CANARY})

    def names(query: str) -> list[str]:
        return [item["name"] for item in ann.get(f"/api/mcp-servers?{query}").json["items"]]

    assert names("q=git") == ["GitHub"]
    assert names("q=STRASSE") == ["Straße 100%"]
    assert names("q=100%25") == ["Straße 100%"]
    assert names("q=_") == []
    assert names("status=saved") == ["GitHub"]
    assert names("status=none") == ["Straße 100%"]
    assert names("status=attention") == []
    assert names("q=&status=&after=") == ["GitHub", "Straße 100%"]
    assert search_key("Straße") == "strasse"


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("q=%00", "q"),
        ("limit=0", "limit"),
        ("limit=101", "limit"),
        ("limit=-1", "limit"),
        ("limit=", "limit"),
        ("limit=1_0", "limit"),
        ("limit=%D9%A1", "limit"),
        ("limit=1.0", "limit"),
        ("limit=99999999999999999999", "limit"),
        (f"limit={'9' * 5000}", "limit"),
        ("status=Saved", "status"),
        ("status=canary%2BZk3v9", "status"),
        ("after=x", "after"),
        ("after=%00", "after"),
        ("after=%F0%9F%94%91", "after"),
        ("after=bnVsbA", "after"),
        ("after=W10", "after"),
        ("after=WyJhIiwgMWUzMDld", "after"),
    ],
)
def test_a_query_that_means_nothing_is_refused_by_its_field(ann: Program, query: str, field: str) -> None:
    document = assert_problem(ann.get(f"/api/mcp-servers?{query}"), 422, "invalid")

    assert list(document["errors"]) == [field]


@pytest.mark.parametrize("name", ["token", "TOKEN", "mcp_auth_token", "access_token", "api_key", "password"])
def test_a_secret_in_the_address_is_refused_in_api_and_pages(
    ann: Program, stranger: PageClient, name: str
) -> None:
    value = {name: CANARY}

    for client in (ann.client, stranger):
        for path in ("/api/mcp-servers", PATH, "/api/session", "/api/nothing", "/api/openapi.json"):
            assert_problem(client.get(path, query_string=value), 400, "secret_in_url")
        assert client.get("/settings/tokens", query_string=value).status_code == 400
        assert client.get("/login", query_string=value).status_code == 400
    refused = ann.client.post(PATH, query_string=value, json={"token": CANARY}, headers=ann.headers)
    assert_problem(refused, 400, "secret_in_url")
    assert ann.get(PATH).json == {"has_token": False}
