"""Client: both eras and SSE, every failure as one of ours in time, no token in what comes back."""

from __future__ import annotations

import logging
import socket
import time
import traceback
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from app.errors import MarketError, UpstreamError, UpstreamRefusedError, UpstreamTimeoutError
from app.mcp.client import Remote, call_tool, list_tools
from app.mcp.egress import Egress
from tests.mcp_servers import good
from tests.mcp_servers.running import Running, running

SECRET = "tok_do+not/repeat&me-0123456789"
TOOLS = ["whoami", "add", "echo", "slow", "fail"]


def failure_of(act: Callable[[], object]) -> MarketError:
    with pytest.raises(MarketError) as caught:
        act()
    return caught.value


def test_the_newest_era_lists_and_calls(demo: Running) -> None:
    remote = demo.remote(good.TOKEN)

    assert [tool.name for tool in list_tools(remote, demo.egress)] == TOOLS
    result = call_tool(remote, demo.egress, "add", {"a": 2, "b": 3})

    assert (result.is_error, result.content, result.structured_content) == (
        False,
        [{"type": "text", "text": "5"}],
        {"result": 5},
    )


def test_the_handshake_era_lists_all_pages_and_calls() -> None:
    with running(good.legacy()) as server:
        remote = server.remote(good.TOKEN)

        assert [tool.name for tool in list_tools(remote, server.egress)] == ["first", "second"]
        assert call_tool(remote, server.egress, "first", {}).content[0]["text"] == "called first"


def test_sse_lists_and_calls(over_sse: Running) -> None:
    remote = over_sse.remote(good.TOKEN, transport="sse")

    assert [tool.name for tool in list_tools(remote, over_sse.egress)] == TOOLS
    assert call_tool(remote, over_sse.egress, "whoami", {}).is_error is False


def test_a_server_with_its_own_header_gets_the_token_there_and_nowhere_else() -> None:
    with running(good.legacy("x-api-key", f"App {good.TOKEN}")) as server:
        remote = server.remote(good.TOKEN, header="X-API-Key", value_format="App {token}")

        list_tools(remote, server.egress)

        assert all("authorization" not in headers for _, _, headers in server.requests)


def test_a_server_that_wants_none_gets_none(elsewhere: Running) -> None:
    elsewhere.requests.clear()

    assert [tool.name for tool in list_tools(elsewhere.remote(None), elsewhere.egress)] == ["ping"]
    assert all("authorization" not in headers for _, _, headers in elsewhere.requests)


@pytest.mark.parametrize("tool", ["fail", "no such tool"])
def test_a_tool_that_fails_is_an_answer(demo: Running, tool: str) -> None:
    result = call_tool(demo.remote(good.TOKEN), demo.egress, tool, {})

    assert result.is_error is True
    assert result.content[0]["type"] == "text"


@pytest.mark.parametrize("token", ["wrong-token-0123456789", None])
def test_a_wrong_token_is_refused_whatever_the_transport(
    demo: Running, over_sse: Running, token: str | None
) -> None:
    for server, transport in [(demo, "streamable-http"), (over_sse, "sse")]:
        remote = server.remote(token, transport=transport)
        failure = failure_of(lambda remote=remote, server=server: list_tools(remote, server.egress))
        assert isinstance(failure, UpstreamRefusedError)


FAULTS = {
    "hang": (UpstreamTimeoutError, "upstream_timeout"),
    "drip": (UpstreamTimeoutError, "upstream_timeout"),
    "huge": (UpstreamError, "too_large"),
    "endless-events": (UpstreamError, "too_large"),
    "bomb": (UpstreamError, "too_large"),
    "html": (UpstreamError, "not_mcp"),
    "not-json": (UpstreamError, "not_mcp"),
    "nonsense": (UpstreamError, "not_mcp"),
    "accepted": (UpstreamError, "not_mcp"),
    "redirect": (UpstreamError, "redirect"),
    "redirect-within": (UpstreamError, "redirect"),
    "401": (UpstreamRefusedError, "upstream_refused"),
    "401-bare": (UpstreamRefusedError, "upstream_refused"),
    "401-oauth": (UpstreamRefusedError, "upstream_refused"),
    "403": (UpstreamError, "insufficient_scope"),
    "404": (UpstreamError, "not_mcp"),
    "429": (UpstreamError, "rate_limited"),
    "500": (UpstreamError, "server_error"),
    "503": (UpstreamError, "server_error"),
}


