"""The app as `wsgi.py` makes it, with less patience for remote servers, so that tests see the end of it."""

from __future__ import annotations

from typing import Any

from app import create_app
from app.mcp import client

TIMEOUT_SECONDS = 3.0


def wait_no_longer_than(seconds: float) -> None:
    """Shorten the thirty seconds that a server has in this process."""
    ask: Any
    for ask in (client.list_tools, client.call_tool):
        assert ask.__kwdefaults__["timeout_seconds"] == client.TIMEOUT_SECONDS
        ask.__kwdefaults__["timeout_seconds"] = seconds


def impatient_app() -> Any:
    """Return the app; for gunicorn."""
    wait_no_longer_than(TIMEOUT_SECONDS)
    return create_app()
