"""Admin: pages for those who run the installation. To everyone else they do not exist."""

from __future__ import annotations

from flask import Blueprint, abort
from flask_login import current_user

from app.web.admin import encryption, users

admin = Blueprint("admin", __name__, url_prefix="/admin")
admin.add_url_rule("/encryption", "encryption", encryption.show, methods=("GET",))
admin.add_url_rule("/users", "users", users.list_page, methods=("GET",))
admin.add_url_rule("/users/<int:user_id>/totp", "require_totp", users.require_totp, methods=("GET", "POST"))
admin.add_url_rule("/users/<int:user_id>/reset-totp", "reset_totp", users.reset_totp, methods=("GET", "POST"))


@admin.before_request
def admins_only() -> None:
    """Answer everyone else as if there were no such page: they need not know that there is."""
    if not current_user.is_admin:
        abort(404)
