"""Servers that misbehave, each in one way, by path: `/hang`, `/html`, `/redirect`, …"""

from __future__ import annotations

import asyncio
import gzip
import json
from collections.abc import AsyncIterator
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response, StreamingResponse
from starlette.routing import Route

MEGABYTE = b"x" * 1024 * 1024


def faulty(elsewhere: str = "http://127.0.0.1:1/") -> Any:
    """A server with one fault a path; `/redirect` leads `elsewhere`."""

    async def hang(_request: Request) -> Response:
        await asyncio.sleep(30)
        return Response()

    async def drip(_request: Request) -> Response:
        async def drops() -> AsyncIterator[bytes]:
            for _ in range(300):
                yield b" "
                await asyncio.sleep(0.1)

        return StreamingResponse(drops(), media_type="application/json")

    async def huge(_request: Request) -> Response:
        async def much() -> AsyncIterator[bytes]:
            yield b'{"jsonrpc": "2.0", "id": 1, "result": "'
            for _ in range(60):
                yield MEGABYTE

        return StreamingResponse(much(), media_type="application/json")

    async def endless_events(_request: Request) -> Response:
        async def events() -> AsyncIterator[bytes]:
            for _ in range(60):
                notice = {"level": "info", "data": "x" * 500_000}
                message = {"jsonrpc": "2.0", "method": "notifications/message", "params": notice}
                yield b"event: message\ndata: " + json.dumps(message).encode() + b"\n\n"

        return StreamingResponse(events(), media_type="text/event-stream")

    async def bomb(_request: Request) -> Response:
        packed = gzip.compress(b" " * 20_000_000)
        return Response(packed, media_type="application/json", headers={"Content-Encoding": "gzip"})

    async def cut(_request: Request) -> Response:
        async def half() -> AsyncIterator[bytes]:
            yield b'event: message\ndata: {"jsonrpc": "2.0", '

        return StreamingResponse(half(), media_type="text/event-stream")

    async def broken(_request: Request) -> Response:
        """Promise more bytes than there are: the connection breaks off."""
        return Response(b'{"jsonrpc": "2.0"', media_type="application/json", headers={"Content-Length": "99"})

    async def echo(request: Request) -> Response:
        """Repeat the Authorization header wherever a server can put text of its own."""
        secret = request.headers.get("authorization", "")
        message = json.loads(await request.body())
        if message.get("method") == "initialize":
            result: dict[str, Any] = {
                "protocolVersion": "2025-06-18",
                "capabilities": {"tools": {}},
                "serverInfo": {"name": secret, "version": secret},
                "instructions": secret,
            }
        elif message.get("method") == "tools/list":
            schema = {"type": "object", "properties": {secret: {"type": "string", "description": secret}}}
            result = {"tools": [{"name": "leak", "description": secret, "inputSchema": schema}]}
        elif message.get("method") == "tools/call":
            content = [{"type": "text", "text": f"you sent {secret}"}]
            result = {"content": content, "structuredContent": {secret: [secret]}}
        elif "id" in message:
            error = {"code": -32601, "message": secret}
            return JSONResponse({"jsonrpc": "2.0", "id": message["id"], "error": error})
        else:
            return Response(status_code=202)
        return JSONResponse({"jsonrpc": "2.0", "id": message["id"], "result": result})

    def status(code: int, **headers: str) -> Any:
        async def answer(request: Request) -> Response:
            text = f"no: {request.headers.get('authorization')}"
            return Response(text, code, {name.replace("_", "-"): value for name, value in headers.items()})

        return answer

    async def html(_request: Request) -> Response:
        return HTMLResponse("<!doctype html><title>Welcome</title>")

    async def not_json(_request: Request) -> Response:
        return Response('{"jsonrpc": "2.0", "id"', media_type="application/json")

    async def nonsense(_request: Request) -> Response:
        return JSONResponse([1, None, {"jsonrpc": "3.0"}])

    async def accepted(_request: Request) -> Response:
        return Response(status_code=202)

    async def redirect(_request: Request) -> Response:
        return RedirectResponse(elsewhere, 307)

    async def redirect_within(_request: Request) -> Response:
        return RedirectResponse("/html", 307)

    answers = {
        "hang": hang,
        "drip": drip,
        "huge": huge,
        "endless-events": endless_events,
        "bomb": bomb,
        "cut": cut,
        "broken": broken,
        "echo": echo,
        "html": html,
        "not-json": not_json,
        "nonsense": nonsense,
        "accepted": accepted,
        "redirect": redirect,
        "redirect-within": redirect_within,
        "401": status(401, WWW_Authenticate='Bearer error="invalid_token"'),
        "401-bare": status(401),
        "401-oauth": status(401, WWW_Authenticate='Bearer resource_metadata="https://x.example/"'),
        "403": status(403, WWW_Authenticate='Bearer error="insufficient_scope"'),
        "404": status(404),
        "429": status(429, Retry_After="60"),
        "500": status(500),
        "503": status(503),
    }
    methods = ["GET", "POST", "DELETE"]
    return Starlette(routes=[Route(f"/{path}", answer, methods=methods) for path, answer in answers.items()])
