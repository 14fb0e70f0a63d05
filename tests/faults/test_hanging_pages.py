"""A server that hangs, seen from the page and by programs: when to try again, in both."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from app.mcp import client as mcp_client
from app.mcp.egress import Egress
from tests.factories import make_server
from tests.faults.people import Person
from tests.faults.sites import silent_server

# The database has no part in this.
pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


@pytest.fixture
def hanging(app: Flask, monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """Return the id of a server that says nothing, of which nobody expects an answer for long."""
    ask: Any = mcp_client.list_tools
    monkeypatch.setitem(ask.__kwdefaults__, "timeout_seconds", 0.3)
    with silent_server() as server:
        app.extensions["egress"] = Egress(allow=frozenset({server.host_port}), plain_http=True)
        with app.app_context():
            server_id = make_server(url=f"http://{server.host_port}/mcp", token_required=False).id
        yield server_id


def both_ways(ann: Person, server_id: int) -> list[TestResponse]:
    """Ask for the server's tools on the page, and as a program does."""
    page = f"/playground/{server_id}"
    return [
        ann.client.submit(ann.client.get_page(page).form(page)),
        ann.program.post(f"/api/playground/{server_id}/tools"),
    ]


def test_the_end_of_the_time_is_504_with_a_time_to_come_back(app: Flask, ann: Person, hanging: int) -> None:
    for answer in both_ways(ann, hanging):
        assert answer.status_code == 504
        assert int(answer.headers.get("Retry-After", 0)) >= 1, answer.mimetype


def test_no_slot_is_503_with_a_time_to_come_back(app: Flask, ann: Person, hanging: int) -> None:
    slots = app.extensions["call_slots"]
    with ExitStack() as others:
        for user_id in range(100, 100 + app.config["CALL_SLOTS"]):
            others.enter_context(slots.take(user_id))
        refused = both_ways(ann, hanging)

    for answer in refused:
        assert answer.status_code == 503
        assert int(answer.headers.get("Retry-After", 0)) >= 1, answer.mimetype
    assert {answer.status_code for answer in both_ways(ann, hanging)} == {504}
