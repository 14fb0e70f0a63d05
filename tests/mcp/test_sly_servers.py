"""Sly servers: none gets more time, requests or trust than any other, and none loses us an answer."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from typing import Any

import pytest

from app.errors import UpstreamError, UpstreamRefusedError, UpstreamTimeoutError
from app.mcp.client import MAX_TOOL_PAGES, MAX_TOOLS, call_tool, list_tools
from app.mcp.transport import MAX_REQUESTS
from tests.mcp_servers import sly
from tests.mcp_servers.good import TOKEN
from tests.mcp_servers.running import Running, running


@contextmanager
def under(seconds: float) -> Iterator[None]:
    started = time.monotonic()
    yield
    assert time.monotonic() - started < seconds


def call(server: Running, **options: Any) -> Any:
    return call_tool(server.remote(TOKEN), server.egress, "tool", {}, **options)


def test_a_slow_farewell_does_not_lose_the_answer() -> None:
    with running(sly.sly(delete=sly.hang, get=sly.hang)) as server, under(5):
        assert call(server, timeout_seconds=20).content[0]["text"] == "done"


def test_an_optional_stream_that_leads_elsewhere_ends_nothing() -> None:
    with running(sly.sly(get=sly.redirect, delete=sly.redirect)) as server:
        assert call(server).content[0]["text"] == "done"


def test_a_regular_expression_of_the_server_is_never_run() -> None:
    tool = {**sly.TOOL, "outputSchema": sly.SLOW_PATTERN}
    result = {"content": [], "structuredContent": {"x": "a" * 60 + "!"}}

    with running(sly.sly(tools=lambda _: {"tools": [tool]}, call={"result": result})) as server, under(5):
        list_tools(server.remote(TOKEN), server.egress)
        assert call(server).structured_content == result["structuredContent"]


def test_a_server_that_asks_to_come_back_at_once_is_left_soon() -> None:
    with running(sly.sly(list_by=sly.again_at_once, get=sly.again_at_once)) as server:
        with pytest.raises(UpstreamError, match="not_mcp"):
            list_tools(server.remote(TOKEN), server.egress, timeout_seconds=20)

        assert len(server.requests) <= MAX_REQUESTS


def test_pages_without_end_have_an_end() -> None:
    numbers = count()

    def page(_cursor: str | None) -> dict[str, Any]:
        return {"tools": [{**sly.TOOL, "name": f"t{next(numbers)}"}], "nextCursor": "more"}

    with running(sly.sly(tools=page)) as server:
        assert len(list_tools(server.remote(TOKEN), server.egress)) == MAX_TOOL_PAGES


def test_tools_without_number_are_cut_to_a_number() -> None:
    tools = [{**sly.TOOL, "name": f"t{number}", "description": "d" * 9} for number in range(MAX_TOOLS + 50)]

    with running(sly.sly(tools=lambda _: {"tools": tools})) as server:
        assert len(list_tools(server.remote(TOKEN), server.egress)) == MAX_TOOLS


@pytest.mark.parametrize("code", [-32602, -32603, -32601, -32001, 42])
def test_a_call_that_the_server_will_not_make_is_an_answer_of_the_server(code: int) -> None:
    error = {"code": code, "message": f"no city named {TOKEN}"}

    with running(sly.sly(call={"error": error})) as server:
        result = call(server)

    assert result.is_error is True
    assert result.content == [{"type": "text", "text": "no city named [token removed]"}]


@pytest.mark.parametrize("method", ["sampling/createMessage", "elicitation/create", "roots/list"])
def test_a_server_that_asks_us_for_something_gets_nothing(method: str) -> None:
    asked = {"method": method, "params": {"message": "password?", "messages": [], "maxTokens": 1}}
    result = {"resultType": "input_required", "inputRequests": {"a": asked}, "requestState": "s"}

    with running(sly.sly(call={"result": result})) as server, under(5):
        with pytest.raises(UpstreamError, match="not_mcp"):
            call(server, timeout_seconds=4)

        # server/discover, initialize, initialized, the call; GET and DELETE of the session.
        assert [name for name, _, _ in server.requests].count("POST") == 4


@pytest.mark.parametrize(
    ("status", "expected"), [(401, UpstreamRefusedError), (403, UpstreamError), (500, UpstreamError)]
)
def test_a_message_refused_over_sse_is_not_waited_for(status: int, expected: type[Exception]) -> None:
    with running(sly.sse_that_refuses_posts(status), "/sse") as server, under(5), pytest.raises(expected):
        list_tools(server.remote(TOKEN, transport="sse"), server.egress, timeout_seconds=20)


def test_an_endpoint_on_another_host_gets_nothing() -> None:
    with (
        running(sly.sly()) as other,
        running(sly.sse_that_points_elsewhere(other.url), "/sse") as server,
        under(5),
    ):
        # The SDK says so in its log only, and waits; the time-out ends that.
        with pytest.raises(UpstreamTimeoutError):
            list_tools(server.remote(TOKEN, transport="sse"), server.egress, timeout_seconds=1.5)

        assert other.requests == []
