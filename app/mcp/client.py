"""Client: list the tools of a server and call one, in either era of the protocol or over SSE."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from app.mcp.conversation import converse
from app.mcp.egress import Egress
from app.mcp.redaction import Redactor

if TYPE_CHECKING:
    from mcp import Client, MCPError

    from app.mcp.transport import GuardedTransport

TIMEOUT_SECONDS: Final = 30.0
MAX_TOOL_PAGES: Final = 20
MAX_TOOLS: Final = 1000
MAX_NAME_CHARS: Final = 200
MAX_DESCRIPTION_CHARS: Final = 4000


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


def list_tools(
    remote: Remote,
    egress: Egress,
    *,
    timeout_seconds: float = TIMEOUT_SECONDS,
    note_version: Callable[[str], object] = lambda _version: None,
) -> list[Tool]:
    """Return the server's tools, in its order, at most `MAX_TOOLS`.

    `note_version` is told the protocol's version that both sides speak.

    Raises UpstreamRefusedError (401), UpstreamError (reasons: `unreachable`, `forbidden`, `rate_limited`,
    `server_error`, `redirect`, `not_mcp`, `too_large`), UpstreamTimeoutError.
    """
    redactor = Redactor(remote.secret)

    async def act(client: Client, _transport: GuardedTransport) -> list[Tool]:
        note_version(str(client.protocol_version))
        tools: list[Tool] = []
        cursor = None
        for _ in range(MAX_TOOL_PAGES):
            page = await client.list_tools(cursor=cursor)
            tools += [_tool(found, redactor) for found in page.tools[: MAX_TOOLS - len(tools)]]
            cursor = page.next_cursor
            if not cursor or len(tools) >= MAX_TOOLS:
                break
        return tools

    return converse(remote, egress, act, timeout_seconds)


def call_tool(
    remote: Remote,
    egress: Egress,
    name: str,
    arguments: Mapping[str, Any],
    *,
    timeout_seconds: float = TIMEOUT_SECONDS,
) -> ToolResult:
    """Call a tool and return its answer; one that failed, or that the server would not call, has `is_error`.

    Raises what `list_tools` raises.
    """
    redactor = Redactor(remote.secret)

    async def act(client: Client, transport: GuardedTransport) -> ToolResult:
        from mcp import MCPError

        try:
            result = await client.call_tool(name, dict(arguments))
        except MCPError as error:
            if not _is_of_the_server(error, transport):
                raise
            return ToolResult(True, [{"type": "text", "text": redactor.text(error.error.message)}], None)
        blocks = [block.model_dump(mode="json", by_alias=True, exclude_none=True) for block in result.content]
        return ToolResult(
            bool(result.is_error), redactor.json(blocks), redactor.json(result.structured_content)
        )

    return converse(remote, egress, act, timeout_seconds)


def _is_of_the_server(error: MCPError, transport: GuardedTransport) -> bool:
    """Whether a server said so of a call, as many do of wrong arguments; not the SDK, of what it got."""
    from mcp_types import CONNECTION_CLOSED, INVALID_PARAMS, INVALID_REQUEST, PARSE_ERROR

    if transport.status is None:
        return error.code not in {CONNECTION_CLOSED, INVALID_REQUEST, PARSE_ERROR}
    # The newest era says so with status 400. The SDK never makes this code up.
    return transport.status == 400 and error.code == INVALID_PARAMS


def _tool(found: Any, redactor: Redactor) -> Tool:
    schema = found.input_schema if isinstance(found.input_schema, dict) else {}
    return Tool(
        redactor.text(found.name)[:MAX_NAME_CHARS],
        redactor.text(found.description or "")[:MAX_DESCRIPTION_CHARS],
        redactor.json(schema),
    )