@pytest.mark.parametrize("transport", ["streamable-http", "sse"])
@pytest.mark.parametrize("fault", FAULTS)
def test_every_fault_is_one_of_ours_in_time_and_holds_no_token(
    faulty: Running,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
    fault: str,
    transport: str,
) -> None:
    remote = faulty.remote(SECRET, transport=transport, path=f"/{fault}")
    expected, reason = FAULTS[fault]
    started = time.monotonic()

    with caplog.at_level(logging.DEBUG):
        failure = failure_of(lambda: list_tools(remote, faulty.egress, timeout_seconds=1.5))

    assert time.monotonic() - started < 4
    # Over SSE, an answer that is no stream is not read on, so its size and slowness do not show.
    if transport == "streamable-http" or fault not in {"drip", "huge", "endless-events"}:
        assert isinstance(failure, expected)
        assert getattr(failure, "reason", failure.code) == reason
    printed = "".join(traceback.format_exception(failure)) + repr(failure) + repr(remote)
    out = capfd.readouterr()
    for text in (printed, caplog.text, out.out, out.err):
        assert SECRET not in text
    assert failure.__context__ is None
    assert failure.__cause__ is None


def test_a_redirect_takes_the_token_nowhere(faulty: Running, elsewhere: Running) -> None:
    elsewhere.requests.clear()
    for header in ("Authorization", "X-API-Key"):
        remote = faulty.remote(SECRET, header=header, path="/redirect")
        failure_of(lambda remote=remote: list_tools(remote, faulty.egress))

    assert elsewhere.requests == []


@pytest.mark.parametrize("transport", ["streamable-http", "sse"])
def test_a_stream_that_breaks_off_ends_at_once(faulty: Running, transport: str) -> None:
    remote = faulty.remote(SECRET, path="/cut", transport=transport)

    failure = failure_of(lambda: list_tools(remote, faulty.egress, timeout_seconds=20))

    assert repr(failure) == "UpstreamError('not_mcp')"


def test_an_answer_that_breaks_off_is_not_mcp(faulty: Running) -> None:
    remote = faulty.remote(SECRET, path="/broken")

    failure = failure_of(lambda: list_tools(remote, faulty.egress, timeout_seconds=20))

    assert repr(failure) == "UpstreamError('not_mcp')"


def test_a_server_that_repeats_the_token_is_not_repeated(
    faulty: Running, caplog: pytest.LogCaptureFixture
) -> None:
    remote = faulty.remote(SECRET, path="/echo")

    with caplog.at_level(logging.DEBUG):
        tools = list_tools(remote, faulty.egress)
        result = call_tool(remote, faulty.egress, "leak", {})

    assert SECRET not in repr(tools) + repr(result) + caplog.text
    assert "[token removed]" in repr(tools)
    assert "[token removed]" in repr(result)


def test_nobody_there_looks_like_nobody_allowed(demo: Running) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
        closed = Remote(f"http://127.0.0.1:{port}/mcp", "streamable-http", {}, None)
        egress = Egress(frozenset({f"127.0.0.1:{port}"}), plain_http=True)
        refused = failure_of(lambda: list_tools(closed, egress))
    forbidden = failure_of(lambda: list_tools(demo.remote(None), Egress(frozenset(), plain_http=True)))
    unknown = replace(closed, address="http://no-such-host.invalid/mcp")
    unresolved = failure_of(lambda: list_tools(unknown, egress))

    assert repr(refused) == repr(forbidden) == repr(unresolved) == "UpstreamError('unreachable')"


def test_calls_at_once_never_mix_their_tokens() -> None:
    with (
        running(good.legacy()) as right,
        running(good.legacy("authorization", "Bearer other-token-99")) as other,
    ):
        egress = Egress(frozenset({right.host_port, other.host_port}), plain_http=True)

        def call(number: int) -> bool:
            server, token = (right, good.TOKEN) if number % 2 else (other, "other-token-99")
            return call_tool(server.remote(token), egress, "first", {}).is_error

        with ThreadPoolExecutor(8) as pool:
            assert not any(pool.map(call, range(24)))

        assert not right.received("other-token-99")
        assert not other.received(good.TOKEN)


def test_it_works_where_an_event_loop_runs_already(demo: Running) -> None:
    import anyio

    async def inside() -> int:
        return len(list_tools(demo.remote(good.TOKEN), demo.egress))

    assert anyio.run(inside) == len(TOOLS)
