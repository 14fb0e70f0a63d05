"""Conversation: connect to a server, do one thing, leave; within the time, and with failures of our own.

Nothing of a library's own words leaves this module: its exceptions may hold header values.
"""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final, TypeVar, cast

from app.errors import MarketError, UpstreamError, UpstreamRefusedError, UpstreamTimeoutError
from app.mcp.egress import Egress

if TYPE_CHECKING:
    from mcp import Client
    from mcp_types import CallToolResult

    from app.mcp.client import Remote
    from app.mcp.transport import GuardedTransport

Answer = TypeVar("Answer")
#: What is done once connected; the transport knows the status that an error came with.
Act = Callable[["Client", "GuardedTransport"], Awaitable[Answer]]
#: Looks at a transport that is about to be used.
Note = Callable[["GuardedTransport"], object]

#: The transport of the 2024-11-05 protocol.
SSE: Final = "sse"
#: How a server answers a POST that has only the transport of 2024-11-05.
NOT_STREAMABLE: Final = frozenset({404, 405})
#: For one address; a name may have two, and where packets of the first vanish the second still gets its turn.
MAX_CONNECT_SECONDS: Final = 8.0
#: A server that has answered is given this long to take leave of; then we go without.
MAX_LEAVE_SECONDS: Final = 2.0
#: What statuses say besides 401 and 5xx.
REASONS: Final = {403: "forbidden", 429: "rate_limited"}


def converse(
    remote: Remote,
    egress: Egress,
    act: Act[Answer],
    timeout_seconds: float,
    note: Note = lambda _transport: None,
) -> Answer:
    """Return what `act` returns. Works in a process that already runs an event loop.

    A server that has no Streamable HTTP at its address is asked over SSE, as the specification has it. `note`
    is given each transport before it is used.
    Raises UpstreamRefusedError, UpstreamError, UpstreamTimeoutError, which hold nothing of the library's,
    and whatever error of ours `act` raises.
    """
    ends = time.monotonic() + timeout_seconds
    try:
        return _converse(remote, egress, act, timeout_seconds, note)
    except _NotStreamableError as error:
        failure, left = error.meaning, ends - time.monotonic()
    try:
        return _converse(replace(remote, transport=SSE), egress, act, max(1.0, left), note)
    except UpstreamError as error:
        # What is neither is told as what the catalogue says it is.
        if error.reason != "not_mcp":
            raise
    raise failure


def fetch(address: str, egress: Egress, timeout_seconds: float) -> bytes | None:
    """Return the body of a good answer to a GET without any header of the catalogue's, else None."""
    import anyio
    import httpx2
    from anyio.from_thread import start_blocking_portal

    from app.mcp.transport import GuardedTransport

    async def get() -> bytes | None:
        transport = GuardedTransport(address, egress, over_sse=True)
        with anyio.fail_after(timeout_seconds):
            async with httpx2.AsyncClient(
                transport=transport,
                headers={"Accept-Encoding": "identity", "Accept": "application/json"},
                trust_env=False,
                follow_redirects=False,
            ) as http:
                answer = await http.get(address)
                return answer.content if answer.status_code == 200 else None

    try:
        with start_blocking_portal() as portal:
            return portal.call(get)
    except Exception:
        # Whatever went wrong: there is nothing to be read, and the library's words stay here.
        return None


def _converse(remote: Remote, egress: Egress, act: Act[Answer], timeout_seconds: float, note: Note) -> Answer:
    from anyio.from_thread import start_blocking_portal

    from app.mcp.transport import GuardedTransport

    transport = GuardedTransport(remote.address, egress, over_sse=remote.transport == SSE)
    note(transport)
    failure: MarketError
    try:
        # A portal and not `asyncio.run`: the latter fails where a loop runs already.
        with start_blocking_portal() as portal:
            return portal.call(_connect_and_act, remote, transport, act, timeout_seconds)
    except Exception as error:
        failure = _meaning(error, transport)
    # Outside the except block, so that the library's exception does not hang on to ours.
    if remote.transport != SSE and transport.status in NOT_STREAMABLE and not transport.was_answered:
        raise _NotStreamableError(failure)
    raise failure


class _GivenUpError(Exception):
    """The conversation was ended by the transport."""


