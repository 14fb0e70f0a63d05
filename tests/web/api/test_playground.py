"""Tools by JSON: which token is used, and when none may be. Against a real server."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from flask import Flask

from app.crypto.vault import Vault
from app.extensions import db
from app.models import Server, Token, User
from app.services.keys import Keys, Secrets
from tests.canary import CANARY
from tests.factories import make_token
from tests.mcp_servers import good
from tests.mcp_servers.running import Running, running
from tests.web.api.conftest import EMAIL, Program, assert_problem, lead_to, save

WRONG = "wrong-token-0123456789"


@pytest.fixture(scope="module")
def open_to_all() -> Iterator[Running]:
    with running(good.without_token()) as server:
        yield server


def test_the_saved_token_lists_and_calls(ann: Program, app: Flask, demo: Running) -> None:
    path = lead_to(app, demo)
    save(ann, path, CANARY)

    listed = ann.post(f"{path}/tools")
    called = ann.post(f"{path}/call", {"tool": "add", "arguments": {"a": 2, "b": 3}})

    assert (listed.status_code, listed.json["token_source"]) == (200, "saved")
    assert [tool["name"] for tool in listed.json["tools"]] == ["whoami", "add", "echo", "slow", "fail"]
    assert listed.json["tools"][0].keys() == {"name", "description", "input_schema"}
    assert called.status_code == 200
    assert called.json.keys() == {"token_source", "is_error", "content", "structured_content"}
    assert (called.json["token_source"], called.json["is_error"]) == ("saved", False)
    assert called.json["content"][0]["text"] == "5"
    shown = ann.get(path.replace("playground", "mcp-servers") + "/auth-token").json
    assert shown["last_used_at"] is not None


def test_a_typed_token_is_used_and_not_kept(ann: Program, app: Flask, demo: Running) -> None:
    path = lead_to(app, demo)

    called = ann.post(f"{path}/call", {"tool": "whoami", "mcp_auth_token": f"Bearer {CANARY}"})

    assert (called.status_code, called.json["token_source"]) == (200, "request")
    assert_problem(ann.post(f"{path}/call", {"tool": "whoami"}), 409, "token_required")
    with app.app_context():
        assert db.session.scalar(db.select(Token)) is None


def test_a_server_that_wants_none_is_sent_none(ann: Program, app: Flask, open_to_all: Running) -> None:
    path = lead_to(app, open_to_all, token_required=False)

    called = ann.post(f"{path}/call", {"tool": "ping", "arguments": None, "mcp_auth_token": None})

    assert (called.status_code, called.json["token_source"]) == (200, "none")


def test_a_tool_that_fails_is_an_answer(ann: Program, app: Flask, demo: Running) -> None:
    path = lead_to(app, demo)

    for tool in ("fail", "no-such-tool"):
        called = ann.post(f"{path}/call", {"tool": tool, "mcp_auth_token": CANARY})
        assert (called.status_code, called.json["is_error"]) == (200, True)


def test_a_rejected_token_says_which_one_it_was(ann: Program, app: Flask, demo: Running) -> None:
    path = lead_to(app, demo)
    save(ann, path, WRONG)

    for body, source in (({}, "saved"), ({"mcp_auth_token": WRONG}, "request")):
        for answer in (ann.post(f"{path}/tools", body), ann.post(f"{path}/call", {"tool": "whoami"} | body)):
            assert assert_problem(answer, 409, "token_rejected")["token_source"] == source


def test_a_missing_token_says_where_to_save_one(ann: Program, app: Flask, demo: Running) -> None:
    path = lead_to(app, demo)

    document = assert_problem(ann.post(f"{path}/tools"), 409, "token_required")

    assert ann.client.get(document["setup_url"]).status_code == 200


def test_a_typed_token_follows_the_rules_of_saved_ones(ann: Program, app: Flask, demo: Running) -> None:
    path = lead_to(app, demo)
    save(ann, path, CANARY)

    for text, reason in (("", "empty"), (" ", "empty"), ("****", "mask"), ("a b c d e f", "space")):
        for route, more in (("tools", {}), ("call", {"tool": "whoami"})):
            answer = ann.post(f"{path}/{route}", {"mcp_auth_token": text} | more)
            document = assert_problem(answer, 422, "invalid")
            assert (list(document["errors"]), document["reason"]) == (["mcp_auth_token"], reason)


@pytest.mark.parametrize(
    ("columns", "code"),
    [
        ({"expires_at": datetime(2020, 1, 1, tzinfo=UTC)}, "token_expired"),
        ({"bound_url": "https://elsewhere.example.com/mcp"}, "server_changed"),
        ({"unreadable_at": datetime(2020, 1, 1, tzinfo=UTC)}, "token_unreadable"),
        ({"token_encrypted": "damaged"}, "token_unreadable"),
    ],
)
def test_a_token_that_may_not_be_sent_is_not_sent(
    ann: Program, app: Flask, demo: Running, columns: dict[str, Any], code: str
) -> None:
    path = lead_to(app, demo)
    with app.app_context():
        server = db.session.scalars(db.select(Server).where(Server.url == demo.url)).one()
        make_token(db.session.scalars(db.select(User).where(User.email == EMAIL)).one(), server, **columns)
    before = len(demo.requests)

    for answer in (ann.post(f"{path}/tools"), ann.post(f"{path}/call", {"tool": "whoami"})):
        assert_problem(answer, 409, code)

    assert len(demo.requests) == before


def test_with_another_secret_reading_and_deleting_work_and_the_rest_is_503(
    ann: Program, app: Flask, demo: Running
) -> None:
    path = lead_to(app, demo)
    save(ann, path, CANARY)
    app.extensions["keys"] = Keys(Secrets("another secret that is long enough to be one"))
    token_path = path.replace("playground", "mcp-servers") + "/auth-token"

    for answer in (
        ann.post(token_path, {"token": CANARY}),
        ann.post(f"{path}/tools"),
        ann.post(f"{path}/call", {"tool": "whoami"}),
    ):
        assert_problem(answer, 503, "key_not_loaded")
    assert ann.get(token_path).json["status"] == "saved"
    assert ann.delete(token_path).status_code == 204


@pytest.mark.parametrize(
    ("body", "errors"),
    [
        ({"tool": ""}, ["tool"]),
        ({"tool": None}, ["tool"]),
        ({"tool": 1}, ["tool"]),
        ({"tool": "x\0"}, ["tool"]),
        ({"tool": "x", "arguments": []}, ["arguments"]),
        ({"tool": "x", "arguments": "{}"}, ["arguments"]),
        ({"tool": [], "arguments": 1, "mcp_auth_token": 2}, ["arguments", "mcp_auth_token", "tool"]),
    ],
)
def test_a_call_that_is_no_call_is_refused_by_its_fields(
    ann: Program, body: dict[str, Any], errors: list[str]
) -> None:
    document = assert_problem(ann.post("/api/playground/1/call", body), 422, "invalid")

    assert sorted(document["errors"]) == errors


def test_nothing_is_unsealed_for_reading(ann: Program, monkeypatch: pytest.MonkeyPatch) -> None:
    ann.post("/api/mcp-servers/1/auth-token", {"token": CANARY})
    monkeypatch.setattr(Vault, "unseal", None)

    assert ann.get("/api/mcp-servers").status_code == 200
    assert ann.get("/api/mcp-servers/1/auth-token").status_code == 200
