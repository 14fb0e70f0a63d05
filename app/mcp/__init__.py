"""Talking to MCP servers: which addresses may be reached, how, and what comes back."""

from typing import Final

#: Libraries whose loggers write pieces of bodies, in which a hostile server may repeat a token.
#: `client` is one of the SDK's; `asyncio` prints exceptions that nobody fetched, which may hold a header.
QUIET_LOGGERS: Final = (
    "mcp",
    "mcp_types",
    "httpx2",
    "httpcore2",
    "anyio",
    "asyncio",
    "sse_starlette",
    "client",
)
