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

from app.mcp.answers import MAX_IDENTITY_CHARS
from app.mcp.checks import Verdict, check
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


def refusing(status: int, at: str = "tools/list", *, probe: bool = False) -> Any:
    """Return a server by hand that answers so whoever lacks its token; 200: with an error at this method.

    `probe`: it has a read-only tool `whoami`.
    """

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
        answer = good.answer_to(message)
        if probe and message["method"] == "tools/list":
            tool = {
                "name": "whoami",
                "inputSchema": {"type": "object"},
                "annotations": {"readOnlyHint": True},
            }
            answer = {"result": {"tools": [tool]}}
        return JSONResponse({"jsonrpc": "2.0", "id": message["id"], **answer})

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
        ({"login": "ann", "id": 7}, "ann"),
        ({"user": {"id": 7, "name": "Ann"}}, "Ann"),
        ('{"email": "ann@example.com"}', "ann@example.com"),
        ({"name": "Ann\n<script>\tof everything"}, "Ann <script> of everything"),
        ({"login": "x" * 500}, "x" * MAX_IDENTITY_CHARS),
        ({"login": f"key {RIGHT[:6]}…"}, None),
        ({"login": f"known by {RIGHT[::-1][3:9].upper()}"}, None),
        ("ann@example.com", None),
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


class Said:
    """What a probe tool says call by call, to those with a token and to those without one."""

    def __init__(self, own: list[Any], others: list[Any]) -> None:
        self._left = {True: own[::-1], False: others[::-1]}

    def __call__(self, token: str | None) -> Any:
        said = self._left[token is not None].pop()
        if isinstance(said, Exception):
            raise said
        return said


NO = ValueError("who are you?")


@pytest.mark.parametrize(
    ("own", "others", "reason"),
    [
        # The same for everybody.
        (["somebody"], ["somebody"], "probe_open"),
        ([["a", "b"]], [["b", "a"]], "probe_open"),
        (["a, b, c"], ["c a, b,"], "probe_open"),
        ([{"login": "anonymous", "at": 1}, {"login": "anonymous", "at": 4}],
         [{"login": "anonymous", "at": 2}, {"login": "anonymous", "at": 3}], "probe_open"),
        # Another answer each time, whoever asks.
        (["request 1", "request 4"], ["request 2", "request 3"], "probe_changes"),
        ([{"id": 1}, {"id": 4}], [{"id": 2}, {"id": 3}], "probe_changes"),
        ([{"login": "a"}, {"login": "d"}], [{"login": "b"}, {"login": "c"}], "probe_changes"),
        ([{"id": "x", "at": 1}, {"id": "x", "at": 4}], [{"at": 2}, {"at": 3}], "probe_changes"),
        # A clock that ticks once meanwhile, wherever it does.
        (["12:00", "12:01"], ["12:01", "12:01"], "probe_changes"),
        (["12:00", "12:02"], ["12:01", "12:01"], "probe_changes"),
        # Two machines by turns, three machines by turns.
        (["node a", "node b"], ["node b", "node a"], "probe_changes"),
        (["node a", "node a"], ["node b", "node c"], "probe_changes"),
        # A tool that fails now and then, or from the second call on.
        (["ann", "ann"], [NO, "ann"], "probe_changes"),
        (["ann", NO], [NO, NO], "probe_changes"),
        # What was sent, in other words: any token gets it.
        ([f"you sent {WRONG}"] * 2, ["you sent None"] * 2, "probe_echo"),
        ([{"token": WRONG, "plan": "free"}] * 2, [{"token": None, "plan": "free"}] * 2, "probe_echo"),
        ([f"you sent {WRONG}"] * 2, [NO, NO], "probe_echo"),
        ([{"login": WRONG, "at": 1}, {"login": WRONG, "at": 4}], [{"at": 2}, {"at": 3}], "probe_changes"),
    ],
)  # fmt: skip
def test_an_answer_that_everybody_gets_or_that_changes_by_itself_proves_nothing(
    own: list[Any], others: list[Any], reason: str
) -> None:
    with running(Probed(Said(own, others)).asgi) as server:
        assert ask(server, WRONG, probe_tool="whoami") == Verdict("not_proven", reason)


