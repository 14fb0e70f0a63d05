"""A server that speaks the protocol well, and whose every text is an attack on the page that shows it."""

from __future__ import annotations

import base64
import json
from typing import Any, Final

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from tests.mcp_servers.hostile_texts import ELSEWHERE, MARKER, MARKUP, NAMES, TEXTS

EVERYTHING: Final = list(TEXTS.values())
SCRIPT: Final = MARKUP["script"]
QUOTES: Final = MARKUP["double quotes and element"]
ADDRESS: Final = f"javascript:{MARKER}=1"
ICON: Final = {"src": f"{ELSEWHERE}/x.png", "mimeType": SCRIPT, "sizes": [QUOTES]}
DRAWING: Final = f'<svg xmlns="http://www.w3.org/2000/svg" onload="{MARKER}=1"/>'
ABOUT: Final = {
    "name": SCRIPT,
    "title": QUOTES,
    "version": MARKUP["image"],
    "websiteUrl": ADDRESS,
    "icons": [ICON],
}

#: What calling a tool of this name answers. A page shows at most fifty blocks of one answer.
ANSWERS: Final[dict[str, dict[str, Any]]] = {
    f"texts {SCRIPT}": {"content": [{"type": "text", "text": text} for text in EVERYTHING[:50]]},
    f"error {QUOTES}": {
        "content": [{"type": "text", "text": text} for text in EVERYTHING[-50:]],
        "isError": True,
    },
    f"structured {MARKUP['end of textarea']}": {
        "content": [],
        "structuredContent": {text: [text] for text in EVERYTHING},
    },
    f"links {MARKUP['single quotes']}": {
        "content": [
            {
                "type": "resource_link",
                "uri": uri,
                "name": SCRIPT,
                "title": QUOTES,
                "description": MARKUP["base"],
                "mimeType": MARKUP["style"],
                "icons": [ICON],
                "_meta": {SCRIPT: QUOTES},
            }
            for uri in (ADDRESS, TEXTS["data address"], QUOTES)
        ]
    },
    f"resources {MARKUP['end of title']}": {
        "content": [
            {
                "type": "resource",
                "resource": {"uri": ADDRESS, "mimeType": "text/html", "text": MARKUP["iframe"]},
            },
            {"type": "resource", "resource": {"uri": QUOTES, "mimeType": SCRIPT, "text": MARKUP["form"]}},
            {
                "type": "resource",
                "resource": {"uri": TEXTS["data address"], "mimeType": "text/html", "blob": SCRIPT},
            },
        ]
    },
    f"tables {MARKUP['base']}": {
        "content": [
            {"type": "text", "text": json.dumps([{SCRIPT: text, QUOTES: None} for text in EVERYTHING])},
            {"type": "text", "text": json.dumps({SCRIPT: [{QUOTES: text} for text in EVERYTHING]})},
        ]
    },
    f"pictures {MARKUP['svg']}": {
        "content": [
            {
                "type": kind,
                "mimeType": media,
                "data": base64.b64encode(DRAWING.encode()).decode(),
                "annotations": {"audience": ["user"], "priority": 1.0},
            }
            for kind in ("image", "audio")
            for media in ("image/svg+xml", "text/html", QUOTES)
        ]
    },
}
#: The server refuses to call this one, in its own words.
REFUSED: Final = f"refused {MARKUP['refresh']}"
#: Answers with the arguments it was given.
ECHO: Final = f"echo {MARKUP['double quotes']}"


def input_schema(text: str) -> dict[str, Any]:
    """Return a schema in which everything a page shows is this text."""
    name = text[:80]
    return {
        "$schema": ADDRESS,
        "$id": text,
        "type": "object",
        "title": text,
        "description": text,
        "properties": {
            name: {"type": "string", "title": text, "description": text, "default": text, "pattern": text},
            f"{name} chosen": {
                "enum": [text[:100], QUOTES],
                "default": text[:100],
                "description": text,
                "enumNames": [text],
            },
            f"{name} counted": {"type": "integer", "description": text, "default": text},
            f"{name} written": {"type": "object", "description": text, "default": {text: [text]}},
            f"{name} fixed": {"const": text[:100], "examples": [text]},
        },
        "required": [name],
    }


def tool_named(name: str, text: str) -> dict[str, Any]:
    """Return a tool whose name is the one given, and whose other texts are the other."""
    return {
        "name": name,
        "title": text,
        "description": text,
        "inputSchema": input_schema(text),
        "outputSchema": {"type": "object", "title": text, "description": text},
        "annotations": {"title": text, "readOnlyHint": True},
        "icons": [ICON],
        "_meta": {text: text},
    }


def shown_tools() -> list[tuple[str, str]]:
    """Return name and text of a tool for each hostile text, named so too where a form could carry it."""
    return [(text if text.isprintable() else f"tool {number}", text) for number, text in enumerate(NAMES)]


def hostile() -> Any:
    """The server: it wants no token and keeps nothing."""
    tools = [tool_named(name, text) for name, text in shown_tools()]
    tools += [{"name": name, "inputSchema": {"type": "object"}} for name in (*ANSWERS, REFUSED)]
    tools += [{"name": ECHO, "inputSchema": input_schema(QUOTES)}]

    async def post(request: Request) -> Response:
        message = json.loads(await request.body())
        if "id" not in message:
            return Response(status_code=202)
        return JSONResponse({"jsonrpc": "2.0", "id": message["id"], **answer(message)})

    def answer(message: dict[str, Any]) -> dict[str, Any]:
        params = message.get("params", {})
        if message["method"] == "initialize":
            capabilities = {"tools": {}, "experimental": {SCRIPT: {SCRIPT: QUOTES}}}
            result = {"protocolVersion": "2025-06-18", "capabilities": capabilities, "serverInfo": ABOUT}
            return {"result": {**result, "instructions": SCRIPT}}
        if message["method"] == "tools/list":
            return {"result": {"tools": tools, "_meta": {SCRIPT: QUOTES}}}
        if message["method"] == "tools/call" and params["name"] in ANSWERS:
            return {"result": ANSWERS[params["name"]]}
        if message["method"] == "tools/call" and params["name"] == ECHO:
            text = json.dumps(params["arguments"])
            return {"result": {"content": [{"type": "text", "text": text}]}}
        return {"error": {"code": -32602, "message": f"{SCRIPT} {QUOTES}", "data": {SCRIPT: QUOTES}}}

    async def refuse(_request: Request) -> Response:
        return Response(SCRIPT, 405, media_type="text/html")

    return Starlette(
        routes=[
            Route("/mcp", post, methods=["POST"]),
            Route("/mcp", refuse, methods=["GET", "DELETE"]),
        ]
    )
