"""MCP Market: the application factory."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from flask import Flask
from werkzeug.middleware.proxy_fix import ProxyFix

from app import cli, logs, models, web
from app.extensions import db, migrate
from app.mcp.egress import Egress
from app.services.keys import Keys, Secrets
from config import ROOT, load_settings


def create_app(config: Mapping[str, Any] | None = None) -> Flask:
    """Return an app; `config` overrides settings by their Flask config names.

    Never queries the database. Raises config.SettingError for missing or unsafe settings.
    """
    settings = load_settings(config or {})
    app = Flask(
        "app",
        root_path=str(ROOT / "app"),
        instance_path=settings["INSTANCE_PATH"],
        template_folder=str(ROOT / "templates"),
        static_folder=str(ROOT / "static"),
    )
    app.config.from_mapping(settings)
    Path(app.instance_path).mkdir(mode=0o700, parents=True, exist_ok=True)
    logs.init_app(app)
    if settings["TRUSTED_PROXIES"]:
        hops = settings["TRUSTED_PROXIES"]
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=hops, x_proto=hops, x_host=hops)  # type: ignore[method-assign]
    db.init_app(app)
    migrate.init_app(app, db, directory=str(ROOT / "migrations"))
    app.extensions["keys"] = Keys(
        Secrets(settings["TOKEN_ENCRYPTION_SECRET"], tuple(settings["TOKEN_ENCRYPTION_PREVIOUS_SECRETS"]))
    )
    app.extensions["egress"] = Egress(
        allow=frozenset(settings["EGRESS_ALLOW"]), plain_http=settings["APP_ENV"] != "production"
    )
    web.init_app(app)
    cli.init_app(app)
    app.shell_context_processor(lambda: {"db": db, "models": models})
    return app
