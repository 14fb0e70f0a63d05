"""A database that fails after a tool was called: whoever called it has its answer, and is told no lie."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from flask import Flask

from app.mcp.demo_server import build_demo_server
from tests.canary import CANARY
from tests.factories import make_server
from tests.faults.outages import outage
from tests.faults.people import Person
from tests.mcp_servers.running import running

CALL = {"tool": "whoami", "mcp_auth_token": CANARY}


class Trigger:
    """An ASGI app that lets something happen as soon as a request has come, before it is answered."""

    def __init__(self, asgi: Any) -> None:
        self._asgi = asgi
        self.happens: Any = None
        self._stack = ExitStack()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Serve, after it has happened."""
        if scope["type"] == "http" and self.happens is not None:
            self._stack.enter_context(self.happens)
            self.happens = None
        await self._asgi(scope, receive, send)

    def is_over(self) -> None:
        """End what happened."""
        self._stack.close()


@pytest.fixture
def trigger() -> Trigger:
    return Trigger(build_demo_server(CANARY).streamable_http_app())


@pytest.fixture
def calling(app: Flask, trigger: Trigger) -> Iterator[str]:
    """Return the path of calls to a server that works."""
    with running(trigger) as server:
        app.extensions["egress"] = server.egress
        with app.app_context():
            server_id = make_server(url=server.url).id
        yield f"/api/playground/{server_id}/call"


@pytest.mark.parametrize("kind", ["read_only", "gone"])
def test_who_called_a_tool_is_not_told_that_nothing_happened(
    app: Flask, ann: Person, trigger: Trigger, calling: str, kind: str
) -> None:
    trigger.happens = outage(kind, app)

    answer = ann.program.post(calling, CALL)
    trigger.is_over()

    # The tool has run: to call it again may do twice what was meant once.
    assert "Nothing was changed" not in answer.text
    assert (answer.status_code, "known by your token" in answer.text) == (200, True)
    assert ann.program.post(calling, CALL).status_code == 200
