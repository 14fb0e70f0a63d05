"""Client: list a server's tools and call one, through the MCP SDK, in either era of the protocol or by SSE.

Nothing of a library's own words leaves this module: its exceptions may hold header values.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, TypeVar

from app.errors import MarketError, UpstreamError, UpstreamRefusedError, UpstreamTimeoutError
from app.mcp.egress import Egress
from app.mcp.redaction import Redactor

if TYPE_CHECKING:
    from mcp import Client

    from app.mcp.transport import GuardedTransport

TIMEOUT_SECONDS: Final = 30.0
MAX_TOOL_PAGES: Final = 20
MAX_TOOLS: Final = 1000
MAX_NAME_CHARS: Final = 200
MAX_DESCRIPTION_CHARS: Final = 4000
#: The transport of the 2024-11-05 protocol.
SSE: Final = "sse"

Answer = TypeVar("Answer")


@dataclass(frozen=True)
class Remote:
    """Where a request goes and with which headers. `secret` is taken out of whatever comes back."""

    address: str
    transport: str
    headers: Mapping[str, str] = field(repr=False)
    secret: str | None = field(repr=False)


@dataclass(frozen=True)
class Tool:
    """A tool as its server describes it: untrusted text."""

    name: str
    description: str
    input_schema: dict[str, Any]


@dataclass(frozen=True)
class ToolResult:
    """A tool's answer. `content`: blocks of the protocol (`type`, then `text`, `data`, …). Untrusted."""

    is_error: bool
    content: list[dict[str, Any]]
    structured_content: Any | None


def list_tools(remote: Remote, egress: Egress, *, timeout_seconds: float = TIMEOUT_SECONDS) -> list[Tool]:
    """Return the server's tools, in its order, at most `MAX_TOOLS`.

    Raises UpstreamRefusedError (401), UpstreamError (reasons: `unreachable`, `forbidden`, `rate_limited`,
    `server_error`, `redirect`, `not_mcp`, `too_large`), UpstreamTimeoutError.
    """
    redactor = Redactor(remote.secret)

    async def act(client: Client) -> list[Tool]:
        tools: list[Tool] = []
        cursor = None
        for _ in range(MAX_TOOL_PAGES):
            page = await client.list_tools(cursor=cursor)
            tools += [_tool(found, redactor) for found in page.tools[: MAX_TOOLS - len(tools)]]
            cursor = page.next_cursor
            if not cursor or len(tools) >= MAX_TOOLS:
                break
        return tools

    return _run(remote, egress, act, timeout_seconds)


def call_tool(
    remote: Remote,
    egress: Egress,
    name: str,
    arguments: Mapping[str, Any],
    *,
    timeout_seconds: float = TIMEOUT_SECONDS,
) -> ToolResult:
    """Call a tool and return its answer; one that failed is an answer with `is_error`.

    Raises what `list_tools` raises.
    """
    redactor = Redactor(remote.secret)

    async def act(client: Client) -> ToolResult:
        result = await client.call_tool(name, dict(arguments))
        blocks = [block.model_dump(mode="json", by_alias=True, exclude_none=True) for block in result.content]
        return ToolResult(
            bool(result.is_error), redactor.json(blocks), redactor.json(result.structured_content)
        )

    return _run(remote, egress, act, timeout_seconds)


def _tool(found: Any, redactor: Redactor) -> Tool:
    schema = found.input_schema if isinstance(found.input_schema, dict) else {}
    return Tool(
        redactor.text(found.name)[:MAX_NAME_CHARS],
        redactor.text(found.description or "")[:MAX_DESCRIPTION_CHARS],
        redactor.json(schema),
    )


def _run(
    remote: Remote, egress: Egress, act: Callable[[Client], Awaitable[Answer]], timeout_seconds: float
) -> Answer:
    """Connect, act and leave, within the time. Works in a process that already runs an event loop."""
    from anyio.from_thread import start_blocking_portal

    from app.mcp.transport import GuardedTransport

    transport = GuardedTransport(remote.address, egress, get_matters=remote.transport == SSE)
    failure: MarketError
    try:
        # A portal and not `asyncio.run`: the latter fails where a loop runs already.
        with start_blocking_portal() as portal:
            return portal.call(_connect_and_act, remote, transport, act, timeout_seconds)
    except Exception as error:
        failure = _meaning(error, transport)
    # Outside the except block, so that the library's exception does not hang on to ours.
    raise failure


async def _connect_and_act(
    remote: Remote,
    transport: GuardedTransport,
    act: Callable[[Client], Awaitable[Answer]],
    timeout_seconds: float,
) -> Answer:
    import anyio
    from mcp import Client

    with anyio.fail_after(timeout_seconds):
        async with (
            _stream(remote, transport, timeout_seconds) as stream,
            Client(stream, cache=None) as client,
        ):
            return await act(client)


@asynccontextmanager
async def _stream(remote: Remote, transport: GuardedTransport, timeout_seconds: float) -> Any:
    """Yield the SDK's transport over one HTTP client of ours, closed afterwards."""
    import httpx2
    from mcp.client.sse import sse_client
    from mcp.client.streamable_http import streamable_http_client

    http = httpx2.AsyncClient(
        transport=transport,
        headers={"Accept-Encoding": "identity", **remote.headers},
        timeout=timeout_seconds,
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

    from app.mcp.transport import REASONS

    leaves = list(_leaves(error))
    if transport.problem:
        return UpstreamError(transport.problem)
    if any(isinstance(leaf, TimeoutError | httpx2.TimeoutException) for leaf in leaves):
        return UpstreamTimeoutError()
    if transport.status == 401:
        return UpstreamRefusedError()
    if transport.status is not None:
        reason = REASONS.get(transport.status, "server_error" if transport.status >= 500 else "not_mcp")
        return UpstreamError(reason)
    if any(isinstance(leaf, httpx2.TransportError | OSError) for leaf in leaves):
        return UpstreamError("unreachable")
    return UpstreamError("not_mcp")


def _leaves(error: BaseException) -> Iterator[BaseException]:
    """Yield the exceptions at the ends of nested groups."""
    if isinstance(error, BaseExceptionGroup):
        for inner in error.exceptions:
            yield from _leaves(inner)
    else:
        yield error
