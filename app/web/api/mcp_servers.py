"""MCP servers: the catalogue as one person sees it, and their token for each server."""

from __future__ import annotations

from typing import Any

from flask import Response
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from app.mcp.checks import Verdict
from app.services import checks, token_list, tokens
from app.services.token_list import Filter, TokenRow
from app.services.uses import Typed
from app.web import current
from app.web.api.blueprint import Blueprint, no_content
from app.web.api.schemas import (
    CheckedToken,
    NewToken,
    SavedToken,
    ServerPage,
    ServerQuery,
    TokenState,
    TokenToCheck,
)
from app.web.foreign import visible
from app.words.checks import REASONS
from app.words.token_states import help_of, remedy_of

mcp_servers = Blueprint(
    "api_mcp_servers", __name__, path="/mcp-servers", description="The catalogue, and your tokens"
)


@mcp_servers.get("")
@mcp_servers.arguments(ServerQuery, location="query")
@mcp_servers.response(200, ServerPage)
def list_servers(query: dict[str, Any]) -> dict[str, Any]:
    """List the servers that you may use by name, and others where you hold a token.

    There you can only delete it. Of a server that is no longer available to you, slug and url are null.
    """
    wanted = Filter(query["q"], query["status"], query["after"], query["limit"])
    page = token_list.list_tokens(current.user(), wanted)
    not_stored = current.not_stored()
    return {"items": [_server(row, not_stored) for row in page.rows], "next": page.next}


@mcp_servers.get("/<int:server_id>/auth-token")
@mcp_servers.response(200, TokenState)
@mcp_servers.problems(404)
def show_token(server_id: int) -> dict[str, Any]:
    """Say what is known of your token for this server.

    The token itself never comes out.
    """
    return _token(token_list.get_row(current.user(), server_id), current.not_stored())


@mcp_servers.post("/<int:server_id>/auth-token")
@mcp_servers.arguments(NewToken)
@mcp_servers.response(201, SavedToken, description="Saved")
@mcp_servers.alt_response(200, schema=SavedToken, description="Replaced", success=True)
@mcp_servers.problems(404, 409, 503)
def save_token(body: dict[str, Any], server_id: int) -> ResponseReturnValue:
    """Save your token for this server, or replace the one there is.

    It is saved unchecked unless `check` is true.
    """
    new = tokens.NewToken(
        body["token"],
        body["expires_at"],
        address=body["address"],
        belongs_here=body["belongs_here"],
        holds_foreign=True,
    )
    if body["check"]:
        saved = tokens.save_checked_token(current.user(), server_id, new, door=current.door())
    else:
        saved = tokens.save_token(current.user(), server_id, new, keys=current.keys(), actor=current.actor())
    answer: dict[str, Any] = {"success": True, "message": _("Token saved"), "hint": saved.hint}
    more = {
        "changed": list(saved.changed),
        "check": _verdict(saved.verdict) if saved.verdict else None,
        "stated_expires_at": saved.stated_expires_at,
        "also_saved_for": list(saved.also_saved_for),
        "held_for": saved.held_for,
    }
    return answer | {name: value for name, value in more.items() if value}, 201 if saved.created else 200


@mcp_servers.post("/<int:server_id>/auth-token/check")
@mcp_servers.arguments(TokenToCheck, required=False)
@mcp_servers.response(200, CheckedToken)
@mcp_servers.problems(404, 409, 503)
def check_token(body: dict[str, Any], server_id: int) -> dict[str, Any]:
    """Ask the server whether it takes the token in the request, else your saved one.

    Whatever the server does is an answer; a saved token that it rejects is not sent again until it is
    replaced, or checked again.
    """
    given = body["token"]
    typed = None if given is None else Typed(given, body["belongs_here"], "token", body["address"])
    checked = checks.check_token(current.user(), server_id, typed, door=current.door())
    return _verdict(checked.verdict) | {"token_source": checked.token_source}


@mcp_servers.delete("/<int:server_id>/auth-token")
@mcp_servers.response(204)
@mcp_servers.problems(404)
def delete_token(server_id: int) -> Response:
    """Delete your token for this server, if there is one."""
    tokens.delete_token(current.user(), server_id, current.actor())
    return no_content()


def _server(row: TokenRow, not_stored: str | None) -> dict[str, Any]:
    return {
        "id": row.server_id,
        "slug": row.slug or None,
        "name": row.name,
        "url": row.url or None,
        "enabled": row.is_enabled,
        "available": row.is_available,
        "token": _token(row, not_stored),
    }


def _token(row: TokenRow, not_stored: str | None) -> dict[str, Any]:
    if not row.has_token:
        return {"has_token": False}
    return {
        "has_token": True,
        "hint": row.hint,
        "status": row.status,
        "help": help_of(row, not_stored),
        "remedy": remedy_of(row, not_stored),
        "last_check_at": row.last_check_at,
        "last_check_result": row.last_check_result,
        "created_at": row.created_at,
        "updated_at": row.updated_at,
        "last_used_at": row.last_used_at,
        "expires_at": row.expires_at,
        "renew_asked_at": row.renew_asked_at,
    }


def _verdict(verdict: Verdict) -> dict[str, Any]:
    found = {"result": verdict.result, "detail": REASONS[verdict.reason], "reason": verdict.reason}
    return found | ({"identity": visible(verdict.identity)} if verdict.identity else {})
