"""Admin servers: the catalogue by JSON, for admins alone. Of tokens, no answer has more than their number."""

from __future__ import annotations

from typing import Any, Final

from flask import Response, current_app

from app.mcp.catalogue import ProposedServer
from app.mcp.token_headers import AUTHORIZATION, default_format
from app.models import Server
from app.services import server_delete, servers
from app.services.server_change import IS_ENABLED
from app.services.server_change import change_server as change
from app.services.server_fields import FIELDS
from app.services.server_list import list_catalogue
from app.services.trials import try_server as try_out
from app.web import current
from app.web.access import admins_only
from app.web.api.admin_server_schemas import (
    CataloguePage,
    CatalogueQuery,
    CatalogueServer,
    ChangedServer,
    Deletion,
    NewServer,
    ServerChange,
    TrialAnswer,
)
from app.web.api.blueprint import Blueprint, no_content
from app.words.trials import REASONS

#: What the API calls `IS_ENABLED`, as it does for everybody.
ENABLED: Final = "enabled"

admin_servers = Blueprint(
    "api_admin_servers", __name__, path="/admin/servers", description="The catalogue, for admins"
)
admin_servers.before_request(admins_only)


@admin_servers.get("")
@admin_servers.arguments(CatalogueQuery, location="query")
@admin_servers.response(200, CataloguePage)
def list_catalogue_servers(query: dict[str, Any]) -> dict[str, Any]:
    """List every server by name, disabled ones too."""
    page = list_catalogue(query["q"], query["after"], query["limit"])
    return {"items": [_server(row.server, row.people) for row in page.rows], "next": page.next}


@admin_servers.post("")
@admin_servers.arguments(NewServer)
@admin_servers.response(201, CatalogueServer)
def add_server(body: dict[str, Any]) -> dict[str, Any]:
    """Add a server. It is there for everyone at once, unless enabled or for_everyone is false."""
    given = {name: value for name, value in body.items() if name in FIELDS}
    given.setdefault("auth_value_format", default_format(given.get("auth_header_name", AUTHORIZATION)))
    server = servers.add_server(
        ProposedServer(**given, for_everyone=body["for_everyone"]),
        egress=current.egress(),
        actor=current.actor(),
        is_enabled=body.get(ENABLED, True),
    )
    return _server(server, 0)


@admin_servers.get("/<int:server_id>")
@admin_servers.response(200, CatalogueServer)
@admin_servers.problems(404)
def show_server(server_id: int) -> dict[str, Any]:
    """Say what the catalogue has of this server."""
    return _counted(servers.get_server(server_id))


@admin_servers.patch("/<int:server_id>")
@admin_servers.arguments(ServerChange, required=False)
@admin_servers.response(200, ChangedServer)
@admin_servers.problems(404, 409)
def change_server(body: dict[str, Any], server_id: int) -> dict[str, Any]:
    """Change fields of this server; the others stay.

    Another address puts the tokens saved for the one there is on hold. Without held_tokens, or with another
    number, the answer is 409 tokens_would_be_held with the number, and nothing has changed.
    """
    changes = {name: value for name, value in body.items() if name in FIELDS}
    if ENABLED in body:
        changes[IS_ENABLED] = body[ENABLED]
    changed = change(
        server_id,
        changes,
        held_tokens=body.get("held_tokens"),
        egress=current.egress(),
        actor=current.actor(),
        seen=body.get("updated_at"),
    )
    names = sorted(ENABLED if name == IS_ENABLED else name for name in changed.fields)
    return _counted(servers.get_server(server_id)) | {"changed": names, "held_tokens": changed.held_tokens}


@admin_servers.delete("/<int:server_id>")
@admin_servers.arguments(Deletion, location="query")
@admin_servers.response(204)
@admin_servers.problems(404, 409)
def delete_server(query: dict[str, Any], server_id: int) -> Response:
    """Delete this server and everyone's token for it.

    Without deleted_tokens, or with another number than go, the answer is 409 tokens_would_be_deleted with the
    number, and nothing has changed. Tokens stay valid at their provider.
    """
    server_delete.delete_server(server_id, deleted_tokens=query["deleted_tokens"], actor=current.actor())
    return no_content()


@admin_servers.post("/<int:server_id>/try")
@admin_servers.response(200, TrialAnswer)
@admin_servers.problems(404)
def try_server(server_id: int) -> dict[str, Any]:
    """Connect to this server without a token and say what it shows. Changes nothing."""
    trial = try_out(
        server_id,
        egress=current.egress(),
        slots=current_app.extensions["call_slots"],
        actor=current.actor(),
    )
    return vars(trial) | {"detail": str(REASONS[trial.reason]), "wants_token": trial.wants_token}


def _counted(server: Server) -> dict[str, Any]:
    return _server(server, servers.count_tokens(server))


def _server(server: Server, people: int) -> dict[str, Any]:
    kept = {
        "id",
        "slug",
        IS_ENABLED,
        "disabled_reason",
        "registry_name",
        "for_everyone",
        "updated_at",
        *FIELDS,
    }
    return {name: getattr(server, name) for name in kept} | {"people": people}
