"""A server with many tools and answers of every kind: JSON to fold, tables, pictures, one that is slow."""

from __future__ import annotations

import asyncio
import base64
import json
import struct
import zlib
from typing import Any, Final

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

MODELS: Final = [
    {"id": "example/ko-embed-large", "downloads": 182340, "task": "feature-extraction"},
    {"id": "example/multilingual-e5-ko", "downloads": 96012, "task": None},
]
DEEP: Final = {"config": {"layers": [{"size": 1, "kind": {"name": "inner"}}], "note": "<b>bold</b>\u202e"}}
#: Tool → what it is for; each but the first three takes nothing.
TOOLS: Final = {
    "model_search": "Find models on the Hub by text, task or library.",
    "slow": "Take a while.",
    "say": "Repeat a text.",
    "deep": "Something to fold.",
    "draw": "A picture, and one that is none.",
    "fail": "Fail, as tools sometimes do.",
    "dataset_search": "Find datasets.",
    "paper_search": "Find papers by meaning.",
    "space_search": "Find Spaces that can be called.",
    "hf_whoami": "Who the token belongs to.",
    "hub_repo_details": "Details of one repository.",
    "doc_fetch": "Fetch a page of the documentation, with a long text that goes on for a while.",
}
PROPERTIES: Final = {
    "model_search": {"query": {"type": "string"}, "limit": {"type": "integer", "default": 5}},
    "slow": {"seconds": {"type": "number", "default": 2}},
    "say": {"text": {"type": "string"}, "kind": {"enum": ["one", "two"]}},
}


def png(width: int, height: int) -> bytes:
    """Return a real PNG of this size, blue above red."""

    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    rows = [
        b"\0" + (b"\x2f\x5b\xd0" if at < height // 2 else b"\xb3\x26\x1e") * width for at in range(height)
    ]
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(b"".join(rows)))
        + chunk(b"IEND", b"")
    )


def image(data: bytes, media: str = "image/png") -> dict[str, Any]:
    """Return a block with a picture."""
    return {"type": "image", "data": base64.b64encode(data).decode(), "mimeType": media}


def text(value: str) -> dict[str, Any]:
    """Return a block of text."""
    return {"type": "text", "text": value}


def answer_of(tool: str, arguments: dict[str, Any]) -> dict[str, Any]:
    """Return what calling a tool answers."""
    if tool == "model_search":
        return {"content": [text(json.dumps({"models": MODELS}))]}
    if tool == "deep":
        return {"content": [text(json.dumps(DEEP))], "structuredContent": {"more": [1, 2, 3]}}
    if tool == "draw":
        broken = png(8, 8)[:40]
        drawing = image(b'<svg xmlns="http://www.w3.org/2000/svg"/>', "image/png")
        return {"content": [image(png(160, 90), "image/svg+xml"), image(broken), drawing]}
    if tool == "fail":
        return {"content": [text("This tool always fails.")], "isError": True}
    return {"content": [text(str(arguments.get("text", f"called {tool}")))]}


def rich(seconds: float | None = None) -> Any:
    """The server: it takes any token. `called` of its state is the tools that ended, in order."""
    tools = [
        {
            "name": name,
            "description": about,
            "inputSchema": {"type": "object", "properties": PROPERTIES.get(name, {})},
        }
        for name, about in TOOLS.items()
    ]
    called: list[str] = []

    async def post(request: Request) -> Response:
        message = json.loads(await request.body())
        if "id" not in message:
            return Response(status_code=202)
        params = message.get("params", {})
        if message["method"] == "initialize":
            about = {"name": "rich", "version": "1"}
            result: Any = {
                "protocolVersion": "2025-06-18",
                "capabilities": {"tools": {}},
                "serverInfo": about,
            }
        elif message["method"] == "tools/list":
            result = {"tools": tools}
        elif message["method"] == "tools/call":
            arguments = params.get("arguments") or {}
            if params["name"] == "slow":
                await asyncio.sleep(float(arguments.get("seconds", 2)) if seconds is None else seconds)
            result = answer_of(params["name"], arguments)
            called.append(params["name"])
        else:
            error = {"code": -32601, "message": "Method not found"}
            return JSONResponse({"jsonrpc": "2.0", "id": message["id"], "error": error})
        return JSONResponse({"jsonrpc": "2.0", "id": message["id"], "result": result})

    async def refuse(_request: Request) -> Response:
        return Response(status_code=405)

    app = Starlette(
        routes=[
            Route("/mcp", post, methods=["POST"]),
            Route("/mcp", refuse, methods=["GET", "DELETE"]),
        ]
    )
    app.state.called = called
    return app
