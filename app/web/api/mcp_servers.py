"""MCP servers: the catalogue as one person sees it, and their token for each server."""

from __future__ import annotations

from typing import Any

from flask import Response
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from app.services import token_list, tokens
from app.services.token_list import Filter, TokenRow
from app.web import current
from app.web.api.blueprint import Blueprint, no_content
from app.web.api.schemas import NewToken, SavedToken, ServerPage, ServerQuery, TokenState

mcp_servers = Blueprint(
    "api_mcp_servers", __name__, path="/mcp-servers", description="The catalogue, and your tokens"
)


@mcp_servers.get("")
@mcp_servers.arguments(ServerQuery, location="query")
@mcp_servers.response(200, ServerPage)
def list_servers(query: dict[str, Any]) -> dict[str, Any]:
    """List the enabled servers by name, and disabled ones where you hold a token."""
    wanted = Filter(query["q"], query["status"], query["after"], query["limit"])
    page = token_list.list_tokens(current.user(), wanted)
    return {"items": [_server(row) for row in page.rows], "next": page.next}


@mcp_servers.get("/<int:server_id>/auth-token")
@mcp_servers.response(200, TokenState)
@mcp_servers.problems(404)
def show_token(server_id: int) -> dict[str, Any]:
    """Say what is known of your token for this server.

    The token itself never comes out.
    """
    return _token(token_list.get_row(current.user(), server_id))


@mcp_servers.post("/<int:server_id>/auth-token")
@mcp_servers.arguments(NewToken)
@mcp_servers.response(201, SavedToken, description="Saved")
@mcp_servers.alt_response(200, schema=SavedToken, description="Replaced", success=True)
@mcp_servers.problems(404, 503)
def save_token(body: dict[str, Any], server_id: int) -> ResponseReturnValue:
    """Save your token for this server, or replace the one there is."""
    saved = tokens.save_token(
        current.user(),
        server_id,
        tokens.NewToken(body["token"], body["expires_at"]),
        keys=current.keys(),
        actor=current.actor(),
    )
    answer = {"success": True, "message": _("Token saved"), "hint": saved.hint}
    changed = {"changed": list(saved.changed)} if saved.changed else {}
    return answer | changed, 201 if saved.created else 200


@mcp_servers.delete("/<int:server_id>/auth-token")
@mcp_servers.response(204)
@mcp_servers.problems(404)
def delete_token(server_id: int) -> Response:
    """Delete your token for this server, if there is one."""
    tokens.delete_token(current.user(), server_id, current.actor())
    return no_content()


def _server(row: TokenRow) -> dict[str, Any]:
    return {
        "id": row.server_id,
        "slug": row.slug,
        "name": row.name,
        "url": row.url,
        "enabled": row.is_enabled,
        "token": _token(row),
    }


def _token(row: TokenRow) -> dict[str, Any]:
    if not row.has_token:
        return {"has_token": False}
    return {
        "has_token": True,
        "hint": row.hint,
        "status": row.status,
        "created_at": row.created_at,
        "updated_at": row.updated_at,
        "last_used_at": row.last_used_at,
        "expires_at": row.expires_at,
    }
