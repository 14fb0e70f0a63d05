"""A database that fails before a tool is called: no token leaves whose use cannot be recorded."""

from __future__ import annotations

import pytest
from flask import Flask

from app.mcp.egress import Egress
from tests.canary import CANARY
from tests.factories import make_server
from tests.faults.outages import OUTAGES, outage
from tests.faults.people import Person, assert_says_when_and_not_why
from tests.faults.sites import silent_server

CALL = {"tool": "whoami", "mcp_auth_token": CANARY}


@pytest.mark.parametrize("kind", OUTAGES)
def test_no_token_leaves_while_its_use_cannot_be_recorded(app: Flask, ann: Person, kind: str) -> None:
    with silent_server() as server:
        app.extensions["egress"] = Egress(allow=frozenset({server.host_port}), plain_http=True)
        with app.app_context():
            server_id = make_server(url=f"http://{server.host_port}/mcp").id

        with outage(kind, app):
            refused = ann.program.post(f"/api/playground/{server_id}/call", CALL)
        arrived = server.take()

    assert refused.status_code == 503
    assert_says_when_and_not_why(refused)
    assert arrived == 0
