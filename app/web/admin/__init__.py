"""Admin: pages for those who run the installation. To everyone else they do not exist."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from flask import Blueprint, request
from flask.typing import ResponseReturnValue
from flask_login import current_user

from app.web import current
from app.web.access import admins_only
from app.web.admin import (
    audit,
    encryption,
    groups,
    imports,
    invitations,
    person_acts,
    server_acts,
    server_groups,
    servers,
    tokens,
    users,
)

admin = Blueprint("admin", __name__, url_prefix="/admin")
READ: Final = ("GET",)
BOTH: Final = ("GET", "POST")
SEND: Final = ("POST",)
#: (path, name, view, methods).
PAGES: Final[tuple[tuple[str, str, Callable[..., ResponseReturnValue], tuple[str, ...]], ...]] = (
    ("/servers", "servers", servers.list_page, READ),
    ("/servers/<int:server_id>", "server", servers.change_page, BOTH),
    ("/servers/import", "import_servers", imports.upload, BOTH),
    ("/servers/import/reviewed", "import_reviewed", imports.reviewed, SEND),
    ("/servers/export", "export_servers", imports.export, READ),
    ("/servers/new", "new_server", servers.new_page, BOTH),
    ("/servers/<int:server_id>/enable", "enable_server", server_acts.enable, SEND),
    ("/servers/<int:server_id>/disable", "disable_server", server_acts.disable, SEND),
    ("/servers/<int:server_id>/delete", "delete_server", server_acts.delete_page, BOTH),
    ("/servers/<int:server_id>/try", "try_server", server_acts.try_page, SEND),
    ("/servers/<int:server_id>/groups", "server_groups", server_groups.groups_page, BOTH),
    ("/groups", "groups", groups.list_page, BOTH),
    ("/groups/<int:group_id>", "group", groups.group_page, BOTH),
    ("/groups/<int:group_id>/members", "add_member", groups.add_member, SEND),
    ("/groups/<int:group_id>/members/<int:user_id>/remove", "remove_member", groups.remove_member, SEND),
    ("/groups/<int:group_id>/delete", "delete_group", groups.delete_page, BOTH),
    ("/users", "users", users.list_page, READ),
    ("/users/invite", "invite", invitations.invite, BOTH),
    ("/users/<int:user_id>", "user", users.person_page, READ),
    ("/users/<int:user_id>/totp", "require_totp", users.require_totp, BOTH),
    ("/users/<int:user_id>/reset-totp", "reset_totp", users.reset_totp, BOTH),
    ("/users/<int:user_id>/invitation", "renew_invitation", invitations.renew, BOTH),
    ("/users/<int:user_id>/password-link", "password_link", invitations.password_link, BOTH),
    ("/users/<int:user_id>/disable", "disable_user", person_acts.disable, BOTH),
    ("/users/<int:user_id>/enable", "enable_user", person_acts.enable, BOTH),
    ("/users/<int:user_id>/role", "user_role", person_acts.role, BOTH),
    ("/users/<int:user_id>/sign-out", "sign_out_user", person_acts.sign_out, BOTH),
    ("/users/<int:user_id>/delete", "delete_user", person_acts.delete, BOTH),
    ("/tokens", "tokens", tokens.list_page, READ),
    ("/tokens/<int:user_id>/<int:server_id>/ask", "ask_token", tokens.ask, SEND),
    ("/tokens/<int:user_id>/<int:server_id>/delete", "delete_token", tokens.delete_page, BOTH),
    ("/encryption", "encryption", encryption.show, READ),
    ("/audit", "audit", audit.show, READ),
    ("/audit/export/<form>", "export", audit.export, SEND),
)
for path, name, view, methods in PAGES:
    admin.add_url_rule(path, name, view, methods=methods)
#: What auditors may see besides admins: the ledger, and nothing else.
FOR_AUDITORS: Final = frozenset({"admin.audit", "admin.export"})


@admin.before_request
def admins_and_auditors() -> None:
    """Let auditors see the ledger, and admins everything."""
    if current_user.may_audit and request.endpoint in FOR_AUDITORS:
        current.act_by_role("admin", "auditor")
    else:
        admins_only()
