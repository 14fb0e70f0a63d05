"""Admin: pages for those who run the installation. To everyone else they do not exist."""

from __future__ import annotations

from typing import Final

from flask import Blueprint, request
from flask_login import current_user

from app.web.access import admins_only
from app.web.admin import audit, encryption, imports, servers, users

admin = Blueprint("admin", __name__, url_prefix="/admin")
admin.add_url_rule("/servers", "servers", servers.list_page, methods=("GET",))
admin.add_url_rule("/servers/<int:server_id>", "server", servers.change_page, methods=("GET", "POST"))
admin.add_url_rule("/servers/import", "import_servers", imports.upload, methods=("GET", "POST"))
admin.add_url_rule("/servers/import/reviewed", "import_reviewed", imports.reviewed, methods=("POST",))
admin.add_url_rule("/servers/export", "export_servers", imports.export, methods=("GET",))
admin.add_url_rule("/encryption", "encryption", encryption.show, methods=("GET",))
admin.add_url_rule("/users", "users", users.list_page, methods=("GET",))
admin.add_url_rule("/users/<int:user_id>/totp", "require_totp", users.require_totp, methods=("GET", "POST"))
admin.add_url_rule("/users/<int:user_id>/reset-totp", "reset_totp", users.reset_totp, methods=("GET", "POST"))


admin.add_url_rule("/audit", "audit", audit.show, methods=("GET",))
admin.add_url_rule("/audit/export/<form>", "export", audit.export, methods=("POST",))
#: What auditors may see besides admins: the ledger, and nothing else.
FOR_AUDITORS: Final = frozenset({"admin.audit", "admin.export"})


@admin.before_request
def admins_and_auditors() -> None:
    """Let auditors see the ledger, and admins everything."""
    if not (current_user.may_audit and request.endpoint in FOR_AUDITORS):
        admins_only()
