"""The web: pages and JSON API. A view is form → service → redirect, or render."""

from __future__ import annotations

from flask import Flask

from app.web import (
    access,
    api,
    compression,
    display,
    headers,
    https_only,
    limits,
    metrics,
    problems,
    requests,
    static_files,
    urls,
)
from app.web.admin import admin
from app.web.auth import auth
from app.web.health import health
from app.web.languages import languages
from app.web.playground import playground
from app.web.settings import settings


def init_app(app: Flask) -> None:
    """Add everything that answers HTTP. The order of the guards is the order in which they look."""
    compression.init_app(app)
    urls.init_app(app)
    metrics.init_app(app)
    requests.init_app(app)
    headers.init_app(app)
    access.init_app(app)
    display.init_app(app)
    static_files.init_app(app)
    for blueprint in (admin, auth, health, languages, metrics.metrics, playground, settings):
        app.register_blueprint(blueprint)
    api.init_app(app)
    limits.init_app(app)
    https_only.trust_proxies(app)
    # Last: flask-smorest registers an error handler for the whole app, and ours must win.
    problems.init_app(app)
