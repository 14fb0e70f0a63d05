"""The JSON API: routes that read strictly, answer by allow-list, and describe themselves."""

from __future__ import annotations

from flask import Flask

from app.web.api.admin_groups import admin_groups
from app.web.api.admin_import import admin_import
from app.web.api.admin_servers import admin_servers
from app.web.api.admin_tokens import admin_tokens
from app.web.api.admin_users import admin_users
from app.web.api.document import document, make_api
from app.web.api.mcp_servers import mcp_servers
from app.web.api.playground import playground
from app.web.api.session import session
from app.web.api.strict_json import StrictProvider


def init_app(app: Flask) -> None:
    """Add the routes, their description, and strict JSON for the whole app."""
    app.json = StrictProvider(app)
    api = make_api(app)
    admins = (admin_servers, admin_import, admin_groups, admin_users, admin_tokens)
    for blueprint in (session, mcp_servers, playground, *admins):
        api.register_blueprint(blueprint)
    app.register_blueprint(document)
