"""Factory: puts the parts of an app together, from settings that were found safe."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from flask import Flask
from werkzeug.middleware.proxy_fix import ProxyFix

from app import cli, logs, models, web
from app.extensions import db, migrate
from app.mcp.egress import Egress
from app.services.keys import Keys, Secrets
from config import ROOT


def assemble(settings: dict[str, Any]) -> Flask:
    """Return an app with these settings (`config.load_settings`)."""
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
    for name in settings["GENERATED_SECRETS"]:
        app.logger.warning(
            "No secret was set, so a random one was written to the instance folder. Development only.",
            extra={"setting": name},
        )
    _trust_proxies(app)
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


def _trust_proxies(app: Flask) -> None:
    """Believe forwarding headers from exactly as many proxies as there are; without any, from nobody."""
    hops = app.config["TRUSTED_PROXIES"]
    if hops:
        app.wsgi_app = ProxyFix(  # type: ignore[method-assign]
            app.wsgi_app, x_for=hops, x_proto=hops, x_host=hops
        )
