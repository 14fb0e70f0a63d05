"""Readiness on a full disk: whoever asks must be told before somebody's save is refused."""

from __future__ import annotations

from flask import Flask

from tests.faults.outages import outage
from tests.faults.people import Person, assert_unavailable
from tests.faults.test_readiness import assert_not_ready
from tests.pages import PageClient


def test_a_full_disk_is_not_ready_until_there_is_room(app: Flask, client: PageClient, ann: Person) -> None:
    with outage("full", app):
        assert_unavailable(ann.save())
        assert_not_ready(client.get("/readyz"))
        assert_not_ready(ann.client.get("/readyz"))

    assert client.get("/readyz").json == {"status": "ok"}
