"""Servers that behave: the newest era, the one before, SSE, without a token, with another header."""

from __future__ import annotations

import json
from typing import Any

from mcp.server import MCPServer
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from app.mcp.demo_server import build_demo_server

TOKEN = "good-token-0123456789"
LEGACY_VERSION = "2025-06-18"


def demo() -> Any:
    """The demo server, which speaks every era and wants `TOKEN`."""
    return build_demo_server(TOKEN).streamable_http_app()


def over_sse() -> Any:
    """The same tools over the transport of 2024-11-05, at `/sse`."""
    return build_demo_server(TOKEN).sse_app()


def without_token() -> Any:
    """A server that answers anybody."""
    server = MCPServer("open", log_level="CRITICAL")

    @server.tool()
    def ping() -> str:
        """Answer."""
        return "pong"

    return server.streamable_http_app()


def legacy(header: str = "authorization", value: str = f"Bearer {TOKEN}") -> Any:
    """A server written by hand against the handshake era, that wants one header with one value."""

    async def post(request: Request) -> Response:
        if request.headers.get(header) != value:
            return JSONResponse({"error": "who are you"}, 401, {"WWW-Authenticate": "Bearer"})
        message = json.loads(await request.body())
        if "id" not in message:
            return Response(status_code=202)
        answer = {"jsonrpc": "2.0", "id": message["id"], **answer_to(message)}
        return JSONResponse(answer, headers={"Mcp-Session-Id": "session-1"})

    async def refuse(_request: Request) -> Response:
        return Response(status_code=405)

    return Starlette(
        routes=[
            Route("/mcp", post, methods=["POST"]),
            Route("/mcp", refuse, methods=["GET", "DELETE"]),
        ]
    )


def answer_to(message: dict[str, Any]) -> dict[str, Any]:
    """Return the result or error of one message, with two tools on two pages."""
    if message["method"] == "initialize":
        return {
            "result": {
                "protocolVersion": LEGACY_VERSION,
                "capabilities": {"tools": {}},
                "serverInfo": {"name": "legacy", "version": "1"},
            }
        }
    if message["method"] == "tools/list":
        second = message.get("params", {}).get("cursor") == "2"
        tool = {"name": "second" if second else "first", "inputSchema": {"type": "object"}}
        return {"result": {"tools": [tool], **({} if second else {"nextCursor": "2"})}}
    if message["method"] == "tools/call":
        return {"result": {"content": [{"type": "text", "text": f"called {message['params']['name']}"}]}}
    return {"error": {"code": -32601, "message": "Method not found"}}