@pytest.mark.parametrize(
    ("own", "others", "identity"),
    [
        (["ann"] * 2, ["nobody"] * 2, None),
        ([{"id": 7}] * 2, [{"id": None}] * 2, None),
        ([{"login": "ann"}] * 2, [{"login": None}] * 2, "ann"),
        ([["a", "b"], ["b", "a"]], [["a"], ["a"]], None),
        # The time of day beside a name that stays.
        ([{"login": "ann", "at": 1}, {"login": "ann", "at": 4}], [{"at": 2}, {"at": 3}], "ann"),
        ([{"me": {"name": "Ann"}, "at": 1}, {"at": 4, "me": {"name": "Ann"}}],
         [{"me": {"name": "nobody"}, "at": 2}, {"me": {"name": "nobody"}, "at": 3}], "Ann"),
        # What only works with a token, whatever it says each time.
        (["request 1", "request 2"], [NO, NO], None),
        ([{"login": "ann", "at": 1}, {"login": "ann", "at": 4}], [NO, NO], "ann"),
        ([{"login": "ann", "token": RIGHT}] * 2, [{"login": None, "token": None}] * 2, "ann"),
    ],
)  # fmt: skip
def test_an_answer_that_stays_and_that_only_the_token_gets_proves_it(
    own: list[Any], others: list[Any], identity: str | None
) -> None:
    with running(Probed(Said(own, others)).asgi) as server:
        assert ask(server, RIGHT, probe_tool="whoami") == Verdict("accepted", "probe", identity)


def test_the_probe_is_asked_again_in_the_order_that_no_clock_can_deceive() -> None:
    probed = Probed(lambda token: "ann" if token else "nobody")
    with running(probed.asgi) as server:
        ask(server, RIGHT, probe_tool="whoami")

    assert probed.calls == [RIGHT, None, None, RIGHT]


@pytest.mark.parametrize(
    ("status", "result", "reason"),
    [
        (401, "accepted", "probe"),
        (403, "accepted", "probe"),
        (200, "accepted", "probe"),
        (503, "not_proven", "no_comparison"),
        (429, "not_proven", "no_comparison"),
    ],
)
def test_where_the_probe_is_not_reached_without_a_token_only_a_refusal_proves_it(
    status: int, result: str, reason: str
) -> None:
    with running(refusing(status, "tools/call", probe=True)) as server:
        assert ask(server, RIGHT, probe_tool="whoami") == Verdict(result, reason)


def test_asking_again_stays_within_the_time_of_the_check() -> None:
    def slowly(token: str | None) -> str:
        time.sleep(0.7)
        return "ann" if token else "nobody"

    with running(Probed(slowly).asgi) as server:
        started = time.monotonic()
        verdict = ask(server, RIGHT, probe_tool="whoami", timeout_seconds=2)

    assert verdict == Verdict("not_proven", "no_comparison")
    assert time.monotonic() - started < 3


@pytest.mark.parametrize("token", ["content", "structured", RIGHT])
def test_a_token_that_is_a_name_of_ours_breaks_nothing(token: str) -> None:
    with running(Probed(lambda given: f"you are {'ann' if given else 'nobody'}, {given}").asgi) as server:
        assert ask(server, token, probe_tool="whoami").reason == "probe_echo"
    with running(Probed(lambda given: [given, "ann" if given else "nobody"]).asgi) as server:
        assert ask(server, token, probe_tool="whoami").result == "not_proven"
    with running(Probed(lambda given: {"token": given, "content": bool(given)}).asgi) as server:
        assert ask(server, token, probe_tool="whoami").result == "accepted"
