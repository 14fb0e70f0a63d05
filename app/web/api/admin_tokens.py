"""Admin tokens: people by servers by JSON, for admins alone. No answer has a token or a part of one."""

from __future__ import annotations

from typing import Any

from flask import Response

from app.errors import InvalidInputError, NotThereError
from app.services import servers, token_removal
from app.services.token_choice import Choice
from app.services.token_matrix import Cell, list_cells
from app.services.token_search import person_named
from app.services.token_totals import count_cells
from app.web import current, renewing
from app.web.access import admins_only
from app.web.api.admin_token_schemas import (
    AskedForRenewal,
    AskForRenewal,
    HeldTokenPage,
    HeldTokenQuery,
    TokenVersionQuery,
)
from app.web.api.blueprint import Blueprint, no_content

admin_tokens = Blueprint(
    "api_admin_tokens", __name__, path="/admin/tokens", description="People's tokens, for admins"
)
admin_tokens.before_request(admins_only)


@admin_tokens.get("")
@admin_tokens.arguments(HeldTokenQuery, location="query")
@admin_tokens.response(200, HeldTokenPage)
def list_held_tokens(query: dict[str, Any]) -> dict[str, Any]:
    """List the tokens that people hold, with their states.

    With a person: every server, also those without a token. With a server: everybody. Of everyone's tokens
    those in one state are not counted beyond some thousand.
    """
    wanted = Choice(
        person_id=person_named(query["person"]).id if query["person"] else None,
        server_id=_server_id(query["server"]) if query["server"] else None,
        status=query["status"],
        after=query["after"],
        limit=query["limit"],
    )
    totals = count_cells(wanted)
    page = list_cells(wanted, totals)
    return {
        "items": [_item(cell) for cell in page.cells],
        "next": page.next,
        "totals": totals.counts,
        "more_than_counted": sorted(totals.more),
    }


@admin_tokens.post("/<int:user_id>/<int:server_id>/ask")
@admin_tokens.arguments(AskForRenewal, required=False)
@admin_tokens.response(200, AskedForRenewal)
@admin_tokens.problems(404, 409)
def ask_to_renew(body: dict[str, Any], user_id: int, server_id: int) -> dict[str, Any]:
    """Ask this person to renew their token for this server.

    They see it on their page until they replace or delete the token, and get a mail where mails are sent.
    Once a day at most.
    """
    asked = renewing.ask(user_id, server_id, body["version"])
    return {"asked": asked.is_new, "renew_asked_at": asked.asked_at, "mail": asked.mail}


@admin_tokens.delete("/<int:user_id>/<int:server_id>")
@admin_tokens.arguments(TokenVersionQuery, location="query")
@admin_tokens.response(204)
@admin_tokens.problems(404, 409)
def delete_token_of(query: dict[str, Any], user_id: int, server_id: int) -> Response:
    """Delete this person's token for this server, if there is one.

    It is not revoked at its provider. Its owner sees who deleted it.
    """
    token_removal.delete_token_of(user_id, server_id, query["version"], current.actor())
    return no_content()


def _server_id(word: str) -> int:
    try:
        return servers.find_server(word).id
    except NotThereError:
        raise InvalidInputError("server", "unknown") from None


def _item(cell: Cell) -> dict[str, Any]:
    return {
        "person": {"id": cell.user_id, "email": cell.email, "active": cell.is_active},
        "server": {
            "id": cell.server_id,
            "slug": cell.slug,
            "name": cell.server,
            "enabled": cell.is_enabled,
        },
        "available": cell.is_available,
        "status": cell.status,
        "version": cell.version,
        "created_at": cell.created_at,
        "updated_at": cell.updated_at,
        "last_used_at": cell.last_used_at,
        "last_check_at": cell.last_check_at,
        "expires_at": cell.expires_at,
        "renew_asked_at": cell.renew_asked_at,
    }
