"""Factory: puts the parts of an app together, from settings that were found safe."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from flask import Flask

from app import cli, logs, models, web
from app.extensions import db, migrate
from app.mcp.egress import Egress
from app.services.call_slots import CallSlots
from app.services.keys import Keys, Secrets
from app.services.ledger import AuditKey, seal_with
from config import ROOT, refuse_switches


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
    if settings["APP_ENV"] == "production":
        # Flask has its own variable for this.
        refuse_switches({"DEBUG": app.debug})
    logs.init_app(app)
    _keep_private(app, Path(app.instance_path))
    for name in settings["GENERATED_SECRETS"]:
        app.logger.warning(
            "No secret was set, so a random one was written to the instance folder. Development only.",
            extra={"setting": name},
        )
    db.init_app(app)
    migrate.init_app(app, db, directory=str(ROOT / "migrations"))
    app.extensions["keys"] = Keys(
        Secrets(settings["TOKEN_ENCRYPTION_SECRET"], tuple(settings["TOKEN_ENCRYPTION_PREVIOUS_SECRETS"])),
        stores_tokens=settings["TOKEN_STORAGE"] == "on",
    )
    with app.app_context():
        # Connects to nothing.
        app.extensions["audit_key"] = AuditKey(app.extensions["keys"])
        seal_with(db.engine, app.extensions["audit_key"])
    app.extensions["call_slots"] = CallSlots(settings["CALL_SLOTS"])
    app.extensions["egress"] = Egress(
        allow=frozenset(settings["EGRESS_ALLOW"]), plain_http=settings["APP_ENV"] != "production"
    )
    web.init_app(app)
    cli.init_app(app)
    app.shell_context_processor(lambda: {"db": db, "models": models})
    return app


def _keep_private(app: Flask, folder: Path) -> None:
    """Make the instance folder, and let nobody else look into it, whatever the umask is."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if folder.stat().st_mode & 0o077:
        try:
            folder.chmod(0o700)
        except OSError:
            app.logger.warning("The instance folder is open to others, and belongs to somebody else.")
