"""The app, served on a port of its own, and browsers' visits to it."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Final

from flask import Flask
from playwright.sync_api import Browser, ConsoleMessage, Page
from werkzeug.serving import make_server

from app import create_app
from tests import databases

#: Debian's Chromium in a container: no sandbox to be had, and /dev/shm is small.
CHROMIUM_ARGUMENTS: Final = ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]


@dataclass
class LiveSite:
    """A site that is being served."""

    app: Flask
    url: str
    demo_id: int = 0
    complaints: list[str] = field(default_factory=list)

    @contextmanager
    def visit(self, browser: Browser, **settings: Any) -> Iterator[Page]:
        """Open a page in a fresh profile. Fails when the browser complained, of our policy for example."""
        given = {"locale": "en-US", "viewport": {"width": 1280, "height": 900}} | settings
        context = browser.new_context(base_url=self.url, **given)
        context.set_default_timeout(10_000)
        page = context.new_page()
        page.on("console", self._note)
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        try:
            yield page
        finally:
            context.close()
        assert not self.complaints, self.complaints

    def _note(self, message: ConsoleMessage) -> None:
        # A 4xx answer to a form is our answer, not a complaint.
        if (
            message.type in {"error", "warning"}
            and "the server responded with a status of" not in message.text
        ):
            self.complaints.append(message.text)


def whole(app: Flask) -> Any:
    """Return the app with each answer read to its end before it is sent.

    Werkzeug's server leaves the file of an answer open when the browser hangs up, as it does on icons.
    """

    def answer(environ: Any, start_response: Any) -> list[bytes]:
        body = app(environ, start_response)
        try:
            return [b"".join(body)]
        finally:
            if hasattr(body, "close"):
                body.close()

    return answer


@contextmanager
def live_site(database_url: str, allow: tuple[str, ...] = ()) -> Iterator[LiveSite]:
    """Serve an app on this migrated database until the block ends."""
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    app = create_app({"TESTING": True, "SQLALCHEMY_DATABASE_URI": database_url, "EGRESS_ALLOW": allow})
    server = make_server("127.0.0.1", 0, whole(app), threaded=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield LiveSite(app, f"http://127.0.0.1:{server.port}")
    finally:
        server.shutdown()
        thread.join(timeout=5)
        server.server_close()
        databases.dispose(app)
