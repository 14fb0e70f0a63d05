"""Tools by JSON of servers that misbehave: answers in words of ours."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from flask import Flask
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from app.mcp.egress import Egress
from tests.canary import CANARY
from tests.mcp_servers import bad
from tests.mcp_servers.running import Running, running
from tests.web.api.conftest import Program, assert_problem, lead_to, save

WRONG = "wrong-token-0123456789"


@pytest.fixture(scope="module")
def faulty() -> Iterator[Running]:
    with running(bad.faulty()) as server:
        yield server


@pytest.fixture(scope="module")
def odd_numbers() -> Iterator[Running]:
    """A server whose tool answers numbers that no JSON has."""
    results = {
        "initialize": '{"protocolVersion": "2025-06-18", "capabilities": {"tools": {}}, '
        '"serverInfo": {"name": "odd", "version": "1"}}',
        "tools/list": '{"tools": [{"name": "odd", "inputSchema": {"type": "object", "maximum": Infinity}}]}',
        "tools/call": '{"content": [], "structuredContent": {"x": NaN, "y": [-Infinity, 1e999, 1.5]}}',
    }

    async def answer(request: Request) -> Response:
        message = json.loads(await request.body() or b"{}")
        result = results.get(message.get("method"))
        if result is None:
            error = '{"code": -32601, "message": "no"}'
            text = f'{{"jsonrpc": "2.0", "id": {json.dumps(message.get("id"))}, "error": {error}}}'
            return Response(
                text if "id" in message else None,
                200 if "id" in message else 202,
                media_type="application/json",
            )
        text = f'{{"jsonrpc": "2.0", "id": {json.dumps(message["id"])}, "result": {result}}}'
        return Response(text, media_type="application/json")

    with running(Starlette(routes=[Route("/mcp", answer, methods=["GET", "POST", "DELETE"])])) as server:
        yield server


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        ("/html", "not_mcp"),
        ("/not-json", "not_mcp"),
        ("/403", "insufficient_scope"),
        ("/429", "rate_limited"),
        ("/500", "server_error"),
        ("/redirect", "redirect"),
        ("/nothing-here", None),
    ],
)
def test_a_server_that_misbehaves_is_502_in_words_of_ours(
    ann: Program, app: Flask, faulty: Running, fault: str, reason: str | None
) -> None:
    path = lead_to(app, faulty, fault)
    save(ann, path, CANARY)

    for answer in (ann.post(f"{path}/tools"), ann.post(f"{path}/call", {"tool": "whoami"})):
        document = assert_problem(answer, 502, "upstream_error")
        assert reason is None or document["reason"] == reason


def test_a_private_address_that_is_not_allowed_looks_like_one_that_is_down(
    ann: Program, app: Flask, demo: Running
) -> None:
    path = lead_to(app, demo)
    app.extensions["egress"] = Egress(allow=frozenset(), plain_http=True)

    answer = ann.post(f"{path}/tools", {"mcp_auth_token": CANARY})

    assert assert_problem(answer, 502, "upstream_error")["reason"] == "unreachable"


def test_a_server_that_sends_the_token_back_is_not_passed_on(
    ann: Program, app: Flask, faulty: Running
) -> None:
    path = lead_to(app, faulty, "/echo")

    # The client and the log are searched for the canary after every test.
    for answer in (
        ann.post(f"{path}/tools", {"mcp_auth_token": CANARY}),
        ann.post(f"{path}/call", {"tool": "leak", "mcp_auth_token": CANARY}),
    ):
        assert answer.status_code == 200
        assert "[token removed]" in answer.text


def test_numbers_that_no_json_has_become_null(ann: Program, app: Flask, odd_numbers: Running) -> None:
    path = lead_to(app, odd_numbers, token_required=False)

    listed = ann.post(f"{path}/tools")
    called = ann.post(f"{path}/call", {"tool": "odd"})

    assert listed.json["tools"][0]["input_schema"] == {"type": "object", "maximum": None}
    assert called.json["structured_content"] == {"x": None, "y": [None, None, 1.5]}
