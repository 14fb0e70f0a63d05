"""Admin import: the catalogue from and into JSON documents, for admins alone."""

from __future__ import annotations

from typing import Any

from app.services.import_plan import Plan
from app.services.server_export import export_catalogue
from app.services.server_import import Consent, Files, import_catalogue, read_files, review_catalogue
from app.web import current
from app.web.access import admins_only
from app.web.api.blueprint import Blueprint
from app.web.api.import_schemas import CatalogueImport, ExportedCatalogue, ImportPlan

admin_import = Blueprint(
    "api_admin_import", __name__, path="/admin/servers", description="The catalogue as a file, for admins"
)
admin_import.before_request(admins_only)


@admin_import.post("/import")
@admin_import.arguments(CatalogueImport)
@admin_import.response(200, ImportPlan)
@admin_import.problems(404, 409)
def import_servers(body: dict[str, Any]) -> dict[str, Any]:
    """Import entries of the registry, or an export. Twice changes nothing.

    Another address puts the tokens saved for the one there is on hold. Without held_tokens, or with another
    number, the answer is 409 tokens_would_be_held with the number, and nothing has changed; so it is with
    409 changed_meanwhile where the plan is not the one that was given. What cannot be used is in skipped.
    """
    catalogue = read_files(Files([body["catalogue"]], body["values"]), current.egress())
    entries = None if body["entries"] is None else frozenset(body["entries"])
    if body["dry_run"]:
        whole = review_catalogue(catalogue)
        return _told(whole.only(entries), True) | {"plan": whole.digest}
    consent = Consent(entries, body.get("held_tokens"), body.get("plan"))
    return _told(import_catalogue(catalogue, consent, current.actor()), False)


@admin_import.get("/export")
@admin_import.response(200, ExportedCatalogue)
@admin_import.problems(404)
def export_servers() -> dict[str, Any]:
    """Give the whole catalogue as a list page of the registry. It holds no secret and nothing of people."""
    return export_catalogue()


def _told(plan: Plan, dry_run: bool) -> dict[str, Any]:
    servers = [
        {
            "entry": entry.name,
            "id": server.id,
            "name": server.name,
            "url": server.url,
            "action": server.action,
            "changes": [
                {"field": name, "old": old, "new": new} for name, (old, new) in server.settings.items()
            ],
            "disabled_reason": server.disabled_reason,
            "held_tokens": server.held_tokens,
        }
        for entry in plan.entries
        for server in entry.servers
    ]
    return {
        "dry_run": dry_run,
        "plan": plan.digest,
        "held_tokens": plan.held,
        "added": len(plan.added),
        "changed": len(plan.changed),
        "unchanged": plan.unchanged,
        "servers": servers,
        "skipped": plan.skipped,
        "questions": plan.questions,
    }
