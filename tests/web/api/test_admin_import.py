"""The catalogue by JSON: an import with its plan, consent by number, and the export."""

from __future__ import annotations

from typing import Any

import pytest
from flask import Flask

from app.extensions import db
from app.models import AuditEvent, Server
from tests.factories import make_server, make_token, make_user
from tests.web.api.conftest import Program, assert_problem

IMPORT, EXPORT = "/api/admin/servers/import", "/api/admin/servers/export"
NEW = "https://new.example.com/mcp"


@pytest.fixture
def carol(app: Flask) -> Program:
    """Return an admin's program; two others hold tokens for a server that came from an entry."""
    with app.app_context():
        make_user("carol@example.com", admin=True)
        server = make_server("Octo", slug="octo", registry_name="com.octo/mcp")
        for name in ("dan", "eve"):
            make_token(make_user(f"{name}@example.com"), server)
    program = Program(app)
    assert program.sign_in("carol@example.com").status_code == 200
    return program


def entry(name: str, url: str, *headers: Any) -> dict[str, Any]:
    return {"name": name, "remotes": [{"type": "streamable-http", "url": url, "headers": list(headers)}]}


MOVED = [entry("com.octo/mcp", NEW), entry("com.other/mcp", "https://other.example.com/mcp")]


def addresses(app: Flask) -> set[str]:
    with app.app_context():
        return set(db.session.scalars(db.select(Server.url)))


def events(app: Flask) -> list[tuple[str, dict[str, Any]]]:
    with app.app_context():
        statement = db.select(AuditEvent).where(AuditEvent.action.startswith("server."))
        return [(one.action, one.details) for one in db.session.scalars(statement.order_by(AuditEvent.id))]


def test_a_dry_run_says_what_would_happen_and_does_nothing(app: Flask, carol: Program) -> None:
    before = addresses(app)

    plan = carol.post(IMPORT, {"catalogue": MOVED, "dry_run": True}).json

    assert (plan["dry_run"], plan["added"], plan["changed"], plan["held_tokens"]) == (True, 1, 1, 2)
    moved, added = plan["servers"]
    assert (moved["action"], moved["held_tokens"], added["action"], added["id"]) == ("change", 2, "add", None)
    assert {"field": "url", "old": "https://mcp-1.example.com/mcp", "new": NEW} in moved["changes"]
    assert (addresses(app), events(app)) == (before, [])


def test_a_dry_run_shows_all_that_a_new_server_would_have(carol: Program) -> None:
    org = {"name": "X-Org", "value": "everybodys"}
    body = {"catalogue": entry("com.a/mcp", NEW, {"name": "X-Key"}, org), "dry_run": True}

    [added] = carol.post(IMPORT, body).json["servers"]

    assert added["changes"] == [
        {"field": "auth_header_name", "old": None, "new": "X-Key"},
        {"field": "auth_value_format", "old": None, "new": "{token}"},
        {"field": "extra_headers", "old": None, "new": {"X-Org": "everybodys"}},
    ]


def test_consent_is_the_number_and_the_plan(app: Flask, carol: Program) -> None:
    body = {"catalogue": MOVED}
    plan = carol.post(IMPORT, body | {"dry_run": True}).json["plan"]
    before = addresses(app)

    for held in ({}, {"held_tokens": 0}, {"held_tokens": 1}, {"held_tokens": 3}):
        problem = assert_problem(carol.post(IMPORT, body | held), 409, "tokens_would_be_held")
        assert problem["held_tokens"] == 2
    stale = carol.post(IMPORT, body | {"held_tokens": 2, "plan": plan[::-1]})
    assert_problem(stale, 409, "changed_meanwhile")
    assert (addresses(app), events(app)) == (before, [])

    done = carol.post(IMPORT, body | {"held_tokens": 2, "plan": plan})

    assert (done.status_code, done.json["dry_run"], done.json["held_tokens"]) == (200, False, 2)
    assert NEW in addresses(app)
    assert events(app)[0] == ("server.address_changed", {"held_tokens": 2})
    again = carol.post(IMPORT, body).json
    assert (again["added"], again["changed"], again["unchanged"], again["held_tokens"]) == (0, 0, 2, 0)


def test_entries_are_chosen_by_name(app: Flask, carol: Program) -> None:
    body = {"catalogue": MOVED, "entries": ["com.other/mcp", "com.other/mpc"]}

    planned, done = (carol.post(IMPORT, body | {"dry_run": dry}).json for dry in (True, False))

    assert (planned["added"], done["added"]) == (1, 1)
    missing = [{"what": "com.other/mpc", "why": "there is no such entry to import"}]
    assert (planned["skipped"], done["skipped"]) == (missing, missing)
    assert NEW not in addresses(app)


def test_what_is_left_open_is_asked_for_and_answered(app: Flask, carol: Program) -> None:
    body = {"catalogue": entry("com.a/mcp", "https://{tenant}.example.com/mcp")}

    [question] = carol.post(IMPORT, body).json["questions"]
    answered = carol.post(IMPORT, body | {"values": {question["key"]: "acme", "nobody": "asks"}}).json

    assert (question["name"], question["required"], question["answer"]) == ("tenant", True, "")
    assert answered["added"] == 1
    assert answered["skipped"] == [{"what": "nobody", "why": "nothing asks for it"}]
    [kept] = carol.post(IMPORT, body).json["questions"]
    assert (kept["answer"], kept["source"]) == ("acme", "kept")


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "catalogue"),
        ({"catalogue": "[]"}, "catalogue"),
        ({"catalogue": None}, "catalogue"),
        ({"catalogue": [], "values": {"tenant": 1}}, "values"),
        ({"catalogue": [], "values": {"tenant": "ghp_" + "a1" * 18}}, "values"),
        ({"catalogue": [], "entries": "com.a/mcp"}, "entries"),
        ({"catalogue": [], "held_tokens": True}, "held_tokens"),
        ({"catalogue": [], "dry_run": 1}, "dry_run"),
        ({"catalogue": [], "token": "x"}, ""),
    ],
)
def test_what_is_no_import_is_refused_by_its_field(carol: Program, body: dict[str, Any], field: str) -> None:
    problem = assert_problem(carol.post(IMPORT, body), 422, "invalid")

    assert list(problem["errors"]) == [field]
    assert "a1a1" not in str(problem)


def test_a_body_may_be_as_large_as_the_document_says_and_no_larger(carol: Program) -> None:
    filler = [{"name": "com.a/mcp", "packages": [{}], "description": "x" * 1_000_000}]

    assert carol.post(IMPORT, {"catalogue": filler * 8}).status_code == 200
    assert_problem(carol.post(IMPORT, {"catalogue": filler * 13}), 413, "too_large")
    described = carol.get("/api/openapi.json").json["components"]["schemas"]["CatalogueImport"]
    assert "12 MiB" in described["properties"]["catalogue"]["description"]


def test_the_export_comes_back_as_it_is(app: Flask, carol: Program) -> None:
    exported = carol.get(EXPORT)

    assert (exported.status_code, exported.json["metadata"]) == (200, {"count": 1})
    again = carol.post(IMPORT, {"catalogue": exported.json}).json
    assert (again["unchanged"], again["skipped"], events(app)) == (1, [], [])
    assert "@example.com" not in exported.text
