"""A server whose mind can be changed: which tokens it takes, and what happens while it looks at one."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from tests.mcp_servers.good import answer_to


class Gate:
    """What the server takes, and what it was shown. `accepted` None: it lets everybody in."""

    def __init__(self, *accepted: str) -> None:
        self.accepted: set[str] | None = set(accepted)
        #: The status for whoever is not let in.
        self.refusal = 401
        #: Tokens that arrived, in order, each request's.
        self.shown: list[str] = []
        #: Runs once, while the first token that arrives next is being looked at.
        self.meanwhile: Callable[[], Any] | None = None

    def asgi(self) -> Any:
        """Return the server, at `/mcp`."""

        async def post(request: Request) -> Response:
            token = request.headers.get("authorization", "").removeprefix("Bearer ")
            if token:
                self.shown.append(token)
                act, self.meanwhile = self.meanwhile, None
                if act:
                    await run_in_threadpool(act)
            if self.accepted is not None and token not in self.accepted:
                return JSONResponse({"error": "no"}, self.refusal, {"WWW-Authenticate": "Bearer"})
            message = json.loads(await request.body())
            if "id" not in message:
                return Response(status_code=202)
            answer = {"jsonrpc": "2.0", "id": message["id"], **answer_to(message)}
            return JSONResponse(answer, headers={"Mcp-Session-Id": "session-1"})

        async def refuse(_request: Request) -> Response:
            return Response(status_code=405)

        return Starlette(
            routes=[
                Route("/{path:path}", post, methods=["POST"]),
                Route("/{path:path}", refuse, methods=["GET", "DELETE"]),
            ]
        )
