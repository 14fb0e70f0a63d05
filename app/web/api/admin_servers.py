"""Admin servers: the catalogue by JSON, for admins alone. Of tokens, no answer has more than their number."""

from __future__ import annotations

from typing import Any

from app.models import Server
from app.services import servers
from app.services.server_change import change_server as change
from app.services.server_fields import FIELDS
from app.web import current
from app.web.access import admins_only
from app.web.api.blueprint import Blueprint
from app.web.api.schemas import CatalogueServer, ChangedServer, ServerChange

admin_servers = Blueprint(
    "api_admin_servers", __name__, path="/admin/servers", description="The catalogue, for admins"
)
admin_servers.before_request(admins_only)


@admin_servers.get("/<int:server_id>")
@admin_servers.response(200, CatalogueServer)
@admin_servers.problems(404)
def show_server(server_id: int) -> dict[str, Any]:
    """Say what the catalogue has of this server."""
    return _server(servers.get_server(server_id))


@admin_servers.patch("/<int:server_id>")
@admin_servers.arguments(ServerChange, required=False)
@admin_servers.response(200, ChangedServer)
@admin_servers.problems(404, 409)
def change_server(body: dict[str, Any], server_id: int) -> dict[str, Any]:
    """Change fields of this server; the others stay.

    Another address puts the tokens saved for the one there is on hold. Without held_tokens, or with another
    number, the answer is 409 tokens_would_be_held with the number, and nothing has changed.
    """
    changed = change(
        server_id,
        {name: value for name, value in body.items() if name in FIELDS},
        held_tokens=body.get("held_tokens"),
        egress=current.egress(),
        actor=current.actor(),
        seen=body.get("updated_at"),
    )
    facts = {"changed": sorted(changed.fields), "held_tokens": changed.held_tokens}
    return _server(servers.get_server(server_id)) | facts


def _server(server: Server) -> dict[str, Any]:
    kept = {"id", "slug", "is_enabled", "disabled_reason", "registry_name", "updated_at", *FIELDS}
    return {name: getattr(server, name) for name in kept} | {"people": servers.count_tokens(server)}
