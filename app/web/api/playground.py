"""Playground: a server's tools, with the token in the request or else the saved one."""

from __future__ import annotations

from typing import Any

from app.services import playground as service
from app.services.uses import Typed
from app.web import current
from app.web.api.blueprint import Blueprint
from app.web.api.schemas import ToolAnswer, ToolCall, ToolList, TypedToken


def typed_token(body: dict[str, Any]) -> Typed | None:
    """Return the token of a body, None when the saved one is to be used."""
    text = body["mcp_auth_token"]
    return None if text is None else Typed(text, body["belongs_here"], address=body["address"])


playground = Blueprint("api_playground", __name__, path="/playground", description="Calling tools")


@playground.post("/<int:server_id>/tools")
@playground.arguments(TypedToken, required=False)
@playground.response(200, ToolList)
@playground.problems(404, 409, 502, 503, 504)
def list_tools(body: dict[str, Any], server_id: int) -> dict[str, Any]:
    """Ask the server for its tools."""
    listed = service.list_tools(current.user(), server_id, typed_token(body), door=current.door())
    return {"token_source": listed.token_source, "tools": listed.tools}


@playground.post("/<int:server_id>/call")
@playground.arguments(ToolCall)
@playground.response(200, ToolAnswer)
@playground.problems(404, 409, 502, 503, 504)
def call_tool(body: dict[str, Any], server_id: int) -> dict[str, Any]:
    """Call one of the server's tools.

    A tool that failed is an answer too, with is_error.
    """
    called = service.call_tool(
        current.user(),
        server_id,
        service.Call(body["tool"], body["arguments"] or {}),
        typed_token(body),
        door=current.door(),
    )
    return {
        "token_source": called.token_source,
        "is_error": called.result.is_error,
        "content": called.result.content,
        "structured_content": called.result.structured_content,
    }
