"""An address changed by form, API, command line, import and raw SQL, while tokens are replaced and used.

A token goes to the address it was saved for, and to no other. CI has 50 rounds a database;
`ADDRESS_ROUNDS=1000` is the long form.
"""

from __future__ import annotations

import json
import os
import random
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from flask import Flask
from flask.cli import ScriptInfo

from app import create_app
from app.cli.servers import servers_cli
from app.extensions import db
from app.mcp.registry import read_catalogue
from app.models import Server
from app.services.server_import import import_entries
from tests import databases
from tests.factories import ACTOR, PASSWORD, make_user
from tests.mcp_servers.gate import Gate
from tests.mcp_servers.running import Running, running
from tests.pages import Page, PageClient

ROUNDS = int(os.environ.get("ADDRESS_ROUNDS", "50"))


@pytest.fixture
def gates() -> dict[str, Gate]:
    gates = {"a": Gate(), "b": Gate()}
    for gate in gates.values():
        gate.accepted = None
    return gates


@pytest.fixture
def remotes(gates: dict[str, Gate]) -> Iterator[dict[str, Running]]:
    with running(gates["a"].asgi()) as one, running(gates["b"].asgi()) as other:
        yield {"a": one, "b": other}


@pytest.fixture
def app(database_url: str, remotes: dict[str, Running]) -> Iterator[Flask]:
    allowed = tuple(remote.host_port for remote in remotes.values())
    app = create_app(
        {
            "TESTING": True,
            "SQLALCHEMY_DATABASE_URI": database_url,
            "EGRESS_ALLOW": allowed,
            "RATELIMIT_ENABLED": False,
        }
    )
    app.test_client_class = PageClient
    yield app
    databases.dispose(app)


class House:
    """An admin and Ann, each with a client of their own, and one server that came by import."""

    def __init__(self, app: Flask, remotes: dict[str, Running]) -> None:
        self.app = app
        self.urls = {name: remote.url for name, remote in remotes.items()}
        self.dice = random.Random(20261123)  # noqa: S311 - order of acts
        with app.app_context():
            for email, is_admin in (("carol@example.com", True), ("ann@example.com", False)):
                make_user(email, admin=is_admin)
        self.by_import("a")
        with app.app_context():
            self.server_id, self.slug = db.session.execute(db.select(Server.id, Server.slug)).one()
        self.carol, self.saver, self.caller = (
            self.client(name) for name in ("carol@example.com", "ann@example.com", "ann@example.com")
        )
        self.headers = {id(client): {"X-CSRFToken": client.csrf_token()} for client in self.clients}

    @property
    def clients(self) -> tuple[PageClient, PageClient, PageClient]:
        return self.carol, self.saver, self.caller

    def client(self, email: str) -> PageClient:
        client = self.app.test_client()
        assert isinstance(client, PageClient)
        client.sign_in(email, PASSWORD)
        return client

    def by_import(self, to: str) -> None:
        entry = {
            "name": "io.example/gate",
            "description": "A gate",
            "version": "1",
            "remotes": [{"type": "streamable-http", "url": self.urls[to]}],
        }
        with self.app.app_context():
            catalogue = read_catalogue(json.dumps(entry).encode(), self.app.extensions["egress"])
            import_entries(catalogue, ACTOR)

    def by_sql(self, to: str) -> None:
        with self.app.app_context():
            db.session.execute(db.text("UPDATE mcp_servers SET url = :url"), {"url": self.urls[to]})
            db.session.commit()

    def by_command_line(self, to: str) -> None:
        words = ["change", self.slug, "--url", self.urls[to], "--yes"]
        servers_cli.main(words, "servers", standalone_mode=False, obj=ScriptInfo(create_app=lambda: self.app))

    def by_api(self, to: str) -> None:
        path, body = f"/api/admin/servers/{self.server_id}", {"url": self.urls[to]}
        answer = self.carol.patch(path, json=body, headers=self.headers[id(self.carol)])
        if answer.status_code == 409:
            body |= {"held_tokens": answer.json["held_tokens"]}
            answer = self.carol.patch(path, json=body, headers=self.headers[id(self.carol)])
        assert answer.status_code in {200, 409}

    def by_form(self, to: str) -> None:
        path = f"/admin/servers/{self.server_id}"
        answer = self.carol.submit(self.carol.get_page(path).form(path), url=self.urls[to])
        form = Page(answer.text).form(path) if answer.status_code == 422 else None
        if form and "held_tokens" in form.fields:
            boxes = Page(answer.text).find("input", name="held_tokens")
            answer = self.carol.submit(form, held_tokens=boxes[0].attributes["value"])
        assert answer.status_code in {303, 422}

    def replace(self, number: int) -> int:
        """Save a token that says for which of the addresses it is."""
        name = self.dice.choice(sorted(self.urls))
        body = {
            "token": f"for-{name}-{number:06d}-Zk3v9Qm7Lw2",
            "address": self.urls[name],
            "check": number % 3 == 0,
        }
        path = f"/api/mcp-servers/{self.server_id}/auth-token"
        return self.saver.post(path, json=body, headers=self.headers[id(self.saver)]).status_code

    def call(self) -> int:
        path = f"/api/playground/{self.server_id}/tools"
        return self.caller.post(path, headers=self.headers[id(self.caller)]).status_code


def test_no_token_reaches_an_address_it_was_not_saved_for(
    app: Flask, gates: dict[str, Gate], remotes: dict[str, Running]
) -> None:
    house = House(app, remotes)
    ways: list[Callable[[str], None]] = [
        house.by_form,
        house.by_api,
        house.by_command_line,
        house.by_import,
        house.by_sql,
    ]
    outcomes: Counter[tuple[str, int]] = Counter()

    with ThreadPoolExecutor(3) as pool:
        for number in range(ROUNDS):
            change = pool.submit(ways[number % len(ways)], "ab"[(number // 2) % 2])
            replaced, called = pool.submit(house.replace, number), pool.submit(house.call)
            change.result()
            outcomes["replace", replaced.result()] += 1
            outcomes["call", called.result()] += 1

    for name, gate in gates.items():
        assert [token for token in gate.shown if not token.startswith(f"for-{name}-")] == []
        # Otherwise nothing was tried.
        assert len(gate.shown) > ROUNDS / 10
    assert {status for _, status in outcomes} <= {200, 201, 409, 422}
    assert outcomes["call", 200] > ROUNDS / 20
    assert outcomes["call", 409] > ROUNDS / 20
    assert outcomes["replace", 422] > ROUNDS / 20
