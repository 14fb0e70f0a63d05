"""Trials of servers of others and of ours: what each shows to whoever has no token, in time."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

import pytest
from mcp.server import MCPServer
from mcp_types import ToolAnnotations
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from app.mcp.trial import MAX_READ_ONLY, MAX_SELF_CHARS, Trial, try_out
from tests.mcp.test_checks import refusing, scoped
from tests.mcp_servers import bad, good
from tests.mcp_servers.independent import RSAKeyPair, everything, fastmcp, signed_tokens, static_tokens
from tests.mcp_servers.running import Running, running

METADATA = "/.well-known/oauth-protected-resource"

#: The tools that server-everything marks as read-only.
EVERYTHING = (
    *("echo", "get-annotated-message", "get-env", "get-resource-links", "get-resource-reference"),
    *("get-structured-content", "get-sum", "get-tiny-image", "trigger-long-running-operation"),
)


def ask(server: Running, **options: Any) -> Trial:
    probe, seconds = options.pop("probe_tool", None), options.pop("timeout_seconds", 12)
    return try_out(server.remote(None, **options), server.egress, probe_tool=probe, timeout_seconds=seconds)


#: What runs → outcome, reason, transport, era, protocol, number of tools, read-only ones, OAuth.
Seen = tuple[str, str, str | None, str | None, str | None, int | None, tuple[str, ...], bool | None]
REFUSES: Seen = ("refused", "connect", None, None, None, None, (), True)
INDEPENDENT: dict[str, tuple[Callable[[], AbstractContextManager[Running]], Seen]] = {
    "fastmcp, no auth": (
        lambda: running(fastmcp()),
        ("open", "open", "streamable-http", "stateless", "2026-07-28", 1, ("ping",), False),
    ),
    "fastmcp, static tokens": (
        lambda: running(fastmcp(static_tokens(right_token=["read"]))),
        (*REFUSES[:-1], False),
    ),
    "fastmcp, signed tokens": (
        lambda: running(fastmcp(signed_tokens(RSAKeyPair.generate()))),
        (*REFUSES[:-1], False),
    ),
    "the SDK's own, with scopes": (lambda: running(scoped()), REFUSES),
    "the SDK's own, without auth": (
        lambda: running(good.without_token()),
        ("open", "open", "streamable-http", "stateless", "2026-07-28", 1, (), False),
    ),
    "by hand, the era before": (lambda: running(good.legacy()), (*REFUSES[:-1], False)),
    "server-everything": (
        lambda: everything("streamableHttp"),
        ("open", "open", "streamable-http", "handshake", "2025-11-25", 13, EVERYTHING, False),
    ),
}


def seen(trial: Trial) -> Seen:
    return (
        *(trial.outcome, trial.reason, trial.transport, trial.era, trial.protocol),
        *(trial.tools, trial.read_only, trial.offers_oauth),
    )


@pytest.mark.parametrize("name", INDEPENDENT)
def test_each_server_is_told_for_what_it_is(name: str) -> None:
    start, expected = INDEPENDENT[name]

    with start() as server:
        assert seen(ask(server)) == expected


@pytest.mark.parametrize("declared", ["sse", "streamable-http"])
def test_the_transport_that_answers_is_found_whatever_the_catalogue_calls_it(declared: str) -> None:
    with everything("sse") as server:
        old = ask(server, transport=declared)
    with running(good.without_token()) as server:
        new = ask(server, transport=declared)
    with running(good.over_sse(), "/sse") as server:
        refused = ask(server, transport=declared)

    assert (old.outcome, old.transport, old.era) == ("open", "sse", "handshake")
    assert (new.outcome, new.transport, new.era) == ("open", "streamable-http", "stateless")
    assert (refused.outcome, refused.reason, refused.transport) == ("refused", "connect", None)


@pytest.mark.parametrize(
    ("fault", "outcome", "reason", "oauth"),
    [
        ("hang", "unreachable", "timeout", None),
        ("drip", "unreachable", "timeout", None),
        ("html", "unreachable", "not_mcp", None),
        ("not-json", "unreachable", "not_mcp", None),
        ("nonsense", "unreachable", "not_mcp", None),
        ("accepted", "unreachable", "not_mcp", None),
        ("404", "unreachable", "not_mcp", None),
        ("huge", "unreachable", "too_large", None),
        ("redirect", "unreachable", "redirect", None),
        ("redirect-within", "unreachable", "redirect", None),
        ("500", "unreachable", "server_error", None),
        ("429", "unreachable", "rate_limited", None),
        ("403", "refused", "forbidden", False),
        ("401", "refused", "connect", False),
        ("401-bare", "refused", "connect", False),
        ("401-oauth", "refused", "connect", True),
        ("echo", "open", "open", False),
    ],
)
def test_a_fault_is_told_in_words_of_ours_in_time(
    faulty: Running, fault: str, outcome: str, reason: str, oauth: Any
) -> None:
    started = time.monotonic()

    trial = ask(faulty, path=f"/{fault}", timeout_seconds=2)

    assert (trial.outcome, trial.reason, trial.offers_oauth) == (outcome, reason, oauth)
    assert time.monotonic() - started < 4


@pytest.mark.parametrize("fault", ["hang", "html", "404", "500", "redirect", "401"])
def test_a_fault_is_told_alike_where_the_catalogue_says_sse(faulty: Running, fault: str) -> None:
    told = [
        ask(faulty, path=f"/{fault}", transport=transport, timeout_seconds=2)
        for transport in ("sse", "streamable-http")
    ]

    assert told[0] == told[1]


def test_where_nothing_listens_looks_like_where_nobody_may_go(faulty: Running) -> None:
    closed = ask(Running(1, "/mcp"))
    private = try_out(faulty.remote(None), Running(1, "/mcp").egress)

    assert closed == private == Trial("unreachable", "unreachable")
    assert not [path for _, path, _ in faulty.requests if path == "/mcp"]


def test_nothing_that_was_not_meant_for_it_is_sent_and_nothing_called() -> None:
    with running(fastmcp(static_tokens(right_token=["read"]))) as server:
        ask(server)
        requests = list(server.requests)

    assert {path for _, path, _ in requests} == {"/mcp", f"{METADATA}/mcp", METADATA}
    assert not [headers for _, _, headers in requests if {"authorization", "cookie"} & headers.keys()]
    assert not [headers for _, _, headers in requests if headers.get("mcp-method") == "tools/call"]


@pytest.mark.parametrize(
    ("status", "at", "expected"),
    [
        (401, "initialize", ("refused", "connect")),
        (403, "initialize", ("refused", "forbidden")),
        (200, "tools/list", ("unclear", "error_answer")),
        (200, "initialize", ("unclear", "error_answer")),
        (429, "initialize", ("unreachable", "rate_limited")),
    ],
)
def test_a_refusal_is_told_from_an_error(status: int, at: str, expected: tuple[str, str]) -> None:
    with running(refusing(status, at)) as server:
        trial = ask(server)

    assert (trial.outcome, trial.reason) == expected


def gated(method: str, status: int, challenge: str = "Bearer") -> Any:
    """Return a server by hand that refuses this one method to everybody."""

    async def post(request: Request) -> Response:
        message = await request.json()
        if message["method"] == method:
            return Response(status_code=status, headers={"WWW-Authenticate": challenge})
        if "id" not in message:
            return Response(status_code=202)
        return JSONResponse({"jsonrpc": "2.0", "id": message["id"], **good.answer_to(message)})

    return Starlette(routes=[Route("/mcp", post, methods=["POST"])])


@pytest.mark.parametrize(
    ("status", "challenge", "reason", "oauth"),
    [
        (401, "Bearer", "list", False),
        (401, 'Basic realm="a", Bearer Resource_Metadata="https://x.example/"', "list", True),
        (403, "Bearer", "forbidden", False),
    ],
)
def test_a_server_that_refuses_only_its_list_is_told_for_what_it_is(
    status: int, challenge: str, reason: str, oauth: bool
) -> None:
    with running(gated("tools/list", status, challenge)) as server:
        trial = ask(server)

    assert (trial.outcome, trial.reason, trial.offers_oauth) == ("refused", reason, oauth)
    assert (trial.era, trial.protocol, trial.name) == ("handshake", good.LEGACY_VERSION, "legacy")
    assert (trial.tools, trial.read_only) == (None, ())


def probed(*, read_only: bool, fails: bool) -> tuple[Any, list[int]]:
    """Return a server that lists its tools to anybody, and what notes each call of one."""
    calls: list[int] = []
    server = MCPServer("probed", log_level="CRITICAL")

    @server.tool(annotations=ToolAnnotations(read_only_hint=read_only))
    def whoami() -> str:
        calls.append(1)
        if fails:
            raise ValueError("who are you?")
        return "nobody"

    return server.streamable_http_app(), calls


@pytest.mark.parametrize(
    ("read_only", "fails", "expected"),
    [
        (True, True, ("refused", "call")),
        (True, False, ("open", "probe_open")),
        (False, True, ("open", "open")),
    ],
)
def test_the_probe_tool_is_called_only_while_it_is_marked_read_only(
    read_only: bool, fails: bool, expected: tuple[str, str]
) -> None:
    app, calls = probed(read_only=read_only, fails=fails)
    with running(app) as server:
        trial = ask(server, probe_tool="whoami")

    assert (trial.outcome, trial.reason) == expected
    assert len(calls) == int(read_only)


@pytest.mark.parametrize(
    ("place", "body", "offers"),
    [
        (f"{METADATA}/401", {"authorization_servers": ["https://x.example/"]}, True),
        (METADATA, {"authorization_servers": ["https://x.example/"]}, True),
        (METADATA, {"authorization_servers": []}, False),
        (METADATA, [["authorization_servers"]], False),
        (METADATA, "authorization_servers", False),
        ("/elsewhere", {"authorization_servers": ["https://x.example/"]}, False),
    ],
)
def test_oauth_is_looked_for_at_the_same_host_and_nowhere_else(place: str, body: Any, offers: bool) -> None:
    inner = bad.faulty()
    inner.routes.append(Route(place, lambda _request: JSONResponse(body)))

    with running(inner) as server:
        trial = ask(server, path="/401")
        asked = {path for _, path, _ in server.requests}

    assert trial.offers_oauth is offers
    assert asked <= {"/401", f"{METADATA}/401", METADATA}


def test_a_page_that_a_host_gives_for_everything_is_no_metadata() -> None:
    async def page(request: Request) -> Response:
        if request.method == "POST":
            return Response(status_code=401)
        return Response("<!doctype html>" + "[" * 100_000, media_type="text/html")

    with running(Starlette(routes=[Route("/{path:path}", page, methods=["GET", "POST"])])) as server:
        assert ask(server).offers_oauth is False


def test_what_a_server_says_of_itself_is_cut_and_made_one_line() -> None:
    name = "<script>\n\u202eevil" + "x" * 5000
    tools = [
        {"name": f"tool-{number}", "inputSchema": {"type": "object"}, "annotations": {"readOnlyHint": True}}
        for number in range(60)
    ]
    tools[0]["name"] = "two\nlines"
    tools[1]["name"] = "x" * 300

    async def post(request: Request) -> Response:
        message = await request.json()
        answer = good.answer_to(message)
        if message["method"] == "initialize":
            answer["result"]["serverInfo"] = {"name": name, "version": name}
        if message["method"] == "tools/list":
            answer = {"result": {"tools": tools}}
        if "id" not in message:
            return Response(status_code=202)
        return Response(
            json.dumps({"jsonrpc": "2.0", "id": message["id"], **answer}), media_type="application/json"
        )

    with running(Starlette(routes=[Route("/mcp", post, methods=["POST"])])) as server:
        trial = ask(server)

    assert trial.name == trial.version == ("<script> evil" + "x" * 5000)[:MAX_SELF_CHARS]
    assert (trial.tools, len(trial.read_only)) == (60, MAX_READ_ONLY)
    assert trial.read_only[0] == "tool-2"
