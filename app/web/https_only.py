"""HTTPS only: in production nothing is answered over plain HTTP but that it has to be HTTPS."""

from __future__ import annotations

import re
import ssl
from collections.abc import Iterable
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any, Final

from flask import Flask, abort, current_app, redirect, request
from werkzeug.middleware.proxy_fix import ProxyFix
from werkzeug.wrappers import Response

from app.web.urls import SAFE_METHODS, is_api

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

#: Load balancers ask these over plain HTTP; they tell nothing.
PROBES: Final = frozenset({"health.alive", "health.ready"})
#: Asked of each node by itself, on its own machine or behind its proxy.
METRICS: Final = "metrics.show"


def trust_proxies(app: Flask) -> None:
    """Believe forwarding headers from exactly as many proxies as there are; without any, from nobody."""
    # Assigned to, as Flask's documentation has it: types know a method there.
    hops = app.config["TRUSTED_PROXIES"]
    if hops:
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=hops, x_proto=hops, x_host=hops)  # type: ignore[method-assign]
    app.wsgi_app = OwnScheme(app.wsgi_app)  # type: ignore[method-assign]


class OwnScheme:
    """Takes the scheme from the socket where gunicorn took it from a header.

    gunicorn believes `X-Forwarded-Proto` of whoever connects from this machine, and that is every client of
    a proxy which passes the header on.
    """

    def __init__(self, wsgi_app: WSGIApplication) -> None:
        self._wsgi_app = wsgi_app

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Correct the scheme and go on."""
        socket: Any = environ.get("gunicorn.socket")
        if socket is not None:
            environ["wsgi.url_scheme"] = "https" if isinstance(socket, ssl.SSLSocket) else "http"
        return self._wsgi_app(environ, start_response)


def _is_from_this_machine() -> bool:
    """Return whether no network was between: the client, as far as proxies are trusted, is on loopback."""
    try:
        return ip_address(request.remote_addr or "").is_loopback
    except ValueError:
        return False


def require_https() -> Response | None:
    """Lead pages to HTTPS; refuse the API, without reading the body, so that a program's author notices."""
    if current_app.config["APP_ENV"] != "production" or request.is_secure or request.endpoint in PROBES:
        return None
    if request.endpoint == METRICS and _is_from_this_machine():
        return None
    if is_api(request.path):
        abort(400, "https_required")
    # Whatever port this one is, HTTPS has its own.
    host = re.sub(r":[0-9]+$", "", request.host)
    address = request.url.replace(f"http://{request.host}", f"https://{host}", 1)
    # A form is not to be sent again by itself: it was readable on its way.
    return redirect(address, code=308 if request.method in SAFE_METHODS else 303)