class _NotStreamableError(Exception):
    """The first POST was answered as a server does that knows no Streamable HTTP. Nothing was called."""

    def __init__(self, meaning: MarketError) -> None:
        super().__init__()
        self.meaning = meaning


async def _connect_and_act(
    remote: Remote, transport: GuardedTransport, act: Act[Answer], timeout_seconds: float
) -> Answer:
    import anyio
    from mcp import Client

    answers: list[Answer] = []
    try:
        with anyio.fail_after(timeout_seconds) as limit:
            transport.give_up = limit.cancel
            async with (
                _stream(remote, transport, timeout_seconds) as stream,
                Client(stream, cache=None) as client,
            ):
                _take_results_as_they_are(client)
                answers.append(await act(client, transport))
                limit.deadline = min(limit.deadline, anyio.current_time() + MAX_LEAVE_SECONDS)
    except Exception:
        # A call may have changed things: its answer counts, however the farewell went.
        if not answers:
            raise
    if not answers:
        # Given up: the transport knows why.
        raise _GivenUpError
    return answers[0]


def _take_results_as_they_are(client: Client) -> None:
    """Keep the SDK from holding results against the schema that the server gave for them.

    That schema may hold a regular expression of the server's own, which can run for hours, deaf to every
    time-out and with the interpreter's lock held: one server would stop the process for everybody. We show
    results to people and rely on no shape. (It also costs one more request a call, for the schema.)
    """

    async def take(name: str, result: CallToolResult) -> None:
        """Find nothing wrong with any result."""

    client.session.validate_tool_result = take  # type: ignore[method-assign] # it has no switch


@asynccontextmanager
async def _stream(remote: Remote, transport: GuardedTransport, timeout_seconds: float) -> AsyncIterator[Any]:
    """Yield the SDK's transport over one HTTP client of ours, closed afterwards."""
    import httpx2
    from mcp.client.sse import sse_client
    from mcp.client.streamable_http import streamable_http_client

    http = httpx2.AsyncClient(
        transport=transport,
        headers={"Accept-Encoding": "identity", **remote.headers},
        timeout=httpx2.Timeout(timeout_seconds, connect=min(timeout_seconds, MAX_CONNECT_SECONDS)),
        trust_env=False,
        follow_redirects=False,
    )
    if remote.transport == SSE:
        # It enters and closes the client that the factory gives it.
        yield sse_client(
            remote.address, httpx_client_factory=lambda headers=None, timeout=None, auth=None: http
        )
    else:
        async with http:
            yield streamable_http_client(remote.address, http_client=http)


def _meaning(error: BaseException, transport: GuardedTransport) -> MarketError:
    """Return the domain error for whatever went wrong, from what the transport saw, never from the text."""
    import httpx2
    from mcp import MCPError
    from mcp_types import CONNECTION_CLOSED, INVALID_REQUEST, PARSE_ERROR

    leaves = list(_leaves(error))
    ours = next((leaf for leaf in leaves if isinstance(leaf, MarketError)), None)
    if transport.problem or ours:
        return UpstreamError(transport.problem) if transport.problem else cast(MarketError, ours)
    if any(isinstance(leaf, TimeoutError | httpx2.TimeoutException) for leaf in leaves):
        return UpstreamTimeoutError()
    if transport.status == 401:
        return UpstreamRefusedError()
    # What the SDK says of an answer that is none; any other error in a good answer is the server's own.
    codes = {leaf.code for leaf in leaves if isinstance(leaf, MCPError)}
    if transport.status is None and codes - {CONNECTION_CLOSED, INVALID_REQUEST, PARSE_ERROR}:
        return UpstreamError("error_answer")
    return UpstreamError(_reason(transport), transport.status)


def _reason(transport: GuardedTransport) -> str:
    if transport.scope_is_missing:
        return "insufficient_scope"
    if transport.status is not None:
        return REASONS.get(transport.status, "server_error" if transport.status >= 500 else "not_mcp")
    # The connection stood, so whatever came over it was not MCP, or not to its end.
    return "not_mcp"


def _leaves(error: BaseException) -> Iterator[BaseException]:
    """Yield the exceptions at the ends of nested groups."""
    if isinstance(error, BaseExceptionGroup):
        for inner in error.exceptions:
            yield from _leaves(inner)
    else:
        yield error
