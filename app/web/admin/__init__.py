"""Admin: pages for those who run the installation. To everyone else they do not exist."""

from __future__ import annotations

from typing import Final

from flask import Blueprint, abort, request
from flask_login import current_user

from app.services.audit import Action
from app.web.admin import audit, encryption, users
from app.web.problems import note_refusal

admin = Blueprint("admin", __name__, url_prefix="/admin")
admin.add_url_rule("/encryption", "encryption", encryption.show, methods=("GET",))
admin.add_url_rule("/users", "users", users.list_page, methods=("GET",))
admin.add_url_rule("/users/<int:user_id>/totp", "require_totp", users.require_totp, methods=("GET", "POST"))
admin.add_url_rule("/users/<int:user_id>/reset-totp", "reset_totp", users.reset_totp, methods=("GET", "POST"))


admin.add_url_rule("/audit", "audit", audit.show, methods=("GET",))
admin.add_url_rule("/audit/export/<form>", "export", audit.export, methods=("POST",))
#: What auditors may see besides admins: the ledger, and nothing else.
FOR_AUDITORS: Final = frozenset({"admin.audit", "admin.export"})


@admin.before_request
def admins_only() -> None:
    """Answer everyone else as if there were no such page: they need not know that there is."""
    if not (current_user.is_admin or (current_user.may_audit and request.endpoint in FOR_AUDITORS)):
        note_refusal(Action.ACCESS_REFUSED)
        abort(404)
