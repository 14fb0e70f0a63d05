"""Checks against servers of others and of ours: each gives the right one of the four answers, in time."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import Any

import pytest
from mcp.server import MCPServer
from mcp.server.auth.provider import AccessToken
from mcp.server.auth.settings import AuthSettings
from mcp_types import ToolAnnotations
from pydantic import AnyHttpUrl
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from app.mcp.checks import MAX_IDENTITY_CHARS, Verdict, check, identity_in
from tests.mcp_servers import bad, good
from tests.mcp_servers.independent import (
    ISSUER,
    RSAKeyPair,
    everything,
    fastmcp,
    signed_tokens,
    static_tokens,
)
from tests.mcp_servers.running import Running, running

RIGHT = "right-token-0123456789"
WRONG = "wrong-token-0123456789"
PAIR = RSAKeyPair.generate()


def jwt(**more: Any) -> str:
    return PAIR.create_token(issuer=ISSUER, **more)


def ask(server: Running, token: str, **options: Any) -> Verdict:
    probe = options.pop("probe_tool", None)
    seconds = options.pop("timeout_seconds", 12)
    return check(
        server.remote(token, **options),
        server.remote(None, **options),
        server.egress,
        probe_tool=probe,
        timeout_seconds=seconds,
    )


def scoped() -> Any:
    """Return a server of the SDK that wants a scope: 403 `insufficient_scope` for a token without it."""

    class Verifier:
        async def verify_token(self, token: str) -> AccessToken | None:
            scopes = {RIGHT: ["write"], "poor-token-0123456789": []}.get(token)
            return None if scopes is None else AccessToken(token=token, client_id="ann", scopes=scopes)

    settings = AuthSettings(
        issuer_url=AnyHttpUrl(ISSUER),
        resource_server_url=AnyHttpUrl("https://resource.example.com/mcp"),
        required_scopes=["write"],
        validate_token_resource=False,
    )
    server = MCPServer("scoped", token_verifier=Verifier(), auth=settings, log_level="CRITICAL")
    return server.streamable_http_app()


#: What runs → (token, answer, reason) for each token that is tried on it.
Case = tuple[Callable[[], AbstractContextManager[Running]], list[tuple[str, str, str]]]
INDEPENDENT: dict[str, Case] = {
    "fastmcp, static tokens": (
        lambda: running(fastmcp(static_tokens(right_token_0123456789=["read"]))),
        [(RIGHT, "accepted", "proved"), (WRONG, "rejected", "refused")],
    ),
    "fastmcp, static tokens with scopes": (
        lambda: running(
            fastmcp(static_tokens(["write"], right_token_0123456789=["write"], poor_token_0123456789=[]))
        ),
        [
            (RIGHT, "accepted", "proved"),
            # FastMCP says 401 `invalid_token` of a token that lacks a scope.
            ("poor-token-0123456789", "rejected", "refused"),
            (WRONG, "rejected", "refused"),
        ],
    ),
    "fastmcp, signed tokens": (
        lambda: running(fastmcp(signed_tokens(PAIR, ["write"]))),
        [
            (jwt(scopes=["write"]), "accepted", "proved"),
            (jwt(scopes=["write"], expires_in_seconds=-60), "rejected", "refused"),
            (jwt(), "rejected", "refused"),
            (RSAKeyPair.generate().create_token(issuer=ISSUER), "rejected", "refused"),
            (WRONG, "rejected", "refused"),
        ],
    ),
    "fastmcp, no auth": (lambda: running(fastmcp()), [(RIGHT, "not_proven", "open")]),
    "server-everything": (lambda: everything("streamableHttp"), [(RIGHT, "not_proven", "open")]),
    "our demo, of the SDK": (
        lambda: running(good.demo()),
        [(good.TOKEN, "accepted", "proved"), (WRONG, "rejected", "refused")],
    ),
    "the SDK's own, with scopes": (
        lambda: running(scoped()),
        [
            (RIGHT, "accepted", "proved"),
            ("poor-token-0123456789", "not_proven", "insufficient_scope"),
            (WRONG, "rejected", "refused"),
        ],
    ),
    "by hand, the era before": (
        lambda: running(good.legacy()),
        [(good.TOKEN, "accepted", "proved"), (WRONG, "rejected", "refused")],
    ),
}


@pytest.mark.parametrize("name", INDEPENDENT)
def test_each_token_gets_the_right_answer_of_each_server(name: str) -> None:
    start, tokens = INDEPENDENT[name]
    with start() as server:
        for token, result, reason in tokens:
            assert ask(server, token) == Verdict(result, reason), token[:5]


@pytest.mark.parametrize("declared", ["sse", "streamable-http"])
def test_a_server_of_the_oldest_era_is_found_whatever_the_catalogue_calls_it(declared: str) -> None:
    with running(good.over_sse(), "/sse") as server:
        assert ask(server, good.TOKEN, transport=declared) == Verdict("accepted", "proved")
        assert ask(server, WRONG, transport=declared) == Verdict("rejected", "refused")
    with everything("sse") as server:
        assert ask(server, RIGHT, transport=declared) == Verdict("not_proven", "open")


@pytest.fixture(scope="module")
def faulty() -> Iterator[Running]:
    with running(bad.faulty()) as server:
        yield server


@pytest.mark.parametrize(
    ("fault", "result", "reason"),
    [
        ("hang", "unreachable", "timeout"),
        ("drip", "unreachable", "timeout"),
        ("html", "unreachable", "not_mcp"),
        ("not-json", "unreachable", "not_mcp"),
        ("nonsense", "unreachable", "not_mcp"),
        ("accepted", "unreachable", "not_mcp"),
        ("404", "unreachable", "not_mcp"),
        ("huge", "unreachable", "too_large"),
        ("redirect", "unreachable", "redirect"),
        ("redirect-within", "unreachable", "redirect"),
        ("500", "unreachable", "server_error"),
        ("503", "unreachable", "server_error"),
        ("429", "unreachable", "rate_limited"),
        ("403", "not_proven", "insufficient_scope"),
        ("401", "rejected", "refused"),
        ("401-bare", "rejected", "refused"),
        ("401-oauth", "rejected", "refused"),
        ("echo", "not_proven", "open"),
    ],
)
def test_a_fault_says_nothing_about_the_token_unless_it_is_a_refusal(
    faulty: Running, caplog: pytest.LogCaptureFixture, fault: str, result: str, reason: str
) -> None:
    started = time.monotonic()

    with caplog.at_level(logging.DEBUG):
        verdict = ask(faulty, RIGHT, path=f"/{fault}", timeout_seconds=3)

    assert verdict == Verdict(result, reason)
    assert time.monotonic() - started < 5
    assert RIGHT not in repr(verdict) + caplog.text


def test_where_nothing_listens_is_unreachable() -> None:
    assert ask(Running(1, "/mcp"), RIGHT) == Verdict("unreachable", "unreachable")


def test_the_token_is_in_none_of_the_requests_made_without_it() -> None:
    with running(good.demo()) as server:
        ask(server, good.TOKEN)
        with_token = [bool("authorization" in headers) for _, _, headers in server.requests]

    assert with_token == sorted(with_token, reverse=True)
    assert True in with_token
    assert False in with_token
    assert not [path for _, path, _ in server.requests if good.TOKEN in path]


def refusing(status: int, at: str = "tools/list") -> Any:
    """Return a server by hand that answers so whoever lacks its token; 200: with an error at this method."""

    async def post(request: Request) -> Response:
        message = await request.json()
        lacks = request.headers.get("authorization") != f"Bearer {RIGHT}"
        if lacks and status != 200:
            return Response(status_code=status)
        if lacks and message["method"] == at:
            error = {"code": -32001, "message": "Unauthorized"}
            return JSONResponse({"jsonrpc": "2.0", "id": message["id"], "error": error})
        if "id" not in message:
            return Response(status_code=202)
        return JSONResponse({"jsonrpc": "2.0", "id": message["id"], **good.answer_to(message)})

    return Starlette(routes=[Route("/mcp", post, methods=["POST"])])


@pytest.mark.parametrize(
    ("status", "result", "reason"),
    [
        # As good an answer as any other, with an error in it in place of a result.
        (200, "accepted", "proved"),
        (403, "accepted", "proved"),
        (400, "accepted", "proved"),
        (404, "accepted", "proved"),
        (500, "not_proven", "no_comparison"),
        (429, "not_proven", "no_comparison"),
    ],
)
def test_only_a_refusal_without_the_token_proves_it(status: int, result: str, reason: str) -> None:
    with running(refusing(status)) as server:
        assert ask(server, RIGHT) == Verdict(result, reason)


@pytest.mark.parametrize("at", ["initialize", "tools/list"])
def test_an_error_in_a_good_answer_rejects_nothing_and_proves_the_other_token(at: str) -> None:
    with running(refusing(200, at)) as server:
        assert ask(server, WRONG) == Verdict("not_proven", "error_answer")
        assert ask(server, RIGHT) == Verdict("accepted", "proved")


def test_a_server_without_any_tools_is_a_server() -> None:
    async def post(request: Request) -> Response:
        message = await request.json()
        if request.headers.get("authorization") != f"Bearer {RIGHT}":
            return Response(status_code=401)
        if "id" not in message:
            return Response(status_code=202)
        answer = good.answer_to(message)
        if message["method"] != "initialize":
            answer = {"error": {"code": -32601, "message": "Method not found"}}
        return JSONResponse({"jsonrpc": "2.0", "id": message["id"], **answer})

    with running(Starlette(routes=[Route("/mcp", post, methods=["POST"])])) as server:
        assert ask(server, RIGHT) == Verdict("accepted", "proved")
        assert ask(server, WRONG) == Verdict("rejected", "refused")


class Probed:
    """A server that lists its tools to anybody, and looks at the token only when one is called."""

    def __init__(self, answer: Callable[[str | None], Any], *, read_only: bool | None = True) -> None:
        self.calls: list[str | None] = []
        server = MCPServer("probed", log_level="CRITICAL")
        shown: list[str | None] = [None]

        @server.tool(annotations=ToolAnnotations(read_only_hint=read_only))
        def whoami() -> Any:
            self.calls.append(shown[0])
            return answer(shown[0])

        inner = server.streamable_http_app()

        async def asgi(scope: Any, receive: Any, send: Any) -> None:
            if scope["type"] == "http":
                header = dict(scope["headers"]).get(b"authorization", b"").decode()
                shown[0] = header.removeprefix("Bearer ") or None
            await inner(scope, receive, send)

        self.asgi = asgi


def only_right(answer: Any) -> Callable[[str | None], Any]:
    def act(token: str | None) -> Any:
        if token != RIGHT:
            raise ValueError("who are you?")
        return answer

    return act


@pytest.mark.parametrize(
    ("answer", "identity"),
    [
        ("ann@example.com", "ann@example.com"),
        ({"login": "ann", "id": 7}, "ann"),
        ({"user": {"id": 7, "name": "Ann"}}, "Ann"),
        ('{"email": "ann@example.com"}', "ann@example.com"),
        ("Ann\n<script>\tof everything", "Ann <script> of everything"),
        ("x" * 500, "x" * MAX_IDENTITY_CHARS),
        (f"key {RIGHT[:6]}…", None),
        (f"known by {RIGHT[::-1][3:9].upper()}", None),
    ],
)
def test_the_probe_decides_and_its_identity_holds_no_piece_of_the_token(
    answer: Any, identity: str | None
) -> None:
    probed = Probed(only_right(answer))
    with running(probed.asgi) as server:
        verdict = ask(server, RIGHT, probe_tool="whoami")

        assert verdict == Verdict("accepted", "probe", identity)
        assert ask(server, WRONG, probe_tool="whoami") == Verdict("not_proven", "probe_failed")


@pytest.mark.parametrize(("read_only", "name"), [(None, "whoami"), (False, "whoami"), (True, "another")])
def test_a_tool_that_is_not_marked_read_only_or_not_there_is_never_called(
    read_only: bool | None, name: str
) -> None:
    probed = Probed(only_right("ann"), read_only=read_only)
    with running(probed.asgi) as server:
        assert ask(server, RIGHT, probe_tool=name) == Verdict("not_proven", "open")

    assert probed.calls == []


@pytest.mark.parametrize(
    "answer",
    [lambda: "somebody", lambda: {"login": "anonymous", "at": time.monotonic()}],
    ids=["same", "timed"],
)
def test_a_probe_that_answers_everybody_alike_proves_nothing(answer: Callable[[], Any]) -> None:
    with running(Probed(lambda _token: answer()).asgi) as server:
        assert ask(server, RIGHT, probe_tool="whoami") == Verdict("not_proven", "probe_open")


@pytest.mark.parametrize("token", ["content", "structured", RIGHT])
def test_a_token_that_is_a_name_of_ours_breaks_nothing(token: str) -> None:
    with running(Probed(lambda given: f"you are {given}").asgi) as server:
        assert ask(server, token, probe_tool="whoami").result == "accepted"


def test_an_answer_of_more_blocks_than_are_looked_at_names_whom_its_first_ones_name() -> None:
    cut = [
        {"type": "text", "text": "ann"},
        *({"type": "image"} for _ in range(50)),
        "[the rest was left off]",
    ]

    assert identity_in({"content": cut, "structured": None}, RIGHT) == "ann"
    assert identity_in({"content": cut[::-1], "structured": None}, RIGHT) is None


@pytest.mark.parametrize("answer", [None, True, [], {}, "", {"login": ""}, {"other": "ann"}, {"login": {}}])
def test_what_names_nobody_is_no_identity(answer: Any) -> None:
    assert identity_in({"content": [], "structured": answer}, RIGHT) is None
