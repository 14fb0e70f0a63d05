"""A catalogue of real servers: the demo, one whose every word is an attack, one that speaks no MCP."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from flask import Flask
from mcp.server import MCPServer
from sqlalchemy import select

from app import create_app
from app.extensions import db
from app.models import Server, User
from tests import databases
from tests.factories import PASSWORD, make_server, make_token, make_user
from tests.mcp_servers import bad, good
from tests.mcp_servers.good import TOKEN
from tests.mcp_servers.running import Running, running
from tests.pages import PageClient

HOSTILE = "<script>alert(1)</script>\u202e"


def hostile() -> Any:
    """A server whose every word is an attack on the page."""
    server = MCPServer("hostile", log_level="CRITICAL")

    @server.tool(name="<b>x</b>", description=HOSTILE)
    def one(argument: str = HOSTILE) -> str:
        return HOSTILE + "x" * 30_000

    return server.streamable_http_app()


@pytest.fixture(scope="module")
def remotes() -> Iterator[dict[str, Running]]:
    with running(good.demo()) as demo, running(hostile()) as attacker, running(bad.faulty(), "/html") as html:
        yield {"demo": demo, "hostile": attacker, "html": html}


@pytest.fixture
def app(database_url: str, remotes: dict[str, Running]) -> Iterator[Flask]:
    allowed = tuple(remote.host_port for remote in remotes.values())
    app = create_app({"TESTING": True, "SQLALCHEMY_DATABASE_URI": database_url, "EGRESS_ALLOW": allowed})
    app.test_client_class = PageClient
    yield app
    databases.dispose(app)


@pytest.fixture
def servers(app: Flask, client: PageClient, remotes: dict[str, Running]) -> dict[str, Server]:
    """Sign Ann in, and put the remote servers into the catalogue."""
    with app.app_context():
        user = make_user()
        found = {
            name: make_server(name.title(), url=remote.url, token_required=name != "hostile")
            for name, remote in remotes.items()
        }
    client.sign_in(user.email, PASSWORD)
    for remote in remotes.values():
        remote.requests.clear()
    return found


@pytest.fixture
def demo(app: Flask, servers: dict[str, Server]) -> Server:
    """Save the demo server's token, and return the server."""
    with app.app_context():
        make_token(db.session.scalars(select(User)).one(), servers["demo"], TOKEN)
    return servers["demo"]
