"""Headers on every answer of every status: what a browser may do with it."""

from __future__ import annotations

from typing import Final

from flask import Flask, Response, g, request

CONTENT_SECURITY_POLICY: Final = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self'",
        "connect-src 'self'",
        "form-action 'self'",
        "frame-ancestors 'none'",
        "base-uri 'none'",
    )
)
HEADERS: Final = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "X-Content-Type-Options": "nosniff",
    # Not `no-referrer`: over HTTPS, Flask-WTF then refuses every form.
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
}
#: Two years, as browsers' preload lists ask for.
STRICT_TRANSPORT_SECURITY: Final = "max-age=63072000; includeSubDomains"


def init_app(app: Flask) -> None:
    """Add the headers to whatever leaves."""
    app.after_request(_add)


def _add(response: Response) -> Response:
    response.headers.update(HEADERS)
    if request.is_secure:
        response.headers["Strict-Transport-Security"] = STRICT_TRANSPORT_SECURITY
    if "language" in g and not 300 <= response.status_code < 400:
        response.headers["Content-Language"] = g.language
        response.vary.update(("Accept-Language", "Cookie"))
    if request.endpoint != "static":
        # Pages speak of one person; no cache may show them to another, nor the back button later.
        response.headers["Cache-Control"] = "no-store"
    return response
